"""Compares what a Prometheus stores with what the daemon sent: as many series, as many points, the same values.

What was sent is read from a file destination beside it, before anything was changed for Prometheus: resources have
attributes, counters are deltas. Standard library only, and none of our own naming: a name is compared without the words
that Prometheus adds to it or takes away.
"""

import argparse
import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request

from points import flatten, number

# What Prometheus' rules add for unit and type, and drop where it stands already.
ADDED = {
    "total", "ratio", "percent", "bytes", "seconds", "milliseconds", "microseconds", "nanoseconds", "per", "second",
    "count", "sum", "bucket",
}
RELATIVE_ERROR = 1e-9
SHOWN_DIFFERENCES = 10
# Two polls and what they take on a busy machine.
ARRIVE_WITHIN_S = 150


def name_key(name):
    return tuple(word for word in re.split(r"[^a-zA-Z0-9]+", name.lower()) if word and word not in ADDED)


def label(key):
    return re.sub(r"[^a-zA-Z0-9]+", "_", key)


def series_key(name, about):
    labels = {label(key): str(value) for key, value in about.items() if value not in (None, "")}
    return name_key(name), tuple(sorted(labels.items()))


def sent(path):
    """Series -> (kind, {end in ms: value, for a histogram its count})."""
    series, names = {}, {}
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    for point in flatten(lines):
        if not point["scope"]["name"].startswith("nephoscope."):
            continue
        names.setdefault(name_key(point["name"]), set()).add(point["name"])
        histogram = "histogram" in point["kind"]
        value = int(point["point"]["count"]) if histogram else number(point["point"])
        key = series_key(point["name"], point["resource"] | point["attributes"])
        kind, values = series.setdefault((key, histogram), (point["kind"], {}))
        values[point["end"] // 10**6] = value
    doubtful = [sorted(names) for names in names.values() if len(names) > 1]
    # Google's `…_count` and `…_sum` of one family differ in what is compared; others would be a fault of this script.
    if any(len({name.rsplit(".", 1)[0] for name in names}) == len(names) for names in doubtful):
        print(f"note: told apart by their labels alone: {doubtful}")
    return series


def ask(url, query, at=None):
    parameters = {"query": query} | ({"time": at} if at else {})
    with urllib.request.urlopen(f"http://{url}/api/v1/query?{urllib.parse.urlencode(parameters)}") as answer:
        return json.load(answer)["data"]["result"]


def stored(url, hours):
    """Series -> {time in ms: value}; a histogram counts as its `_count`, beside how many buckets it has."""
    series, buckets = {}, {}
    for held in ask(url, '{nephoscope_account!=""}[%dh]' % hours):
        about = dict(held["metric"])
        name = about.pop("__name__")
        bound = about.pop("le", None)
        if bound is not None:
            buckets.setdefault(series_key(name, about), set()).add(float(bound))
            continue
        values = {round(float(at) * 1000): float(value) for at, value in held["values"]}
        series.setdefault(series_key(name, about), {})[name] = values
    found = {}
    for key, by_name in series.items():
        if key in buckets:
            count = next(name for name in by_name if name.endswith("_count"))
            found[(key, True)] = by_name[count]
        else:
            for position, values in enumerate(by_name.values()):
                found[(key, False) if position == 0 else (key, False, position)] = values
    return found


def close(a, b):
    return math.isclose(a, b, rel_tol=RELATIVE_ERROR, abs_tol=1e-6)


def differences(wanted, held, folded):
    for key in held.keys() - wanted.keys():
        yield f"a series that nobody sent: {key}"
    for key, (kind, values) in wanted.items():
        if key not in held:
            yield f"a series is missing: {kind} {key}"
            continue
        yield from of_series(key, kind, values, held[key], folded)


def of_series(key, kind, values, found, folded):
    for at in sorted(found.keys() - values.keys()):
        yield f"a point that nobody sent: {key} at {at}"
    missing = sorted(values.keys() - found.keys())
    if kind.startswith("delta"):
        yield from of_counter(key, values, found, missing, folded)
        return
    for at in missing:
        yield f"a point is missing: {key} at {at}"
    for at, value in found.items():
        if at in values and not close(value, values[at]):
            yield f"changed: {key} at {at} is {value}, and {values[at]} was sent"


def of_counter(key, values, found, missing, folded):
    """Deltas were added up. A late one may be part of the total that follows, and have no point of its own."""
    if missing and not folded:
        yield f"points of a counter are missing: {key} at {missing[:5]}"
    times = sorted(found)
    if not times:
        return
    if not folded:
        for before, after in zip(times, times[1:]):
            rise, want = found[after] - found[before], sum(v for t, v in values.items() if before < t <= after)
            if not close(rise, want):
                yield f"a counter rose by {rise} from {before} to {after}, and {want} was sent: {key}"
    total = sum(value for at, value in values.items() if at <= times[-1])
    if found and not close(found[times[-1]], total):
        yield f"a counter ends at {found[times[-1]]}, and {total} was sent: {key}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", required=True, help="the case, for people")
    parser.add_argument("--sent", required=True, help="metrics.jsonl of the file destination")
    parser.add_argument("--hours", type=int, default=1, help="how far back Prometheus is read")
    parser.add_argument("--folded", action="store_true", help="late deltas may be part of a later total")
    parser.add_argument("--at-least", type=int, default=1000, help="points that must have been sent")
    parser.add_argument("where", help="address of Prometheus")
    args = parser.parse_args()
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    while True:
        held = stored(args.where, args.hours)
        wanted = sent(args.sent)
        wrong = list(differences(wanted, held, args.folded))
        points = sum(len(values) for _, values in wanted.values())
        # The two are not read at the same moment; what is still on its way comes.
        if time.monotonic() > deadline or (not wrong and points >= args.at_least):
            break
        time.sleep(1)
    for line in wrong[:SHOWN_DIFFERENCES]:
        print(f"FAIL  {args.what}: {line}")
    stored_points = sum(map(len, held.values()))
    print(f"{args.what}: sent {len(wanted)} series, {points} points; stored {len(held)} series, {stored_points} points")
    if wrong or points < args.at_least:
        sys.exit(f"{args.what}: {len(wrong)} differences")
    print(f"ok    {args.what}: every series and point that was sent is stored, once")


if __name__ == "__main__":
    main()
