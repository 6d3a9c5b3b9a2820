//! How fast time runs in a rehearsal: a pure function of the true time, so that clouds, daemon and a daemon that was
//! started again agree without talking to each other.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

/// From `start` on, time runs `speed` times as fast; before, as always. Written `SPEED@START`, START as RFC 3339.
///
/// With `SPEED@START/SHOWN` the clock shows SHOWN at START, and is as far off before it: a rehearsal that must not reach
/// the future, where a real server refuses points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    speed: NonZeroU16,
    start: Timestamp,
    shown: Timestamp,
}

impl Pace {
    /// `speed` times as fast from `start` on.
    pub fn new(speed: NonZeroU16, start: Timestamp) -> Self {
        Self {
            speed,
            start,
            shown: start,
        }
    }

    /// What a clock of this pace shows at the true time `now`.
    pub fn at(self, now: Timestamp) -> Timestamp {
        let run = now.duration_since(self.start);
        let run = if now <= self.start {
            Some(run)
        } else {
            run.checked_mul(self.speed.get().into())
        };
        run.and_then(|run| self.shown.checked_add(run).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// How long `span` on this clock truly takes.
    pub fn true_span(self, span: Duration) -> Duration {
        span / u32::from(self.speed.get())
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.speed, self.start)?;
        if self.shown == self.start {
            return Ok(());
        }
        write!(f, "/{}", self.shown)
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "`{text}` is not SPEED@START, such as 1000@2026-11-28T04:00:00Z, with a speed of 1 to 65535"
            )
        };
        let (speed, times) = text.split_once('@').ok_or_else(wanted)?;
        let (start, shown) = times.split_once('/').unwrap_or((times, times));
        Ok(Self {
            speed: speed.parse().map_err(|_not_a_speed| wanted())?,
            start: start.parse().map_err(|_not_a_time| wanted())?,
            shown: shown.parse().map_err(|_not_a_time| wanted())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        "1000@2026-11-28T04:00:00Z".parse().unwrap()
    }

    #[test]
    fn time_is_true_before_the_start_and_fast_after_it() {
        let at = |text: &str| pace().at(text.parse().unwrap()).to_string();
        assert_eq!(at("2026-11-28T03:59:59Z"), "2026-11-28T03:59:59Z");
        assert_eq!(at("2026-11-28T04:00:00Z"), "2026-11-28T04:00:00Z");
        assert_eq!(at("2026-11-28T04:00:03.6Z"), "2026-11-28T05:00:00Z");
        assert_eq!(pace().at(Timestamp::MAX), Timestamp::MAX);
        assert_eq!(
            pace().true_span(Duration::from_secs(300)),
            Duration::from_millis(300)
        );
    }

    #[test]
    fn it_may_show_an_earlier_time_than_the_true_one() {
        let pace: Pace = "60@2026-11-28T04:00:00Z/2026-11-28T01:00:00Z".parse().unwrap();
        let at = |text: &str| pace.at(text.parse().unwrap()).to_string();
        assert_eq!(at("2026-11-28T03:59:59Z"), "2026-11-28T00:59:59Z");
        assert_eq!(at("2026-11-28T04:00:00Z"), "2026-11-28T01:00:00Z");
        assert_eq!(at("2026-11-28T04:01:00Z"), "2026-11-28T02:00:00Z");
        assert_eq!(pace.to_string().parse(), Ok(pace));
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        assert_eq!(pace().to_string().parse(), Ok(pace()));
        for wrong in [
            "1000",
            "0@2026-11-28T04:00:00Z",
            "x@2026-11-28T04:00:00Z",
            "10@noon",
        ] {
            assert!(
                wrong.parse::<Pace>().unwrap_err().contains("SPEED@START"),
                "{wrong}"
            );
        }
    }
}
