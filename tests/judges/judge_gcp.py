#!/usr/bin/env python3
"""Lets Google's own Python client judge the simulated Cloud Monitoring.

usage: judge_gcp.py ENDPOINT SERVICE_ACCOUNT_JSON

One line per check; exit code 1 when any of them failed.
"""

import datetime
import math
import sys

import google.auth.exceptions
from google.api_core.client_options import ClientOptions
from google.oauth2 import credentials as oauth2
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

CPU = "compute.googleapis.com/instance/cpu/utilization"
SCOPE = "https://www.googleapis.com/auth/monitoring.read"
PROJECT = "projects/sim-project"


def client(endpoint, credentials):
    options = ClientOptions(api_endpoint=endpoint)
    return build("monitoring", "v3", static_discovery=True, client_options=options, credentials=credentials)


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def span():
    end = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)
    return {"interval_startTime": stamp(end - datetime.timedelta(minutes=30)), "interval_endTime": stamp(end)}


def pages(resource, request, step):
    while request is not None:
        page = request.execute()
        yield page
        request = step(request, page)


def descriptors(monitoring):
    api = monitoring.projects().metricDescriptors()
    found = []
    count = 0
    for page in pages(api, api.list(name=PROJECT, pageSize=7), api.list_next):
        count += 1
        found += page.get("metricDescriptors", [])
    assert count > 1, "one page only"
    assert len({d["type"] for d in found}) == len(found) > 20, len(found)
    return found


def number(point, value_type):
    value = point["value"]
    if value_type == "DOUBLE":
        assert math.isfinite(float(value["doubleValue"])), value
    elif value_type == "INT64":
        assert isinstance(value["int64Value"], str)
        int(value["int64Value"])
    elif value_type == "BOOL":
        assert isinstance(value["boolValue"], bool)
    elif value_type == "STRING":
        assert isinstance(value["stringValue"], str)
    else:
        it = value["distributionValue"]
        assert int(it.get("count", "0")) == sum(int(n) for n in it.get("bucketCounts", [])), it
        assert len(it["bucketOptions"]) == 1, it


def series_of(monitoring, descriptor):
    api = monitoring.projects().timeSeries()
    request = api.list(name=PROJECT, filter='metric.type = "%s"' % descriptor["type"], pageSize=50, **span())
    points = 0
    for page in pages(api, request, api.list_next):
        for series in page.get("timeSeries", []):
            assert series["metricKind"] == descriptor["metricKind"], series
            assert series["valueType"] == descriptor["valueType"], series
            ends = [p["interval"]["endTime"] for p in series["points"]]
            assert ends == sorted(ends, reverse=True), "not newest first"
            for point in series["points"]:
                number(point, series["valueType"])
                points += 1
    return points


def all_series(monitoring, found):
    assert found, "no descriptors"
    for descriptor in found:
        assert series_of(monitoring, descriptor) > 0, descriptor["type"]


def refused(code, request):
    try:
        request.execute()
    except HttpError as error:
        assert error.status_code == code, error
        return
    except google.auth.exceptions.RefreshError:
        # After a 401 the client asks for a new token, which a bare token cannot give.
        assert code == 401
        return
    raise AssertionError("was answered")


def main():
    endpoint, path = sys.argv[1:3]
    account = service_account.Credentials.from_service_account_file(path, scopes=[SCOPE])
    monitoring = client(endpoint, account)
    self_signed = client(endpoint, account.with_always_use_jwt_access(True))
    stranger = client(endpoint, oauth2.Credentials(token="ya29.sim-9999999999-AAAA"))
    series = monitoring.projects().timeSeries()
    one = 'metric.type = "%s"' % CPU
    found = []
    checks = [
        ("descriptors in pages", lambda: found.extend(descriptors(monitoring))),
        ("every type has points that parse", lambda: all_series(monitoring, found)),
        ("a self-signed JWT is taken", lambda: series_of(self_signed, [d for d in found if d["type"] == CPU][0])),
        ("a filter without metric.type is refused", lambda: refused(
            400, series.list(name=PROJECT, filter='resource.type = "gce_instance"', **span()))),
        ("an unknown project is refused", lambda: refused(
            403, series.list(name="projects/nobody", filter=one, **span()))),
        ("an unknown type is not found", lambda: refused(
            404, series.list(name=PROJECT, filter='metric.type = "custom.googleapis.com/no"', **span()))),
        ("a wrong token is refused", lambda: refused(
            401, stranger.projects().timeSeries().list(name=PROJECT, filter=one, **span()))),
    ]
    failed = 0
    for name, check in checks:
        try:
            check()
            print("ok     gcp: " + name)
        except (AssertionError, HttpError, KeyError, IndexError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
            failed += 1
            print("FAILED gcp: %s: %r" % (name, error))
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
