//! Where history begins and ends, as written on the command line. Pure.

use provider_api::UnixNanos;

/// Half-open: points that end after `from` and not after `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: UnixNanos,
    pub(super) to: UnixNanos,
}

impl Range {
    /// From what was written; the failure says which option is wrong and what would work.
    pub(super) fn parse(from: &str, to: Option<&str>, now: UnixNanos) -> Result<Self, String> {
        let start = moment("--from", from, now)?;
        let end = to.map_or(Ok(now), |to| moment("--to", to, now))?;
        if start >= now {
            return Err(format!(
                "`--from {from}` is not in the past; there is no history yet"
            ));
        }
        if start >= end {
            return Err(format!(
                "`--from {from}` ({}) is not before `--to {}` ({}); swap them",
                show(start),
                to.unwrap_or("now"),
                show(end)
            ));
        }
        Ok(Self {
            from: start,
            to: end.min(now),
        })
    }
}

fn moment(option: &str, text: &str, now: UnixNanos) -> Result<UnixNanos, String> {
    if let Some(age) = config_file::parse_duration(text) {
        return Ok(now.minus(age));
    }
    timestamp(text).ok_or_else(|| {
        format!(
            "`{option} {text}` is no time; write a timestamp (2026-11-01T06:00:00Z), a date (2026-11-01, UTC) or an age (3d, 12h, 30m)"
        )
    })
}

fn timestamp(text: &str) -> Option<UnixNanos> {
    let parsed = text.parse::<jiff::Timestamp>().ok().or_else(|| midnight(text))?;
    i64::try_from(parsed.as_nanosecond()).ok().map(UnixNanos)
}

fn midnight(text: &str) -> Option<jiff::Timestamp> {
    let date = jiff::civil::Date::strptime("%Y-%m-%d", text).ok()?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(start.timestamp())
}

/// As people and `--from` read it, to the second.
pub(super) fn show(time: UnixNanos) -> String {
    jiff::Timestamp::from_second(time.seconds()).map_or_else(|_| format!("{time:?}"), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T08:00:00Z
    const NOW: UnixNanos = UnixNanos(1_795_420_800 * 1_000_000_000);

    fn shown(from: &str, to: Option<&str>) -> Result<(String, String), String> {
        Range::parse(from, to, NOW).map(|range| (show(range.from), show(range.to)))
    }

    #[test]
    fn timestamps_dates_and_ages_are_read() {
        let cases = [
            ("2026-11-01T06:00:00Z", "2026-11-01T06:00:00Z"),
            ("2026-11-01T06:00:00+02:00", "2026-11-01T04:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("3d", "2026-11-20T08:00:00Z"),
            ("12h", "2026-11-22T20:00:00Z"),
            ("30m", "2026-11-23T07:30:00Z"),
        ];
        for (written, from) in cases {
            let read = shown(written, None);
            assert_eq!(read, Ok((from.to_owned(), "2026-11-23T08:00:00Z".to_owned())));
        }
        let to = shown("3d", Some("2026-11-21")).map(|(_, to)| to);
        assert_eq!(to.as_deref(), Ok("2026-11-21T00:00:00Z"));
    }

    #[test]
    fn the_present_is_the_end_of_all_history() {
        let to = shown("3d", Some("2027-01-01")).map(|(_, to)| to);
        assert_eq!(to.as_deref(), Ok("2026-11-23T08:00:00Z"));
    }

    #[test]
    fn mistakes_name_the_option_and_what_to_do() {
        for (from, to, says) in [
            (
                "yesterday",
                None,
                "`--from yesterday` is no time; write a timestamp",
            ),
            ("3d", Some("2026-13-01"), "`--to 2026-13-01` is no time"),
            ("1d", Some("2d"), "is not before `--to 2d`"),
            ("1d", Some("1d"), "swap them"),
            ("2027-01-01", None, "is not in the past"),
        ] {
            let error = shown(from, to).err().unwrap_or_default();
            assert!(error.contains(says), "{from} {to:?}: {error}");
        }
    }
}
