//! The access keys that the simulated account knows, and the sessions that `AssumeRole` opens.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::answer::ApiError;

/// The account that the long-lived key belongs to.
pub const ACCOUNT: &str = "123456789012";
/// The long-lived access key.
pub const ACCESS_KEY: &str = "AKIDSIMULATED";
/// Its secret.
pub const SECRET_KEY: &str = "simulated-secret";

/// A role that can be assumed.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// The role's ARN.
    pub arn: &'static str,
    /// What the caller must give, if anything.
    pub external_id: Option<&'static str>,
}

/// The roles of this world: one that asks for no external id, one in another account that does.
pub const ROLES: [Role; 2] = [
    Role {
        arn: "arn:aws:iam::123456789012:role/nephoscope",
        external_id: None,
    },
    Role {
        arn: "arn:aws:iam::210987654321:role/nephoscope",
        external_id: Some("simulated-external-id"),
    },
];

/// A key that signs.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) secret: String,
    pub(super) account: String,
    pub(super) arn: String,
    token: Option<String>,
    opened_unix_s: i64,
    expires_unix_s: i64,
}

impl Key {
    /// Whether it is over at this time, by its own word or because sessions are refused so many seconds after they began.
    fn is_over(&self, now_unix_s: i64, refused_after_s: i64) -> bool {
        let refused = self.token.is_some() && now_unix_s - self.opened_unix_s >= refused_after_s;
        self.expires_unix_s <= now_unix_s || refused
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

/// All keys by their id.
#[derive(Debug)]
pub(super) struct Keys {
    known: Mutex<HashMap<String, Key>>,
    /// No session lasts longer, whatever it asked for.
    session_life_s: AtomicI64,
    /// No session is accepted longer, whatever it was told.
    refused_after_s: AtomicI64,
}

impl Keys {
    pub(super) fn new() -> Self {
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/simulated");
        let (secret, account) = (SECRET_KEY.to_owned(), ACCOUNT.to_owned());
        let key = Key {
            secret,
            account,
            arn,
            token: None,
            opened_unix_s: 0,
            expires_unix_s: i64::MAX,
        };
        Self {
            known: Mutex::new(HashMap::from([(ACCESS_KEY.to_owned(), key)])),
            session_life_s: AtomicI64::new(i64::MAX),
            refused_after_s: AtomicI64::new(i64::MAX),
        }
    }

    /// The key with this id when its session token is the right one and it has not expired.
    pub(super) fn find(&self, id: &str, token: Option<&str>, now_unix_s: i64) -> Result<Key, ApiError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let invalid = || {
            ApiError::forbidden(
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            )
        };
        let key = known
            .get(id)
            .filter(|key| key.token.as_deref() == token)
            .ok_or_else(invalid)?;
        if key.is_over(now_unix_s, self.refused_after_s.load(Ordering::Relaxed)) {
            let message = "The security token included in the request is expired";
            return Err(ApiError::forbidden("ExpiredToken", message));
        }
        Ok(key.clone())
    }

    /// Ends sessions opened from now on after so many seconds at the latest.
    pub(super) fn set_session_life_s(&self, life_s: i64) {
        self.session_life_s.store(life_s, Ordering::Relaxed);
    }

    /// Refuses every session so many seconds after it was opened, although it was given more.
    pub(super) fn refuse_after_s(&self, life_s: i64) {
        self.refused_after_s.store(life_s, Ordering::Relaxed);
    }

    /// How long a session lasts that asked for so many seconds.
    pub(super) fn session_life_s(&self, asked_s: i64) -> i64 {
        asked_s.min(self.session_life_s.load(Ordering::Relaxed))
    }

    /// Opens a session of a role from now until it expires: id, secret and token.
    pub(super) fn open(
        &self,
        role: &Role,
        session: &str,
        (opened_unix_s, expires_unix_s): (i64, i64),
    ) -> (String, String, String) {
        let account = role.arn.split(':').nth(4).unwrap_or(ACCOUNT).to_owned();
        let name = role.arn.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        let id = format!("ASIA{:016X}", fastrand::u64(..));
        let secret = format!("{:032x}", fastrand::u128(..));
        let token = format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
        let key = Key {
            secret: secret.clone(),
            account,
            arn,
            token: Some(token.clone()),
            opened_unix_s,
            expires_unix_s,
        };
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), key);
        (id, secret, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end_when_they_are_told_to() {
        let keys = Keys::new();
        assert_eq!(keys.session_life_s(3600), 3600);
        keys.set_session_life_s(20);
        let (id, _, token) = keys.open(&ROLES[0], "test", (1000, 1000 + keys.session_life_s(3600)));
        assert!(keys.find(&id, Some(&token), 1019).is_ok());
        let refused = keys.find(&id, Some(&token), 1020);
        assert_eq!(
            refused.map(|_| ()).map_err(|error| error.code),
            Err("ExpiredToken")
        );
    }

    #[test]
    fn sessions_can_be_refused_before_their_time_and_keys_cannot() {
        let keys = Keys::new();
        keys.refuse_after_s(5);
        let (id, _, token) = keys.open(&ROLES[0], "test", (1000, 4600));
        assert!(keys.find(&id, Some(&token), 1004).is_ok());
        assert!(keys.find(&id, Some(&token), 1005).is_err());
        assert!(keys.find(ACCESS_KEY, None, 9999).is_ok());
    }
}
