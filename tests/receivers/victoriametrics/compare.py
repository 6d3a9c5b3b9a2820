"""Compares the raw samples that VictoriaMetrics exports with what the clouds said.

It writes every attribute of resource, scope and point as a label, a histogram as _count, _sum and cumulative buckets,
and times in milliseconds. Kind, unit and start are not in its samples: the Collector's comparison covers those.
"""

import json
import math
import urllib.parse
import urllib.request

from points import arguments, attributes, judge, number

# It keeps about 12 significant digits of a double.
RELATIVE_ERROR = 1e-11


def labels(point):
    scope = {"scope.name": point["scope"]["name"], "scope.version": point["scope"]["version"]}
    for name, value in attributes(point["scope"].get("attributes")).items():
        scope[f"scope.attributes.{name}"] = value
    return {name: value for name, value in (point["resource"] | scope | point["attributes"]).items() if value}


def identity(name, about, time_ms):
    bound = float(about["le"]) if "le" in about else None
    rest = tuple(sorted((name, value) for name, value in about.items() if name != "le"))
    return name, rest, bound, time_ms


def written(point):
    name, about, time_ms, data = point["name"], labels(point), point["end"] // 10**6, point["point"]
    if "histogram" not in point["kind"]:
        yield identity(name, about, time_ms), number(data)
        return
    yield identity(f"{name}_count", about, time_ms), int(data["count"])
    yield identity(f"{name}_sum", about, time_ms), data["sum"]
    total = 0
    for bound, count in zip(data["explicitBounds"] + [math.inf], data["bucketCounts"]):
        total += int(count)
        yield identity(f"{name}_bucket", about | {"le": bound}, time_ms), total


def read(url):
    query = urllib.parse.urlencode({"match[]": '{"scope.name"=~"nephoscope[.].+"}'})
    with urllib.request.urlopen(f"{url}/api/v1/export?{query}") as answer:
        for line in answer:
            series = json.loads(line)
            about = series["metric"]
            name = about.pop("__name__")
            for time_ms, value in zip(series["timestamps"], series["values"]):
                yield identity(name, about, time_ms), value


def equal(held, true):
    return math.isclose(held, true, rel_tol=RELATIVE_ERROR)


def example(point, held):
    key, true = next(iter(written(point)))
    return f"{key[0]} at {key[3]} = {held.get(key)} (the cloud: {true})"


def main():
    args = arguments()
    judge(args, lambda: read(args.where), written, equal, example)


if __name__ == "__main__":
    main()
