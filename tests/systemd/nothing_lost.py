"""Every point that the daemon should have taken is in what it wrote, before and after it was killed.

nothing_lost.py FOLDER TRUTH: the folder of the daemon's `file` destination, and what `nephoscope collect` read at the end.
"""

import json
import pathlib
import sys

from points import flatten

ACCOUNT = "shop"
# The first poll reaches back 15 minutes; what lies at its edges is left out of the comparison.
EDGE_S = 3 * 60


def identity(point):
    return json.dumps([point["resource"], point["name"], point["attributes"]], sort_keys=True)


def by_series(lines):
    """Series -> time -> all values that were told for it."""
    series = {}
    for point in flatten(lines):
        if point["resource"].get("nephoscope.account") == ACCOUNT:
            values = series.setdefault(identity(point), {}).setdefault(point["end"], [])
            values.append(json.dumps(point["point"], sort_keys=True))
    return series


def main():
    written = []
    for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        written += file.read_text(encoding="utf-8").splitlines()
    held = by_series(written)
    truth = by_series(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines())
    begin = min(min(times) for times in held.values()) + EDGE_S * 10**9
    wrong, points, again = [], 0, 0
    for series, times in truth.items():
        have = held.get(series, {})
        newest = max(have, default=0)
        for end, values in times.items():
            if begin <= end <= newest:
                points += 1
                again += len(have.get(end, [])) - 1
                if set(have.get(end, [])) != set(values):
                    wrong.append(f"{series} at {end}: the cloud said {values}, written was {have.get(end)}")
        if not have:
            wrong.append(f"nothing of {series}")
    for line in wrong[:10]:
        print(f"FAIL  {line}")
    print(f"{len(truth)} series, {points} points compared, {len(wrong)} differences, {again} written again")
    return 1 if wrong or not points else 0


if __name__ == "__main__":
    sys.exit(main())
