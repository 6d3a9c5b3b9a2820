//! What an account and its entries may cost a day, as the gate wants it.

use super::Configured;
use config_file::Pattern;
use gate::{BudgetLimits, EntryLimit};
use std::collections::HashMap;
use std::time::Duration;

/// The limits of an account; an entry is known by what it asks for, so that adding another one moves nothing.
pub(super) fn limits(account: &Configured) -> BudgetLimits {
    let (usd, entries): (_, Vec<(String, Option<f64>)>) = match account {
        Configured::Aws(aws) => {
            let entry = |e: &config_file::AwsMetrics| (e.namespace.clone(), e.usd_per_day);
            (aws.usd_per_day, aws.metrics.iter().map(entry).collect())
        }
        Configured::Azure(azure) => {
            let entry = |e: &config_file::AzureMetrics| (e.resource_type.clone(), e.usd_per_day);
            (azure.usd_per_day, azure.metrics.iter().map(entry).collect())
        }
        Configured::Gcp(gcp) => {
            let entry = |e: &config_file::GcpMetrics| (joined(&e.types), e.usd_per_day);
            (gcp.usd_per_day, gcp.metrics.iter().map(entry).collect())
        }
    };
    let mut named: HashMap<String, usize> = HashMap::new();
    let entry = |(name, usd): (String, Option<f64>)| {
        let times = named.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
        let name = if *times == 1 {
            name
        } else {
            format!("{name} #{times}")
        };
        EntryLimit {
            name: name.into(),
            usd_nanos: usd.map(nanos),
        }
    };
    BudgetLimits {
        account: usd.map(nanos),
        entries: entries.into_iter().map(entry).collect(),
    }
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
                    \x20     - { namespace: AWS/EC2, names: [Network*] }\n";
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
                ("AWS/EC2 #2", None)
            ]
        );
        assert_eq!(nanos(f64::INFINITY), u64::MAX);
    }
}
