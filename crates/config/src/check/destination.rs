//! Checks of destinations: exactly one kind, a URL that can be called, certificates that exist.

use std::time::Duration;

use super::{Checker, texts::Pem};
use crate::{
    config::{Destination, DestinationKind, Otlp, OtlpPath, Tls},
    help::Help,
    profile::Habits,
    tree::At,
    values::Pattern,
    written::{
        PatternText,
        destination::{self as written, Compression, Protocol},
    },
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const KINDS: [&str; 4] = ["otlp", "file", "prometheus", "stdout"];

impl Checker<'_> {
    pub(crate) fn destination(&mut self, written: &written::Destination, at: &At<'_>) -> Destination {
        self.one_kind(at);
        let habits = self.habits(written, at);
        Destination {
            name: written.name.clone(),
            kind: self.kind(written, habits, at),
            profile: written.profile,
            deltas: written
                .deltas
                .or(habits.map(|habits| habits.deltas))
                .unwrap_or_default(),
            promote: self.promoted(written, habits, at),
            spool_max_bytes: written
                .spool_max
                .as_ref()
                .map(|text| self.size(Some(text), 0, &at.key("spool_max"))),
            on_full: written.on_full.unwrap_or_default(),
            revisions: written.revisions.unwrap_or_default(),
            order: written
                .order
                .or(habits.map(|habits| habits.order))
                .unwrap_or_default(),
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
                self.problem(at, "the destination has no type", help);
            }
            [first, second, ..] => {
                let message =
                    format!("`{first}` and `{second}` cannot be used together: a destination has one type");
                let at = at.key(second);
                let words = format!(
                    "remove `{second}` here, and make it a destination of its own, with another name"
                );
                self.problem(&at, message, Help::remove(&at, words));
            }
        }
    }

    /// What `for` sets. It says something of OTLP receivers only.
    fn habits(&mut self, written: &written::Destination, at: &At<'_>) -> Option<&'static Habits> {
        let profile = written.profile?;
        if written.otlp.is_none() {
            self.problem(
                &at.key("for"),
                format!("`for: {profile}` describes an OTLP receiver, and this destination is none"),
                Help::remove(&at.key("for"), "remove `for`, or write `otlp: { endpoint: … }`"),
            );
        }
        Some(profile.habits())
    }

    fn promoted(
        &mut self,
        written: &written::Destination,
        habits: Option<&Habits>,
        at: &At<'_>,
    ) -> Vec<Pattern> {
        match (&written.promote, habits) {
            (Some(texts), _) => self.patterns(texts, &at.key("promote")),
            (None, Some(habits)) => {
                let texts: Vec<_> = habits
                    .promote
                    .iter()
                    .map(|text| PatternText((*text).into()))
                    .collect();
                self.patterns(&texts, &at.key("promote"))
            }
            (None, None) => vec![],
        }
    }

    fn kind(
        &mut self,
        written: &written::Destination,
        habits: Option<&'static Habits>,
        at: &At<'_>,
    ) -> DestinationKind {
        if let Some(otlp) = &written.otlp {
            return DestinationKind::Otlp(self.otlp(otlp, habits, &at.key("otlp")));
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

    fn otlp(&mut self, written: &written::Otlp, habits: Option<&'static Habits>, at: &At<'_>) -> Otlp {
        self.headers(written, &at.key("headers"));
        if let Some(habits) = habits {
            self.against_habits(written, habits, at);
        }
        let protocol = written.protocol.or(habits.map(|habits| habits.protocol));
        let protocol = protocol.unwrap_or_default();
        Otlp {
            endpoint: self.url(&written.endpoint, &at.key("endpoint")),
            protocol,
            path: self.otlp_path(written, protocol, habits, at),
            compression: written.compression.unwrap_or_default(),
            headers: written.headers.clone(),
            tls: written.tls.as_ref().map(|tls| self.tls(tls, &at.key("tls"))),
            timeout: self.duration(written.timeout.as_ref(), DEFAULT_TIMEOUT, &at.key("timeout")),
        }
    }

    /// What is written although the kind of back end is known not to take it.
    fn against_habits(&mut self, written: &written::Otlp, habits: &Habits, at: &At<'_>) {
        let name = habits.name;
        if written.protocol == Some(Protocol::Grpc) && !habits.grpc {
            let at = at.key("protocol");
            let help = Help::write(&at, "http").and(", with the HTTP port in `endpoint`");
            self.problem(&at, format!("{name} does not take OTLP by gRPC"), help);
        }
        if written.compression == Some(Compression::Zstd) && !habits.zstd {
            let at = at.key("compression");
            self.problem(
                &at,
                format!("{name} does not take zstd"),
                Help::write(&at, "gzip"),
            );
        }
    }

    fn otlp_path(
        &mut self,
        written: &written::Otlp,
        protocol: Protocol,
        habits: Option<&'static Habits>,
        at: &At<'_>,
    ) -> OtlpPath {
        let Some(path) = &written.path else {
            return habits.map_or(OtlpPath::Standard, |habits| OtlpPath::OfProfile(habits.path));
        };
        let at = at.key("path");
        if protocol == Protocol::Grpc {
            let message = "a path is of no use with gRPC, which has its own";
            let help = Help::remove(&at, "remove `path`, or write `protocol: http`");
            self.problem(&at, message, help);
        } else if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
            let words = "write what follows the host, from its `/` on: `/v2/datapoint/otlp`";
            let help = Help::instead(&at, "/v2/datapoint/otlp", words);
            self.problem(&at, format!("`{path}` is not the path of a URL"), help);
        }
        OtlpPath::Written(path.clone())
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
                let message = format!("`{shown}` is not a valid header name");
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
                "`cert_file` needs `key_file`",
                Help::add(at, "key_file", "/etc/nephoscope/client.key"),
            ),
            (None, Some(_)) => self.problem(
                &at.key("key_file"),
                "`key_file` needs `cert_file`",
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
