//! The two STS calls that a metrics reader makes: who am I, and become that role.

use axum::response::Response;
use jiff::Timestamp;
use url::form_urlencoded;

use super::State;
use super::answer::{ApiError, escape, xml};
use super::keys::ROLES;
use super::sigv4::Caller;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// How long a session lasts unless asked otherwise, and within which bounds it may be asked, in seconds.
const DEFAULT_SESSION_S: i64 = 3600;
const SESSION_BOUNDS_S: std::ops::RangeInclusive<i64> = 900..=43_200;

/// The `Action` of a form.
pub(super) fn action(body: &[u8]) -> Option<String> {
    field(body, "Action")
}

fn field(body: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(body)
        .find(|(field, _)| field == name)
        .map(|(_, value)| value.into_owned())
}

/// Answers a call to STS.
pub(super) fn answer(
    state: &State,
    caller: &Caller,
    action: &str,
    body: &[u8],
) -> Result<Response, ApiError> {
    match action {
        "GetCallerIdentity" => Ok(caller_identity(caller)),
        "AssumeRole" => assume_role(state, caller, body),
        other => Err(ApiError::bad(
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

fn caller_identity(caller: &Caller) -> Response {
    wrap(
        "GetCallerIdentity",
        &format!(
            "<Arn>{}</Arn><UserId>AIDASIMULATED</UserId><Account>{}</Account>",
            escape(&caller.key.arn),
            caller.key.account
        ),
    )
}

fn assume_role(state: &State, caller: &Caller, body: &[u8]) -> Result<Response, ApiError> {
    let required = |name: &str| {
        let missing =
            || ApiError::validation(format!("1 validation error detected: '{name}' must not be null"));
        field(body, name).ok_or_else(missing)
    };
    let (arn, session) = (required("RoleArn")?, required("RoleSessionName")?);
    let asked = field(body, "DurationSeconds")
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_SESSION_S);
    if !SESSION_BOUNDS_S.contains(&asked) {
        return Err(ApiError::validation(
            "1 validation error detected: 'durationSeconds' must be 900 to 43200",
        ));
    }
    let external_id = field(body, "ExternalId");
    let denied = || {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            caller.key.arn
        );
        ApiError::forbidden("AccessDenied", message)
    };
    let role = ROLES
        .iter()
        .find(|role| {
            role.arn == arn && (role.external_id.is_none() || role.external_id == external_id.as_deref())
        })
        .ok_or_else(denied)?;
    let now_unix_s = state.world.clock.unpaced_unix_s();
    let expires_unix_s = now_unix_s + state.keys.session_life_s(asked);
    let (id, secret, token) = state.keys.open(role, &session, (now_unix_s, expires_unix_s));
    let expiration = Timestamp::from_second(expires_unix_s).unwrap_or(Timestamp::MAX);
    let assumed = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
    Ok(wrap(
        "AssumeRole",
        &format!(
            "<AssumedRoleUser><Arn>{assumed}/{session}</Arn><AssumedRoleId>AROASIMULATED:{session}</AssumedRoleId>\
             </AssumedRoleUser><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>",
            session = escape(&session)
        ),
    ))
}

fn wrap(operation: &str, result: &str) -> Response {
    xml(format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result><ResponseMetadata>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{operation}Response>"
    ))
}
