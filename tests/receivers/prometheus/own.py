"""What Prometheus has scraped and what it has received by OTLP have the same names and labels, the daemon's own and the
clouds'; each name in the shipped rules is there by both ways, and an alert that has to fire fires for both. Standard library
only."""

import json
import re
import sys
import time
import urllib.parse
import urllib.request

ARRIVE_WITHIN_S = 120
# What Prometheus adds: to each scrape, for each resource, for rules.
ADDED = re.compile(r"^(up|scrape_.*|target_info|ALERTS.*)$")
SCRAPED = '{__name__=~"(aws|azure|gcp)_.*",way="scraped"}'
RECEIVED = '{__name__=~"(aws|azure|gcp)_.*",way=""}'
METRIC = re.compile(r"\b(?:nephoscope|process)_[a-z0-9_]+\b")


def get(url, path, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    with urllib.request.urlopen(f"http://{url}/api/v1/{path}?{query}") as answer:
        return json.load(answer)["data"]


def names(url, selector):
    found = get(url, "label/__name__/values", **{"match[]": selector})
    return {name for name in found if not ADDED.match(name)}


def labels(url, selector):
    """The names of the labels of each metric, but for what says which way it came."""
    by_name = {}
    for series in get(url, "series", **{"match[]": selector}):
        by_name.setdefault(series["__name__"], set()).update(series.keys() - {"__name__", "job", "instance", "way"})
    return {name: found for name, found in by_name.items() if not ADDED.match(name)}


def differences(what, scraped, received):
    if not scraped:
        yield f"{what}: nothing is scraped"
    for name in sorted(scraped - received):
        yield f"{what}: {name} is scraped and does not come by OTLP"
    for name in sorted(received - scraped):
        yield f"{what}: {name} comes by OTLP and is not scraped"


def wrong(url, used):
    own = names(url, '{job="scraped"}'), names(url, '{job="nephoscope"}')
    yield from differences("our own", *own)
    for name in sorted(used - own[0]):
        yield f"rules: {name} is nowhere"
    yield from differences("the clouds'", names(url, SCRAPED), names(url, RECEIVED))
    scraped, received = labels(url, SCRAPED), labels(url, RECEIVED)
    for name in sorted(scraped.keys() & received.keys()):
        if scraped[name] != received[name]:
            yield f"labels of {name}: scraped {sorted(scraped[name])}, by OTLP {sorted(received[name])}"
    firing = get(url, "query", query='ALERTS{alertname="NephoscopeDestinationDown",alertstate="firing"}')["result"]
    jobs = {alert["metric"]["job"] for alert in firing if alert["metric"]["destination"] == "nowhere"}
    if jobs != {"scraped", "nephoscope"}:
        yield f"NephoscopeDestinationDown fires for {sorted(jobs)} only"
    for group in get(url, "rules")["groups"]:
        yield from (f"{rule['name']}: {rule.get('lastError')}" for rule in group["rules"] if rule["health"] != "ok")


def main():
    url, rules = sys.argv[1:]
    with open(rules, encoding="utf-8") as file:
        used = set(METRIC.findall(file.read()))
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    while faults := list(wrong(url, used)):
        if time.monotonic() > deadline:
            sys.exit("\n".join(f"FAIL  {fault}" for fault in faults[:30]))
        time.sleep(1)
    own = names(url, '{job="scraped"}')
    clouds = names(url, SCRAPED)
    print(f"ok    {len(own)} names of our own and {len(clouds)} of the clouds are the same scraped and by OTLP")
    print(f"ok    the {len(used)} that the shipped rules use are among them, and the alert fires for both")


if __name__ == "__main__":
    main()
