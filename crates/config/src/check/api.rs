//! Checks of who may ask: hashes that are hashes, networks that are networks, and nobody served unasked from afar.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use ipnet::IpNet;

use super::{Checker, texts::Pem};
use crate::{
    config::{Api, Clients, RateLimit, ReadyAccounts, ServerTls, Token},
    help::Help,
    secret::Secret,
    tree::At,
    written::api as written,
};

/// A person's page asks once in some seconds, a scraper less, a program that reads everything as fast as it can: an
/// answer takes some milliseconds of a core.
const DEFAULT_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// A browser or a program begins with some requests at once.
const DEFAULT_BURST: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
/// Six hours of minutes of 5,000 series, an hour of 25,000.
const DEFAULT_RECENT_MAX_BYTES: u64 = 32 << 20;
/// What a hash begins with.
const HASH: &str = "sha256:";
/// Hexadecimal digits of SHA-256.
const HASH_DIGITS: usize = 64;

impl Checker<'_> {
    pub(crate) fn api(&mut self, written: &written::Api, listen: SocketAddr, root: &At<'_>) -> Api {
        self.somebody_is_asked(written, listen, &root.key("listen"));
        let at = &root.key("api");
        Api {
            tokens: self.tokens(&written.tokens, &at.key("tokens")),
            tls: self.server_tls(written, at),
            allow: self.allow(&written.allow, &at.key("allow")),
            hosts: written
                .hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            rate_limit: self.rate_limit(&written.rate_limit, &at.key("rate_limit")),
            recent_max_bytes: self.size(
                written.recent_max.as_ref(),
                DEFAULT_RECENT_MAX_BYTES,
                &at.key("recent_max"),
            ),
            ready: self.ready(
                written.ready.accounts.as_deref(),
                &at.key("ready").key("accounts"),
            ),
        }
    }

    fn ready(&mut self, written: Option<&str>, at: &At<'_>) -> ReadyAccounts {
        let Some(text) = written else {
            return ReadyAccounts::Any;
        };
        ReadyAccounts::parse(text).unwrap_or_else(|| {
            let words = "write `any`, `all`, or a share from `1%` to `100%`";
            let message = format!("`{text}` does not say how many accounts must be ready");
            self.problem(at, message, Help::instead(at, "any", words));
            ReadyAccounts::Any
        })
    }

    fn somebody_is_asked(&mut self, written: &written::Api, listen: SocketAddr, at: &At<'_>) {
        let guarded = !written.tokens.is_empty() || written.mtls.is_some() || written.insecure == Some(true);
        if listen.ip().is_loopback() || guarded {
            return;
        }
        let help = Help::write(at, &format!("127.0.0.1:{}", listen.port())).and(
            ", or add `api: { tokens: [...] }` (`nephoscope config token` makes one), or `api: { insecure: true }` if \
             something else guards it",
        );
        let message = format!("`{listen}` is reachable from other machines without authentication");
        self.problem(at, message, help);
    }

    fn tokens(&mut self, written: &[written::Token], at: &At<'_>) -> Vec<Token> {
        let names: Vec<&str> = written.iter().map(|token| token.name.as_str()).collect();
        self.unique("token", &names, at, &mut HashMap::new());
        let mut seen = BTreeSet::new();
        self.each(written, at, |checker, token, at| {
            let sha256 = checker.hash(token.hash.expose(), &at.key("hash"));
            if !sha256.is_empty() && !seen.insert(sha256.clone()) {
                // A name that looks like a secret is one that stands in the wrong place.
                let name = at
                    .key("name")
                    .node
                    .filter(|node| !node.secret)
                    .map_or("…", |_| &token.name);
                let message = format!("token `{name}` has the same hash as another token");
                let words = "remove one of the two; `nephoscope config token` makes a new one";
                checker.problem(&at.key("hash"), message, Help::remove(at, words));
            }
            Token {
                name: token.name.clone(),
                sha256: Secret::new(sha256),
                scopes: scopes(&token.scopes),
            }
        })
    }

    /// The digits, or nothing.
    fn hash(&mut self, text: &str, at: &At<'_>) -> String {
        let digits = text.strip_prefix(HASH).map(str::to_ascii_lowercase);
        let is_hash = |digits: &String| {
            digits.len() == HASH_DIGITS && digits.chars().all(|digit| digit.is_ascii_hexdigit())
        };
        digits.filter(is_hash).unwrap_or_else(|| {
            self.problem(
                at,
                format!("this is not a token hash, which is `{HASH}` and {HASH_DIGITS} hexadecimal digits"),
                "`nephoscope config token` prints a new token and its hash; the token itself must not stand here",
            );
            String::new()
        })
    }

    fn server_tls(&mut self, written: &written::Api, at: &At<'_>) -> Option<ServerTls> {
        let clients = written.mtls.as_ref().map(|mtls| Clients {
            ca_file: self.pem(&mtls.ca_file, Pem::Certificate, &at.key("mtls").key("ca_file")),
            scopes: scopes(&mtls.scopes),
        });
        let Some(tls) = &written.tls else {
            if clients.is_some() {
                let files = "{ cert_file: /etc/nephoscope/server.crt, key_file: /etc/nephoscope/server.key }";
                self.problem(&at.key("mtls"), "`mtls` needs `tls`", Help::add(at, "tls", files));
            }
            return None;
        };
        let at = at.key("tls");
        Some(ServerTls {
            cert_file: self.pem(&tls.cert_file, Pem::Certificate, &at.key("cert_file")),
            key_file: self.pem(&tls.key_file, Pem::PrivateKey, &at.key("key_file")),
            clients,
        })
    }

    fn allow(&mut self, written: &[String], at: &At<'_>) -> Vec<IpNet> {
        self.not_empty(
            written,
            at,
            "the list is empty: every request would be rejected",
            "[127.0.0.0/8, 10.0.0.0/8]",
        );
        let networks = self.each(written, at, |checker, text, at| {
            let network = network(text);
            if network.is_none() {
                let words = "write an address or a network: `192.0.2.7`, `10.0.0.0/8`, `fd00::/8`";
                let help = Help::instead(at, "10.0.0.0/8", words);
                checker.problem(at, format!("`{text}` is neither an address nor a network"), help);
            }
            network
        });
        networks.into_iter().flatten().collect()
    }

    fn rate_limit(&mut self, written: &written::RateLimit, at: &At<'_>) -> RateLimit {
        RateLimit {
            per_second: self.count(written.per_second, DEFAULT_PER_SECOND, &at.key("per_second")),
            burst: self.count(written.burst, DEFAULT_BURST, &at.key("burst")),
        }
    }

    fn count(&mut self, written: Option<u32>, fallback: NonZeroU32, at: &At<'_>) -> NonZeroU32 {
        let Some(number) = written else { return fallback };
        NonZeroU32::new(number).unwrap_or_else(|| {
            let help = Help::write(at, &fallback.to_string()).and(", or another number above zero");
            self.problem(at, "must be above 0: every request would be rejected", help);
            fallback
        })
    }
}

/// An address is a network of one.
fn network(text: &str) -> Option<IpNet> {
    let one = |address: IpAddr| IpNet::from(address);
    text.parse().ok().or_else(|| text.parse().ok().map(one))
}

/// Who is given nothing may read.
fn scopes(written: &[written::Scope]) -> BTreeSet<written::Scope> {
    if written.is_empty() {
        return BTreeSet::from([written::Scope::Read]);
    }
    written.iter().copied().collect()
}
