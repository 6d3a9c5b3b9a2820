"""Compares counters in VictoriaMetrics with the deltas that the cloud gave.

Between any two samples of a series the counter must have risen by exactly the deltas of that time, also where the
daemon was killed in between; and the server's own `increase` and `rate` must say the same.
"""

import argparse
import json
import math
import sys
import time
import urllib.parse
import urllib.request

from points import number, truth

MINUTE_MS = 60_000
RELATIVE_ERROR = 1e-9
ARRIVE_WITHIN_S = 240
# Minutes that must have arrived beyond the kill before the comparison.
MINUTES_BEYOND = 2


def ask(url, path, **query):
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query)}") as answer:
        return answer.read().decode()


def identity(name, about):
    kept = {k: v for k, v in about.items() if k in ("cloud.region", "LoadBalancer", "TargetGroup", "FunctionName", "Resource")}
    return name, tuple(sorted(kept.items()))


def counters(url):
    """Series -> (selector, labels, {time in ms: total})."""
    found = {}
    for line in ask(url, "/api/v1/export", **{"match[]": '{"scope.name"="nephoscope.aws"}'}).splitlines():
        series = json.loads(line)
        about = series["metric"]
        name = about.pop("__name__")
        selector = "{" + ",".join(f"{json.dumps(k)}={json.dumps(v)}" for k, v in {"__name__": name, **about}.items()) + "}"
        samples = dict(zip(series["timestamps"], series["values"]))
        found[identity(name, about)] = (selector, about, samples)
    return found


def deltas(args):
    """Series -> {end in ms: delta}."""
    found = {}
    for point in truth(args):
        if point["kind"] == "delta sum":
            key = identity(point["name"], point["resource"] | point["attributes"])
            found.setdefault(key, {})[point["end"] // 10**6] = number(point["point"])
    return found


def evaluate(url, query, at_s, about):
    """The answer for exactly these labels: a selector also matches series that have more of them."""
    answer = json.loads(ask(url, "/api/v1/query", query=query, time=at_s))
    values = {tuple(sorted(r["metric"].items())): r["value"][1] for r in answer["data"]["result"]}
    without_name = tuple(sorted(about.items()))
    return float(values.get(without_name, "nan"))


def close(a, b):
    return math.isclose(a, b, rel_tol=RELATIVE_ERROR, abs_tol=1e-6)


def wait(args, enough):
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    while True:
        held = counters(args.where)
        if enough(held):
            return held
        if time.monotonic() > deadline:
            sys.exit(f"FAIL  only {sum(len(s) for _, _, s in held.values())} samples of {len(held)} series came")
        time.sleep(0.5)


def compare(args):
    beyond = (args.across + 60 * MINUTES_BEYOND) // 60 * MINUTE_MS
    true = deltas(args)
    held = wait(args, lambda held: held and all(max(s) >= beyond for _, _, s in held.values() if len(s) > 5))
    true = deltas(args)
    wrong, steps, across, rates = [], 0, 0, 0
    for key, (selector, about, samples) in held.items():
        times = sorted(samples)
        for before, after in zip(times, times[1:]):
            rise = samples[after] - samples[before]
            want = sum(v for t, v in true.get(key, {}).items() if before < t <= after)
            steps += 1
            across += before < args.across * 1000 <= after
            if not close(rise, want):
                wrong.append(f"{key}: {before}..{after} rose by {rise}, the cloud said {want}")
        if len(times) < 6:
            continue
        # Not up to the newest: queries of the last half minute are answered as of half a minute ago.
        first, last = times[0], times[-2]
        window = (last - first) // 1000
        want = sum(v for t, v in true[key].items() if first < t <= last)
        for function, expected in (("increase_pure", want), ("rate", want / window)):
            value = evaluate(args.where, f"{function}({selector}[{window}s])", last / 1000, about)
            rates += 1
            if not close(value, expected):
                wrong.append(f"{key}: {function} over {window} s = {value}, by the cloud {expected}")
    for line in wrong[:10]:
        print(f"FAIL  {line}")
    if wrong or not steps or not across:
        sys.exit(f"{len(wrong)} differences in {steps} steps, {across} of them across the kill")
    print(f"ok    {len(held)} counters: {steps} steps equal the cloud's deltas, {across} of them across the kill; {rates} answers of rate and increase agree")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nephoscope", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--wait-for", type=int, help="only wait until so many samples are there")
    parser.add_argument("--across", type=int, help="when the daemon was killed, s since 1970")
    parser.add_argument("where", help="URL of VictoriaMetrics")
    args = parser.parse_args()
    if args.wait_for:
        held = wait(args, lambda held: sum(len(s) for _, _, s in held.values()) >= args.wait_for)
        print(f"{sum(len(s) for _, _, s in held.values())} samples of {len(held)} counters are there")
    else:
        compare(args)


if __name__ == "__main__":
    main()
