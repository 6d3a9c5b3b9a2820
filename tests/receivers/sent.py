"""What the daemon sent, as a file destination beside the receiver keeps it, and how a receiver's series are compared
with it: as many series, as many points, the same values.

The file holds what was sent before anything was changed for the receiver: resources have attributes, counters are deltas.
A receiver's compare.py brings two functions: one reads the receiver, one says how it writes a series. Standard library
only.
"""

import argparse
import collections
import math
import sys
import time

from points import flatten, number

RELATIVE_ERROR = 1e-9
# A late delta is folded into the next total, and that comes with the next poll.
FOLDED_WITHIN_MS = 15 * 60_000
SHOWN_DIFFERENCES, SHOWN_CHARACTERS = 10, 600
# Two polls and what they take on a busy machine.
ARRIVE_WITHIN_S = 150


def sent(path, series_of):
    """Series -> (kind, {end in ms: value, for a histogram its count})."""
    series = {}
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    for point in flatten(lines):
        if point["scope"]["name"].startswith("nephoscope."):
            histogram = "histogram" in point["kind"]
            value = int(point["point"]["count"]) if histogram else number(point["point"])
            series.setdefault(series_of(point), (point["kind"], {}))[1][point["end"] // 10**6] = value
    return series


def whole(series, parts):
    """Series with each histogram as its `_count`; sum and buckets must be there with it."""
    for (name, about), buckets in parts.items():
        counts = series.pop((f"{name}_count", about))
        sums = series.pop((f"{name}_sum", about), counts)
        complete = all(values.keys() == counts.keys() for _, values in buckets) and sums.keys() == counts.keys()
        if not complete or dict(buckets)["+Inf"] != counts:
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
        yield f"a {kind} point is missing: {key} at {at}"
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
                yield f"a counter rose otherwise: by {rise} from {before} to {after}, and {want} was sent: {key}"


def ends(wanted, held, folded):
    """Whether each counter ends where its deltas add up to."""
    for key, (kind, values) in wanted.items():
        if not kind.startswith("delta") or not held.get(key):
            continue
        last = max(held[key])
        found, total = held[key][last], sum(value for at, value in values.items() if at <= last)
        # The latest of the late ones are part of a total that is yet to come.
        least = sum(value for at, value in values.items() if at <= last - FOLDED_WITHIN_MS) if folded else total
        if not (close(found, total) or least <= found <= total):
            yield f"a counter ends elsewhere: at {found}, and {least} to {total} was sent: {key}"


def newest(series):
    return max(max(values) for _, values in series.values())


def cut(end, values):
    return {at: value for at, value in values.items() if at <= end}


def until(end, series):
    return {key: values for key, of in series.items() if (values := cut(end, of))}


def compare(stored, series_of):
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", required=True, help="the case, for people")
    parser.add_argument("--sent", required=True, help="metrics.jsonl of the file destination")
    parser.add_argument("--hours", type=int, default=1, help="how far back the receiver is read")
    parser.add_argument("--folded", action="store_true", help="late deltas may be part of a later total")
    parser.add_argument("--but-last", type=int, default=0, help="minutes that are left out, where polls still go on")
    parser.add_argument("--at-least", type=int, default=1000, help="points that must have been sent")
    parser.add_argument("where", help="the receiver's address")
    args = parser.parse_args()
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    end = newest(sent(args.sent, series_of)) - args.but_last * 60_000
    while True:
        held = stored(args.where, args.hours)
        wanted = sent(args.sent, series_of)
        wrong = list(ends(wanted, held, args.folded))
        if args.but_last:
            held, wanted = until(end, held), {
                key: (kind, values) for key, (kind, of) in wanted.items() if (values := cut(end, of))
            }
        wrong += differences(wanted, held, args.folded)
        points = sum(len(values) for _, values in wanted.values())
        # The two are not read at the same moment; what is still on its way comes.
        if time.monotonic() > deadline or (not wrong and points >= args.at_least):
            break
        time.sleep(1)
    for line in wrong[:SHOWN_DIFFERENCES]:
        print(f"FAIL  {args.what}: {line[:SHOWN_CHARACTERS]}")
    for beginning, times in collections.Counter(line.split(":")[0] for line in wrong).items():
        print(f"FAIL  {args.what}: {times} times: {beginning}")
    stored_points = sum(map(len, held.values()))
    print(f"{args.what}: sent {len(wanted)} series, {points} points; stored {len(held)} series, {stored_points} points")
    if wrong or points < args.at_least:
        sys.exit(f"{args.what}: {len(wrong)} differences")
    late = f"; {points - stored_points} late deltas are part of later totals" if args.folded else ""
    print(f"ok    {args.what}: every series and point that was sent is stored, once{late}")
