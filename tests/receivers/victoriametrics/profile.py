"""Compares what VictoriaMetrics stores with what the daemon sent. It keeps the names of metrics and attributes as they are.
Standard library only.
"""

import json
import urllib.parse
import urllib.request

from sent import compare, whole
from compare import labels


def key(name, about):
    return name, tuple(sorted(about.items()))


def series_of(point):
    return key(point["name"], labels(point))


def stored(url, _hours):
    series, parts = {}, {}
    query = urllib.parse.urlencode({"match[]": '{"scope.name"=~"nephoscope[.](aws|azure|gcp)"}'})
    with urllib.request.urlopen(f"http://{url}/api/v1/export?{query}") as answer:
        lines = [json.loads(line) for line in answer]
    for held in lines:
        about = held["metric"]
        name, bound = about.pop("__name__"), about.pop("le", None)
        values = dict(zip(held["timestamps"], held["values"]))
        if bound is not None:
            bound = "+Inf" if bound in ("Inf", "+Inf") else bound
            parts.setdefault(key(name.removesuffix("_bucket"), about), []).append((bound, values))
        else:
            series[key(name, about)] = values
    return whole(series, parts)


if __name__ == "__main__":
    compare(stored, series_of)
