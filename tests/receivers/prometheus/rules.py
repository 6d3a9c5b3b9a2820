"""Every rule is read without a fault, and what it compares is there; the same metric by an instant query is not, where
the cloud's points are older than Prometheus looks back. Standard library only."""

import json
import re
import sys
import time
import urllib.request

from compare import ask

ARRIVE_WITHIN_S = 60


def rules(url):
    with urllib.request.urlopen(f"http://{url}/api/v1/rules") as answer:
        groups = json.load(answer)["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def without_comparison(query):
    return re.sub(r"\s*[<>]=?\s*[0-9.]+\s*$", "", query)


def wrong(url):
    loaded = rules(url)
    if not loaded:
        yield "no rule is loaded"
    for rule in loaded:
        if rule["health"] != "ok":
            yield f"{rule['name']}: {rule['health']}: {rule.get('lastError')}"
        if not ask(url, without_comparison(rule["query"])):
            yield f"{rule['name']}: nothing by {rule['query']}"
    gauges = re.findall(r"last_over_time\((\w+)\[", " ".join(rule["query"] for rule in loaded))
    for gauge in gauges:
        if found := ask(url, gauge):
            yield f"an instant query finds {len(found)} series of {gauge}: the rule needs no range"
    if not gauges:
        yield "no rule is about a gauge"


def main():
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    while faults := list(wrong(sys.argv[1])):
        if time.monotonic() > deadline:
            sys.exit("\n".join(f"FAIL  {fault}" for fault in faults))
        time.sleep(1)
    print(f"ok    {len(rules(sys.argv[1]))} rules of docs/backends.md see the clouds' points, and instant queries do not")


if __name__ == "__main__":
    main()
