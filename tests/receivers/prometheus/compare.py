"""Compares what a Prometheus stores with what the daemon sent.

Names are built here by OpenTelemetry's rules for Prometheus
(https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/), not by our own code. Standard library
only.
"""

import json
import re
import urllib.parse
import urllib.request

from sent import compare, whole

UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "kBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "Cel": "celsius", "Hz": "hertz", "%": "percent",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
}
PER = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}


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


def series_of(point):
    return series_key(written_name(point), point["resource"] | point["attributes"])


def ask(url, query, at=None):
    parameters = {"query": query} | ({"time": at} if at else {})
    with urllib.request.urlopen(f"http://{url}/api/v1/query?{urllib.parse.urlencode(parameters)}") as answer:
        return json.load(answer)["data"]["result"]


def stored(url, hours):
    """Series -> {time in ms: value}; a histogram is its `_count`, and its other parts must be there with it."""
    series, parts = {}, {}
    for held in ask(url, '{nephoscope_account!~"|probe"}[%dh]' % hours):
        about = dict(held["metric"])
        name = about.pop("__name__")
        values = {round(float(at) * 1000): float(value) for at, value in held["values"]}
        bound = about.pop("le", None)
        if bound is not None:
            parts.setdefault(series_key(name.removesuffix("_bucket"), about), []).append((bound, values))
        else:
            series[series_key(name, about)] = values
    return whole(series, parts)


if __name__ == "__main__":
    compare(stored, series_of)
