//! Hosts that are asked without a proxy, whatever the environment's proxy variables say: the machine's own metadata and
//! identity services. A proxy elsewhere cannot reach them, and would answer with its own identity where it could.

/// Metadata services of the three clouds, at the addresses that the clouds document: EC2 and Azure (IMDS), ECS tasks, EKS
/// pod identity, and both over IPv6; Google's by name.
const METADATA_HOSTS: [&str; 8] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
];

/// What is asked directly: the clouds' metadata services, and those that this machine names itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectHosts(Vec<String>);

impl DirectHosts {
    /// The clouds' own, by names and addresses as `NO_PROXY` takes them.
    pub fn metadata() -> impl Iterator<Item = &'static str> {
        METADATA_HOSTS.into_iter()
    }

    /// The host of a URL, or of `host:port`.
    pub fn of(url: &str) -> &str {
        host_of(url)
    }

    /// Besides the clouds' own, the hosts of these URLs (or plain `host` or `host:port`).
    pub fn with<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        let hosts = urls.into_iter().map(host_of).filter(|host| !host.is_empty());
        Self(hosts.map(str::to_ascii_lowercase).collect())
    }

    /// Whether this URL's host is asked directly.
    pub fn holds(&self, url: &str) -> bool {
        let host = host_of(url).to_ascii_lowercase();
        METADATA_HOSTS.contains(&host.as_str()) || self.0.contains(&host)
    }
}

/// The host of a URL, without user, port and the brackets of IPv6; of a text without a scheme, too.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let address = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(bracketed) = address.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or_default();
    }
    match address.split_once(':') {
        // Two colons without brackets: a bare IPv6 address.
        Some((_, port)) if port.contains(':') => address,
        Some((host, _)) => host,
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_asked_directly_however_they_are_written() {
        let direct = DirectHosts::with([
            "http://localhost:40342/token",
            "http://[fd00::7]:1/x",
            "10.0.0.9:80",
        ]);
        for url in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://[fd00:ec2::23]:80/v1/credentials",
            "http://metadata.google.internal/computeMetadata/v1/",
            "http://Metadata.Google.Internal:80/",
            "http://user:word@169.254.169.254?x=1",
            "fd00:ec2::254",
            "http://localhost:40342/other",
            "http://LOCALHOST",
            "http://[FD00::7]:9/",
            "https://10.0.0.9/",
        ] {
            assert!(direct.holds(url), "{url}");
        }
        for url in [
            "https://sts.eu-west-1.amazonaws.com/",
            "https://login.microsoftonline.com/169.254.169.254",
            "http://169.254.169.254.example.com/",
            "http://169.254.169.254@example.com/",
            "",
        ] {
            assert!(!direct.holds(url), "{url}");
        }
        assert!(!DirectHosts::with([""]).holds("http:///path"));
    }
}
