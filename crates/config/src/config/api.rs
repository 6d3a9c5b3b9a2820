//! Who may ask the daemon over HTTP, as checked.

use std::{collections::BTreeSet, fmt, num::NonZeroU32, path::PathBuf};

use ipnet::IpNet;

use crate::{secret::Secret, written::api::Scope};

/// Who may ask the daemon over HTTP, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Tokens that callers may show; names and hashes differ.
    pub tokens: Vec<Token>,
    /// HTTPS instead of HTTP.
    pub tls: Option<ServerTls>,
    /// Networks that may ask; empty = every one.
    pub allow: Vec<IpNet>,
    /// Host names beside `localhost`, in lower case.
    pub hosts: Vec<String>,
    /// How often one address may ask.
    pub rate_limit: RateLimit,
    /// Most bytes of recent points in memory.
    pub recent_max_bytes: u64,
    /// How many accounts must be ready for the daemon to be.
    pub ready: ReadyAccounts,
}

/// How many accounts must be ready for the daemon to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyAccounts {
    /// At least one.
    Any,
    /// All of them.
    All,
    /// So many of a hundred, 1 to 100.
    Share(u8),
}

impl ReadyAccounts {
    /// Reads `any`, `all` or `90%`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "any" => Some(Self::Any),
            "all" => Some(Self::All),
            share => {
                let percent = share.strip_suffix('%')?.trim_end().parse().ok()?;
                (1..=100).contains(&percent).then_some(Self::Share(percent))
            }
        }
    }

    /// Whether so many of all are enough; of none at all they are.
    pub fn is_met(self, ready: usize, all: usize) -> bool {
        match self {
            Self::Any => ready > 0 || all == 0,
            Self::All => ready == all,
            Self::Share(percent) => ready.saturating_mul(100) >= all.saturating_mul(usize::from(percent)),
        }
    }
}

/// As it is written.
impl fmt::Display for ReadyAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::All => f.write_str("all"),
            Self::Share(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Api {
    /// Whether callers have to say who they are.
    pub fn asks_who(&self) -> bool {
        let certificates = self.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        certificates || !self.tokens.is_empty()
    }
}

/// A token that a caller may show.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Who has it.
    pub name: String,
    /// SHA-256 of the token, 64 hexadecimal digits in lower case.
    pub sha256: Secret,
    /// What its holder may do; at least one.
    pub scopes: BTreeSet<Scope>,
}

/// Our certificate, and whose certificates are taken instead of a token.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerTls {
    /// The certificate, PEM; the file existed at load.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// Client certificates.
    pub clients: Option<Clients>,
}

/// Client certificates.
#[derive(Clone, Debug, PartialEq)]
pub struct Clients {
    /// Authorities whose certificates are taken, PEM; the file existed at load.
    pub ca_file: PathBuf,
    /// What their holders may do; at least one.
    pub scopes: BTreeSet<Scope>,
}

/// How often one address may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once after a pause.
    pub burst: NonZeroU32,
}
