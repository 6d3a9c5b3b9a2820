//! What an event says, as text: its message, and its other fields in the order they were given.

use std::fmt::Debug;
use tracing::Event;
use tracing::field::{Field, Visit};

/// The texts of one event.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The message.
    pub(crate) message: String,
    /// The other fields.
    pub(crate) fields: Vec<(Field, String)>,
}

impl Texts {
    /// Those of this event.
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let mut texts = Self::default();
        event.record(&mut texts);
        texts
    }

    fn put(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.push((field.clone(), text));
        }
    }
}

impl Visit for Texts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
}
