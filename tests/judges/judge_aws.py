"""Judges the simulated AWS with boto3, which is not ours.

One line per check; exit code 1 when one failed. It starts nothing: endpoint and credentials come from the variables
of simulate.env, which `nephoscope simulate --write` writes and tests/judges/run reads.
"""

import datetime
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, KEY, SECRET = os.environ["AWS"], os.environ["AWS_KEY"], os.environ["AWS_SECRET"]
REGION = "eu-west-1"
PLAIN_ROLE = "arn:aws:iam::123456789012:role/nephoscope"
GUARDED_ROLE = "arn:aws:iam::210987654321:role/nephoscope"
EXTERNAL_ID = "simulated-external-id"

failures = 0


def check(name, passed, detail=""):
    """Prints one line and remembers a failure."""
    global failures
    failures += not passed
    print(("ok    " if passed else "FAIL  ") + name + (f" ({detail})" if detail else ""))


def code_of(call, **arguments):
    """The error code that a call ends with, or None."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def client(service, secret=SECRET, key=KEY, token=None):
    """A client without retries."""
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=ENDPOINT,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


def query(at, metric, stat, period=60):
    """One query of GetMetricData."""
    return {"Id": f"q{at}", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def judge_lists(cloudwatch):
    """ListMetrics: pages, filters, tokens."""
    pages = list(cloudwatch.get_paginator("list_metrics").paginate())
    metrics = [metric for page in pages for metric in page["Metrics"]]
    distinct = {(m["Namespace"], m["MetricName"], str(m["Dimensions"])) for m in metrics}
    check("ListMetrics lists metrics, each once", len(metrics) > 50 and len(distinct) == len(metrics), len(metrics))
    check("ListMetrics pages hold at most 500", all(len(page["Metrics"]) <= 500 for page in pages), len(pages))
    ec2 = cloudwatch.list_metrics(Namespace="AWS/EC2", MetricName="CPUUtilization")["Metrics"]
    check("ListMetrics filters", ec2 and all(m["MetricName"] == "CPUUtilization" for m in ec2), len(ec2))
    name = ec2[0]["Dimensions"][0]
    one = cloudwatch.list_metrics(Namespace="AWS/EC2", Dimensions=[name])["Metrics"]
    check("ListMetrics filters by dimension", one and all(name in m["Dimensions"] for m in one), len(one))
    if "NextToken" in pages[0]:
        code = code_of(cloudwatch.list_metrics, Namespace="AWS/RDS", NextToken=pages[0]["NextToken"])
        check("a page token of another query is refused", code is not None, code)
    return ec2


def judge_data(cloudwatch, metrics):
    """GetMetricData: values, windows, limits, pages."""
    end = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0) - datetime.timedelta(minutes=5)
    start = end - datetime.timedelta(minutes=30)
    window = {"StartTime": start, "EndTime": end}
    stats = ["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p50"]
    queries = [query(at, metrics[0], stat) for at, stat in enumerate(stats)]
    answer = cloudwatch.get_metric_data(MetricDataQueries=queries, ScanBy="TimestampAscending", **window)
    results = answer["MetricDataResults"]
    times = results[0]["Timestamps"]
    check("GetMetricData is half-open", times and times[0] >= start and times[-1] < end, len(times))
    check("times ascend when asked to", times == sorted(times))
    average, total, low, high, count, median = (result["Values"] for result in results)
    agree = all(
        abs(total[i] / count[i] - average[i]) < 1e-9 and low[i] <= median[i] <= high[i] for i in range(len(times))
    )
    check("statistics agree", agree)
    check("status is Complete", all(result["StatusCode"] == "Complete" for result in results))
    statistics = cloudwatch.get_metric_statistics(**metrics[0], Period=60, Statistics=["Average"], **window)
    same = sorted((p["Timestamp"], p["Average"]) for p in statistics["Datapoints"])
    check("GetMetricStatistics agrees", same == list(zip(times, average)), statistics["Datapoints"][0]["Unit"])
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, ScanBy="TimestampAscending", MaxDatapoints=7, **window
    )
    joined = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            joined.setdefault(result["Id"], []).extend(result["Values"])
    check("pages add up", joined == {result["Id"]: result["Values"] for result in results})
    bare = dict(metrics[0], Dimensions=[])
    none = cloudwatch.get_metric_data(MetricDataQueries=[query(0, bare, "Sum")], **window)
    check("dimensions must match exactly", none["MetricDataResults"][0]["Values"] == [])
    for name, wrong in {
        "501 queries": [query(at, metrics[0], "Sum") for at in range(501)],
        "duplicate ids": [query(0, metrics[0], "Sum")] * 2,
        "an id with a capital": [dict(query(0, metrics[0], "Sum"), Id="Q")],
        "a period of 7": [query(0, metrics[0], "Sum", period=7)],
    }.items():
        code = code_of(cloudwatch.get_metric_data, MetricDataQueries=wrong, **window)
        check(f"{name} refused", code is not None, code)
    code = code_of(cloudwatch.get_metric_data, MetricDataQueries=queries, StartTime=end, EndTime=start)
    check("an end before the start refused", code is not None, code)


def judge_identity():
    """Signatures and STS."""
    code = code_of(client("cloudwatch", secret="wrong").list_metrics)
    check("a wrong signature is refused", code == "SignatureDoesNotMatch", code)
    code = code_of(client("cloudwatch", key="AKIDUNKNOWN").list_metrics)
    check("an unknown key is refused", code == "InvalidClientTokenId", code)
    sts = client("sts")
    check("GetCallerIdentity", sts.get_caller_identity()["Account"] == "123456789012")
    check("a role without external id", "Credentials" in sts.assume_role(RoleArn=PLAIN_ROLE, RoleSessionName="judge"))
    code = code_of(sts.assume_role, RoleArn=GUARDED_ROLE, RoleSessionName="judge")
    check("a role that needs an external id is denied without", code == "AccessDenied", code)
    given = sts.assume_role(RoleArn=GUARDED_ROLE, RoleSessionName="judge", ExternalId=EXTERNAL_ID)["Credentials"]
    session = {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"]}
    identity = client("sts", token=given["SessionToken"], **session).get_caller_identity()
    check("the session is in the role's account", identity["Account"] == "210987654321", identity["Arn"])
    check("the session reads", client("cloudwatch", token=given["SessionToken"], **session).list_metrics()["Metrics"])
    code = code_of(client("cloudwatch", token="wrong", **session).list_metrics)
    check("a wrong session token is refused", code == "InvalidClientTokenId", code)


def judge_tags():
    """GetResources."""
    tagging = client("resourcegroupstaggingapi")
    pages = list(tagging.get_paginator("get_resources").paginate(ResourcesPerPage=5))
    arns = [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]
    check("GetResources pages", len(pages) > 1 and len(set(arns)) == len(arns), f"{len(arns)} in {len(pages)} pages")
    found = tagging.get_resources(
        ResourceTypeFilters=["ec2:instance"], TagFilters=[{"Key": "Environment", "Values": ["prod"]}]
    )["ResourceTagMappingList"]
    right = all(
        ":instance/" in item["ResourceARN"] and {"Key": "Environment", "Value": "prod"} in item["Tags"] for item in found
    )
    check("GetResources filters", found and right, len(found))


def main():
    """Runs every check."""
    cloudwatch = client("cloudwatch")
    judge_data(cloudwatch, judge_lists(cloudwatch))
    judge_identity()
    judge_tags()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
