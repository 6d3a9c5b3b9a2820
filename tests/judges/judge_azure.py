"""Judges the simulated Azure with Microsoft's own Python SDKs: what they accept, a client of Azure accepts.

Usage: judge_azure.py ENDPOINT CA_PEM      One line per check; exit code 1 when one failed.
Versions are pinned in requirements.txt. Constants are those of crates/cloudsim/src/azure/catalog.rs.
"""

import sys
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions
from azure.monitor.querymetrics import MetricsClient

TENANT = "11111111-aaaa-4bbb-8ccc-000000000001"
CLIENT = "22222222-aaaa-4bbb-8ccc-000000000002"
SECRET = "simulated~client~secret"
SUBSCRIPTION = "33333333-aaaa-4bbb-8ccc-000000000003"
VM_TYPE = "Microsoft.Compute/virtualMachines"
ARM_SCOPE = "https://management.azure.com/.default"
METRICS_AUDIENCE = "https://metrics.monitor.azure.com"

endpoint, ca_pem = sys.argv[1], sys.argv[2]
failed = []


def check(name, holds, detail=""):
    print(("ok    " if holds else "FAIL  ") + name + (f": {detail}" if detail else ""))
    if not holds:
        failed.append(name)


def refused(name, call, kind, text):
    try:
        call()
    except kind as error:
        check(name, text in str(error), str(error).splitlines()[0][:120])
    else:
        check(name, False, "was accepted")


def credential(secret=SECRET):
    return ClientSecretCredential(
        TENANT, CLIENT, secret, authority=endpoint, disable_instance_discovery=True, connection_verify=ca_pem
    )


def points(metrics, aggregation):
    """(metric, time) -> value of the first series of each metric."""
    found = {}
    for metric in metrics:
        name = metric.name if isinstance(metric.name, str) else metric.name.value
        series = metric.timeseries[0]
        for point in series.data:
            at = getattr(point, "timestamp", None) or point.time_stamp
            found[name, at] = getattr(point, aggregation)
    return found


def main():
    cred = credential()
    quick = {"connection_verify": ca_pem, "retry_total": 0}
    arm = MonitorManagementClient(cred, SUBSCRIPTION, base_url=endpoint, credential_scopes=[ARM_SCOPE], **quick)
    graph = ResourceGraphClient(cred, base_url=endpoint, credential_scopes=[ARM_SCOPE], **quick)
    batch = MetricsClient(endpoint, cred, audience=METRICS_AUDIENCE, **quick)

    check("token", bool(cred.get_token(ARM_SCOPE).token))
    refused("wrong secret", lambda: credential("no").get_token(ARM_SCOPE), ClientAuthenticationError, "AADSTS7000215")

    query = f"resources | where type =~ '{VM_TYPE}' | project id, name, type, location, tags | order by id asc"
    ids, token = [], None
    while True:
        options = QueryRequestOptions(top=2, skip_token=token, result_format="objectArray")
        page = graph.resources(QueryRequest(subscriptions=[SUBSCRIPTION], query=query, options=options))
        ids += [row["id"] for row in page.data]
        token = page.skip_token
        if not token:
            break
    check("resource graph pages", len(ids) == page.total_records and ids == sorted(ids), f"{len(ids)} machines")

    definitions = {d.name.value: d for d in arm.metric_definitions.list(ids[0])}
    check("definitions", "Percentage CPU" in definitions, f"{len(definitions)} metrics")
    check("namespaces", [n.properties.metric_namespace_name for n in arm.metric_namespaces.list(ids[0])] == [VM_TYPE])

    end = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=2)
    names = ["Percentage CPU", "Network In Total"]
    results = batch.query_resources(
        resource_ids=ids, metric_namespace=VM_TYPE, metric_names=names, timespan=(start, end),
        granularity=timedelta(minutes=5), aggregations=["Average", "Total"],
    )
    check("batch answers every resource", len(results) == len(ids), f"{len(results)} of {len(ids)}")
    compared, equal = 0, True
    for resource_id, result in zip(ids, results):
        one = arm.metrics.list(
            resource_id, timespan=f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}", interval="PT5M",
            metricnames=",".join(names), aggregation="Average,Total",
        )
        for aggregation in ("average", "total"):
            ours, theirs = points(result.metrics, aggregation), points(one.value, aggregation)
            compared += len(ours)
            equal &= ours == theirs and None not in ours.values()
    check("batch equals ARM", equal and compared == len(ids) * 2 * 24 * 2, f"{compared} numbers")

    split = batch.query_resources(
        resource_ids=ids[:1], metric_namespace=VM_TYPE, metric_names=["Data Disk Read Bytes/sec"],
        timespan=(start, end), granularity=timedelta(hours=1), aggregations=["Average"], filter="LUN eq '*'",
    )
    series = split[0].metrics[0].timeseries
    check("split by a dimension", sorted(s.metadata_values["lun"] for s in series) == ["0", "1"])

    wrong = MetricsClient(endpoint, cred, audience="https://management.azure.com", **quick)
    ask = dict(metric_namespace=VM_TYPE, metric_names=names[:1], timespan=(start, end), granularity=timedelta(minutes=5))
    refused("wrong audience", lambda: wrong.query_resources(resource_ids=ids[:1], **ask), ClientAuthenticationError, "audience")
    wrong_arm = MonitorManagementClient(
        cred, SUBSCRIPTION, base_url=endpoint, credential_scopes=[METRICS_AUDIENCE + "/.default"], **quick
    )
    refused("wrong audience at ARM", lambda: list(wrong_arm.metric_definitions.list(ids[0])), ClientAuthenticationError, "InvalidAuthenticationToken")
    many = [f"{ids[0]}{number}" for number in range(51)]
    refused("51 resources", lambda: batch.query_resources(resource_ids=many, **ask), HttpResponseError, "50")
    refused(
        "unknown metric", lambda: arm.metrics.list(ids[0], metricnames="Nonsense"), HttpResponseError, "BadRequest"
    )


main()
sys.exit(1 if failed else 0)
