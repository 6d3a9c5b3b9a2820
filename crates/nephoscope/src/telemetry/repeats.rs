//! Warnings that are written at each attempt, once an hour: by libraries, by providers, which know no clock, and by the few
//! modules that remember nothing. What all others say of attempts goes through `intake::Notices` or counters of its own.

use super::texts::Texts;
use crate::clock::SystemClock;
use provider_api::UnixNanos;
use scheduler::Clock as _;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// How long the same line stays quiet.
const QUIET: Duration = Duration::from_secs(3_600);

/// Lines remembered; beyond them the memory begins anew, so that a flood cannot fill it.
const REMEMBERED: usize = 4_096;

/// Fields that say what a line is about: two that differ in a digit of these are two.
const ABOUT: [&str; 7] = [
    "account",
    "scope",
    "region",
    "subscription",
    "namespace",
    "metric",
    "resource",
];

/// Those of ours that write at each attempt and remember nothing: clouds, a disk that refuses, systemd that does not listen, a
/// machine without file descriptors.
const FORGETFUL: [&str; 6] = [
    "provider_aws",
    "provider_azure",
    "provider_gcp",
    "store::writer::group",
    "nephoscope::systemd",
    "nephoscope::admin::server",
];

/// Lets each line pass once in a while.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Mutex<HashMap<u64, UnixNanos>>);

impl Repeats {
    fn passes(&self, line: u64, now: UnixNanos) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= REMEMBERED {
            written.retain(|_, at| now.since(*at) < QUIET);
        }
        if written.len() >= REMEMBERED {
            written.clear();
        }
        if written.get(&line).is_some_and(|at| now.since(*at) < QUIET) {
            return false;
        }
        written.insert(line, now);
        true
    }
}

impl<S: Subscriber> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let at_each_attempt = *metadata.level() <= Level::WARN && !remembers(metadata.target());
        !at_each_attempt || self.passes(line(metadata.target(), &Texts::of(event)), SystemClock.now())
    }
}

/// Whether what writes there sees to it that it does not repeat itself.
fn remembers(target: &str) -> bool {
    crate::events::ours(target) && !FORGETFUL.iter().any(|module| target.starts_with(module))
}

/// Tells lines apart by what they are about and by their words: numbers in them (ports, times, identities of requests)
/// differ at each attempt.
fn line(target: &str, texts: &Texts) -> u64 {
    let mut hash = DefaultHasher::new();
    target.hash(&mut hash);
    let about = texts
        .fields
        .iter()
        .filter(|(field, _)| ABOUT.contains(&field.name()));
    about.for_each(|(_, text)| text.hash(&mut hash));
    let others = texts.fields.iter().map(|(_, text)| text.as_str());
    for text in others.chain([texts.message.as_str()]) {
        for word in text
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| !word.is_empty())
        {
            word.hash(&mut hash);
        }
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_passes_once_an_hour() {
        let repeats = Repeats::default();
        let passes = |line, s| repeats.passes(line, UnixNanos::from_seconds(s));
        assert_eq!(
            [
                passes(1, 0),
                passes(1, 30),
                passes(2, 30),
                passes(1, 3_599),
                passes(1, 3_600)
            ],
            [true, false, true, false, true]
        );
        assert!((3..20_000).all(|line| passes(line, 3_601)));
    }

    #[test]
    fn only_those_that_remember_nothing_repeat_themselves() {
        for (target, wanted) in [
            ("intake::tell", true),
            ("nephoscope::daemon::reload", true),
            ("provider_api::remedy", true),
            ("provider_aws", false),
            ("provider_gcp::fetch", false),
            ("store::writer::full", true),
            ("store::writer::group", false),
            ("nephoscope::admin::server", false),
            ("hyper::client", false),
        ] {
            assert_eq!(remembers(target), wanted, "{target}");
        }
    }

    #[test]
    fn numbers_make_no_other_line() {
        let of = |message: &str| {
            let fields = Vec::new();
            let message = message.to_owned();
            line("provider_aws", &Texts { message, fields })
        };
        assert_eq!(of("port 4711 refused"), of("port 4712 refused"));
        assert_ne!(of("eu-west refused"), of("us-east refused"));
    }
}
