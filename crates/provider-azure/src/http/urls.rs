//! Escaping what goes into a URL.

/// Percent-encodes a query value as Microsoft's clients do: `%20`, raw commas.
pub(crate) fn encode(value: &str) -> String {
    let plus: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    plus.replace('+', "%20").replace("%2C", ",")
}

/// A resource id as a path.
pub(crate) fn path(resource_id: &str) -> String {
    resource_id
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23")
        .replace(' ', "%20")
}

/// What answers this: the host, with the region's part of the path where a cloud has one host for all regions.
pub(crate) fn host(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let ends = ["/subscriptions", "/providers", "?"];
    let end = ends.iter().filter_map(|end| behind.find(end)).min();
    behind.get(..end.unwrap_or(behind.len())).unwrap_or(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_microsofts_clients_do() {
        assert_eq!(
            encode("Disk Read Operations/Sec,A+B"),
            "Disk%20Read%20Operations%2FSec,A%2BB"
        );
        assert_eq!(path("/a b/c?#"), "/a%20b/c%3F%23");
    }

    #[test]
    fn each_region_and_arm_are_hosts_of_their_own() {
        let of =
            |base: &str| host(&format!("{base}/subscriptions/s/metrics:getBatch?x=/providers")).to_owned();
        assert_eq!(
            of("https://westeurope.metrics.monitor.azure.com"),
            "westeurope.metrics.monitor.azure.com"
        );
        assert_eq!(of("https://localhost:1/westeurope"), "localhost:1/westeurope");
        assert_eq!(
            host("https://localhost:1/providers/Microsoft.ResourceGraph/resources"),
            "localhost:1"
        );
    }
}
