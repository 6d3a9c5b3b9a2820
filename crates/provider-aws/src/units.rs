//! What a `CloudWatch` metric is called, what it is measured in and which OTLP shape it has. Data and pure functions.
//!
//! `CloudWatch` names units only on the points that are put in, not on those that are read through `GetMetricData`, so
//! units come from a table. What the table does not know has no unit: a wrong unit is worse than none.

use provider_api::names::{snake, snake_formerly};
use provider_api::{Cloud, Formerly, Kind, Metric, MetricSpec, Temporality};
use std::sync::Arc;

/// Units by namespace and exact metric name; an empty namespace stands for any. Source: the metric tables of each
/// service's user guide.
const EXACT: &[(&str, &str, &str)] = &[
    ("AWS/ApplicationELB", "TargetResponseTime", "s"),
    ("AWS/ELB", "Latency", "s"),
    ("AWS/ELB", "SurgeQueueLength", "{request}"),
    ("AWS/Lambda", "Duration", "ms"),
    ("AWS/Lambda", "PostRuntimeExtensionsDuration", "ms"),
    ("AWS/Lambda", "IteratorAge", "ms"),
    ("AWS/Lambda", "Invocations", "{invocation}"),
    ("AWS/Lambda", "Errors", "{error}"),
    ("AWS/Lambda", "Throttles", "{request}"),
    ("AWS/Lambda", "ConcurrentExecutions", "{execution}"),
    ("AWS/RDS", "ReadLatency", "s"),
    ("AWS/RDS", "WriteLatency", "s"),
    ("AWS/RDS", "DiskQueueDepth", "{request}"),
    ("AWS/RDS", "ReplicaLag", "s"),
    ("AWS/RDS", "FreeableMemory", "By"),
    ("AWS/RDS", "FreeStorageSpace", "By"),
    ("AWS/RDS", "SwapUsage", "By"),
    ("AWS/RDS", "BinLogDiskUsage", "By"),
    ("AWS/RDS", "DatabaseConnections", "{connection}"),
    ("AWS/RDS", "NetworkReceiveThroughput", "By/s"),
    ("AWS/RDS", "NetworkTransmitThroughput", "By/s"),
    ("AWS/RDS", "ReadThroughput", "By/s"),
    ("AWS/RDS", "WriteThroughput", "By/s"),
    ("AWS/EBS", "VolumeTotalReadTime", "s"),
    ("AWS/EBS", "VolumeTotalWriteTime", "s"),
    ("AWS/EBS", "VolumeIdleTime", "s"),
    ("AWS/EBS", "VolumeQueueLength", "{operation}"),
    ("AWS/EBS", "BurstBalance", "%"),
    ("AWS/EC2", "NetworkIn", "By"),
    ("AWS/EC2", "NetworkOut", "By"),
    ("AWS/EC2", "NetworkPacketsIn", "{packet}"),
    ("AWS/EC2", "NetworkPacketsOut", "{packet}"),
    ("AWS/EC2", "StatusCheckFailed", "{check}"),
    ("AWS/EC2", "StatusCheckFailed_Instance", "{check}"),
    ("AWS/EC2", "StatusCheckFailed_System", "{check}"),
    ("AWS/EC2", "StatusCheckFailed_AttachedEBS", "{check}"),
    ("AWS/EC2", "CPUCreditUsage", "{credit}"),
    ("AWS/EC2", "CPUCreditBalance", "{credit}"),
    ("AWS/EC2", "CPUSurplusCreditBalance", "{credit}"),
    ("AWS/EC2", "CPUSurplusCreditsCharged", "{credit}"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "s"),
    ("AWS/SQS", "SentMessageSize", "By"),
    ("AWS/SQS", "NumberOfMessagesSent", "{message}"),
    ("AWS/SQS", "NumberOfMessagesReceived", "{message}"),
    ("AWS/SQS", "NumberOfMessagesDeleted", "{message}"),
    ("AWS/SQS", "NumberOfEmptyReceives", "{request}"),
    ("AWS/SNS", "NumberOfMessagesPublished", "{message}"),
    ("AWS/SNS", "NumberOfNotificationsDelivered", "{notification}"),
    ("AWS/SNS", "NumberOfNotificationsFailed", "{notification}"),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "{unit}"),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "{unit}"),
    ("AWS/DynamoDB", "ThrottledRequests", "{request}"),
    ("AWS/DynamoDB", "UserErrors", "{request}"),
    ("AWS/DynamoDB", "SystemErrors", "{request}"),
    ("AWS/ApiGateway", "Count", "{request}"),
    ("AWS/ApiGateway", "4XXError", "{error}"),
    ("AWS/ApiGateway", "5XXError", "{error}"),
    ("AWS/DynamoDB", "SuccessfulRequestLatency", "ms"),
    ("AWS/ApiGateway", "Latency", "ms"),
    ("AWS/ApiGateway", "IntegrationLatency", "ms"),
    ("AWS/S3", "FirstByteLatency", "ms"),
    ("AWS/S3", "TotalRequestLatency", "ms"),
    ("AWS/S3", "NumberOfObjects", "{object}"),
    ("", "CPUUtilization", "%"),
    ("", "MemoryUtilization", "%"),
];

/// Units by the end of the name, first fit, for namespaces of AWS only: what a user's own `OrderCount` counts nobody
/// knows.
const SUFFIXES: &[(&str, &str)] = &[
    ("BytesPerSecond", "By/s"),
    ("Utilization", "%"),
    ("Percent", "%"),
    ("Percentage", "%"),
    ("Bytes", "By"),
    ("IOPS", "{operation}/s"),
    ("ReadOps", "{operation}"),
    ("WriteOps", "{operation}"),
    ("RequestCount", "{request}"),
    ("ConnectionCount", "{connection}"),
    ("HostCount", "{host}"),
    ("MessagesVisible", "{message}"),
    ("MessagesNotVisible", "{message}"),
    ("MessagesDelayed", "{message}"),
    ("Count", "{count}"),
    ("Requests", "{request}"),
];

/// The metric that one statistic of a `CloudWatch` metric becomes.
pub(crate) fn metric(namespace: &Arc<str>, name: &Arc<str>, statistic: &Arc<str>) -> Metric {
    let (outgoing, unit) = (
        outgoing_name(snake, namespace, name, statistic),
        unit(namespace, name, statistic),
    );
    let before = outgoing_name(snake_formerly, namespace, name, statistic);
    let formerly = Formerly {
        name: (before != outgoing).then(|| before.into()),
        unit: unit_formerly(namespace, name, unit).map(Into::into),
    };
    let spec = MetricSpec {
        cloud: Cloud::Aws,
        namespace: Arc::clone(namespace),
        name: outgoing.into(),
        cloud_name: Arc::clone(name),
        statistic: Some(Arc::clone(statistic)),
        unit: unit.into(),
        kind: kind(namespace, statistic),
        description: format!("{namespace} {name}, {statistic} of the period").into(),
    };
    Metric::renamed(spec, &formerly)
}

/// `aws.ec2.cpu_utilization.average`; a custom namespace stands whole where AWS's have their service.
fn outgoing_name(snake: fn(&str) -> String, namespace: &str, name: &str, statistic: &str) -> String {
    let service = namespace.strip_prefix("AWS/").unwrap_or(namespace);
    format!("aws.{}.{}.{}", snake(service), snake(name), snake(statistic))
}

/// Sum and `SampleCount` are per period, so delta sums; every other statistic is a gauge. A sum in AWS's own namespaces
/// adds up sizes and counts, which do not fall; anybody may put negative values into a custom one.
fn kind(namespace: &str, statistic: &str) -> Kind {
    let delta = |monotonic| Kind::Sum {
        temporality: Temporality::Delta,
        monotonic,
    };
    match statistic {
        "Sum" => delta(namespace.starts_with("AWS/")),
        "SampleCount" => delta(true),
        _ => Kind::Gauge,
    }
}

/// UCUM, or empty when we do not know.
fn unit(namespace: &str, name: &str, statistic: &str) -> &'static str {
    if statistic == "SampleCount" {
        return "{sample}";
    }
    if !namespace.starts_with("AWS/") {
        return "";
    }
    let exact = EXACT
        .iter()
        .find(|(n, m, _)| (n.is_empty() || *n == namespace) && *m == name);
    let suffix = || {
        SUFFIXES
            .iter()
            .find(|(end, _)| name.ends_with(end))
            .map(|(_, unit)| *unit)
    };
    exact.map(|(_, _, unit)| *unit).or_else(suffix).unwrap_or("")
}

/// What files of format 4 and older have, where it is another unit: counts and flags were ratios there.
fn unit_formerly(namespace: &str, name: &str, unit: &str) -> Option<&'static str> {
    let flag = namespace == "AWS/EC2" && unit == "{check}" && name.starts_with("StatusCheckFailed");
    (flag || unit == "{count}").then_some("1")
}

/// `cloud.platform` of the semantic conventions for what a namespace is about.
pub(crate) fn platform(namespace: &str) -> Option<&'static str> {
    match namespace {
        "AWS/EC2" => Some("aws_ec2"),
        "AWS/Lambda" => Some("aws_lambda"),
        "AWS/ECS" => Some("aws_ecs"),
        "AWS/ElasticBeanstalk" => Some("aws_elastic_beanstalk"),
        _ => None,
    }
}

/// The namespaces that units are known of.
pub(crate) fn namespaces() -> impl Iterator<Item = &'static str> {
    EXACT
        .iter()
        .map(|(namespace, _, _)| *namespace)
        .filter(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (namespace, name, statistic, wanted) in [
            (
                "AWS/EC2",
                "CPUUtilization",
                "Average",
                "aws.ec2.cpu_utilization.average",
            ),
            (
                "AWS/ApplicationELB",
                "RequestCount",
                "Sum",
                "aws.application_elb.request_count.sum",
            ),
            ("AWS/Lambda", "Duration", "p99.9", "aws.lambda.duration.p99_9"),
            (
                "AWS/RDS",
                "ReadIOPS",
                "SampleCount",
                "aws.rds.read_iops.sample_count",
            ),
            ("Shop/Orders", "Late", "Maximum", "aws.shop_orders.late.maximum"),
        ] {
            assert_eq!(outgoing_name(snake, namespace, name, statistic), wanted);
        }
    }

    #[test]
    fn kinds() {
        let delta = |monotonic| Kind::Sum {
            temporality: Temporality::Delta,
            monotonic,
        };
        for (namespace, statistic, wanted) in [
            ("AWS/EC2", "Sum", delta(true)),
            ("Shop", "Sum", delta(false)),
            ("Shop", "SampleCount", delta(true)),
            ("AWS/EC2", "Average", Kind::Gauge),
            ("AWS/EC2", "p99", Kind::Gauge),
        ] {
            assert_eq!(kind(namespace, statistic), wanted, "{namespace} {statistic}");
        }
    }

    #[test]
    fn units_are_known_or_absent() {
        for (namespace, name, statistic, wanted) in [
            ("AWS/EC2", "CPUUtilization", "Average", "%"),
            ("AWS/EC2", "CPUUtilization", "SampleCount", "{sample}"),
            ("AWS/EC2", "NetworkIn", "Sum", "By"),
            ("AWS/EC2", "EBSReadBytes", "Sum", "By"),
            ("AWS/EC2", "StatusCheckFailed", "Sum", "{check}"),
            ("AWS/EC2", "StatusCheckFailed", "SampleCount", "{sample}"),
            (
                "AWS/ApplicationELB",
                "HTTPCode_Target_5XX_Count",
                "Sum",
                "{count}",
            ),
            (
                "AWS/ApplicationELB",
                "HTTPCode_Target_5XX_Count",
                "Average",
                "{count}",
            ),
            (
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "Average",
                "{message}",
            ),
            ("AWS/Neptune", "GremlinHttp1xx", "Sum", ""),
            ("AWS/RDS", "ReadLatency", "p99", "s"),
            ("AWS/RDS", "ReadIOPS", "Average", "{operation}/s"),
            ("AWS/ApiGateway", "Latency", "Average", "ms"),
            ("Shop", "CartBytes", "Sum", ""),
        ] {
            assert_eq!(unit(namespace, name, statistic), wanted, "{namespace} {name}");
        }
    }

    /// Back ends with Prometheus' rules call a gauge in `1` a ratio.
    #[test]
    fn no_count_and_no_flag_is_a_ratio() {
        let units = EXACT.iter().map(|(_, _, unit)| *unit);
        assert!(
            units
                .chain(SUFFIXES.iter().map(|(_, unit)| *unit))
                .all(|unit| unit != "1")
        );
        for (namespace, name, formerly) in [
            ("AWS/EC2", "StatusCheckFailed_System", Some("1")),
            ("AWS/ApplicationELB", "HealthyHostCount", None),
            ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", Some("1")),
            ("AWS/EC2", "CPUUtilization", None),
        ] {
            let unit = unit(namespace, name, "Sum");
            assert_eq!(unit_formerly(namespace, name, unit), formerly, "{name}");
        }
    }
}
