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
}
