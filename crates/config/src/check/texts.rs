//! Values that are texts with a meaning of their own: durations, sizes, URLs, files, words of a set.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

use super::Checker;
use crate::{
    guess,
    help::Help,
    loose,
    tree::At,
    values::{parse_duration, parse_size},
    written::{DurationText, SizeText},
    yaml,
};

/// What a PEM file is expected to hold.
#[derive(Clone, Copy)]
pub(crate) enum Pem {
    Certificate,
    PrivateKey,
}

impl Pem {
    fn found_in(self, text: &str) -> bool {
        match self {
            Self::Certificate => text.contains("-----BEGIN CERTIFICATE-----"),
            Self::PrivateKey => text.contains("PRIVATE KEY-----"),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "private key",
        }
    }
}

impl Checker<'_> {
    /// A duration above zero; `fallback` when it is absent or wrong.
    pub(crate) fn duration(
        &mut self,
        text: Option<&DurationText>,
        fallback: Duration,
        at: &At<'_>,
    ) -> Duration {
        text.and_then(|text| self.some_duration(&text.0, at))
            .unwrap_or(fallback)
    }

    pub(crate) fn some_duration(&mut self, text: &str, at: &At<'_>) -> Option<Duration> {
        let duration = parse_duration(text).filter(|duration| !duration.is_zero());
        if duration.is_none() {
            let guess = guess::duration(text).unwrap_or_else(|| "5m".into());
            let help = Help::write(at, &guess)
                .and("; a duration is a number above zero and a unit (ms, s, m, h, d)");
            self.problem(at, format!("`{text}` is not a duration"), help);
        }
        duration
    }

    pub(crate) fn size(&mut self, text: Option<&SizeText>, fallback: u64, at: &At<'_>) -> u64 {
        let Some(text) = text else { return fallback };
        parse_size(&text.0).filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            let guess = guess::size(&text.0).unwrap_or_else(|| "512MiB".into());
            let help = Help::write(at, &guess)
                .and("; a size is a whole number above zero and a unit (KiB, MiB, GiB, kB, MB, GB)");
            self.problem(at, format!("`{}` is not a size", text.0), help);
            fallback
        })
    }

    /// An http or https URL with a host.
    pub(crate) fn url(&mut self, text: &str, at: &At<'_>) -> String {
        // That it is missing is said already.
        if at.node.is_none() {
            return text.to_owned();
        }
        // The data plane's URL may hold `{region}`, which no host name can.
        let parsed = url::Url::parse(&text.replace("{region}", "region"));
        let scheme = "it does not begin with http:// or https://";
        let fault = match parsed {
            Err(url::ParseError::RelativeUrlWithoutBase) => scheme.into(),
            Err(error) => error.to_string(),
            Ok(url) if !matches!(url.scheme(), "http" | "https") => scheme.into(),
            Ok(url) => {
                if !url.username().is_empty() || url.password().is_some() {
                    let message = "the URL contains a user or password, which is never sent";
                    self.found
                        .span(at.span, at.path.clone(), message, without_user(url, at));
                }
                return text.to_owned();
            }
        };
        let rest = text.rsplit("//").next().unwrap_or_default();
        let guess = Some(format!("http://{rest}")).filter(|guess| {
            let shown = !at.node.is_some_and(|node| node.secret) && !rest.contains([' ', '$']);
            shown && url::Url::parse(guess).is_ok()
        });
        let guess = guess.unwrap_or_else(|| "http://127.0.0.1:4317".into());
        let help = Help::instead(at, &yaml::text_of(&guess), format!("write `{guess}`"));
        self.problem(at, format!("`{text}` is not a valid URL: {fault}"), help);
        text.to_owned()
    }

    /// A list that must have something in it.
    pub(crate) fn not_empty<T>(&mut self, items: &[T], at: &At<'_>, why: &str, value: &str) {
        // A list that is not there at all is the schema's to report.
        if items.is_empty() && at.node.is_some() {
            self.problem(at, why, Help::write(at, value));
        }
    }

    /// A path relative to the main file's directory.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// A file that must be readable now; gives its path and text.
    pub(crate) fn readable(&mut self, path: &Path, at: &At<'_>) -> Option<(PathBuf, Zeroizing<String>)> {
        let text = path.to_string_lossy();
        if text.contains("-----BEGIN") || text.contains(['\n', '{']) {
            let key = at.key.unwrap_or_default();
            let name = match key {
                "service_account_file" => "sa.json",
                "key_file" => "client.key",
                "cert_file" => "client.crt",
                _ => "ca.pem",
            };
            let help =
                Help::write(at, &format!("/etc/nephoscope/{name}")).and(", and the contents into that file");
            let message = format!("`{key}` takes the path of a file, not its contents");
            self.found.span(at.span, at.path.clone(), message, help);
            return None;
        }
        let path = self.path(path);
        match self.lookup.read(&path) {
            Ok(text) => Some((path, text)),
            Err(error) => {
                let help = "name an existing file that the daemon's user may read (under systemd, see LoadCredential=)";
                self.problem(
                    at,
                    format!("the file {} cannot be read: {error}", path.display()),
                    help,
                );
                None
            }
        }
    }

    pub(crate) fn pem(&mut self, path: &Path, pem: Pem, at: &At<'_>) -> PathBuf {
        let Some((path, text)) = self.readable(path, at) else {
            return self.path(path);
        };
        if matches!(pem, Pem::PrivateKey) {
            loose::look(&path, self.lookup);
        }
        if !pem.found_in(&text) {
            let words = pem.words();
            let help = format!(
                "a PEM file begins with `-----BEGIN {}-----`; convert DER with `openssl x509 -inform der` or `openssl pkey -inform der`",
                words.to_uppercase()
            );
            self.problem(
                at,
                format!("the file {} contains no PEM {words}", path.display()),
                help,
            );
        }
        path
    }
}

/// The same URL without a user; a query may be a secret, so then only the words.
fn without_user(mut url: url::Url, at: &At<'_>) -> Help {
    let words = "write the URL without them; an OTLP destination takes `headers: { authorization: \"Basic ${env:BASIC_AUTH}\" }`";
    // Only URLs without a host refuse this.
    let bared = url.set_username("").and_then(|()| url.set_password(None));
    match bared {
        Ok(()) if url.query().is_none() => Help::instead(at, &yaml::text_of(url.as_str()), words),
        Ok(()) | Err(()) => words.into(),
    }
}
