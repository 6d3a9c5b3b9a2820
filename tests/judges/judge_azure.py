"""Judges the simulated Azure with Microsoft's own Python SDKs: what they accept, a client of Azure accepts.

One line per check; exit code 1 when one failed. It starts nothing: endpoint and credentials come from the variables
of simulate.env, which `nephoscope simulate --write` writes and tests/judges/run reads.
"""

import os
import sys
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions
from azure.monitor.querymetrics import MetricsClient

ENDPOINT, CA_PEM = os.environ["AZURE"], os.environ["AZURE_CA"]
TENANT, CLIENT, SECRET = os.environ["AZURE_TENANT"], os.environ["AZURE_CLIENT"], os.environ["AZURE_SECRET"]
# The first subscription of crates/cloudsim/src/azure/catalog.rs.
SUBSCRIPTION = "33333333-aaaa-4bbb-8ccc-000000000003"
VM_TYPE = "Microsoft.Compute/virtualMachines"
ARM_SCOPE = "https://management.azure.com/.default"
METRICS_AUDIENCE = "https://metrics.monitor.azure.com"
NAMES = ["Percentage CPU", "Network In Total"]
# Rows a page of Resource Graph: fewer than there are machines.
PAGE = 20
# The most resources that the batch API takes at once.
BATCH = 50

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
        TENANT, CLIENT, secret, authority=ENDPOINT, disable_instance_discovery=True, connection_verify=CA_PEM
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


def clients(cred):
    """Clients of ARM, Resource Graph and the metrics batch API, without retries."""
    quick = {"connection_verify": CA_PEM, "retry_total": 0}
    arm = MonitorManagementClient(cred, SUBSCRIPTION, base_url=ENDPOINT, credential_scopes=[ARM_SCOPE], **quick)
    graph = ResourceGraphClient(cred, base_url=ENDPOINT, credential_scopes=[ARM_SCOPE], **quick)
    batch = MetricsClient(ENDPOINT, cred, audience=METRICS_AUDIENCE, **quick)
    return arm, graph, batch


def judge_lists(arm, graph):
    """Resource Graph in pages; what the resources measure. Returns the machines' ids."""
    query = f"resources | where type =~ '{VM_TYPE}' | project id, name, type, location, tags | order by id asc"
    ids, token, pages = [], None, 0
    while token or not pages:
        options = QueryRequestOptions(top=PAGE, skip_token=token, result_format="objectArray")
        page = graph.resources(QueryRequest(subscriptions=[SUBSCRIPTION], query=query, options=options))
        ids += [row["id"] for row in page.data]
        token, pages = page.skip_token, pages + 1
    complete = len(set(ids)) == page.total_records and ids == sorted(ids)
    check("resource graph pages", complete and pages > 1, f"{len(ids)} machines in {pages} pages")
    definitions = {d.name.value: d for d in arm.metric_definitions.list(ids[0])}
    check("definitions", "Percentage CPU" in definitions, f"{len(definitions)} metrics")
    check("namespaces", [n.properties.metric_namespace_name for n in arm.metric_namespaces.list(ids[0])] == [VM_TYPE])
    return ids


def judge_numbers(arm, batch, ids, start, end):
    """The batch API against ARM, number for number."""
    steps = (end - start) // timedelta(minutes=5)
    results = batch.query_resources(
        resource_ids=ids, metric_namespace=VM_TYPE, metric_names=NAMES, timespan=(start, end),
        granularity=timedelta(minutes=5), aggregations=["Average", "Total"],
    )
    check("batch answers every resource", len(results) == len(ids), f"{len(results)} of {len(ids)}")
    compared, equal = 0, True
    for resource_id, result in zip(ids, results):
        one = arm.metrics.list(
            resource_id, timespan=f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}", interval="PT5M",
            metricnames=",".join(NAMES), aggregation="Average,Total",
        )
        for aggregation in ("average", "total"):
            ours, theirs = points(result.metrics, aggregation), points(one.value, aggregation)
            compared += len(ours)
            equal &= ours == theirs and None not in ours.values()
    check("batch equals ARM", equal and compared == len(ids) * len(NAMES) * steps * 2, f"{compared} numbers")
    split = batch.query_resources(
        resource_ids=ids[:1], metric_namespace=VM_TYPE, metric_names=["Data Disk Read Bytes/sec"],
        timespan=(start, end), granularity=timedelta(hours=1), aggregations=["Average"], filter="LUN eq '*'",
    )
    series = split[0].metrics[0].timeseries
    check("split by a dimension", sorted(s.metadata_values["lun"] for s in series) == ["0", "1"])


def judge_refusals(cred, arm, batch, first, start, end):
    """Wrong secrets and audiences, too many resources, unknown metrics."""
    quick = {"connection_verify": CA_PEM, "retry_total": 0}
    ask = {
        "metric_namespace": VM_TYPE, "metric_names": NAMES[:1], "timespan": (start, end),
        "granularity": timedelta(minutes=5),
    }
    denied = ClientAuthenticationError
    refused("wrong secret", lambda: credential("no").get_token(ARM_SCOPE), denied, "AADSTS7000215")
    wrong = MetricsClient(ENDPOINT, cred, audience="https://management.azure.com", **quick)
    refused("wrong audience", lambda: wrong.query_resources(resource_ids=[first], **ask), denied, "audience")
    scopes = [METRICS_AUDIENCE + "/.default"]
    wrong_arm = MonitorManagementClient(cred, SUBSCRIPTION, base_url=ENDPOINT, credential_scopes=scopes, **quick)
    listed = lambda: list(wrong_arm.metric_definitions.list(first))
    refused("wrong audience at ARM", listed, denied, "InvalidAuthenticationToken")
    many = [f"{first}{number}" for number in range(51)]
    refused("51 resources", lambda: batch.query_resources(resource_ids=many, **ask), HttpResponseError, "50")
    nonsense = lambda: arm.metrics.list(first, metricnames="Nonsense")
    refused("unknown metric", nonsense, HttpResponseError, "BadRequest")


def main():
    cred = credential()
    check("token", bool(cred.get_token(ARM_SCOPE).token))
    arm, graph, batch = clients(cred)
    ids = judge_lists(arm, graph)
    end = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=2)
    judge_numbers(arm, batch, ids[:BATCH], start, end)
    judge_refusals(cred, arm, batch, ids[0], start, end)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
