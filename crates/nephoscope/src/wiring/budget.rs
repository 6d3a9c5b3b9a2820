//! What an account and its entries may cost a day, as the gate wants it.

use super::Configured;
use config_file::Pattern;
use gate::{BudgetLimits, EntryLimit};
use std::collections::HashMap;
use std::time::Duration;

/// An entry: what it is about, what tells it from another about the same, and its limit.
type Entry = (String, String, Option<f64>);

/// The limits of an account; an entry is known by what it asks for, so that adding or moving another one moves nothing.
pub(super) fn limits(account: &Configured) -> BudgetLimits {
    let (usd, entries): (_, Vec<Entry>) = match account {
        Configured::Aws(aws) => {
            let entry = |e: &config_file::AwsMetrics| (e.namespace.clone(), joined(&e.names), e.usd_per_day);
            (aws.usd_per_day, aws.metrics.iter().map(entry).collect())
        }
        Configured::Azure(azure) => {
            let entry =
                |e: &config_file::AzureMetrics| (e.resource_type.clone(), joined(&e.names), e.usd_per_day);
            (azure.usd_per_day, azure.metrics.iter().map(entry).collect())
        }
        Configured::Gcp(gcp) => {
            let entry = |e: &config_file::GcpMetrics| {
                let filter = e.filter.clone().unwrap_or_default();
                (joined(&e.types), filter, e.usd_per_day)
            };
            (gcp.usd_per_day, gcp.metrics.iter().map(entry).collect())
        }
    };
    BudgetLimits {
        account: usd.map(nanos),
        entries: named(entries),
    }
}

fn named(entries: Vec<Entry>) -> Vec<EntryLimit> {
    let mut alike: HashMap<String, usize> = HashMap::new();
    for (about, _, _) in &entries {
        *alike.entry(about.clone()).or_default() += 1;
    }
    let mut taken: HashMap<String, usize> = HashMap::new();
    let entry = |(about, filter, usd): Entry| {
        let several = alike.get(&about).is_some_and(|n| *n > 1);
        let mut name = if several && !filter.is_empty() {
            format!("{about} {filter}")
        } else {
            about
        };
        let times = taken.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
        if *times > 1 {
            name = format!("{name} #{times}");
        }
        EntryLimit {
            name: name.into(),
            usd_nanos: usd.map(nanos),
        }
    };
    entries.into_iter().map(entry).collect()
}

fn joined(types: &[Pattern]) -> String {
    let texts: Vec<&str> = types.iter().map(Pattern::as_str).collect();
    texts.join(", ")
}

/// Billionths of a dollar; what is too much to count is no limit that could be reached.
fn nanos(usd: f64) -> u64 {
    let span = Duration::try_from_secs_f64(usd).unwrap_or(Duration::MAX);
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_file_in_its_order() {
        let file = "listen: 127.0.0.1:0\nstate: { dir: /tmp/x }\ndefaults: { budget: { usd_per_day: 20 } }\n\
                    destinations: [{ name: d, prometheus: {} }]\naws:\n  - name: a\n    regions: [eu-west-1]\n    metrics:\n\
                    \x20     - { namespace: AWS/EC2, budget: { usd_per_day: 0.5 } }\n      - { namespace: AWS/SQS }\n\
                    \x20     - { namespace: AWS/EC2, names: [Network*] }\n      - { namespace: AWS/EC2 }\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nephoscope.yaml");
        std::fs::write(&path, file).unwrap();
        let config = config_file::load(&path, &config_file::System).unwrap();
        let limits = limits(&Configured::all(&config)[0]);
        assert_eq!(limits.account, Some(20_000_000_000));
        let entries: Vec<_> = limits.entries.iter().map(|e| (&*e.name, e.usd_nanos)).collect();
        assert_eq!(
            entries,
            [
                ("AWS/EC2", Some(500_000_000)),
                ("AWS/SQS", None),
                ("AWS/EC2 Network*", None),
                ("AWS/EC2 #2", None)
            ]
        );
        assert_eq!(nanos(f64::INFINITY), u64::MAX);
    }
}
