//! A panic as one line of the log. What it was about may hold a value from the configuration, so only a text that was
//! written in the source is repeated.

use std::panic::{self, PanicHookInfo};

/// From now on every panic is an error in the log.
pub(super) fn to_log() {
    panic::set_hook(Box::new(tell));
}

fn tell(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    let thread = std::thread::current();
    // A text with values in it is a `String`.
    let text = info.payload().downcast_ref::<&'static str>().copied();
    tracing::error!(
        place,
        thread = thread.name(),
        text,
        "a bug: a part of the program panicked; please report it with the place it names"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::texts::Texts;
    use std::sync::{Arc, Mutex};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    struct Said(Arc<Mutex<Vec<Texts>>>);

    impl<S: Subscriber> Layer<S> for Said {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(Texts::of(event));
        }
    }

    #[test]
    fn a_panic_is_told_with_its_place_and_without_any_value() {
        let said = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Said(Arc::clone(&said)));
        let before = panic::take_hook();
        to_log();
        tracing::subscriber::with_default(subscriber, || {
            for secret in ["", "planted"] {
                let ended = panic::catch_unwind(|| match secret {
                    "" => panic!("written in the source"),
                    value => panic!("about {value}"),
                });
                assert!(ended.is_err());
            }
        });
        panic::set_hook(before);
        let said = said.lock().unwrap();
        let told: Vec<String> = said.iter().map(|texts| format!("{texts:?}")).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told.iter()
                .all(|one| one.contains("panics.rs:") && one.contains("a bug")),
            "{told:?}"
        );
        assert!(told[0].contains("written in the source"), "{told:?}");
        assert!(!told[1].contains("planted"), "{told:?}");
    }
}
