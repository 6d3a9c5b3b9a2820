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
