//! Who may read: self-signed JWTs, and access tokens that the simulator gave out itself. The RSA key is made when the
//! simulator starts, so no private key lies in the repository. The endpoints that hand tokens out are in `tokens.rs`.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::ApiError;

/// The service account whose key the simulator hands out.
pub(crate) const ACCOUNT: &str = "sim-reader@sim-project.iam.gserviceaccount.com";
/// The audience of a self-signed JWT without scopes.
const AUDIENCE: &str = "https://monitoring.googleapis.com/";
/// The audience that google-auth for Python writes into its assertions, whatever `token_uri` says.
const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/monitoring.read",
    "https://www.googleapis.com/auth/cloud-platform",
];
/// Access tokens live so long, as those of the real service do.
pub(crate) const LIFETIME_S: i64 = 3600;
/// A JWT may live an hour; google-cloud-auth makes them 3620 s long and Google takes them.
const LONGEST_JWT_S: i64 = 3700;
/// A JWT may be from so far in the future, for clocks that differ.
const SKEW_S: i64 = 60;
const TOKEN_PREFIX: &str = "ya29.sim-";

/// Makes and checks everything that proves who a caller is.
pub(crate) struct Authority {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
    key_id: String,
    opaque: hmac::Key,
    allow_anonymous: bool,
    /// No token is accepted longer, whatever it says.
    refused_after_s: AtomicI64,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Option<String>,
    scope: Option<String>,
    iat: i64,
    exp: i64,
}

impl Claims {
    fn may_read(&self) -> bool {
        self.scope
            .as_deref()
            .unwrap_or("")
            .split(' ')
            .any(|scope| SCOPES.contains(&scope))
    }
}

impl Authority {
    /// Makes the key pair.
    pub(crate) fn new(seed: u64, allow_anonymous: bool) -> io::Result<Self> {
        let failed = |_| io::Error::other("the simulator could not make an RSA key");
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let public = pair.public_key().as_ref().to_vec();
        let key_id = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&public));
        let opaque = hmac::Key::new(hmac::HMAC_SHA256, &[&seed.to_le_bytes()[..], &public].concat());
        Ok(Self {
            pkcs8: der.as_ref().to_vec(),
            public,
            key_id,
            opaque,
            allow_anonymous,
            refused_after_s: AtomicI64::new(i64::MAX),
        })
    }

    /// The key file, as the console of the real cloud gives it.
    pub(crate) fn service_account_json(&self, endpoint: &str) -> String {
        let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
        let mut rest = STANDARD.encode(&self.pkcs8);
        while !rest.is_empty() {
            let tail = rest.split_off(rest.len().min(64));
            pem.push_str(&rest);
            pem.push('\n');
            rest = tail;
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        let file: Value = json!({"type": "service_account", "project_id": "sim-project", "private_key_id": self.key_id,
            "private_key": pem, "client_email": ACCOUNT, "client_id": "104000000000000000017",
            "auth_uri": format!("{endpoint}/auth"), "token_uri": token_uri(endpoint),
            "universe_domain": "googleapis.com"});
        file.to_string()
    }

    /// Refuses a request whose token is missing (unless that is allowed), wrong or expired.
    pub(crate) fn check(&self, headers: &HeaderMap, now_s: i64) -> Result<(), ApiError> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return if self.allow_anonymous {
                Ok(())
            } else {
                Err(ApiError::unauthenticated("CREDENTIALS_MISSING"))
            };
        };
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
        let wrong = || ApiError::unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED");
        let token = token.ok_or_else(wrong)?;
        if let Some(opaque) = token.strip_prefix(TOKEN_PREFIX) {
            return self.check_opaque(opaque, now_s);
        }
        let claims = self.claims(token).ok_or_else(wrong)?;
        let audience = match claims.aud.as_deref() {
            None => claims.may_read(),
            Some(aud) => aud == AUDIENCE && claims.scope.is_none(),
        };
        if claims.sub.as_deref() != Some(ACCOUNT) || !audience {
            return Err(wrong());
        }
        in_time(&claims, now_s)?;
        self.not_refused(claims.iat, now_s)
    }

    /// Refuses every token so many seconds after it was issued; a client that signs its own may date it back a little.
    pub(crate) fn refuse_after_s(&self, life_s: i64) {
        self.refused_after_s.store(life_s, Ordering::Relaxed);
    }

    fn not_refused(&self, issued_s: i64, now_s: i64) -> Result<(), ApiError> {
        if now_s - issued_s < self.refused_after_s.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(ApiError::unauthenticated("ACCESS_TOKEN_EXPIRED"))
        }
    }

    /// Checks the assertion of the JWT grant; the error is OAuth's word for what is wrong.
    pub(crate) fn check_assertion(
        &self,
        assertion: &str,
        endpoint: &str,
        now_s: i64,
    ) -> Result<(), &'static str> {
        let claims = self.claims(assertion).ok_or("Invalid JWT Signature.")?;
        let audience = claims.aud.as_deref().unwrap_or("");
        if audience != GOOGLE_TOKEN_URI && audience != token_uri(endpoint) {
            return Err("Invalid JWT: the audience is not the token endpoint.");
        }
        if !claims.may_read() {
            return Err("Invalid OAuth scope or ID token audience provided.");
        }
        in_time(&claims, now_s).map_err(|_| "Invalid JWT: Token must be a short-lived token (60 minutes).")
    }

    /// An access token that is good from `now_s` until `exp_s`.
    pub(crate) fn issue(&self, now_s: i64, exp_s: i64) -> String {
        let times = format!("{now_s}.{exp_s}");
        let tag = hmac::sign(&self.opaque, times.as_bytes());
        format!("{TOKEN_PREFIX}{times}-{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn check_opaque(&self, token: &str, now_s: i64) -> Result<(), ApiError> {
        let parts = token.split_once('-');
        let times = parts.and_then(|(times, tag)| {
            let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
            hmac::verify(&self.opaque, times.as_bytes(), &tag).ok()?;
            let (issued, exp) = times.split_once('.')?;
            Some((issued.parse::<i64>().ok()?, exp.parse::<i64>().ok()?))
        });
        match times {
            Some((issued_s, exp_s)) if exp_s > now_s => self.not_refused(issued_s, now_s),
            Some(_) => Err(ApiError::unauthenticated("ACCESS_TOKEN_EXPIRED")),
            None => Err(ApiError::unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED")),
        }
    }

    /// The claims of a JWT that our key signed.
    fn claims(&self, jwt: &str) -> Option<Claims> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (head, body) = signed.split_once('.')?;
        let head: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        if head.alg != "RS256" || head.kid.as_deref() != Some(self.key_id.as_str()) {
            return None;
        }
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?)
            .ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        (claims.iss == ACCOUNT).then_some(claims)
    }
}

/// Where the JWT grant is answered.
pub(crate) fn token_uri(endpoint: &str) -> String {
    format!("{endpoint}/token")
}

fn in_time(claims: &Claims, now_s: i64) -> Result<(), ApiError> {
    if claims.exp <= now_s {
        return Err(ApiError::unauthenticated("ACCESS_TOKEN_EXPIRED"));
    }
    if claims.iat > now_s + SKEW_S || claims.exp - claims.iat > LONGEST_JWT_S {
        return Err(ApiError::unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED"));
    }
    Ok(())
}
