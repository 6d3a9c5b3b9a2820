//! The metrics of each simulated resource type, as a table: names, units, dimensions and the shape of the numbers.
//! Which resources exist is `catalog.rs`; what number a series has at a time is `data.rs`.
//! Names and units follow the definitions that Azure answers with and Microsoft's supported-metrics pages.

/// Seconds in one minute: the finest grain of Azure Monitor.
pub(super) const MINUTE_S: i64 = 60;
/// Seconds in one hour: the finest grain of storage capacity metrics.
pub(super) const HOUR_S: i64 = 3_600;

/// One dimension of a metric, with every value it takes.
#[derive(Debug)]
pub(super) struct DimensionSpec {
    /// The name that a filter takes.
    pub(super) name: &'static str,
    /// Every value.
    pub(super) values: &'static [&'static str],
}

/// How the numbers of a metric behave within its finest bucket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A level between two bounds, sampled several times in a bucket.
    Gauge {
        /// Lowest average.
        low: f64,
        /// Highest average.
        high: f64,
    },
    /// Whole things that are counted; at most this many in one finest bucket and one dimension combination.
    Counter {
        /// Largest total.
        ceiling: f64,
    },
}

/// One metric of a resource type.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricSpec {
    /// The name to ask for.
    pub(super) name: &'static str,
    /// Azure's unit word.
    pub(super) unit: &'static str,
    /// Azure's primary aggregation word.
    pub(super) primary: &'static str,
    /// Dimensions, possibly none.
    pub(super) dimensions: &'static [DimensionSpec],
    /// Finest grain, seconds.
    pub(super) finest_s: i64,
    /// What the numbers look like.
    pub(super) shape: Shape,
}

/// One resource type, which is also its metric namespace.
#[derive(Debug)]
pub(super) struct TypeSpec {
    /// `Microsoft.Compute/virtualMachines` and so on, in ARM's spelling.
    pub(super) name: &'static str,
    /// Its metrics.
    pub(super) metrics: &'static [MetricSpec],
    /// False for storage's sub-services, which no list shows.
    pub(super) listed: bool,
}

impl TypeSpec {
    /// The metric of this name, any case.
    pub(super) fn metric(&self, name: &str) -> Option<&'static MetricSpec> {
        self.metrics
            .iter()
            .find(|metric| metric.name.eq_ignore_ascii_case(name))
    }

    /// The type of this name, any case.
    pub(super) fn find(name: &str) -> Option<&'static TypeSpec> {
        TYPES.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
    }
}

const fn gauge(name: &'static str, unit: &'static str, low: f64, high: f64) -> MetricSpec {
    MetricSpec {
        name,
        unit,
        primary: "Average",
        dimensions: &[],
        finest_s: MINUTE_S,
        shape: Shape::Gauge { low, high },
    }
}

const fn counter(name: &'static str, unit: &'static str, ceiling: f64) -> MetricSpec {
    MetricSpec {
        name,
        unit,
        primary: "Total",
        dimensions: &[],
        finest_s: MINUTE_S,
        shape: Shape::Counter { ceiling },
    }
}

const fn hourly(metric: MetricSpec) -> MetricSpec {
    MetricSpec {
        finest_s: HOUR_S,
        ..metric
    }
}

const fn maximum(metric: MetricSpec) -> MetricSpec {
    MetricSpec {
        primary: "Maximum",
        ..metric
    }
}

const fn split(metric: MetricSpec, dimensions: &'static [DimensionSpec]) -> MetricSpec {
    MetricSpec { dimensions, ..metric }
}

const LUN: &[DimensionSpec] = &[DimensionSpec {
    name: "LUN",
    values: &["0", "1"],
}];
const SSL: &[DimensionSpec] = &[DimensionSpec {
    name: "SslProtocol",
    values: &["1.2", "1.3"],
}];
const API: &[DimensionSpec] = &[
    DimensionSpec {
        name: "ResponseType",
        values: &["Success", "ClientOtherError", "ServerBusyError"],
    },
    DimensionSpec {
        name: "ApiName",
        values: &["GetBlob", "PutBlob", "ListBlobs", "GetBlobProperties"],
    },
];
const TIER: &[DimensionSpec] = &[
    DimensionSpec {
        name: "BlobType",
        values: &["BlockBlob", "PageBlob"],
    },
    DimensionSpec {
        name: "Tier",
        values: &["Hot", "Cool", "Archive"],
    },
];
const DIRECTION: &[DimensionSpec] = &[DimensionSpec {
    name: "Direction",
    values: &["In", "Out"],
}];
const STATUS: &[DimensionSpec] = &[DimensionSpec {
    name: "HttpStatusGroup",
    values: &["2xx", "3xx", "4xx", "5xx"],
}];
const SHARD: &[DimensionSpec] = &[DimensionSpec {
    name: "ShardId",
    values: &["0", "1"],
}];
const INSTANCE: &[DimensionSpec] = &[DimensionSpec {
    name: "Instance",
    values: &["RD0001", "RD0002"],
}];

const GIB: f64 = 1_073_741_824.0;
const TRANSACTIONS: MetricSpec = split(counter("Transactions", "Count", 500.0), API);

/// Metrics of one virtual machine; their number sets how many machines `World::series` asks for.
pub(super) const VM_METRICS: &[MetricSpec] = &[
    gauge("Percentage CPU", "Percent", 1.0, 95.0),
    counter("Network In Total", "Bytes", 40_000_000.0),
    counter("Network Out Total", "Bytes", 25_000_000.0),
    counter("Disk Read Bytes", "Bytes", 9_000_000.0),
    counter("Disk Write Bytes", "Bytes", 12_000_000.0),
    gauge("Disk Read Operations/Sec", "CountPerSecond", 0.0, 240.0),
    gauge("Available Memory Bytes", "Bytes", GIB, 12.0 * GIB),
    split(
        gauge("Data Disk Read Bytes/sec", "BytesPerSecond", 0.0, 5_000_000.0),
        LUN,
    ),
];

/// Every type the simulator knows.
pub(super) static TYPES: &[TypeSpec] = &[
    TypeSpec {
        name: "Microsoft.Compute/virtualMachines",
        listed: true,
        metrics: VM_METRICS,
    },
    TypeSpec {
        name: "Microsoft.Sql/servers/databases",
        listed: true,
        metrics: &[
            gauge("cpu_percent", "Percent", 0.0, 90.0),
            gauge("dtu_consumption_percent", "Percent", 0.0, 80.0),
            maximum(gauge("storage", "Bytes", GIB, 40.0 * GIB)),
            split(counter("connection_successful", "Count", 90.0), SSL),
            counter("deadlock", "Count", 3.0),
        ],
    },
    TypeSpec {
        name: "Microsoft.Storage/storageAccounts",
        listed: true,
        metrics: &[
            hourly(gauge("UsedCapacity", "Bytes", GIB, 90.0 * GIB)),
            TRANSACTIONS,
            split(counter("Ingress", "Bytes", 800_000.0), API),
            split(counter("Egress", "Bytes", 900_000.0), API),
            gauge("Availability", "Percent", 99.0, 100.0),
            gauge("SuccessServerLatency", "MilliSeconds", 2.0, 60.0),
        ],
    },
    TypeSpec {
        name: "Microsoft.Storage/storageAccounts/blobServices",
        listed: false,
        metrics: &[
            hourly(split(gauge("BlobCapacity", "Bytes", GIB, 60.0 * GIB), TIER)),
            hourly(split(gauge("BlobCount", "Count", 10.0, 90_000.0), TIER)),
            TRANSACTIONS,
        ],
    },
    TypeSpec {
        name: "Microsoft.Storage/storageAccounts/fileServices",
        listed: false,
        metrics: &[
            hourly(gauge("FileCapacity", "Bytes", GIB, 30.0 * GIB)),
            TRANSACTIONS,
        ],
    },
    TypeSpec {
        name: "Microsoft.Storage/storageAccounts/queueServices",
        listed: false,
        metrics: &[
            hourly(gauge("QueueCapacity", "Bytes", 1_000.0, 9_000_000.0)),
            hourly(gauge("QueueMessageCount", "Count", 0.0, 4_000.0)),
            TRANSACTIONS,
        ],
    },
    TypeSpec {
        name: "Microsoft.Storage/storageAccounts/tableServices",
        listed: false,
        metrics: &[
            hourly(gauge("TableCapacity", "Bytes", 1_000.0, 9_000_000.0)),
            hourly(gauge("TableEntityCount", "Count", 0.0, 70_000.0)),
            TRANSACTIONS,
        ],
    },
    TypeSpec {
        name: "Microsoft.Network/loadBalancers",
        listed: true,
        metrics: &[
            split(counter("ByteCount", "Bytes", 60_000_000.0), DIRECTION),
            split(counter("PacketCount", "Count", 80_000.0), DIRECTION),
            gauge("VipAvailability", "Count", 90.0, 100.0),
            counter("SnatConnectionCount", "Count", 700.0),
        ],
    },
    TypeSpec {
        name: "Microsoft.Network/networkInterfaces",
        listed: true,
        metrics: &[
            counter("BytesSentRate", "Count", 9_000_000.0),
            counter("BytesReceivedRate", "Count", 9_000_000.0),
            counter("PacketsSentRate", "Count", 60_000.0),
        ],
    },
    TypeSpec {
        name: "Microsoft.Network/applicationGateways",
        listed: true,
        metrics: &[
            gauge("Throughput", "BytesPerSecond", 0.0, 3_000_000.0),
            counter("TotalRequests", "Count", 9_000.0),
            split(counter("ResponseStatus", "Count", 2_000.0), STATUS),
            gauge("UnhealthyHostCount", "Count", 0.0, 2.0),
        ],
    },
    TypeSpec {
        name: "Microsoft.Cache/redis",
        listed: true,
        metrics: &[
            maximum(split(gauge("connectedclients", "Count", 1.0, 400.0), SHARD)),
            maximum(split(gauge("usedmemory", "Bytes", 1_000_000.0, GIB), SHARD)),
            maximum(gauge("serverLoad", "Percent", 0.0, 70.0)),
            counter("totalcommandsprocessed", "Count", 50_000.0),
        ],
    },
    TypeSpec {
        name: "Microsoft.Web/sites",
        listed: true,
        metrics: &[
            counter("CpuTime", "Seconds", 50.0),
            split(counter("Requests", "Count", 3_000.0), INSTANCE),
            split(counter("BytesSent", "Bytes", 7_000_000.0), INSTANCE),
            counter("Http5xx", "Count", 12.0),
            gauge("HttpResponseTime", "Seconds", 0.01, 2.0),
        ],
    },
];
