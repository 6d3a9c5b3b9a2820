//! What a refusal names: metrics that are valid, dimensions that are supported, a resource that is not there. Azure says
//! so only in its words. Pure.

/// What a 400 says would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Named {
    /// The metrics that one of the resources has.
    #[error("{} metrics are valid", .0.len())]
    Metrics(Vec<String>),
    /// The dimensions that a metric may be split by.
    #[error("`{metric}` can be split by {} dimensions", supported.len())]
    Dimensions {
        /// As Azure spells it.
        metric: String,
        /// Lower case, with whatever else stood among them.
        supported: Vec<String>,
    },
}

/// `…, metric: X, Valid metrics: A,B`, or `Metric: X does not support requested dimension combination: a, supported ones
/// are: b`.
pub(super) fn named(message: &str) -> Option<Named> {
    if let Some((_, valid)) = message.split_once("Valid metrics:") {
        let names = valid.split(',').map(str::trim).filter(|name| !name.is_empty());
        return Some(Named::Metrics(names.map(str::to_owned).collect()));
    }
    let (before, after) = message.split_once(" does not support requested dimension combination")?;
    let (_, metric) = before.split_once("Metric:")?;
    let (_, supported) = after.split_once("supported ones are:").unwrap_or((after, ""));
    let words = supported.split(|c: char| !(c.is_alphanumeric() || "._-/".contains(c)));
    Some(Named::Dimensions {
        metric: metric.trim().to_owned(),
        supported: words.filter(|w| !w.is_empty()).map(str::to_lowercase).collect(),
    })
}

/// Whether the words name this resource: by its id, or as `'type/name' under resource group 'group'`.
pub(crate) fn names_resource(message: &str, id: &str) -> bool {
    let (message, id) = (message.to_lowercase(), id.to_lowercase());
    let ends = |at: usize| {
        !message
            .get(at..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || "-_/.".contains(c)))
    };
    if message
        .match_indices(&id)
        .any(|(at, found)| ends(at + found.len()))
    {
        return true;
    }
    let Some((place, tail)) = id.rsplit_once("/providers/") else {
        return false;
    };
    let in_its_group = match message
        .split_once("resource group '")
        .and_then(|(_, rest)| rest.split_once('\''))
    {
        Some((group, _)) => place.ends_with(&format!("/resourcegroups/{group}")),
        None => true,
    };
    in_its_group && message.contains(&format!("'{tail}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_metrics_and_dimensions_are_read() {
        let metrics = "Failed to find metric configuration for provider: Microsoft.Sql, resource Type: servers/databases, metric: x, Valid metrics: cpu_percent,Data IO,a/b";
        let valid = ["cpu_percent", "Data IO", "a/b"].map(str::to_owned).to_vec();
        assert_eq!(named(metrics), Some(Named::Metrics(valid)));
        let dimensions = "Metric: Total Requests does not support requested dimension combination: operationname,statuscode, supported ones are: Region,StatusCode";
        let supported = ["region", "statuscode"].map(str::to_owned).to_vec();
        let metric = "Total Requests".to_owned();
        assert_eq!(named(dimensions), Some(Named::Dimensions { metric, supported }));
        assert_eq!(named("The time range is wrong"), None);
    }

    #[test]
    fn a_resource_is_told_from_one_whose_name_goes_on() {
        let id = |name: &str| {
            format!("/subscriptions/S/resourceGroups/RG/providers/Microsoft.Network/networkInterfaces/{name}")
        };
        let words = "The Resource 'Microsoft.Network/networkInterfaces/nic-1' under resource group 'rg' was not found.";
        assert!(names_resource(words, &id("nic-1")));
        assert!(!names_resource(words, &id("nic-11")) && !names_resource(words, &id("nic")));
        let other = words.replace("'rg'", "'other'");
        assert!(!names_resource(&other, &id("nic-1")));
        let by_id = format!("Resource {} was not found", id("nic-1"));
        assert!(names_resource(&by_id, &id("NIC-1")) && !names_resource(&by_id, &id("nic")));
    }
}
