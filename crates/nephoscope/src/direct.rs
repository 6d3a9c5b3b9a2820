//! Metadata services are never asked through a proxy. Where a library offers a choice the providers make it; Google's reads
//! the proxy variables by itself, so the process sees to it that `NO_PROXY` names the metadata services: it starts itself
//! again, once, in the same process, with that variable completed.

use config_file::Lookup;
use provider_api::DirectHosts;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What makes libraries use a proxy.
const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Goes on in a process whose environment is right; returns where it is already, or when it cannot be made so.
pub(crate) fn ensure(lookup: &dyn Lookup) {
    let Some(no_proxy) = completed(lookup) else {
        return;
    };
    let error = match std::env::current_exe() {
        Ok(path) => again(&path, &no_proxy),
        Err(error) => error,
    };
    tracing::warn!(%error, "NO_PROXY could not be completed: metadata services may be asked through a proxy");
}

/// Replaces this process by itself; the number stays, for systemd.
fn again(path: &std::path::Path, no_proxy: &str) -> std::io::Error {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    Command::new(path)
        .arg0(name)
        .args(arguments)
        .env("NO_PROXY", no_proxy)
        .exec()
}

/// `NO_PROXY` with what it lacks; nothing where it lacks nothing, or where no proxy is.
fn completed(lookup: &dyn Lookup) -> Option<String> {
    let set = |name: &str| lookup.env(name).filter(|value| !value.is_empty());
    if !PROXIES.iter().any(|name| set(name).is_some()) {
        return None;
    }
    let given = set("NO_PROXY").or_else(|| set("no_proxy")).unwrap_or_default();
    let known: Vec<&str> = given
        .split(',')
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .collect();
    if known.contains(&"*") {
        return None;
    }
    let told = set("GCE_METADATA_HOST");
    let told = told.as_deref().map(DirectHosts::of);
    let mut wanted: Vec<&str> = DirectHosts::metadata().collect();
    wanted.extend(told);
    let lacking: Vec<&str> = wanted.into_iter().filter(|host| !known.contains(host)).collect();
    (!lacking.is_empty()).then(|| [known, lacking].concat().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::Path;
    use zeroize::Zeroizing;

    struct Env(Vec<(&'static str, String)>);

    impl Lookup for Env {
        fn env(&self, name: &str) -> Option<String> {
            self.0
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
        }

        fn read(&self, _: &Path) -> io::Result<Zeroizing<String>> {
            Err(io::ErrorKind::NotFound.into())
        }

        fn mode(&self, _: &Path) -> Option<u32> {
            None
        }
    }

    #[test]
    fn no_proxy_is_completed_once_and_only_beside_a_proxy() {
        let proxy = ("https_proxy", "http://p:1".to_owned());
        assert_eq!(completed(&Env(Vec::new())), None);
        assert_eq!(completed(&Env(vec![("HTTP_PROXY", String::new())])), None);
        assert_eq!(
            completed(&Env(vec![proxy.clone(), ("no_proxy", "*".into())])),
            None
        );
        let host = ("GCE_METADATA_HOST", "127.0.0.1:80".to_owned());
        let env = vec![proxy.clone(), ("no_proxy", "a.b, .c".to_owned()), host.clone()];
        let all = completed(&Env(env)).expect("completed");
        assert!(
            all.starts_with("a.b,.c,169.254.169.254,") && all.ends_with(",127.0.0.1"),
            "{all}"
        );
        assert_eq!(
            completed(&Env(vec![proxy, ("NO_PROXY", all), host])),
            None,
            "no second time"
        );
    }
}
