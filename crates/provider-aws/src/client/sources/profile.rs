//! What a profile of the shared configuration files says about credentials: where the first ones come from, and which
//! roles are taken on with them. Pure: the same rules as AWS's own tools have (AWS SDKs and Tools Reference Guide,
//! "Assume role credential provider"), from the sections that the SDK has parsed.

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use std::time::Duration;

/// Where the first credentials come from, and the roles taken on with them, one after the other.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) base: Base,
    pub(super) roles: Vec<Role>,
}

/// The first credentials.
#[derive(Debug)]
pub(super) enum Base {
    /// `credential_source`.
    Environment,
    /// `credential_source`.
    InstanceMetadata,
    /// `credential_source`.
    Container,
    /// `aws_access_key_id` and its companions; the SDK's type hides them.
    Keys(Credentials),
    /// `web_identity_token_file` with `role_arn`.
    WebIdentity { file: String, role: Role },
    /// `sso_*`.
    Sso(Sso),
    /// `credential_process`.
    Process(Command),
    /// `login_session`: an ARN.
    Login(String),
}

/// A person's sign-in to IAM Identity Center.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sso {
    pub(super) account: String,
    pub(super) role: String,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) session: Option<String>,
}

/// A command whose arguments may be secrets.
pub(super) struct Command(pub(super) String);

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let program = self.0.split_whitespace().next().unwrap_or_default();
        write!(f, "Command({program} …)")
    }
}

/// A role to take on.
#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<Duration>,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Role")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

/// Why a profile gives no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// It says nothing about credentials, or is not there: another source may be asked.
    Nothing(String),
    /// What it says cannot work.
    Wrong(String),
}

/// The route of the profile `name`.
pub(super) fn route(set: &ProfileSet, name: &str) -> Result<Route, NoRoute> {
    let mut roles = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut at = name;
    loop {
        let profile = set
            .get_profile(at)
            .ok_or_else(|| absent(at, seen.last().copied()))?;
        if seen.contains(&at) {
            return Err(NoRoute::Wrong(format!(
                "its source profiles go in a circle: {} → {at}",
                seen.join(" → ")
            )));
        }
        let first = seen.is_empty();
        seen.push(at);
        // A source profile's keys come before its own role; the first profile's role comes before its keys.
        if let Some(keys) = keys(profile).filter(|_| !first) {
            return finished(keys.map(Base::Keys), roles);
        }
        let Some(role) = role(profile) else {
            return finished(base(set, profile, first), roles);
        };
        mfa(profile)?;
        roles.push(role);
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    profile,
                    "has both `source_profile` and `credential_source`",
                ));
            }
            (None, None) => {
                return Err(wrong(
                    profile,
                    "has `role_arn` but neither `source_profile` nor `credential_source`",
                ));
            }
            (Some(source), None) if source != at => at = source,
            _ => return finished(base(set, profile, false), roles),
        }
    }
}

/// The roles in the order in which they are taken on: the last one found is nearest to the keys.
fn finished(base: Result<Base, NoRoute>, mut roles: Vec<Role>) -> Result<Route, NoRoute> {
    roles.reverse();
    Ok(Route { base: base?, roles })
}

fn absent(name: &str, from: Option<&str>) -> NoRoute {
    match from {
        Some(from) => NoRoute::Wrong(format!(
            "profile `{from}` names `{name}` as its source, which does not exist"
        )),
        None => NoRoute::Nothing(format!("there is no profile `{name}`")),
    }
}

fn wrong(profile: &Profile, what: &str) -> NoRoute {
    NoRoute::Wrong(format!("profile `{}` {what}", profile.name()))
}

/// A value that says something.
fn get<'a>(profile: &'a Profile, key: &str) -> Option<&'a str> {
    profile.get(key).map(str::trim).filter(|value| !value.is_empty())
}

/// A role that needs credentials; one with a token needs none.
fn role(profile: &Profile) -> Option<Role> {
    let arn = get(profile, "role_arn")?;
    get(profile, "web_identity_token_file")
        .is_none()
        .then(|| role_of(profile, arn))
}

fn role_of(profile: &Profile, arn: &str) -> Role {
    let owned = |key| get(profile, key).map(str::to_owned);
    let seconds = get(profile, "duration_seconds").and_then(|seconds| seconds.parse().ok());
    Role {
        arn: arn.to_owned(),
        external_id: owned("external_id"),
        session_name: owned("role_session_name"),
        duration: seconds.map(Duration::from_secs),
    }
}

/// A one-time code cannot be asked of anybody.
fn mfa(profile: &Profile) -> Result<(), NoRoute> {
    match get(profile, "mfa_serial") {
        Some(_) => Err(wrong(
            profile,
            "asks for a one-time code (`mfa_serial`), which nobody is there to enter; use a role without that condition",
        )),
        None => Ok(()),
    }
}

fn base(set: &ProfileSet, profile: &Profile, first: bool) -> Result<Base, NoRoute> {
    if let Some(source) = get(profile, "credential_source") {
        return named(profile, source);
    }
    if let Some(file) = get(profile, "web_identity_token_file") {
        let role = get(profile, "role_arn").map(|arn| role_of(profile, arn));
        let role = role.ok_or_else(|| wrong(profile, "has `web_identity_token_file` but no `role_arn`"))?;
        return Ok(Base::WebIdentity {
            file: file.to_owned(),
            role,
        });
    }
    if let Some(sso) = sso(set, profile)? {
        return Ok(Base::Sso(sso));
    }
    if let Some(session) = get(profile, "login_session") {
        return Ok(Base::Login(session.to_owned()));
    }
    if let Some(command) = get(profile, "credential_process") {
        return Ok(Base::Process(Command(command.to_owned())));
    }
    match keys(profile) {
        Some(keys) => keys.map(Base::Keys),
        None if first => Err(NoRoute::Nothing(format!(
            "profile `{}` has no credentials",
            profile.name()
        ))),
        None => Err(wrong(profile, "is a source of credentials and has none")),
    }
}

/// As the SDK does, in any case of letters.
fn named(profile: &Profile, source: &str) -> Result<Base, NoRoute> {
    match source.to_ascii_lowercase().as_str() {
        "environment" => Ok(Base::Environment),
        "ec2instancemetadata" => Ok(Base::InstanceMetadata),
        "ecscontainer" => Ok(Base::Container),
        _ => {
            let what = format!(
                "has `credential_source = {source}`; possible are Environment, Ec2InstanceMetadata and EcsContainer"
            );
            Err(wrong(profile, &what))
        }
    }
}

/// Keys, or half of them.
fn keys(profile: &Profile) -> Option<Result<Credentials, NoRoute>> {
    let (id, secret) = (
        get(profile, "aws_access_key_id"),
        get(profile, "aws_secret_access_key"),
    );
    let token = get(profile, "aws_session_token").map(str::to_owned);
    match (id, secret) {
        (Some(id), Some(secret)) => Some(Ok(Credentials::from_keys(id, secret, token))),
        (None, None) => None,
        (None, Some(_)) => Some(Err(wrong(profile, "has a secret key but no `aws_access_key_id`"))),
        (Some(_), None) => Some(Err(wrong(
            profile,
            "has no `aws_secret_access_key` beside its key id",
        ))),
    }
}

/// With a section of its own (`sso-session`), or all in the profile as older tools wrote it.
fn sso(set: &ProfileSet, profile: &Profile) -> Result<Option<Sso>, NoRoute> {
    let session = get(profile, "sso_session");
    let written = ["sso_account_id", "sso_role_name", "sso_start_url", "sso_region"];
    if session.is_none() && written.iter().all(|key| get(profile, key).is_none()) {
        return Ok(None);
    }
    let own = |key: &str| get(profile, key).map(str::to_owned);
    let shared = |key: &str| match session {
        None => own(key),
        Some(name) => set.sso_session(name).and_then(|s| s.get(key)).map(str::to_owned),
    };
    if let Some(name) = session.filter(|name| set.sso_session(name).is_none()) {
        return Err(wrong(
            profile,
            &format!("names the section `[sso-session {name}]`, which does not exist"),
        ));
    }
    let missing = |key: &str| wrong(profile, &format!("signs in with SSO and has no `{key}`"));
    Ok(Some(Sso {
        account: own("sso_account_id").ok_or_else(|| missing("sso_account_id"))?,
        role: own("sso_role_name").ok_or_else(|| missing("sso_role_name"))?,
        start_url: shared("sso_start_url").ok_or_else(|| missing("sso_start_url"))?,
        region: shared("sso_region").ok_or_else(|| missing("sso_region"))?,
        session: session.map(str::to_owned),
    }))
}
