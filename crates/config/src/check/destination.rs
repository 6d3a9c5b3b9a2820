//! Checks of destinations: exactly one kind, a URL that can be called, certificates that exist.

use std::time::Duration;

use super::{Checker, texts::Pem};
use crate::{
    config::{Destination, DestinationKind, Otlp, Tls},
    help::Help,
    tree::At,
    written::destination as written,
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const KINDS: [&str; 4] = ["otlp", "file", "prometheus", "stdout"];

impl Checker<'_> {
    pub(crate) fn destination(&mut self, written: &written::Destination, at: &At<'_>) -> Destination {
        self.one_kind(at);
        Destination {
            name: written.name.clone(),
            kind: self.kind(written, at),
            deltas: written.deltas.unwrap_or_default(),
            promote: written.promote.clone(),
            spool_max_bytes: written
                .spool_max
                .as_ref()
                .map(|text| self.size(Some(text), 0, &at.key("spool_max"))),
            on_full: written.on_full.unwrap_or_default(),
            revisions: written.revisions.unwrap_or_default(),
        }
    }

    fn one_kind(&mut self, at: &At<'_>) {
        let given: Vec<&str> = KINDS
            .iter()
            .copied()
            .filter(|kind| at.key(kind).node.is_some())
            .collect();
        match given.as_slice() {
            [_] => {}
            [] => {
                let help = Help::add(at, "otlp", "{ endpoint: http://127.0.0.1:4317 }");
                let help = help.and(", or one of `file`, `prometheus`, `stdout`");
                self.problem(at, "this destination does not say where points go", help);
            }
            [first, second, ..] => {
                let message =
                    format!("this destination is both `{first}` and `{second}`; it can be only one");
                let at = at.key(second);
                let words = format!(
                    "remove `{second}` here, and make it a destination of its own, with another name"
                );
                self.problem(&at, message, Help::remove(&at, words));
            }
        }
    }

    fn kind(&mut self, written: &written::Destination, at: &At<'_>) -> DestinationKind {
        if let Some(otlp) = &written.otlp {
            return DestinationKind::Otlp(self.otlp(otlp, &at.key("otlp")));
        }
        if let Some(file) = &written.file {
            let path = self.path(&file.path);
            return DestinationKind::File {
                path,
                format: file.format.unwrap_or_default(),
            };
        }
        match &written.stdout {
            Some(stdout) => DestinationKind::Stdout {
                format: stdout.format.unwrap_or_default(),
            },
            None => DestinationKind::Prometheus,
        }
    }

    fn otlp(&mut self, written: &written::Otlp, at: &At<'_>) -> Otlp {
        self.headers(written, &at.key("headers"));
        Otlp {
            endpoint: self.url(&written.endpoint, &at.key("endpoint")),
            protocol: written.protocol.unwrap_or_default(),
            compression: written.compression.unwrap_or_default(),
            headers: written.headers.clone(),
            tls: written.tls.as_ref().map(|tls| self.tls(tls, &at.key("tls"))),
            timeout: self.duration(written.timeout.as_ref(), DEFAULT_TIMEOUT, &at.key("timeout")),
        }
    }

    fn headers(&mut self, written: &written::Otlp, at: &At<'_>) {
        for (name, value) in &written.headers {
            let token = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if !token {
                let at = at.key(name);
                let shown = at.key.unwrap_or_default();
                let message = format!("`{shown}` cannot be the name of a header");
                let help = Help::remove(
                    &at,
                    "remove it, or write a name of letters, digits and dashes, like `x-scope-orgid`",
                );
                self.problem(&at, message, help);
            } else if !value.expose().chars().all(|c| (' '..='~').contains(&c)) {
                let at = at.key(name);
                let shown = at.key.unwrap_or_default();
                let message = format!("the value of `{shown}` cannot be sent as a header");
                self.problem(
                    &at,
                    message,
                    "remove the line break or the letters that are not ASCII",
                );
            }
        }
    }

    fn tls(&mut self, written: &written::Tls, at: &At<'_>) -> Tls {
        let ca_file = written
            .ca_file
            .as_ref()
            .map(|path| self.pem(path, Pem::Certificate, &at.key("ca_file")));
        let cert = written
            .cert_file
            .as_ref()
            .map(|path| self.pem(path, Pem::Certificate, &at.key("cert_file")));
        let key = written
            .key_file
            .as_ref()
            .map(|path| self.pem(path, Pem::PrivateKey, &at.key("key_file")));
        match (&cert, &key) {
            (Some(_), None) => self.problem(
                &at.key("cert_file"),
                "a client certificate is of no use without its private key",
                Help::add(at, "key_file", "/etc/nephoscope/client.key"),
            ),
            (None, Some(_)) => self.problem(
                &at.key("key_file"),
                "a private key is of no use without its certificate",
                Help::add(at, "cert_file", "/etc/nephoscope/client.crt"),
            ),
            (Some(_), Some(_)) | (None, None) => {}
        }
        Tls {
            ca_file,
            identity: cert.zip(key),
        }
    }
}
