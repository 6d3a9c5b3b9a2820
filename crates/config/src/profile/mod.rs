//! What a kind of back end wants of a destination: `for: prometheus` sets what a page of its documentation would have the
//! operator set, and each of these settings can be written to override it.
//!
//! The facts stand in [`table`], one row for each kind with the page they come from; this file says what can be asked of
//! a row. Which kind a URL looks like is `recognise`'s.

mod recognise;
mod table;

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Destination, DestinationKind};
use crate::written::destination::{Deltas, Order, Protocol};

/// The kinds of back ends that are known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Prometheus with its OTLP receiver (`--web.enable-otlp-receiver`).
    Prometheus,
    /// Grafana Mimir.
    Mimir,
    /// Grafana Cloud's OTLP gateway.
    GrafanaCloud,
    /// `VictoriaMetrics`, single node or cluster.
    Victoriametrics,
    /// Datadog's OTLP intake.
    Datadog,
    /// New Relic.
    NewRelic,
    /// Honeycomb.
    Honeycomb,
    /// Dynatrace.
    Dynatrace,
    /// An OpenTelemetry Collector, or what speaks like one.
    Collector,
}

/// What a kind of back end wants, and what it cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// As `for:` has it.
    pub word: &'static str,
    /// As people write it.
    pub name: &'static str,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Whether it takes gRPC at all.
    pub grpc: bool,
    /// Whether it takes zstd, or does not say that it does not.
    pub zstd: bool,
    /// Where it takes metrics by HTTP, below the endpoint.
    pub path: &'static str,
    /// What to make of delta sums for it.
    pub deltas: Deltas,
    /// Whether it refuses what is older than what it has.
    pub order: Order,
    /// Resource attributes that must be copied onto points, since it does not tell series apart by a resource.
    pub promote: &'static [&'static str],
    /// The header that it authenticates by, as it is written below `headers`.
    pub credentials: &'static str,
    /// The documentation that says so.
    pub source: &'static str,
}

impl Profile {
    /// Every kind, in the order of the reference.
    pub const ALL: [Self; 9] = [
        Self::Prometheus,
        Self::Mimir,
        Self::GrafanaCloud,
        Self::Victoriametrics,
        Self::Datadog,
        Self::NewRelic,
        Self::Honeycomb,
        Self::Dynatrace,
        Self::Collector,
    ];

    /// What this kind wants.
    pub fn habits(self) -> &'static Habits {
        match self {
            Self::Prometheus => &table::PROMETHEUS,
            Self::Mimir => &table::MIMIR,
            Self::GrafanaCloud => &table::GRAFANA_CLOUD,
            Self::Victoriametrics => &table::VICTORIAMETRICS,
            Self::Datadog => &table::DATADOG,
            Self::NewRelic => &table::NEW_RELIC,
            Self::Honeycomb => &table::HONEYCOMB,
            Self::Dynatrace => &table::DYNATRACE,
            Self::Collector => &table::COLLECTOR,
        }
    }

    /// The keys that `for` would set otherwise than they are, where it matters: what the kind takes both ways is left out.
    pub fn would_set(self, destination: &Destination) -> Vec<&'static str> {
        let habits = self.habits();
        let DestinationKind::Otlp(otlp) = &destination.kind else {
            return vec![];
        };
        let promotes = |name: &&str| {
            destination
                .promote
                .iter()
                .any(|pattern| pattern.as_str() == *name)
        };
        [
            ("protocol", otlp.protocol == Protocol::Grpc && !habits.grpc),
            (
                "deltas",
                destination.deltas == Deltas::Keep && habits.deltas != Deltas::Keep,
            ),
            (
                "promote",
                destination.promote.is_empty() && !habits.promote.iter().all(promotes),
            ),
            (
                "order",
                destination.order == Order::AsPolled && habits.order != Order::AsPolled,
            ),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }

    /// The kind that an endpoint looks like, if it looks like one.
    pub fn of_endpoint(endpoint: &str) -> Option<Self> {
        recognise::of_endpoint(endpoint)
    }
}

impl fmt::Display for Profile {
    /// The word that stands behind `for:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.habits().word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_by_its_word_and_says_where_its_facts_come_from() {
        for profile in Profile::ALL {
            let habits = profile.habits();
            assert_eq!(serde_yaml_word(habits.word), Some(profile), "{profile}");
            assert!(habits.source.starts_with("https://"), "{profile}");
            assert!(
                habits.path.starts_with('/') && habits.path.ends_with("/v1/metrics"),
                "{profile}"
            );
            assert!(habits.grpc || habits.protocol == Protocol::Http, "{profile}");
        }
    }

    fn serde_yaml_word(word: &str) -> Option<Profile> {
        use serde::de::IntoDeserializer;
        let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
        Profile::deserialize(word).ok()
    }
}
