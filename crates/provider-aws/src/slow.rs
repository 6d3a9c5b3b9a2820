//! Metrics that AWS publishes hours or days apart: what they are polled by when the configuration does not say.
//!
//! A query of the finest period finds none of their points, and `RecentlyActive` (three hours) does not list them.

use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Such a metric may come a day late, and its newest point is often that of the day before yesterday: so many periods are
/// looked back over.
const PERIODS_BACK: u32 = 3;

/// Metrics of one namespace that are published rarely.
#[derive(Debug)]
struct Slow {
    namespace: &'static str,
    /// None = all of the namespace.
    names: &'static [&'static str],
    period: Duration,
}

const SLOW: &[Slow] = &[
    // Amazon S3 User Guide, "Metrics and dimensions": storage metrics are reported once per day.
    Slow {
        namespace: "AWS/S3",
        names: &["BucketSizeBytes", "NumberOfObjects"],
        period: DAY,
    },
    // Amazon S3 User Guide, "Monitor S3 Storage Lens metrics in CloudWatch": daily metrics, once per day.
    Slow {
        namespace: "AWS/S3/Storage-Lens",
        names: &[],
        period: DAY,
    },
    // CloudWatch User Guide, "Create a billing alarm": calculated several times daily; its example alarm has six hours.
    Slow {
        namespace: "AWS/Billing",
        names: &[],
        period: HOUR.saturating_mul(6),
    },
    // AWS Certificate Manager User Guide, "Supported CloudWatch metrics": published twice per day for every certificate.
    Slow {
        namespace: "AWS/CertificateManager",
        names: &["DaysToExpiry"],
        period: HOUR.saturating_mul(12),
    },
];

/// Distance of two points of a metric that is published rarely; nothing for all others.
pub(crate) fn period(namespace: &str, name: &str) -> Option<Duration> {
    rows(namespace)
        .find(|s| s.names.is_empty() || s.names.contains(&name))
        .map(|s| s.period)
}

/// The periods of a namespace's rare metrics, for names that fit.
pub(crate) fn periods(namespace: &str, fits: impl Fn(&str) -> bool) -> Vec<Duration> {
    rows(namespace)
        .filter(|s| s.names.is_empty() || s.names.iter().any(|name| fits(name)))
        .map(|s| s.period)
        .collect()
}

/// How far back such a metric is looked for.
pub(crate) fn reach(period: Duration) -> Duration {
    period.saturating_mul(PERIODS_BACK)
}

/// The namespaces of the table.
pub(crate) fn namespaces() -> impl Iterator<Item = &'static str> {
    SLOW.iter().map(|s| s.namespace)
}

/// A length of time as the configuration has it.
pub(crate) fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units
        .iter()
        .find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    unit.map_or_else(
        || format!("{seconds}s"),
        |(length, unit)| format!("{}{unit}", seconds / length),
    )
}

fn rows(namespace: &str) -> impl Iterator<Item = &'static Slow> {
    SLOW.iter().filter(move |s| s.namespace == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_rare_is() {
        for (namespace, name, wanted) in [
            ("AWS/S3", "BucketSizeBytes", Some(DAY)),
            ("AWS/S3", "NumberOfObjects", Some(DAY)),
            ("AWS/S3", "AllRequests", None),
            ("AWS/S3/Storage-Lens", "StorageBytes", Some(DAY)),
            ("AWS/Billing", "EstimatedCharges", Some(HOUR * 6)),
            ("AWS/CertificateManager", "DaysToExpiry", Some(HOUR * 12)),
            ("AWS/EC2", "CPUUtilization", None),
        ] {
            assert_eq!(period(namespace, name), wanted, "{namespace} {name}");
        }
        let words = [DAY, HOUR * 6, Duration::from_secs(90), Duration::from_secs(120)].map(in_words);
        assert_eq!(words, ["1d", "6h", "90s", "2m"]);
        assert_eq!(periods("AWS/S3", |n| n.starts_with("Bucket")), [DAY]);
        assert!(periods("AWS/S3", |n| n.ends_with("Requests")).is_empty());
    }
}
