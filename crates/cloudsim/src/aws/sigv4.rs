//! Checks Signature Version 4 as the real services do: key, token, scope, clock, and the signature itself.
//!
//! Source of the algorithm: "Create a signed AWS API request" in the IAM User Guide. Presigned URLs are not known here.

use aws_lc_rs::{digest, hmac};
use http::HeaderMap;
use http::request::Parts;

use super::answer::ApiError;
use super::keys::{Key, Keys};

/// How far the client's clock may be off.
const MAX_SKEW_S: i64 = 300;

/// Who signed, and for which region.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) key: Key,
    pub(super) region: String,
}

struct Authorization<'a> {
    access_key: &'a str,
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// Verifies the signature over the request; `service` is the signing name that the credential scope must carry.
pub(super) fn verify(
    parts: &Parts,
    body: &[u8],
    service: &str,
    keys: &Keys,
    now_unix_s: i64,
) -> Result<Caller, ApiError> {
    let missing = || {
        ApiError::forbidden(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
    };
    let authorization = parse(header(&parts.headers, "authorization").ok_or_else(missing)?)?;
    let scope: Vec<&str> = authorization.scope.split('/').collect();
    let [day, region, signed_service, "aws4_request"] = scope[..] else {
        return Err(incomplete(
            "Credential must have the form <key>/<day>/<region>/<service>/aws4_request",
        ));
    };
    if signed_service != service {
        let message = format!("Credential should be scoped to correct service: '{service}'.");
        return Err(ApiError::forbidden("SignatureDoesNotMatch", message));
    }
    let date = header(&parts.headers, "x-amz-date").ok_or_else(|| incomplete("X-Amz-Date is required"))?;
    check_date(date, day, now_unix_s)?;
    let signed: Vec<&str> = authorization.signed_headers.split(';').collect();
    if !signed.contains(&"host") || !signed.contains(&"x-amz-date") {
        return Err(incomplete("'Host' and 'X-Amz-Date' must be signed headers"));
    }
    let token = header(&parts.headers, "x-amz-security-token");
    let key = keys.find(authorization.access_key, token, now_unix_s)?;
    let canonical = canonical_request(parts, &signed, authorization.signed_headers, body);
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{}\n{}",
        authorization.scope,
        sha256_hex(canonical.as_bytes())
    );
    let mut signing_key = sign(format!("AWS4{}", key.secret).as_bytes(), day.as_bytes());
    for part in [region, service, "aws4_request"] {
        signing_key = sign(signing_key.as_ref(), part.as_bytes());
    }
    if hex(sign(signing_key.as_ref(), to_sign.as_bytes()).as_ref()) != authorization.signature {
        let message = "The request signature we calculated does not match the signature you provided. Check your AWS \
                       Secret Access Key and signing method. Consult the service documentation for details.";
        return Err(ApiError::forbidden("SignatureDoesNotMatch", message));
    }
    Ok(Caller {
        key,
        region: region.to_owned(),
    })
}

fn incomplete(message: &str) -> ApiError {
    ApiError::bad("IncompleteSignature", message)
}

fn parse(header: &str) -> Result<Authorization<'_>, ApiError> {
    let fields = header
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or_else(|| incomplete("Authorization header requires the algorithm AWS4-HMAC-SHA256"))?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name))
            .ok_or_else(|| {
                incomplete("Authorization header requires Credential, SignedHeaders and Signature")
            })
    };
    let credential = field("Credential=")?;
    let (access_key, scope) = credential
        .split_once('/')
        .ok_or_else(|| incomplete("Credential has no scope"))?;
    Ok(Authorization {
        access_key,
        scope,
        signed_headers: field("SignedHeaders=")?,
        signature: field("Signature=")?,
    })
}

fn check_date(date: &str, day: &str, now_unix_s: i64) -> Result<(), ApiError> {
    let signed_at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .ok()
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|date| date.timestamp().as_second())
        .ok_or_else(|| incomplete("X-Amz-Date must be in ISO8601 basic format"))?;
    if !date.starts_with(day) {
        let message =
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP";
        return Err(ApiError::forbidden("SignatureDoesNotMatch", message));
    }
    if (signed_at - now_unix_s).abs() > MAX_SKEW_S {
        let word = if signed_at < now_unix_s {
            "expired"
        } else {
            "not yet current"
        };
        let message = format!("Signature {word}: {date} is more than 5 min. away from the service's time");
        return Err(ApiError::forbidden("SignatureDoesNotMatch", message));
    }
    Ok(())
}

fn canonical_request(parts: &Parts, signed: &[&str], signed_headers: &str, body: &[u8]) -> String {
    let mut query: Vec<String> = parts
        .uri
        .query()
        .unwrap_or("")
        .split('&')
        .map(canonical_pair)
        .collect();
    query.retain(|pair| !pair.is_empty());
    query.sort();
    let headers = signed.iter().fold(String::new(), |all, name| {
        all + name + ":" + &canonical_header(parts, name) + "\n"
    });
    let path = if parts.uri.path().is_empty() {
        "/"
    } else {
        parts.uri.path()
    };
    let body_hash = sha256_hex(body);
    format!(
        "{}\n{path}\n{}\n{headers}\n{signed_headers}\n{body_hash}",
        parts.method,
        query.join("&")
    )
}

fn canonical_pair(pair: &str) -> String {
    if pair.is_empty() || pair.contains('=') {
        pair.to_owned()
    } else {
        format!("{pair}=")
    }
}

/// All values of a header, spaces folded; over HTTP/2 the host is in the address.
fn canonical_header(parts: &Parts, name: &str) -> String {
    let values: Vec<String> = parts
        .headers
        .get_all(name)
        .iter()
        .map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    match (values.is_empty() && name == "host", parts.uri.authority()) {
        (true, Some(authority)) => authority.to_string(),
        _ => values.join(","),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
