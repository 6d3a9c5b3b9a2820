//! What a request asks for, told from its method and path alone. ARM's paths are case-insensitive and end in open-ended
//! resource ids, so this is a match on path pieces and no routing table.

use axum::http::Method;

/// Everything that can be asked.
#[derive(Debug)]
pub(super) enum Operation {
    Token(String),
    OpenId(String),
    Instance,
    Imds,
    Subscriptions,
    Subscription(String),
    Resources {
        subscription: String,
        group: Option<String>,
    },
    SubscriptionDefinitions(String),
    Definitions(String),
    Namespaces(String),
    Metrics(String),
    Graph,
    Batch {
        subscription: String,
        region: Option<String>,
    },
    Unknown,
}

impl Operation {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let lower = path.to_lowercase();
        let parts: Vec<&str> = lower.split('/').filter(|part| !part.is_empty()).collect();
        let own = |part: &str| part.to_owned();
        match (method.as_str(), parts.as_slice()) {
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => Self::Token(own(tenant)),
            ("GET", ["common", "discovery", "instance"]) => Self::Instance,
            ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => Self::OpenId(own(tenant)),
            ("GET", ["metadata", "identity", "oauth2", "token"]) => Self::Imds,
            ("POST", ["providers", "microsoft.resourcegraph", "resources"]) => Self::Graph,
            ("POST", ["subscriptions", id, "metrics:getbatch"]) => Self::Batch {
                subscription: own(id),
                region: None,
            },
            ("POST", [region, "subscriptions", id, "metrics:getbatch"]) => Self::Batch {
                subscription: own(id),
                region: Some(own(region)),
            },
            ("GET", ["subscriptions"]) => Self::Subscriptions,
            ("GET", ["subscriptions", id]) => Self::Subscription(own(id)),
            ("GET", ["subscriptions", id, "resources"]) => Self::Resources {
                subscription: own(id),
                group: None,
            },
            ("GET", ["subscriptions", id, "resourcegroups", group, "resources"]) => Self::Resources {
                subscription: own(id),
                group: Some(own(group)),
            },
            (
                "GET",
                [
                    "subscriptions",
                    id,
                    "providers",
                    "microsoft.insights",
                    "metricdefinitions",
                ],
            ) => Self::SubscriptionDefinitions(own(id)),
            ("GET", [scope @ .., "providers", "microsoft.insights", kind]) => {
                Self::of_resource(&format!("/{}", scope.join("/")), kind)
            }
            _ => Self::Unknown,
        }
    }

    fn of_resource(id: &str, kind: &str) -> Self {
        match kind {
            "metrics" => Self::Metrics(id.to_owned()),
            "metricdefinitions" => Self::Definitions(id.to_owned()),
            "metricnamespaces" => Self::Namespaces(id.to_owned()),
            _ => Self::Unknown,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::OpenId(_) | Self::Instance => "discovery",
            Self::Imds => "imds",
            Self::Subscriptions | Self::Subscription(_) => "subscriptions.list",
            Self::Resources { .. } => "resources.list",
            Self::SubscriptionDefinitions(_) | Self::Definitions(_) => "metricDefinitions.list",
            Self::Namespaces(_) => "metricNamespaces.list",
            Self::Metrics(_) => "metrics.get",
            Self::Graph => "resourceGraph.query",
            Self::Batch { .. } => "metrics.getBatch",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn is_identity(&self) -> bool {
        matches!(
            self,
            Self::Token(_) | Self::OpenId(_) | Self::Instance | Self::Imds
        )
    }
}
