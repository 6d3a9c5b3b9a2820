//! The table of resource shapes: what a service names its resources, dimensions, metrics and units.
//!
//! A new metric type is a line here; nothing else needs to know.

/// A metric as `CloudWatch` documents it.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricType {
    pub(super) name: &'static str,
    /// `CloudWatch`'s name of the unit.
    pub(super) unit: &'static str,
    /// How often the service publishes it, in seconds.
    pub(super) native_s: i64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Samples are whole numbers.
    pub(super) whole: bool,
}

/// Metrics that share their dimensions.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) dimensions: fn(&str) -> Vec<(String, String)>,
    pub(super) metrics: &'static [MetricType],
}

/// A kind of resource.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) namespace: &'static str,
    /// The tagging API's resource type and the ARN after `arn:aws:`, `R` and `A` for region and account, `I` for the id.
    tagging: Option<(&'static str, &'static str)>,
    /// Makes the id of the nth resource from its number and a hash.
    pub(super) make: fn(usize, u64) -> String,
    pub(super) groups: &'static [Group],
}

/// A resource as the tagging API shows it.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) arn: String,
    pub(super) kind: &'static str,
    pub(super) tags: Vec<(&'static str, String)>,
}

impl Resource {
    /// Every tenth resource never had a tag: the tagging API does not know it.
    pub(super) fn of(shape: &Shape, id: &str, region: &str, account: &str, number: usize) -> Option<Self> {
        let (kind, arn) = shape.tagging?;
        if number % 10 == 9 {
            return None;
        }
        let arn = arn
            .replace("{R}", region)
            .replace("{A}", account)
            .replace("{I}", id);
        let environment = ["prod", "staging", "dev"][number % 3];
        let tags = vec![
            (
                "Name",
                format!("{}-{number}", kind.split(':').next().unwrap_or(kind)),
            ),
            ("Environment", environment.to_owned()),
            ("team", ["payments", "search"][number % 2].to_owned()),
        ];
        Some(Self {
            arn: format!("arn:aws:{arn}"),
            kind,
            tags,
        })
    }
}

const fn m(name: &'static str, unit: &'static str, low: f64, high: f64) -> MetricType {
    MetricType {
        name,
        unit,
        native_s: 60,
        low,
        high,
        whole: false,
    }
}

const fn n(name: &'static str, unit: &'static str, high: f64) -> MetricType {
    MetricType {
        name,
        unit,
        native_s: 60,
        low: 0.0,
        high,
        whole: true,
    }
}

const fn every(native_s: i64, metric: MetricType) -> MetricType {
    MetricType { native_s, ..metric }
}

fn one(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

fn two(name: &str, value: &str, second: &str, second_value: &str) -> Vec<(String, String)> {
    [one(name, value), one(second, second_value)].concat()
}

/// What an application writes whose parts do not agree on a spelling.
pub(super) const ALIKE: &[Shape] = &[Shape {
    namespace: "Shop/Checkout",
    tagging: None,
    make: |number, _| format!("till-{number}"),
    groups: &[Group {
        dimensions: |id| one("Till", id),
        metrics: &[
            n("Requests", "Count", 500.0),
            n("requests", "Count", 500.0),
            m("使用率", "Percent", 0.0, 100.0),
        ],
    }],
}];

/// All shapes, in the order in which their resources are made.
pub(super) const SHAPES: &[Shape] = &[
    Shape {
        namespace: "AWS/EC2",
        tagging: Some(("ec2:instance", "ec2:{R}:{A}:instance/{I}")),
        make: |_, hash| format!("i-0{hash:016x}"),
        groups: &[Group {
            dimensions: |id| one("InstanceId", id),
            metrics: &[
                m("CPUUtilization", "Percent", 0.5, 99.5),
                n("NetworkIn", "Bytes", 5e7),
                n("NetworkOut", "Bytes", 5e7),
                n("DiskReadOps", "Count", 5000.0),
                n("EBSWriteBytes", "Bytes", 1e8),
                n("StatusCheckFailed", "Count", 1.0),
                every(300, m("CPUCreditBalance", "Count", 0.0, 576.0)),
            ],
        }],
    },
    Shape {
        namespace: "AWS/RDS",
        tagging: Some(("rds:db", "rds:{R}:{A}:db:{I}")),
        make: |number, _| format!("orders-db-{number}"),
        groups: &[Group {
            dimensions: |id| one("DBInstanceIdentifier", id),
            metrics: &[
                m("CPUUtilization", "Percent", 1.0, 90.0),
                n("FreeStorageSpace", "Bytes", 5e11),
                m("ReadLatency", "Seconds", 0.0001, 0.02),
                m("WriteIOPS", "Count/Second", 0.0, 3000.0),
                n("DatabaseConnections", "Count", 200.0),
                n("FreeableMemory", "Bytes", 1.6e10),
            ],
        }],
    },
    Shape {
        namespace: "AWS/Lambda",
        tagging: Some(("lambda:function", "lambda:{R}:{A}:function:{I}")),
        make: |number, _| format!("resize-image-{number}"),
        groups: &[
            Group {
                dimensions: |id| one("FunctionName", id),
                metrics: &[
                    n("Invocations", "Count", 50.0),
                    n("Errors", "Count", 2.0),
                    m("Duration", "Milliseconds", 3.0, 3000.0),
                    n("ConcurrentExecutions", "Count", 100.0),
                ],
            },
            Group {
                dimensions: |id| two("FunctionName", id, "Resource", &format!("{id}:live")),
                metrics: &[n("Invocations", "Count", 50.0), n("Throttles", "Count", 3.0)],
            },
        ],
    },
    Shape {
        namespace: "AWS/SQS",
        tagging: Some(("sqs", "sqs:{R}:{A}:{I}")),
        make: |number, _| format!("mail-queue-{number}"),
        groups: &[Group {
            dimensions: |id| one("QueueName", id),
            metrics: &[
                n("ApproximateNumberOfMessagesVisible", "Count", 10_000.0),
                n("ApproximateAgeOfOldestMessage", "Seconds", 3600.0),
                n("NumberOfMessagesSent", "Count", 900.0),
                m("SentMessageSize", "Bytes", 100.0, 262_144.0),
            ],
        }],
    },
    Shape {
        namespace: "AWS/ApplicationELB",
        tagging: Some((
            "elasticloadbalancing:loadbalancer",
            "elasticloadbalancing:{R}:{A}:loadbalancer/{I}",
        )),
        make: |number, hash| format!("app/web-{number}/{hash:016x}"),
        groups: &[
            Group {
                dimensions: |id| one("LoadBalancer", id),
                metrics: &[
                    n("RequestCount", "Count", 1.0),
                    m("TargetResponseTime", "Seconds", 0.001, 2.5),
                ],
            },
            Group {
                dimensions: |id| {
                    let group = format!("targetgroup/web/{}", id.rsplit('/').next().unwrap_or(id));
                    two("LoadBalancer", id, "TargetGroup", &group)
                },
                metrics: &[
                    n("HTTPCode_Target_5XX_Count", "Count", 5.0),
                    m("TargetResponseTime", "Seconds", 0.001, 2.5),
                    n("HealthyHostCount", "Count", 12.0),
                ],
            },
        ],
    },
    Shape {
        namespace: "AWS/DynamoDB",
        tagging: Some(("dynamodb:table", "dynamodb:{R}:{A}:table/{I}")),
        make: |number, _| format!("Sessions_{number}"),
        groups: &[
            Group {
                dimensions: |id| one("TableName", id),
                metrics: &[
                    m("ConsumedReadCapacityUnits", "Count", 0.0, 500.0),
                    m("ConsumedWriteCapacityUnits", "Count", 0.0, 500.0),
                ],
            },
            Group {
                dimensions: |id| two("TableName", id, "Operation", "GetItem"),
                metrics: &[m("SuccessfulRequestLatency", "Milliseconds", 0.5, 40.0)],
            },
        ],
    },
    Shape {
        namespace: "AWS/S3",
        tagging: Some(("s3", "s3:::{I}")),
        make: |number, hash| format!("logs-{number}-{:08x}", hash >> 32),
        groups: &[
            Group {
                dimensions: |id| two("BucketName", id, "StorageType", "StandardStorage"),
                metrics: &[every(86_400, n("BucketSizeBytes", "Bytes", 1e13))],
            },
            Group {
                dimensions: |id| two("BucketName", id, "StorageType", "AllStorageTypes"),
                metrics: &[every(86_400, n("NumberOfObjects", "Count", 1e8))],
            },
        ],
    },
    Shape {
        namespace: "Shop/Check-Out v2",
        tagging: None,
        make: |number, _| format!("host {number}.example:8443"),
        groups: &[Group {
            dimensions: |id| two("Host Name", id, "http.route", "/pay/{id}?x=1&y=2"),
            metrics: &[
                n("Orders Placed", "Count", 40.0),
                m("latency/p99 (ms)", "Milliseconds", 1.0, 900.0),
                m("2xx-rate_%", "Percent", 0.0, 100.0),
                m("queueDepth", "None", 0.0, 64.0),
                m("IOWaitHTTPSBytes", "Bytes/Second", 0.0, 1e6),
            ],
        }],
    },
];
