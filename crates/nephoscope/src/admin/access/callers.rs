//! Who a caller is: the holder of a token or of a certificate. Tokens are known by their hash only, and compared in a
//! time that does not depend on how much of one was guessed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use config_file::{Api, ApiScope};
use std::collections::BTreeSet;
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Where a token may stand beside `Authorization`.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What our tokens begin with, so that a scanner finds one that has been published.
const PREFIX: &str = "nsc_";

/// Random bytes of a token: too many to guess, so a plain hash of them is safe to keep.
const TOKEN_BYTES: usize = 32;

/// Whoever asks.
#[derive(Clone, Debug)]
pub(in crate::admin) struct Caller {
    name: String,
    scopes: BTreeSet<ApiScope>,
}

impl Caller {
    /// Whether they may do this.
    pub(in crate::admin) fn may(&self, scope: ApiScope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// As the log names them.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Why nobody was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// They showed nothing.
    Silent,
    /// They showed what we do not know.
    Wrong,
}

#[derive(Debug)]
struct Known {
    digits: String,
    caller: Caller,
}

/// Everybody who is known.
#[derive(Debug)]
pub(super) struct Callers {
    tokens: Vec<Known>,
    /// What the holder of a certificate may do.
    certificates: Option<BTreeSet<ApiScope>>,
    asks_who: bool,
}

impl Callers {
    /// As configured.
    pub(super) fn new(api: &Api) -> Self {
        let known = |token: &config_file::ApiToken| Known {
            digits: token.sha256.expose().to_owned(),
            caller: Caller {
                name: format!("token {}", token.name),
                scopes: token.scopes.clone(),
            },
        };
        let clients = api.tls.as_ref().and_then(|tls| tls.clients.as_ref());
        Self {
            tokens: api.tokens.iter().map(known).collect(),
            certificates: clients.map(|clients| clients.scopes.clone()),
            asks_who: api.asks_who(),
        }
    }

    /// Who asks. A token counts more than a certificate: somebody took the trouble to show it.
    pub(super) fn identify(&self, headers: &HeaderMap, certificate: Option<&str>) -> Result<Caller, Unknown> {
        if !self.asks_who {
            return Ok(Caller {
                name: "anybody".to_owned(),
                scopes: BTreeSet::from([ApiScope::Read, ApiScope::Reload, ApiScope::Poll]),
            });
        }
        if let Some(token) = shown(headers) {
            return self.holder(&token).ok_or(Unknown::Wrong);
        }
        match (certificate, &self.certificates) {
            (Some(fingerprint), Some(scopes)) => Ok(Caller {
                name: format!("certificate {fingerprint}"),
                scopes: scopes.clone(),
            }),
            _ => Err(Unknown::Silent),
        }
    }

    /// Looks at every token, whichever it is.
    fn holder(&self, token: &str) -> Option<Caller> {
        let digits = hex_sha256(token.as_bytes());
        let mut found = None;
        for known in &self.tokens {
            if bool::from(known.digits.as_bytes().ct_eq(digits.as_bytes())) {
                found = Some(&known.caller);
            }
        }
        found.cloned()
    }
}

/// The token that a caller shows: as bearer, as the password of whatever user, or as a key.
fn shown(headers: &HeaderMap) -> Option<String> {
    let key = headers
        .get(API_KEY)
        .map(|key| key.to_str().unwrap_or("").to_owned());
    let authorization = headers.get(header::AUTHORIZATION).map(|value| {
        let value = value.to_str().unwrap_or("");
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => rest.trim().to_owned(),
            "basic" => password(rest.trim()),
            _ => String::new(),
        }
    });
    authorization.or(key)
}

fn password(encoded: &str) -> String {
    let decoded = STANDARD.decode(encoded).ok();
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned()))
        .unwrap_or_default()
}

/// SHA-256 in hexadecimal digits.
pub(in crate::admin) fn hex_sha256(bytes: &[u8]) -> String {
    crate::admin::api::hex(digest(&SHA256, bytes).as_ref())
}

/// A new token, and the hash that the configuration wants.
pub(crate) fn new_token() -> Result<(String, String), aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; TOKEN_BYTES];
    rand::fill(&mut bytes)?;
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = format!("sha256:{}", hex_sha256(token.as_bytes()));
    Ok((token, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers() -> (Callers, String) {
        let (token, hash) = new_token().unwrap();
        let known = Known {
            digits: hash.trim_start_matches("sha256:").to_owned(),
            caller: Caller {
                name: "token ci".to_owned(),
                scopes: BTreeSet::from([ApiScope::Read]),
            },
        };
        let callers = Callers {
            tokens: vec![known],
            certificates: Some(BTreeSet::from([ApiScope::Poll])),
            asks_who: true,
        };
        (callers, token)
    }

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_taken_in_each_place_where_it_may_stand() {
        let (callers, token) = callers();
        let basic = format!("Basic {}", STANDARD.encode(format!("me:{token}")));
        for shown in [
            headers(header::AUTHORIZATION, &format!("Bearer {token}")),
            headers(header::AUTHORIZATION, &format!("bearer  {token}")),
            headers(header::AUTHORIZATION, &basic),
            headers(API_KEY, &token),
        ] {
            let caller = callers.identify(&shown, None).unwrap();
            assert!(
                caller.may(ApiScope::Read) && !caller.may(ApiScope::Reload),
                "{shown:?}"
            );
            assert_eq!(caller.to_string(), "token ci");
        }
    }

    #[test]
    fn what_is_not_a_token_of_ours_is_wrong_and_nothing_is_silent() {
        let (callers, token) = callers();
        let flipped = token.replace(PREFIX, "nsx_");
        for wrong in [
            "Bearer",
            "Bearer ",
            "Basic !",
            "Digest x",
            &format!("Bearer {flipped}"),
        ] {
            let shown = headers(header::AUTHORIZATION, wrong);
            assert_eq!(
                callers.identify(&shown, Some("ab")).unwrap_err(),
                Unknown::Wrong,
                "{wrong}"
            );
        }
        assert_eq!(
            callers.identify(&HeaderMap::new(), None).unwrap_err(),
            Unknown::Silent
        );
        let holder = callers.identify(&HeaderMap::new(), Some("ab")).unwrap();
        assert!(holder.may(ApiScope::Poll) && !holder.may(ApiScope::Read));
    }

    #[test]
    fn the_hash_is_what_every_tool_computes() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex_sha256(b"abc"), known);
    }
}
