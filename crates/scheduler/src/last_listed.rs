//! When each part of a scope was listed in full the last time, kept in the store: what appears later may have existed since
//! then, so it is asked for from then on.

use provider_api::{AccountId, Catalogue, Reach, Scope, UnixNanos};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The first line of the setting; another one is of another version and is not read.
const HEAD: &str = "listed 1";

/// A scope that has not been listed for so long has nothing that is still kept (the longest retention).
const FORGOTTEN_AFTER: Duration = Duration::from_secs(455 * 86_400);

/// Stands for "never".
const NEVER: &str = "-";

/// The last complete listings of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastListed {
    /// Of everything that is not among the parts.
    whole: Option<UnixNanos>,
    /// Parts whose last listing failed, by namespace, with their last complete one.
    parts: BTreeMap<String, Option<UnixNanos>>,
    /// Everything before has been taken of everything.
    taken: Option<UnixNanos>,
}

impl LastListed {
    /// Of a scope without a word of its listings, in a store that is known to have been polled up to `latest`.
    pub(crate) fn unknown(latest: Option<UnixNanos>) -> Self {
        Self {
            whole: latest,
            parts: BTreeMap::new(),
            taken: latest,
        }
    }

    /// When a namespace was listed in full.
    pub(crate) fn of(&self, namespace: &str) -> Option<UnixNanos> {
        self.parts.get(namespace).copied().unwrap_or(self.whole)
    }

    /// How long ago the oldest point ended that a listing at `now` has to answer for; nothing when there was none before.
    pub(crate) fn reach(&self, now: UnixNanos) -> Option<Duration> {
        let parts = self.parts.values().flatten();
        let oldest = self.whole.iter().chain(parts).chain(&self.taken).min();
        oldest.map(|oldest| now.since(*oldest))
    }

    /// A listing that began at `now` has ended; the slowest target lay `behind` then.
    #[must_use]
    pub(crate) fn after(&self, now: UnixNanos, behind: Duration, catalogue: &Catalogue) -> Self {
        let part = |namespace: &std::sync::Arc<str>| (namespace.to_string(), self.of(namespace));
        Self {
            whole: Some(now),
            parts: catalogue
                .unlisted
                .iter()
                .map(|unlisted| part(&unlisted.namespace))
                .collect(),
            taken: Some(now.minus(behind)),
        }
    }

    fn write(&self, text: &mut String, scope: &Scope) {
        // Writing to a String cannot fail.
        writeln!(text, "{}\t{}\t{scope}", time(self.whole), time(self.taken)).ok();
        for (namespace, at) in &self.parts {
            writeln!(text, "\t{}\t{namespace}", time(*at)).ok();
        }
    }
}

/// The last complete listings of an account, by scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listings(BTreeMap<Scope, LastListed>);

impl Listings {
    /// The key of the setting.
    pub(crate) fn key(account: &AccountId) -> String {
        format!("listed/{account}")
    }

    /// What is known of a scope.
    pub(crate) fn of(&self, scope: &Scope) -> Option<&LastListed> {
        self.0.get(scope)
    }

    /// A scope has been listed; scopes that have not been for long are forgotten.
    pub(crate) fn put(&mut self, now: UnixNanos, scope: Scope, listed: LastListed) {
        self.0.insert(scope, listed);
        self.0
            .retain(|_, listed| listed.reach(now).is_some_and(|reach| reach < FORGOTTEN_AFTER));
    }

    /// How far back a listing that begins now has to answer for.
    pub(crate) fn reach(&self, now: UnixNanos, others: Duration) -> Reach {
        let mut all = Reach::of_all(others);
        for (scope, listed) in &self.0 {
            if let Some(reach) = listed.reach(now) {
                all = all.with(scope.clone(), reach);
            }
        }
        all
    }

    /// As lines of text: a scope, then its parts.
    pub(crate) fn write(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (scope, listed) in &self.0 {
            listed.write(&mut text, scope);
        }
        text
    }

    /// Nothing when the text is not ours.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut all = BTreeMap::new();
        let mut last = None;
        for line in text.strip_prefix(HEAD)?.strip_prefix('\n')?.lines() {
            let mut fields = line.splitn(3, '\t');
            let (first, second, name) = (fields.next()?, fields.next()?, fields.next()?);
            if first.is_empty() {
                let of: &mut LastListed = all.get_mut(last.as_ref()?)?;
                of.parts.insert(name.to_owned(), parse(second).ok()?);
                continue;
            }
            let scope = Scope::new(name);
            let listed = LastListed {
                whole: parse(first).ok()?,
                parts: BTreeMap::new(),
                taken: parse(second).ok()?,
            };
            all.insert(scope.clone(), listed);
            last = Some(scope);
        }
        Some(Self(all))
    }
}

fn time(at: Option<UnixNanos>) -> String {
    at.map_or_else(|| NEVER.to_owned(), |at| at.0.to_string())
}

/// The inner nothing is "never"; an error is a text that is not ours.
fn parse(text: &str) -> Result<Option<UnixNanos>, std::num::ParseIntError> {
    match text {
        NEVER => Ok(None),
        nanos => nanos.parse().map(|nanos| Some(UnixNanos(nanos))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::{Cloud, ErrorKind, ProviderError, Unlisted};
    use std::sync::Arc;

    fn at(minutes: i64) -> UnixNanos {
        UnixNanos::from_seconds(minutes * 60)
    }

    fn catalogue(failed: &[&str]) -> Catalogue {
        let scope = Scope::new("s");
        let unlisted = |namespace: &&str| {
            let (scope, kind) = (scope.clone(), ErrorKind::Forbidden);
            Unlisted {
                namespace: (*namespace).into(),
                error: Arc::new(ProviderError::new(Cloud::Azure, "list", scope, kind, "no")),
            }
        };
        Catalogue {
            unlisted: failed.iter().map(unlisted).collect(),
            ..Catalogue::empty(scope.clone(), Duration::ZERO)
        }
    }

    #[test]
    fn a_part_that_fails_keeps_its_last_complete_listing() {
        let none = Duration::ZERO;
        let first = LastListed::default().after(at(0), none, &catalogue(&["b"]));
        assert_eq!((first.of("a"), first.of("b")), (Some(at(0)), None));
        let second = first.after(at(60), none, &catalogue(&[]));
        assert_eq!((second.of("a"), second.of("b")), (Some(at(60)), Some(at(60))));
        let third = second.after(at(120), none, &catalogue(&["b"]));
        let fourth = third.after(at(180), none, &catalogue(&["b"]));
        assert_eq!((fourth.of("a"), fourth.of("b")), (Some(at(180)), Some(at(60))));
        assert_eq!(fourth.reach(at(200)), Some(Duration::from_mins(140)));
        let mut all = Listings::default();
        all.put(at(200), Scope::new("s"), fourth.clone());
        all.put(at(200), Scope::new("t"), third);
        all.put(at(200), Scope::new("never"), LastListed::default());
        assert_eq!(all.of(&Scope::new("s")), Some(&fourth));
        assert_eq!(all.of(&Scope::new("never")), None);
        let reach = all.reach(at(200), Duration::ZERO);
        assert_eq!(reach.of(&Scope::new("s")), Duration::from_mins(140));
        assert_eq!(reach.of(&Scope::new("u")), Duration::ZERO);
        assert_eq!(Listings::read(all.write().as_bytes()), Some(all));
    }

    #[test]
    fn what_lies_behind_is_listed_until_it_has_been_taken() {
        let behind = LastListed::default().after(at(100), Duration::from_mins(90), &catalogue(&[]));
        assert_eq!(behind.reach(at(110)), Some(Duration::from_mins(100)));
        assert_eq!(LastListed::default().reach(at(110)), None);
        assert_eq!(Listings::read(b"listed 2\n"), None);
        assert_eq!(Listings::read(b"listed 1\n1\t2\n"), None);
    }
}
