//! Who may ask the daemon over HTTP, as written, and the closed set of words that the checked form shares.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SizeText;
use crate::secret::Secret;

/// Who may ask the daemon over HTTP, and how. Without tokens and client certificates everybody who reaches `listen` may.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// Tokens that callers may show; `nephoscope config token` makes one.
    pub tokens: Vec<Token>,
    /// Client certificates that are taken instead of a token; needs `tls`.
    pub mtls: Option<Mtls>,
    /// Our certificate: with it `listen` speaks HTTPS.
    pub tls: Option<ServerTls>,
    /// Addresses and networks that may ask at all. Default: every one.
    #[schemars(extend("examples" = [["10.0.0.0/8"]]))]
    pub allow: Vec<String>,
    /// Names under which a browser may reach the daemon on loopback, beside `localhost`: those that a proxy before it has.
    #[schemars(extend("examples" = [["nephoscope.example.com"]]))]
    pub hosts: Vec<String>,
    /// How often one address may ask.
    pub rate_limit: RateLimit,
    /// When `/readyz` answers 200.
    pub ready: Ready,
    /// Serve other machines although nobody is asked who they are. Default: false.
    pub insecure: Option<bool>,
    /// Most bytes of recent points that are kept in memory to be shown. Default: 32MiB.
    pub recent_max: Option<SizeText>,
}

/// A token that a caller may show.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "hash"]))]
pub struct Token {
    /// Who has it, unique; the log names it.
    #[schemars(extend("examples" = ["ci"]))]
    pub name: String,
    /// Its hash as `nephoscope config token` prints it; the token itself is kept nowhere.
    #[schemars(extend("examples" = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]))]
    pub hash: Secret,
    /// What its holder may do. Default: read.
    #[schemars(extend("examples" = [["read"]]))]
    pub scopes: Vec<Scope>,
}

/// Client certificates.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["ca_file"]))]
pub struct Mtls {
    /// Authorities whose certificates are taken, PEM.
    #[schemars(extend("examples" = ["/etc/nephoscope/clients-ca.pem"]))]
    pub ca_file: PathBuf,
    /// What their holders may do. Default: read.
    #[schemars(extend("examples" = [["read"]]))]
    pub scopes: Vec<Scope>,
}

/// Our certificate, PEM.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["cert_file", "key_file"]))]
pub struct ServerTls {
    /// The certificate and those between it and the authority.
    #[schemars(extend("examples" = ["/etc/nephoscope/server.crt"]))]
    pub cert_file: PathBuf,
    /// Its private key.
    #[schemars(extend("examples" = ["/etc/nephoscope/server.key"]))]
    pub key_file: PathBuf,
}

/// When `/readyz` answers 200. The store must have room and a destination must take points in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ready {
    /// How many accounts must give points: `any` for at least one, `all`, or a share such as `90%`. Default: any.
    #[schemars(extend("examples" = ["any", "all", "90%"]))]
    pub accounts: Option<String>,
}

/// How often one address may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a second in the long run. Default: 100.
    #[schemars(range(min = 1), extend("examples" = [100]))]
    pub per_second: Option<u32>,
    /// Requests at once after a pause. Default: 500.
    #[schemars(range(min = 1), extend("examples" = [500]))]
    pub burst: Option<u32>,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See everything that is shown.
    Read,
    /// Have the configuration read anew.
    Reload,
    /// Have accounts polled at once.
    Poll,
}

impl Scope {
    /// As it is written.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Reload => "reload",
            Self::Poll => "poll",
        }
    }
}
