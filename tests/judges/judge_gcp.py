"""Judges the simulated Cloud Monitoring with Google's own Python client and the discovery document it brings along.

One line per check; exit code 1 when one failed. It starts nothing: endpoint and credentials come from the variables
of simulate.env, which `nephoscope simulate --write` writes and tests/judges/run reads.
"""

import datetime
import json
import math
import os
import sys

import google.auth.exceptions
import google.auth.jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core.client_options import ClientOptions
from google.oauth2 import credentials as oauth2
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

CPU = "compute.googleapis.com/instance/cpu/utilization"
SCOPE = "https://www.googleapis.com/auth/monitoring.read"
PROJECT = "projects/sim-project"
ENDPOINT, KEY_FILE = os.environ["GCP"], os.environ["GCP_KEY"]


def client(credentials):
    options = ClientOptions(api_endpoint=ENDPOINT)
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


def no_grant(credentials, one):
    try:
        client(credentials).projects().timeSeries().list(name=PROJECT, filter=one, **span()).execute()
    except google.auth.exceptions.RefreshError as error:
        assert "invalid_grant" in str(error), error
        return
    raise AssertionError("a token was granted")


def forged():
    """The service account with a private key that is not its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(KEY_FILE, encoding="utf-8") as file:
        info = dict(json.load(file), private_key=pem.decode())
    return service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])


def checks():
    """Names of the checks and what does them."""
    account = service_account.Credentials.from_service_account_file(KEY_FILE, scopes=[SCOPE])
    monitoring = client(account)
    self_signed = client(account.with_always_use_jwt_access(True))
    elsewhere = google.auth.jwt.Credentials.from_service_account_file(KEY_FILE, audience="https://example.com/")
    stranger = oauth2.Credentials(token="ya29.sim-9999999999-AAAA")
    one = 'metric.type = "%s"' % CPU
    found = []

    def ask(credentials=None, name=PROJECT, wanted=one):
        api = client(credentials) if credentials else monitoring
        return api.projects().timeSeries().list(name=name, filter=wanted, **span())

    return [
        ("descriptors in pages", lambda: found.extend(descriptors(monitoring))),
        ("every type has points that parse", lambda: all_series(monitoring, found)),
        ("a self-signed JWT is taken", lambda: all_series(self_signed, [d for d in found if d["type"] == CPU])),
        ("a wrong signature gets no token", lambda: no_grant(forged(), one)),
        ("a self-signed JWT for another audience is refused", lambda: refused(401, ask(elsewhere))),
        ("a wrong token is refused", lambda: refused(401, ask(stranger))),
        ("a filter without metric.type is refused", lambda: refused(400, ask(wanted='resource.type = "gce_instance"'))),
        ("an unknown project is refused", lambda: refused(403, ask(name="projects/nobody"))),
        ("an unknown type is not found", lambda: refused(404, ask(wanted='metric.type = "custom.googleapis.com/no"'))),
    ]


def main():
    failed = 0
    for name, check in checks():
        try:
            check()
            print("ok    " + name)
        except (AssertionError, HttpError, KeyError, IndexError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
            failed += 1
            print("FAIL  %s: %r" % (name, error))
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
