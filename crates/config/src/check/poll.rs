//! `poll` and `budget`: each level fills what it leaves out from the level above.

use std::time::Duration;

use super::Checker;
use crate::{
    config::{AutoOr, Poll},
    guess,
    help::Help,
    tree::At,
    values::show_duration,
    written::{self, AutoText, Budget},
};

const DEFAULT_EVERY: Duration = Duration::from_secs(5 * 60);
const DEFAULT_INITIAL: Duration = Duration::from_secs(15 * 60);
const DEFAULT_DISCOVER_EVERY: Duration = Duration::from_secs(60 * 60);
/// Azure can no longer be asked for what has been deleted, so it has to be seen while it lives; a listing is two requests.
const DEFAULT_DISCOVER_AZURE_EVERY: Duration = Duration::from_secs(5 * 60);

/// What holds when nobody says anything.
pub(crate) fn built_in() -> Poll {
    Poll {
        every: DEFAULT_EVERY,
        settle: AutoOr::Auto,
        lookback: AutoOr::Auto,
        initial: DEFAULT_INITIAL,
        discover_every: DEFAULT_DISCOVER_EVERY,
    }
}

/// What holds for Azure where the defaults of all accounts say no more than `written`.
pub(crate) fn of_azure(written: &written::Poll, all: &Poll) -> Poll {
    Poll {
        discover_every: match written.discover_every {
            Some(_) => all.discover_every,
            None => DEFAULT_DISCOVER_AZURE_EVERY,
        },
        ..all.clone()
    }
}

impl Checker<'_> {
    /// `written` over `above`.
    pub(crate) fn poll(&mut self, written: &written::Poll, above: &Poll, at: &At<'_>) -> Poll {
        let discover_every = written.discover_every.as_ref();
        Poll {
            every: self.duration(written.every.as_ref(), above.every, &at.key("every")),
            settle: self.auto(written.settle.as_ref(), above.settle, &at.key("settle")),
            lookback: self.auto(written.lookback.as_ref(), above.lookback, &at.key("lookback")),
            initial: self.duration(written.initial.as_ref(), above.initial, &at.key("initial")),
            discover_every: self.duration(discover_every, above.discover_every, &at.key("discover_every")),
        }
    }

    /// An entry's poll. An `every` that the entry itself sets below its period is a mistake; an
    /// inherited one is raised to the period, since asking oftener brings nothing.
    pub(crate) fn entry_poll(
        &mut self,
        written: &written::Poll,
        account: &Poll,
        period: Option<Duration>,
        at: &At<'_>,
    ) -> Poll {
        let mut poll = self.poll(written, account, &at.key("poll"));
        if let Some(period) = period.filter(|period| poll.every < *period) {
            if written.every.is_some() {
                let (every, period) = (show_duration(poll.every), show_duration(period));
                let message = format!("`every: {every}` is shorter than the period of {period}");
                let at = at.key("poll").key("every");
                let help = Help::write(&at, &period).and(" or longer, or a shorter `period`");
                self.problem(&at, message, help);
            }
            poll.every = period;
        }
        poll
    }

    fn auto(&mut self, text: Option<&AutoText>, above: AutoOr, at: &At<'_>) -> AutoOr {
        match text.map(|text| text.0.as_str()) {
            None => above,
            Some("auto") => AutoOr::Auto,
            Some("0" | "0s") => AutoOr::Fixed(Duration::ZERO),
            Some(text) => crate::values::parse_duration(text).map_or_else(
                || {
                    let guess = guess::duration(text).unwrap_or_else(|| "auto".into());
                    let help = Help::write(at, &guess)
                        .and("; possible are `auto`, or a number and a unit like `90s`");
                    self.problem(at, format!("`{text}` is neither `auto` nor a duration"), help);
                    above
                },
                AutoOr::Fixed,
            ),
        }
    }

    /// US dollars a day; `at` is the place around `budget`.
    pub(crate) fn budget(&mut self, budget: Option<&Budget>, at: &At<'_>) -> Option<f64> {
        let usd = budget?.usd_per_day?;
        if usd < 0.0 {
            let message = format!("a budget cannot be negative: {usd} USD a day");
            let at = at.key("budget").key("usd_per_day");
            let help = Help::write(&at, "20").and("; without `budget` there is no limit");
            self.problem(&at, message, help);
        }
        Some(usd)
    }
}
