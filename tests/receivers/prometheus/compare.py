"""Compares what a Prometheus stores with what the daemon sent: as many series, as many points, the same values.

What was sent is read from a file destination beside it, before anything was changed for Prometheus: resources have
attributes, counters are deltas. Standard library only; names are built here by OpenTelemetry's rules for Prometheus
(https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/), not by our own code.
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

UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "kBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "Cel": "celsius", "Hz": "hertz", "%": "percent",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
}
PER = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
RELATIVE_ERROR = 1e-9
SHOWN_DIFFERENCES = 10
# Two polls and what they take on a busy machine.
ARRIVE_WITHIN_S = 150


def written_name(point):
    """The name in Prometheus, without the `_count` of a histogram."""
    words = [word for word in re.split(r"[^a-zA-Z0-9:]+", point["name"]) if word]
    unit, _, per = point["frame"].get("unit", "").partition("/")
    if "{" not in unit and (suffix := UNITS.get(unit, unit)) and unit != "1" and suffix not in words:
        words.append(suffix)
    if per and "{" not in per:
        words = [word for word in words if word != "per"] + ["per", PER.get(per, per)]
    if point["kind"].endswith("sum") and point["frame"].get("isMonotonic"):
        words = [word for word in words if word != "total"] + ["total"]
    if point["kind"] == "gauge" and point["frame"].get("unit") == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    return "_".join(words)


def label(key):
    return re.sub(r"[^a-zA-Z0-9]+", "_", key)


def series_key(name, about):
    labels = {label(key): str(value) for key, value in about.items() if value not in (None, "")}
    return name, tuple(sorted(labels.items()))


def sent(path):
    """Series -> (kind, {end in ms: value, for a histogram its count})."""
    series = {}
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    for point in flatten(lines):
        if not point["scope"]["name"].startswith("nephoscope."):
            continue
        histogram = "histogram" in point["kind"]
        value = int(point["point"]["count"]) if histogram else number(point["point"])
        key = series_key(written_name(point), point["resource"] | point["attributes"])
        series.setdefault(key, (point["kind"], {}))[1][point["end"] // 10**6] = value
    return series


def ask(url, query, at=None):
    parameters = {"query": query} | ({"time": at} if at else {})
    with urllib.request.urlopen(f"http://{url}/api/v1/query?{urllib.parse.urlencode(parameters)}") as answer:
        return json.load(answer)["data"]["result"]


def stored(url, hours):
    """Series -> {time in ms: value}; a histogram is its `_count`, and its other parts must be there with it."""
    series, parts = {}, {}
    for held in ask(url, '{nephoscope_account!=""}[%dh]' % hours):
        about = dict(held["metric"])
        name = about.pop("__name__")
        values = {round(float(at) * 1000): float(value) for at, value in held["values"]}
        bound = about.pop("le", None)
        if bound is not None:
            parts.setdefault(series_key(name.removesuffix("_bucket"), about), []).append((bound, values))
        else:
            series[series_key(name, about)] = values
    for (name, about), buckets in parts.items():
        counts = series.pop((f"{name}_count", about))
        sums = series.pop((f"{name}_sum", about), counts)
        whole = all(values.keys() == counts.keys() for _, values in buckets) and sums.keys() == counts.keys()
        if not whole or dict(buckets)["+Inf"] != counts:
            sys.exit(f"a histogram is stored in part: {name} {about}")
        series[(name, about)] = counts
    return series


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
