"""What the clouds said, as `nephoscope collect` tells it, and how a receiver's record is compared with it.

Shared by the receivers' compare.py, which bring two functions: one reads the receiver, one says how that receiver
writes a point. Standard library only.
"""

import argparse
import json
import os
import subprocess
import sys
import time

KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
TEMPORALITY = {1: "delta", 2: "cumulative"}
# How far back the truth is read: more than the daemon's first poll (15 minutes and its look back).
TRUTH_SINCE = "30m"
# Of the daemon's first window (15 minutes to 1 minute before its start), what must arrive: clear of both its edges.
REQUIRED_FROM_S, REQUIRED_TO_S = 12 * 60, 3 * 60
# Two polls and what they take on a busy machine: a point that the cloud publishes late comes with the second.
ARRIVE_WITHIN_S = 150
SHOWN_DIFFERENCES, SHOWN_CHARACTERS = 10, 600


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nephoscope", required=True, help="the binary")
    parser.add_argument("--config", required=True, help="the daemon's configuration")
    parser.add_argument("--started", required=True, type=int, help="when the daemon was started, s since 1970")
    parser.add_argument("--what", required=True, help="the receiver, for people")
    parser.add_argument("where", help="the receiver's file or URL")
    return parser.parse_args()


def plain(value):
    """OTLP JSON without what may be left out: one writer writes zeros, nulls and empty lists, another does not."""
    if isinstance(value, dict):
        fields = {name: plain(inner) for name, inner in value.items()}
        return {name: inner for name, inner in fields.items() if inner not in (None, "", 0, "0", [], {}, False)}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def attributes(listed):
    return {item["key"]: item["value"]["stringValue"] for item in listed or []}


def number(point):
    """A number point's value. A zero may be left out by `plain`, but not by the writers."""
    return int(point["asInt"]) if "asInt" in point else point["asDouble"]


def flatten(lines):
    """Every point of OTLP JSON lines: where it belongs, and the point as it was written."""
    for line in filter(str.strip, lines):
        for resource in json.loads(line)["resourceMetrics"]:
            about = attributes(resource["resource"].get("attributes"))
            for scope in resource["scopeMetrics"]:
                for metric in scope["metrics"]:
                    yield from of_metric(about, scope["scope"], metric)


def of_metric(resource, scope, metric):
    kind = next(kind for kind in KINDS if kind in metric)
    data = metric[kind]
    shown = " ".join(filter(None, [TEMPORALITY.get(data.get("aggregationTemporality")), kind]))
    frame = {name: inner for name, inner in metric.items() if name not in KINDS}
    frame |= {name: inner for name, inner in data.items() if name != "dataPoints"}
    for point in data["dataPoints"]:
        yield {
            "resource": resource,
            "scope": scope,
            "name": metric["name"],
            "kind": shown,
            "frame": plain(frame),
            "attributes": attributes(point.get("attributes")),
            "end": int(point["timeUnixNano"]),
            "point": point,
        }


def truth(args):
    """The clouds' points of the last half hour, read without the daemon."""
    command = [args.nephoscope, "collect", "--config", args.config, "--since", TRUTH_SINCE, "--format", "otlp-json"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"`nephoscope collect` failed ({done.returncode}): {done.stderr[-2000:]}")
    return list(flatten(done.stdout.splitlines()))


def required(points, started_s):
    earliest, latest = (started_s - REQUIRED_FROM_S) * 10**9, (started_s - REQUIRED_TO_S) * 10**9
    return [point for point in points if earliest < point["end"] <= latest]


def expected(points, written):
    """What the receiver should hold: identity -> value. `written` gives the pairs of one point."""
    return dict(pair for point in points for pair in written(point))


def wait_for(wanted, read):
    """The receiver's record as soon as it holds all that is wanted, or as it is when time is up."""
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    while True:
        held = read()
        if time.monotonic() > deadline or wanted.keys() <= {key for key, _ in held}:
            return held
        time.sleep(0.5)


def differences(wanted, all_true, held, equal):
    """Lines about what is missing, invented, changed or there twice."""
    seen = set()
    for key, value in held:
        if key in seen:
            yield f"twice: {key} = {value}"
        elif key not in all_true:
            yield f"the clouds did not say: {key} = {value}"
        elif not equal(value, all_true[key]):
            yield f"changed: {key} = {value}, and the clouds said {all_true[key]}"
        seen.add(key)
    for key in wanted.keys() - seen:
        yield f"missing: {key} = {wanted[key]}"


def judge(args, read, written, equal, example):
    """Compares everything, prints one example of each kind and a count, and ends with exit code 1 on a difference."""
    must = required(truth(args), args.started)
    wanted = expected(must, written)
    held = wait_for(wanted, lambda: list(read()))
    all_true = expected(truth(args), written)
    wrong = list(differences(wanted, all_true, held, equal))
    by_kind = {}
    for point in must:
        by_kind.setdefault((point["scope"]["name"], point["kind"]), []).append(point)
    values = dict(held)
    for (cloud, kind), points in sorted(by_kind.items()):
        print(f"{args.what}: {cloud} {kind}: {len(points)} points, such as {example(points[-1], values)}")
    if "delta histogram" not in {kind for _, kind in by_kind} or len(by_kind) < 6:
        wrong.append(f"the clouds did not offer every kind: {sorted(by_kind)}")
    for line in wrong[:SHOWN_DIFFERENCES]:
        print(f"FAIL  {args.what}: {line[:SHOWN_CHARACTERS]}")
    if wrong:
        sys.exit(f"{args.what}: {len(wrong)} differences")
    print(f"ok    {args.what}: {len(held)} records are the clouds' own, each once; {len(wanted)} of them required")
