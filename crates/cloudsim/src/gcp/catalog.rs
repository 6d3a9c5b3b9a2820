//! The metric types this simulated Google Cloud knows, as tables. What a type is called, how it counts, where its
//! points lie on the clock and which labels it has are said here; values are made in `values.rs`, and which
//! resources exist in `resources.rs`.

use super::resources::Family;

/// `metricKind` of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A reading at one moment.
    Gauge,
    /// What happened between start and end.
    Delta,
    /// What happened since a start that stays the same until a reset.
    Cumulative,
}

/// `valueType` of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `boolValue`.
    Bool,
    /// `int64Value`, a string on the wire.
    Int64,
    /// `doubleValue`.
    Double,
    /// `stringValue`.
    String,
    /// `distributionValue`.
    Distribution,
}

/// How a distribution lays its buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// `b_i = offset + width * i`, `i = 0..=finite`.
    Linear {
        /// Number of finite buckets.
        finite: u16,
        /// Width of each.
        width: f64,
        /// Lower bound of the first.
        offset: f64,
    },
    /// `b_i = scale * growth^i`, `i = 0..=finite`.
    Exponential {
        /// Number of finite buckets.
        finite: u16,
        /// Ratio of two neighbouring bounds.
        growth: f64,
        /// Lower bound of the first.
        scale: f64,
    },
    /// Bounds as given.
    Explicit(&'static [f64]),
}

impl Layout {
    /// Every bound, rising. There is one bucket more than bounds.
    pub fn bounds(self) -> Vec<f64> {
        match self {
            Self::Linear {
                finite,
                width,
                offset,
            } => (0..=finite).map(|i| offset + width * f64::from(i)).collect(),
            Self::Exponential {
                finite,
                growth,
                scale,
            } => (0..=finite).map(|i| scale * growth.powi(i32::from(i))).collect(),
            Self::Explicit(bounds) => bounds.to_vec(),
        }
    }
}

/// How the values of a type behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Between 0 and this.
    Level(f64),
    /// Seconds since the instance started, which it does every ten days.
    Uptime,
    /// Mostly true.
    Flag,
    /// One word of a few.
    Words(&'static [&'static str]),
    /// Measurements spread over a layout: at most this many a period, in multiples of the unit value.
    Spread { layout: Layout, most: u32, unit: f64 },
}

/// A label of a metric type and the values it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) key: &'static str,
    pub(crate) values: &'static [&'static str],
}

/// One metric type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetricDef {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) value: ValueType,
    pub(crate) unit: &'static str,
    pub(crate) family: Family,
    pub(crate) labels: &'static [Label],
    pub(crate) shape: Shape,
    /// Distance of two points, and what the descriptor calls `samplePeriod`.
    pub(crate) period_s: u32,
    /// Where in the period a point lies.
    pub(crate) phase_ms: u32,
    /// `ingestDelay`; 0 leaves `metadata` out of the descriptor, as custom metrics do.
    pub(crate) ingest_s: u32,
}

use Kind::{Cumulative, Delta, Gauge};
use Shape::{Flag, Level, Spread, Uptime, Words};
use ValueType::{Bool, Distribution, Double, Int64, String};

const fn on_the_minute(
    name: &'static str,
    (kind, value, unit): (Kind, ValueType, &'static str),
    family: Family,
    labels: &'static [Label],
    shape: Shape,
    ingest_s: u32,
) -> MetricDef {
    MetricDef {
        name,
        kind,
        value,
        unit,
        family,
        labels,
        shape,
        period_s: 60,
        phase_ms: 0,
        ingest_s,
    }
}

/// A custom metric: off the minute, several points in one, and no metadata.
const fn custom(
    name: &'static str,
    (kind, value, unit): (Kind, ValueType, &'static str),
    labels: &'static [Label],
    shape: Shape,
    period_s: u32,
) -> MetricDef {
    MetricDef {
        name,
        kind,
        value,
        unit,
        family: Family::Task,
        labels,
        shape,
        period_s,
        phase_ms: 17_250,
        ingest_s: 0,
    }
}

const LB: &[Label] = &[Label {
    key: "loadbalanced",
    values: &["true", "false"],
}];
const DEVICE: &[Label] = &[Label {
    key: "device_name",
    values: &["persistent-disk-0"],
}];
const RESPONSE: &[Label] = &[
    Label {
        key: "response_code",
        values: &["200", "404", "503"],
    },
    Label {
        key: "response_code_class",
        values: &["200"],
    },
];
const DELIVERY: &[Label] = &[Label {
    key: "delivery_type",
    values: &["push", "pull"],
}];
const CODE: &[Label] = &[Label {
    key: "response_code",
    values: &["success", "deadline_exceeded"],
}];
const QUEUE: &[Label] = &[Label {
    key: "queue",
    values: &["orders", "mails \"quoted\""],
}];
const LATENCIES: Layout = Layout::Exponential {
    finite: 66,
    growth: 1.4,
    scale: 1.0,
};
const PUSH: Layout = Layout::Exponential {
    finite: 29,
    growth: 2.0,
    scale: 1e-6,
};
const SIZES: Layout = Layout::Linear {
    finite: 20,
    width: 50.0,
    offset: 0.0,
};
const BATCHES: Layout = Layout::Explicit(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);

/// Every metric type, in the order in which descriptors are listed.
#[rustfmt::skip] // a table: one type, one line
pub(crate) const CATALOGUE: &[MetricDef] = &[
    on_the_minute("cloudsql.googleapis.com/database/cpu/utilization", (Gauge, Double, "10^2.%"), Family::Sql, &[], Level(1.0), 210),
    on_the_minute("cloudsql.googleapis.com/database/disk/bytes_used", (Gauge, Int64, "By"), Family::Sql, &[], Level(2e11), 210),
    on_the_minute("cloudsql.googleapis.com/database/instance_state", (Gauge, String, ""), Family::Sql, &[], Words(&["RUNNING", "RUNNABLE", "MAINTENANCE"]), 210),
    on_the_minute("cloudsql.googleapis.com/database/memory/usage", (Gauge, Int64, "By"), Family::Sql, &[], Level(6.4e10), 210),
    on_the_minute("cloudsql.googleapis.com/database/network/connections", (Gauge, Int64, "1"), Family::Sql, &[], Level(400.0), 210),
    on_the_minute("cloudsql.googleapis.com/database/up", (Gauge, Bool, ""), Family::Sql, &[], Flag, 210),
    on_the_minute("compute.googleapis.com/instance/cpu/reserved_cores", (Gauge, Double, "1"), Family::Vm, &[], Level(16.0), 240),
    on_the_minute("compute.googleapis.com/instance/cpu/usage_time", (Delta, Double, "s{CPU}"), Family::Vm, &[], Level(60.0), 240),
    on_the_minute("compute.googleapis.com/instance/cpu/utilization", (Gauge, Double, "10^2.%"), Family::Vm, &[], Level(1.0), 240),
    on_the_minute("compute.googleapis.com/instance/disk/read_bytes_count", (Delta, Int64, "By"), Family::Vm, DEVICE, Level(5e8), 240),
    on_the_minute("compute.googleapis.com/instance/disk/read_ops_count", (Delta, Int64, "1"), Family::Vm, DEVICE, Level(9e3), 240),
    on_the_minute("compute.googleapis.com/instance/disk/write_bytes_count", (Delta, Int64, "By"), Family::Vm, DEVICE, Level(8e8), 240),
    on_the_minute("compute.googleapis.com/instance/disk/write_ops_count", (Delta, Int64, "1"), Family::Vm, DEVICE, Level(1.2e4), 240),
    on_the_minute("compute.googleapis.com/instance/network/received_bytes_count", (Delta, Int64, "By"), Family::Vm, LB, Level(7e8), 240),
    on_the_minute("compute.googleapis.com/instance/network/received_packets_count", (Delta, Int64, "{packet}"), Family::Vm, LB, Level(6e5), 240),
    on_the_minute("compute.googleapis.com/instance/network/sent_bytes_count", (Delta, Int64, "By"), Family::Vm, LB, Level(9e8), 240),
    on_the_minute("compute.googleapis.com/instance/network/sent_packets_count", (Delta, Int64, "{packet}"), Family::Vm, LB, Level(7e5), 240),
    on_the_minute("compute.googleapis.com/instance/uptime_total", (Gauge, Int64, "s"), Family::Vm, &[], Uptime, 240),
    custom("custom.googleapis.com/shop/batch_seconds", (Cumulative, Distribution, "s"), QUEUE, Spread { layout: BATCHES, most: 9, unit: 0.004, }, 60),
    custom("custom.googleapis.com/shop/cpu_seconds", (Cumulative, Double, "s"), &[], Level(58.0), 60),
    custom("custom.googleapis.com/shop/message_size", (Gauge, Distribution, "By"), QUEUE, Spread { layout: SIZES, most: 30, unit: 60.0, }, 60),
    custom("custom.googleapis.com/shop/orders_total", (Cumulative, Int64, "1"), QUEUE, Level(90.0), 60),
    custom("custom.googleapis.com/shop/queue_depth", (Gauge, Double, "1"), QUEUE, Level(500.0), 20),
    custom("custom.googleapis.com/shop/temperature", (Gauge, Double, ""), &[], Level(80.0), 30),
    on_the_minute("loadbalancing.googleapis.com/https/backend_latencies", (Delta, Distribution, "ms"), Family::Lb, RESPONSE, Spread { layout: LATENCIES, most: 40, unit: 12.0, }, 180),
    on_the_minute("loadbalancing.googleapis.com/https/request_bytes_count", (Delta, Int64, "By"), Family::Lb, RESPONSE, Level(4e7), 180),
    on_the_minute("loadbalancing.googleapis.com/https/request_count", (Delta, Int64, "1"), Family::Lb, RESPONSE, Level(3e4), 180),
    on_the_minute("loadbalancing.googleapis.com/https/total_latencies", (Delta, Distribution, "ms"), Family::Lb, RESPONSE, Spread { layout: LATENCIES, most: 40, unit: 20.0, }, 180),
    on_the_minute("pubsub.googleapis.com/subscription/ack_message_count", (Delta, Int64, "1"), Family::Subscription, DELIVERY, Level(7e3), 60),
    on_the_minute("pubsub.googleapis.com/subscription/num_undelivered_messages", (Gauge, Int64, "1"), Family::Subscription, &[], Level(1e5), 120),
    on_the_minute("pubsub.googleapis.com/subscription/oldest_unacked_message_age", (Gauge, Int64, "s"), Family::Subscription, &[], Level(600.0), 120),
    on_the_minute("pubsub.googleapis.com/subscription/push_request_latencies", (Delta, Distribution, "us"), Family::Subscription, CODE, Spread { layout: PUSH, most: 25, unit: 40.0, }, 120),
];

/// The definition of a type, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static MetricDef> {
    CATALOGUE.iter().find(|def| def.name == name)
}

/// How many series one virtual machine has over all compute types.
pub(crate) fn series_per_vm() -> u64 {
    CATALOGUE
        .iter()
        .filter(|def| def.family == Family::Vm)
        .map(|def| {
            def.labels
                .iter()
                .map(|label| label.values.iter().map(|_| 1_u64).sum::<u64>())
                .product::<u64>()
        })
        .sum()
}

impl Kind {
    /// Name and number on the wire.
    pub(crate) const fn wire(self) -> (&'static str, u8) {
        match self {
            Self::Gauge => ("GAUGE", 1),
            Self::Delta => ("DELTA", 2),
            Self::Cumulative => ("CUMULATIVE", 3),
        }
    }
}

impl ValueType {
    /// Name and number on the wire.
    pub(crate) const fn wire(self) -> (&'static str, u8) {
        match self {
            Self::Bool => ("BOOL", 1),
            Self::Int64 => ("INT64", 2),
            Self::Double => ("DOUBLE", 3),
            Self::String => ("STRING", 4),
            Self::Distribution => ("DISTRIBUTION", 5),
        }
    }
}
