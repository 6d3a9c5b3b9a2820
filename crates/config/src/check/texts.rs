//! Values that are texts with a meaning of their own: durations, sizes, URLs, files, words of a set.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

use super::Checker;
use crate::{
    loose,
    nearest::nearest,
    tree::At,
    values::{parse_duration, parse_size},
    written::{DurationText, SizeText},
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
            let help = "write a number above zero and a unit (ms, s, m, h, d): `30s`, `5m`, `1h30m`";
            self.problem(at, format!("`{text}` is not a duration"), help);
        }
        duration
    }

    pub(crate) fn size(&mut self, text: Option<&SizeText>, fallback: u64, at: &At<'_>) -> u64 {
        let Some(text) = text else { return fallback };
        parse_size(&text.0).filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            let help =
                "write a whole number above zero and a unit (KiB, MiB, GiB, kB, MB, GB): `512MiB`, `2GiB`";
            self.problem(at, format!("`{}` is not a size", text.0), help);
            fallback
        })
    }

    /// An http or https URL with a host.
    pub(crate) fn url(&mut self, text: &str, at: &At<'_>) -> String {
        // The data plane's URL may hold `{region}`, which no host name can.
        let parsed = url::Url::parse(&text.replace("{region}", "region"));
        let fault = match &parsed {
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                Some("it does not begin with http:// or https://".into())
            }
            Err(error) => Some(error.to_string()),
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Some("it does not begin with http:// or https://".into())
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                self.problem(
                    at,
                    "a user and a password in a URL are never sent",
                    "write the URL without them; an OTLP destination takes `headers: { authorization: \"Basic ${env:BASIC_AUTH}\" }`",
                );
                None
            }
            Ok(_) => None,
        };
        if let Some(fault) = fault {
            let rest = text
                .rsplit("//")
                .next()
                .filter(|rest| !rest.is_empty() && !rest.contains([' ', '$']));
            let help = format!("write `http://{}`", rest.unwrap_or("127.0.0.1:4317"));
            self.problem(
                at,
                format!("`{text}` is not a URL that can be called: {fault}"),
                help,
            );
        }
        text.to_owned()
    }

    /// One word of a closed set.
    pub(crate) fn word(&mut self, what: &str, word: &str, set: &[&str], at: &At<'_>) {
        if !set.contains(&word) {
            let list = set.join(", ");
            let help = match nearest(word, set.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? Possible: {list}"),
                None => format!("possible: {list}"),
            };
            self.problem(at, format!("`{word}` is not {what}"), help);
        }
    }

    /// A list that must have something in it.
    pub(crate) fn not_empty<T>(&mut self, items: &[T], at: &At<'_>, why: &str, help: &str) {
        // A list that is not there at all is the schema's to report.
        if items.is_empty() && at.node.is_some() {
            self.problem(at, why, help);
        }
    }

    /// A path relative to the main file's directory.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// A file that must be readable now; gives its path and text.
    pub(crate) fn readable(&mut self, path: &Path, at: &At<'_>) -> Option<(PathBuf, Zeroizing<String>)> {
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
                format!("the file {} holds no PEM {words}", path.display()),
                help,
            );
        }
        path
    }
}
