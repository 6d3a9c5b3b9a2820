//! Azure's words for time: ISO 8601 instants, `timespan`, grains, and the rules for which window and grain is legal (facts §5).
//! Pure: `now` is handed in.

use jiff::Timestamp;

/// How far back metrics reach: 93 days.
pub(super) const RETENTION_S: i64 = 93 * 86_400;
/// The window when none is asked: the last hour.
const DEFAULT_SPAN_S: i64 = 3_600;
/// Most buckets one query may ask for; protects the simulator, Azure's own bound is on the data size.
const MAX_BUCKETS: i64 = 150_000;
/// The grains, word and seconds, finest first.
pub(super) const GRAINS: [(&str, i64); 8] = [
    ("PT1M", 60),
    ("PT5M", 300),
    ("PT15M", 900),
    ("PT30M", 1_800),
    ("PT1H", 3_600),
    ("PT6H", 21_600),
    ("PT12H", 43_200),
    ("P1D", 86_400),
];

/// A window as asked, milliseconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Inclusive start.
    pub(super) start_ms: i64,
    /// Exclusive end.
    pub(super) end_ms: i64,
}

impl Window {
    /// From an ARM `timespan`, or the last hour.
    pub(super) fn from_timespan(timespan: Option<&str>, now_s: i64) -> Result<Self, String> {
        let Some(timespan) = timespan else {
            return Ok(Self::last_hour(now_s));
        };
        let bad = || format!("Detected invalid timespan input: {timespan}");
        let (start, end) = timespan.split_once('/').ok_or_else(bad)?;
        let window = Self {
            start_ms: instant_ms(start).ok_or_else(bad)?,
            end_ms: instant_ms(end).ok_or_else(bad)?,
        };
        window.checked(now_s)
    }

    /// From the batch API's `starttime` and `endtime`.
    pub(super) fn from_bounds(start: Option<&str>, end: Option<&str>, now_s: i64) -> Result<Self, String> {
        let read =
            |text: &str| instant_ms(text).ok_or_else(|| format!("Detected invalid time input: {text}"));
        let window = match (start, end) {
            (None, None) => return Ok(Self::last_hour(now_s)),
            (None, Some(_)) => return Err("The parameter endtime needs the parameter starttime.".to_owned()),
            (Some(start), None) => Self {
                start_ms: read(start)?,
                end_ms: now_s * 1_000,
            },
            (Some(start), Some(end)) => Self {
                start_ms: read(start)?,
                end_ms: read(end)?,
            },
        };
        window.checked(now_s)
    }

    /// Where buckets are anchored: the asked start floored to the minute.
    pub(super) fn anchor_s(self) -> i64 {
        self.start_ms.div_euclid(60_000) * 60
    }

    /// The first second that is outside.
    pub(super) fn end_s(self) -> i64 {
        (self.end_ms + 999).div_euclid(1_000)
    }

    /// Starts of all buckets.
    pub(super) fn buckets(self, grain_s: i64) -> Vec<i64> {
        let mut starts = Vec::new();
        let mut start = self.anchor_s();
        while start < self.end_s() {
            starts.push(start);
            start += grain_s.max(1);
        }
        starts
    }

    fn last_hour(now_s: i64) -> Self {
        Self {
            start_ms: (now_s - DEFAULT_SPAN_S) * 1_000,
            end_ms: now_s * 1_000,
        }
    }

    fn checked(self, now_s: i64) -> Result<Self, String> {
        if self.end_ms <= self.start_ms {
            return Err(format!(
                "Start time {} must be before end time {}.",
                iso_s(self.anchor_s()),
                iso_s(self.end_s())
            ));
        }
        for (word, at_ms) in [("startTime", self.start_ms), ("endTime", self.end_ms)] {
            if at_ms < (now_s - RETENTION_S) * 1_000 {
                let at = iso_s(at_ms.div_euclid(1_000));
                return Err(format!(
                    "Query {word}: {at} is out of the Max metrics retention period: 93.00:00:00"
                ));
            }
        }
        Ok(self)
    }
}

/// The grain of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grain {
    /// As echoed.
    pub(super) word: String,
    /// Length, seconds.
    pub(super) seconds: i64,
}

/// Chooses the grain: `FULL`, one that every metric supports, or (when allowed) the nearest coarser one.
pub(super) fn grain(
    asked: Option<&str>,
    finest_s: i64,
    adjust: bool,
    window: Window,
) -> Result<Grain, String> {
    let asked = asked.unwrap_or("PT1M");
    let chosen = if asked.eq_ignore_ascii_case("FULL") {
        let seconds = window.end_s() - window.anchor_s();
        Grain {
            word: duration_word(seconds),
            seconds,
        }
    } else {
        let (word, seconds) = known_grain(asked).ok_or_else(|| bad_grain(asked, finest_s))?;
        if seconds >= finest_s {
            Grain {
                word: word.to_owned(),
                seconds,
            }
        } else if adjust {
            Grain {
                word: duration_word(finest_s),
                seconds: finest_s,
            }
        } else {
            return Err(bad_grain(asked, finest_s));
        }
    };
    if (window.end_s() - window.anchor_s()) / chosen.seconds.max(1) > MAX_BUCKETS {
        return Err("The query asks for more data points than one answer holds.".to_owned());
    }
    Ok(chosen)
}

fn known_grain(asked: &str) -> Option<(&'static str, i64)> {
    let canonical = match asked.to_uppercase().as_str() {
        "PT60M" => "PT1H".to_owned(),
        "PT24H" => "P1D".to_owned(),
        other => other.to_owned(),
    };
    GRAINS.into_iter().find(|(word, _)| *word == canonical)
}

fn bad_grain(asked: &str, finest_s: i64) -> String {
    let words: Vec<_> = GRAINS
        .iter()
        .filter(|(_, seconds)| *seconds >= finest_s)
        .map(|(word, _)| *word)
        .collect();
    format!(
        "Detected invalid time grain input: {asked}, supported time grains: {}",
        words.join(",")
    )
}

/// `PT4H`, `P1D`, `PT1H30M`: an ISO 8601 duration of whole seconds.
pub(super) fn duration_word(seconds: i64) -> String {
    if let Some((word, _)) = GRAINS.iter().find(|(_, known)| *known == seconds) {
        return (*word).to_owned();
    }
    let parts = [
        (seconds / 86_400, 'D'),
        (seconds % 86_400 / 3_600, 'H'),
        (seconds % 3_600 / 60, 'M'),
        (seconds % 60, 'S'),
    ];
    let mut word = String::from("P");
    for (amount, letter) in parts {
        if letter == 'H' && seconds % 86_400 != 0 {
            word.push('T');
        }
        if amount != 0 {
            word.push_str(&amount.to_string());
            word.push(letter);
        }
    }
    word
}

/// Whole seconds, `2021-04-20T09:00:00Z`.
pub(super) fn iso_s(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Milliseconds kept, `2023-02-01T20:00:00.123Z`.
pub(super) fn iso_ms(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Reads an instant; a date alone is midnight, an absent zone is UTC.
fn instant_ms(text: &str) -> Option<i64> {
    let candidates = [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z")];
    candidates
        .iter()
        .find_map(|text| text.parse::<Timestamp>().ok())
        .map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_start_at_the_asked_minute_and_stop_before_the_end() {
        let window =
            Window::from_timespan(Some("2026-03-01T23:59:59Z/2026-03-02T00:10:00Z"), 1_772_400_000).unwrap();
        let starts: Vec<_> = window.buckets(300).into_iter().map(iso_s).collect();
        assert_eq!(
            starts,
            [
                "2026-03-01T23:59:00Z",
                "2026-03-02T00:04:00Z",
                "2026-03-02T00:09:00Z"
            ]
        );
    }

    #[test]
    fn grains_are_refused_or_adjusted() {
        let window = Window {
            start_ms: 0,
            end_ms: 14_400_000,
        };
        assert!(grain(Some("PT1M"), 3_600, false, window).is_err());
        assert_eq!(grain(Some("PT1M"), 3_600, true, window).unwrap().word, "PT1H");
        assert_eq!(
            grain(Some("FULL"), 60, false, window).unwrap(),
            Grain {
                word: "PT4H".into(),
                seconds: 14_400
            }
        );
        assert_eq!(duration_word(90_060), "P1DT1H1M");
    }

    #[test]
    fn the_past_ends_after_93_days() {
        let now = 1_772_400_000;
        assert!(
            Window::from_timespan(Some("2025-10-01/2025-10-02"), now)
                .unwrap_err()
                .contains("retention")
        );
        assert!(Window::from_bounds(None, Some("2026-03-01T00:00:00Z"), now).is_err());
    }
}
