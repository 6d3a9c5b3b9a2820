//! Times as the API reads and writes them.

use provider_api::UnixNanos;

/// Digits of a number of an age: 999,999 days are more than any cloud keeps.
const AGE_DIGITS: usize = 6;

/// RFC 3339 in UTC.
pub(in crate::admin) fn rfc3339(time: UnixNanos) -> String {
    // Every i64 of nanoseconds lies within what a timestamp can be.
    jiff::Timestamp::from_nanosecond(i128::from(time.0)).map_or_else(|_| String::new(), |t| t.to_string())
}

/// RFC 3339, seconds since 1970, or an age (`90s`, `6h`) before `now`.
pub(super) fn parse(text: &str, now: UnixNanos) -> Option<UnixNanos> {
    if is_age(text) {
        return config_file::parse_duration(text).map(|age| now.minus(age));
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(UnixNanos::from_seconds(seconds));
    }
    let nanos = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    let end = if nanos < 0 { i64::MIN } else { i64::MAX };
    Some(UnixNanos(i64::try_from(nanos).unwrap_or(end)))
}

/// Numbers of at most [`AGE_DIGITS`] digits, each with a unit.
fn is_age(text: &str) -> bool {
    let numbers = text
        .split(|c: char| c.is_ascii_alphabetic())
        .filter(|part| !part.is_empty());
    let short = |number: &str| number.len() <= AGE_DIGITS && number.chars().all(|c| c.is_ascii_digit());
    text.ends_with(|c: char| c.is_ascii_lowercase()) && numbers.into_iter().all(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_say_when() {
        let now = UnixNanos::from_seconds(100_000);
        for (text, seconds) in [("1h", 96_400), ("99", 99), ("1970-01-01T00:01:00Z", 60)] {
            assert_eq!(parse(text, now), Some(UnixNanos::from_seconds(seconds)), "{text}");
        }
        assert_eq!(parse("9999-01-01T00:00:00Z", now), Some(UnixNanos(i64::MAX)));
        for text in ["", "yesterday", "1970-01-01", "12:00", "1 h", "1234567s", "h"] {
            assert_eq!(parse(text, now), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_so_that_they_can_be_read() {
        let time = UnixNanos(1_700_000_000_123_000_000);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.123Z");
        assert_eq!(parse(&rfc3339(time), UnixNanos(0)), Some(time));
    }
}
