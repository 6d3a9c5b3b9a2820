//! The last events of our own crates that are worth a human, kept in memory for the page and the API. Bounded in number
//! and in length; the log on standard error has all of them in full.

use crate::clock::SystemClock;
use crate::telemetry::texts::Texts;
use provider_api::UnixNanos;
use scheduler::Clock as _;
use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, PoisonError};
use tracing::field::Field;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Events kept: days of an ordinary life, about an hour of a bad one.
const MOST_KEPT: usize = 1_000;

/// Most bytes of a message or of a field: a long paragraph. With [`MOST_KEPT`] it bounds the memory to a few megabytes.
const LONGEST_TEXT: usize = 2_048;

/// The crates that are ours, as targets name them.
const OURS: [&str; 11] = [
    "config_file",
    "export",
    "gate",
    "intake",
    "nephoscope",
    "provider_api",
    "provider_aws",
    "provider_azure",
    "provider_gcp",
    "scheduler",
    "store",
];

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Counts from 1 in the order they happened.
    pub(crate) id: u64,
    /// When.
    pub(crate) at: UnixNanos,
    /// `ERROR`, `WARN` or `INFO`.
    pub(crate) level: &'static str,
    /// The module that says so.
    pub(crate) target: String,
    /// What happened.
    pub(crate) message: String,
    /// Names and values, in the order they were given.
    pub(crate) fields: Vec<(String, String)>,
}

/// The last events, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    kept: VecDeque<Event>,
}

static GLOBAL: LazyLock<Events> = LazyLock::new(Events::default);

/// The events of this process.
pub(crate) fn global() -> &'static Events {
    &GLOBAL
}

impl Events {
    /// At most `limit` events after the one with this id, the oldest first; 0 asks from the beginning.
    pub(crate) fn since(&self, after: u64, limit: usize) -> Vec<Event> {
        self.with(|ring| {
            let later = ring.kept.iter().filter(|event| event.id > after);
            later.take(limit).cloned().collect()
        })
    }

    fn add(&self, at: UnixNanos, metadata: &Metadata<'_>, texts: Texts) {
        self.with(|ring| {
            ring.last += 1;
            if ring.kept.len() >= MOST_KEPT {
                ring.kept.pop_front();
            }
            ring.kept.push_back(Event {
                id: ring.last,
                at,
                level: metadata.level().as_str(),
                target: metadata.target().to_owned(),
                message: short(texts.message),
                fields: texts.fields.into_iter().map(named).collect(),
            });
        });
    }

    /// Every change leaves the ring whole, so a panic elsewhere does not matter.
    fn with<T>(&self, f: impl FnOnce(&mut Ring) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Fills the events of this process.
#[derive(Debug)]
pub(crate) struct Keeper;

/// Whether an event or span is ours and worth a human.
fn wanted(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO && metadata.is_event() && ours(metadata.target())
}

/// Whether a target lies in one of our crates.
pub(crate) fn ours(target: &str) -> bool {
    let crate_name = target.split("::").next().unwrap_or_default();
    OURS.contains(&crate_name)
}

fn named((field, text): (Field, String)) -> (String, String) {
    (field.name().to_owned(), short(text))
}

fn short(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_TEXT));
    text
}

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if wanted(event.metadata()) {
            global().add(SystemClock.now(), event.metadata(), Texts::of(event));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    /// The ring is the process's, so one test looks at all of it.
    #[test]
    fn our_events_are_kept_in_order_and_bounded() {
        let subscriber = tracing_subscriber::registry().with(Keeper);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "gate", account = "prod", n = 3, "first {}", "thing");
            tracing::debug!(target: "gate", "too small");
            tracing::error!(target: "hyper::client", "not ours");
            tracing::warn!(target: "gate", long = "é".repeat(LONGEST_TEXT), "long");
        });
        let ours = |e: &Event| e.target == "gate";
        let kept: Vec<Event> = global().since(0, usize::MAX).into_iter().filter(ours).collect();
        assert_eq!(kept.len(), 2);
        assert_eq!((kept[0].level, &*kept[0].message), ("INFO", "first thing"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(kept[0].fields, [pair("account", "prod"), pair("n", "3")]);
        assert_eq!(kept[1].fields[0].1.len(), LONGEST_TEXT);

        let subscriber = tracing_subscriber::registry().with(Keeper);
        tracing::subscriber::with_default(subscriber, || {
            for i in 0..2 * MOST_KEPT {
                tracing::info!(target: "gate", i, "again");
            }
        });
        let all = global().since(0, usize::MAX);
        assert_eq!(all.len(), MOST_KEPT);
        assert!(all.windows(2).all(|pair| pair[0].id + 1 == pair[1].id));
        let last = all[MOST_KEPT - 1].id;
        assert_eq!(global().since(last - 5, 3).len(), 3);
        assert_eq!(global().since(last - 5, 3)[0].id, last - 4);
        assert!(global().since(last, 10).is_empty());
    }
}
