//! The journal: each event with its fields, and a message that also says what only the fields do. `journalctl` shows
//! nothing but messages.
//!
//! The protocol is `tracing_journald`'s, whether there is a journal `log`'s.

use super::log::is_for_machines;
use super::texts::Texts;
use std::fmt::Write as _;
use tracing::field::{Field, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Most fields of an event that are told: more than any of ours has.
const MOST_FIELDS: usize = 32;

/// Writes to the journal.
pub(super) struct Journal(pub(super) tracing_journald::Layer);

impl<S> Layer<S> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut told = Texts::of(event);
        let names = event.metadata().fields();
        let Some(message) = names.field("message") else {
            return self.0.on_event(event, context);
        };
        let said = self::message(&told);
        told.fields.push((message.clone(), said));
        let values: [(&Field, Option<&dyn Value>); MOST_FIELDS] = std::array::from_fn(|at| {
            // The message is last, and must not be what is left out.
            match told.fields.iter().rev().nth(at) {
                Some((field, text)) => {
                    let text: &dyn Value = text;
                    (field, Some(text))
                }
                None => (&message, None),
            }
        });
        self.0
            .on_event(&Event::new(event.metadata(), &names.value_set(&values)), context);
    }
}

/// The message, and behind it each field whose value it does not contain.
fn message(told: &Texts) -> String {
    let mut text = told.message.clone();
    for (field, value) in &told.fields {
        if !is_for_machines(field.name(), value) && !told.message.contains(value.as_str()) {
            // Writing to a String cannot fail.
            write!(text, " {field}={value}").ok();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt as _;

    struct Messages(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Messages {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(message(&Texts::of(event)));
        }
    }

    #[test]
    fn a_message_says_what_the_fields_do_once() {
        let said = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Messages(Arc::clone(&said)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(page = %"http://a/", "running");
            tracing::warn!(account = "prod", points = 3, since = 0, "account prod: left out");
            tracing::error!(since = 12, remedy = "Do it.", "no. Do it.");
        });
        let said = said.lock().unwrap();
        assert_eq!(
            *said,
            [
                "running page=http://a/",
                "account prod: left out points=3",
                "no. Do it. since=12"
            ]
        );
    }
}
