//! What a monitored resource is in the words of the semantic conventions: where it runs, on which platform, and its full
//! resource name. A type that is not listed here goes out without platform and name, never with guessed ones.

use crate::naming;
use google_cloud_api::model::MonitoredResource;

/// Where a monitored resource is.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) project: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) zone: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(resource: Option<&'a MonitoredResource>, asked: &'a str) -> Self {
        let label = |key: &str| {
            resource
                .and_then(|r| r.labels.get(key))
                .map(String::as_str)
                .filter(|v| !v.is_empty())
        };
        let place = label("zone")
            .or_else(|| label("location"))
            .or_else(|| label("region"));
        let region = place.map(|p| naming::region_of_zone(p).unwrap_or(p));
        let zone = place.filter(|p| naming::region_of_zone(p).is_some());
        Self {
            project: label("project_id").unwrap_or(asked),
            region,
            zone,
        }
    }

    /// Whether a resource label is already in the resource attributes. A second place that differs is not, and stays:
    /// dropping it could make two series one.
    pub(crate) fn says(&self, key: &str, value: &str) -> bool {
        match key {
            "project_id" => value == self.project,
            "zone" | "location" | "region" => Some(value) == self.zone || Some(value) == self.region,
            _ => false,
        }
    }
}

/// `cloud.platform` of the semantic conventions, by monitored resource type.
pub(crate) fn platform(resource_type: &str) -> Option<&'static str> {
    match resource_type {
        "gce_instance" => Some("gcp_compute_engine"),
        "gke_container" => Some("gcp_kubernetes_engine"),
        "cloud_run_revision" | "cloud_run_job" => Some("gcp_cloud_run"),
        "cloud_function" => Some("gcp_cloud_functions"),
        "gae_app" | "gae_instance" => Some("gcp_app_engine"),
        t if t.starts_with("k8s_") => Some("gcp_kubernetes_engine"),
        _ => None,
    }
}

/// The full resource name, for the types whose labels are enough to form it.
pub(crate) fn resource_id(resource: &MonitoredResource, place: &Place<'_>) -> Option<String> {
    let project = place.project;
    let label = |key: &str| resource.labels.get(key).filter(|v| !v.is_empty());
    match resource.r#type.as_str() {
        "gce_instance" => {
            let (zone, id) = (place.zone?, label("instance_id")?);
            Some(format!(
                "//compute.googleapis.com/projects/{project}/zones/{zone}/instances/{id}"
            ))
        }
        "gcs_bucket" => Some(format!("//storage.googleapis.com/{}", label("bucket_name")?)),
        "pubsub_topic" => Some(format!(
            "//pubsub.googleapis.com/projects/{project}/topics/{}",
            label("topic_id")?
        )),
        "pubsub_subscription" => {
            let id = label("subscription_id")?;
            Some(format!(
                "//pubsub.googleapis.com/projects/{project}/subscriptions/{id}"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn monitored(kind: &str, labels: &[(&str, &str)]) -> MonitoredResource {
        let labels: std::collections::HashMap<_, _> = labels.iter().copied().collect();
        serde_json::from_value(json!({"type": kind, "labels": labels})).expect("a resource")
    }

    #[test]
    fn places() {
        for (labels, region, zone) in [
            (
                vec![("zone", "europe-west1-b")],
                Some("europe-west1"),
                Some("europe-west1-b"),
            ),
            (
                vec![("location", "us-central1-c")],
                Some("us-central1"),
                Some("us-central1-c"),
            ),
            (vec![("location", "us-central1")], Some("us-central1"), None),
            (vec![("region", "us-east1")], Some("us-east1"), None),
            (vec![("location", "")], None, None),
        ] {
            let resource = monitored("x", &labels);
            let place = Place::of(Some(&resource), "p");
            assert_eq!(
                (place.project, place.region, place.zone),
                ("p", region, zone),
                "{labels:?}"
            );
        }
    }

    #[test]
    fn a_second_place_that_differs_stays_on_the_point() {
        let resource = monitored(
            "x",
            &[
                ("zone", "europe-west1-b"),
                ("region", "us-east1"),
                ("project_id", "q"),
            ],
        );
        let place = Place::of(Some(&resource), "p");
        assert!(place.says("zone", "europe-west1-b") && place.says("region", "europe-west1"));
        assert!(
            place.says("project_id", "q") && !place.says("region", "us-east1") && !place.says("job", "q")
        );
    }

    #[test]
    fn full_names_only_where_the_labels_suffice() {
        let named = |kind: &str, labels: &[(&str, &str)]| {
            let resource = monitored(kind, labels);
            resource_id(&resource, &Place::of(Some(&resource), "p"))
        };
        let vm = named(
            "gce_instance",
            &[("zone", "europe-west1-b"), ("instance_id", "7")],
        );
        assert_eq!(
            vm.as_deref(),
            Some("//compute.googleapis.com/projects/p/zones/europe-west1-b/instances/7")
        );
        assert_eq!(named("gce_instance", &[("zone", "europe-west1-b")]), None);
        let bucket = named("gcs_bucket", &[("bucket_name", "b")]);
        assert_eq!(bucket.as_deref(), Some("//storage.googleapis.com/b"));
        assert_eq!(named("k8s_node", &[]), None);
        assert_eq!(platform("k8s_node"), Some("gcp_kubernetes_engine"));
    }
}
