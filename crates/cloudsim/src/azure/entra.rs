//! Microsoft Entra: the token endpoint, the discovery documents that MSAL reads first, and managed identity (facts §11).
//! A token is self-contained (audience and expiry under a keyed hash), so nothing has to be remembered.

use super::catalog::{CLIENT_ID, CLIENT_SECRET, FEDERATED_TOKEN, TENANT_ID};
use super::reply::Reply;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The audience of ARM.
pub(super) const ARM_AUDIENCE: &str = "https://management.azure.com";
/// The audience of the metrics data plane.
pub(super) const METRICS_AUDIENCE: &str = "https://metrics.monitor.azure.com";
/// The type of a federated or certificate assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Life of a token unless a test shortens it.
pub(super) const DEFAULT_TOKEN_LIFE_S: i64 = 3_600;

/// Query or form parameters, keys lower case.
pub(super) type Params = BTreeMap<String, String>;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// None sent, or not ours.
    Missing,
    /// For another API.
    WrongAudience,
    /// Too old.
    Expired,
}

/// The issuer of all tokens.
#[derive(Debug)]
pub(super) struct Entra {
    seed: u64,
    /// No token is accepted longer, whatever it says.
    refused_after_s: AtomicI64,
}

impl Entra {
    /// An issuer whose key is the seed.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            refused_after_s: AtomicI64::new(i64::MAX),
        }
    }

    /// Refuses every token so many seconds after it was issued.
    pub(super) fn refuse_after_s(&self, life_s: i64) {
        self.refused_after_s.store(life_s, Ordering::Relaxed);
    }

    /// The token endpoint. `base` is the listener's own URL, which is accepted as ARM's audience.
    pub(super) fn token(&self, tenant: &str, form: &Params, base: &str, now_s: i64, life_s: i64) -> Reply {
        if let Err(refused) = check_client(tenant, form) {
            return refused;
        }
        let scope = field(form, "scope");
        match scope
            .strip_suffix("/.default")
            .and_then(|audience| known_audience(audience, base))
        {
            Some(audience) => Reply::ok(json!({
                "token_type": "Bearer", "expires_in": life_s - 1, "ext_expires_in": life_s - 1, "access_token": self.issue(audience, now_s, life_s),
            })),
            None => failure(
                400,
                "invalid_scope",
                70_011,
                &format!(
                    "The provided request must include a 'scope' input parameter. The scope {scope} is not valid."
                ),
            ),
        }
    }

    /// Managed identity on a virtual machine; numbers are strings there.
    pub(super) fn managed_identity(
        &self,
        params: &Params,
        has_header: bool,
        base: &str,
        now_s: i64,
        life_s: i64,
    ) -> Reply {
        let resource = field(params, "resource");
        if !has_header {
            return imds_failure("invalid_request", "Required metadata header not specified");
        }
        if let Some(other) = params.get("client_id").filter(|id| id.as_str() != CLIENT_ID) {
            return imds_failure("invalid_request", &format!("Identity not found: {other}"));
        }
        let Some(audience) = known_audience(resource, base) else {
            return imds_failure(
                "invalid_resource",
                "AADSTS500011: The resource principal was not found in the tenant.",
            );
        };
        Reply::ok(json!({
            "access_token": self.issue(audience, now_s, life_s), "client_id": CLIENT_ID, "expires_in": life_s.to_string(),
            "expires_on": (now_s + life_s).to_string(), "ext_expires_in": life_s.to_string(), "not_before": now_s.to_string(),
            "resource": resource, "token_type": "Bearer",
        }))
    }

    /// Checks a bearer token against the audience that an API wants.
    pub(super) fn verify(
        &self,
        authorization: Option<&str>,
        audience: &str,
        now_s: i64,
    ) -> Result<(), Refusal> {
        let token = authorization
            .and_then(|header| header.strip_prefix("Bearer "))
            .ok_or(Refusal::Missing)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Missing)?;
        if self.sign(signed) != signature {
            return Err(Refusal::Missing);
        }
        let claims = signed
            .split_once('.')
            .and_then(|(_, body)| URL_SAFE_NO_PAD.decode(body).ok())
            .ok_or(Refusal::Missing)?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| Refusal::Missing)?;
        if claims["aud"] != audience {
            return Err(Refusal::WrongAudience);
        }
        let refused_after_s = self.refused_after_s.load(Ordering::Relaxed);
        let is_refused = |issued_s: i64| now_s - issued_s >= refused_after_s;
        if claims["exp"].as_i64().is_none_or(|expiry_s| expiry_s <= now_s)
            || claims["iat"].as_i64().is_none_or(is_refused)
        {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    fn issue(&self, audience: &str, now_s: i64, life_s: i64) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "sim"}).to_string();
        let claims =
            json!({"aud": audience, "iat": now_s, "exp": now_s + life_s, "tid": TENANT_ID, "appid": CLIENT_ID}).to_string();
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.sign(&signed);
        format!("{signed}.{signature}")
    }

    fn sign(&self, signed: &str) -> String {
        URL_SAFE_NO_PAD.encode(xxh3_64_with_seed(signed.as_bytes(), self.seed).to_be_bytes())
    }
}

/// What MSAL reads before it asks for a token.
pub(super) fn openid_configuration(tenant: &str, base: &str) -> Reply {
    Reply::ok(json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "issuer": format!("{base}/{tenant}/v2.0"),
        "response_types_supported": ["code"], "subject_types_supported": ["pairwise"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    }))
}

/// Instance discovery, which tells MSAL that this authority is known.
pub(super) fn instance_discovery(base: &str) -> Reply {
    let host = base.trim_start_matches("https://");
    Reply::ok(json!({
        "tenant_discovery_endpoint": format!("{base}/{TENANT_ID}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }))
}

fn known_audience(asked: &str, base: &str) -> Option<&'static str> {
    let asked = asked.trim_end_matches('/');
    if asked.eq_ignore_ascii_case(ARM_AUDIENCE) || asked.eq_ignore_ascii_case(base) {
        Some(ARM_AUDIENCE)
    } else {
        asked
            .eq_ignore_ascii_case(METRICS_AUDIENCE)
            .then_some(METRICS_AUDIENCE)
    }
}

fn check_client(tenant: &str, form: &Params) -> Result<(), Reply> {
    if tenant != TENANT_ID {
        return Err(failure(
            400,
            "invalid_request",
            90_002,
            &format!("Tenant '{tenant}' not found."),
        ));
    }
    let grant = field(form, "grant_type");
    if grant != "client_credentials" {
        return Err(failure(
            400,
            "unsupported_grant_type",
            70_003,
            &format!("The app requested an unsupported grant type '{grant}'."),
        ));
    }
    let client = field(form, "client_id");
    if client != CLIENT_ID {
        let message =
            format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
        return Err(failure(400, "unauthorized_client", 700_016, &message));
    }
    if form.get("client_assertion").is_some() {
        if field(form, "client_assertion_type") == JWT_BEARER
            && field(form, "client_assertion").trim() == FEDERATED_TOKEN
        {
            return Ok(());
        }
        return Err(failure(
            401,
            "invalid_client",
            700_027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        ));
    }
    if field(form, "client_secret") != CLIENT_SECRET {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        return Err(failure(401, "invalid_client", 7_000_215, &message));
    }
    Ok(())
}

fn field<'a>(params: &'a Params, name: &str) -> &'a str {
    params.get(name).map_or("", String::as_str)
}

fn failure(status: u16, error: &str, code: u32, message: &str) -> Reply {
    let body = json!({
        "error": error, "error_description": format!("AADSTS{code}: {message} Trace ID: 0 Correlation ID: 0"), "error_codes": [code],
        "timestamp": "2026-01-01 00:00:00Z", "trace_id": "00000000-0000-0000-0000-000000000000",
        "correlation_id": "00000000-0000-0000-0000-000000000000",
    });
    Reply {
        status,
        ..Reply::ok(body)
    }
}

fn imds_failure(error: &str, message: &str) -> Reply {
    Reply {
        status: 400,
        ..Reply::ok(json!({"error": error, "error_description": message}))
    }
}
