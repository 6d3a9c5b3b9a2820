"""Compares what the Collector's file exporter wrote, field by field, with what the clouds said."""

import json

from points import arguments, flatten, judge, number, plain


def written(point):
    """The point's identity as text, and everything else about it."""
    identity = [point["resource"], plain(point["scope"]), point["name"], point["attributes"], point["end"]]
    rest = {name: value for name, value in point["point"].items() if name != "attributes"}
    content = {"metric": point["frame"], "point": plain(rest)}
    if "histogram" not in point["kind"]:
        content["value"] = number(point["point"])
    yield json.dumps(identity, sort_keys=True), content


def read(path):
    """Every point of the file's complete lines; the last line may still be in the writing."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return
    for point in flatten(lines):
        if point["scope"]["name"].startswith("nephoscope."):
            yield from written(point)


def example(point, held):
    [(identity, _)] = written(point)
    content = held.get(identity)
    if not content:
        return f"{point['name']}, which is missing"
    taken = content["point"]
    value = content.get("value", f"{taken.get('count', 0)} values, sum {taken.get('sum', 0)}")
    return f"{point['name']} from {taken.get('startTimeUnixNano', 'no start')} to {point['end']} = {value}"


def main():
    args = arguments()
    judge(args, lambda: read(args.where), written, lambda held, true: held == true, example)


if __name__ == "__main__":
    main()
