//! Durations and sizes that somebody meant and wrote in another way, for remedies.

use std::time::Duration;

use crate::values::{parse_duration, show_duration};

/// What somebody may have meant by a duration that is none: `5 minutes`, `1.5h`, `00:05:00`, `PT5M`, `300`.
pub(crate) fn duration(text: &str) -> Option<String> {
    let lower = text.trim().trim_start_matches('-').to_ascii_lowercase();
    let seconds = colons(&lower).or_else(|| {
        let iso = lower.strip_prefix('p').map(|rest| rest.replace('t', ""));
        in_words(iso.as_deref().unwrap_or(&lower))
    })?;
    let millis = Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    let guess = show_duration(Duration::from_millis(u64::try_from(millis).ok()?));
    parse_duration(&guess)
        .filter(|guess| !guess.is_zero())
        .map(|_| guess)
}

/// Seconds of `HH:MM:SS` or `MM:SS`.
fn colons(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text
        .split(':')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    (parts.len() > 1).then(|| parts.iter().fold(0.0, |sum, part| sum * 60.0 + part))
}

/// Seconds of numbers with units in words; a number without one is seconds.
fn in_words(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut sum = None;
    // `1h30` is an hour and thirty minutes.
    let mut hours = false;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let after = after.trim_start();
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let factor = match unit {
            "ms" | "msec" | "millis" | "milliseconds" => 0.001,
            "" if sum.is_some() && hours => 60.0,
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 7.0 * 86_400.0,
            _ => return None,
        };
        sum = Some(sum.unwrap_or(0.0) + number.parse::<f64>().ok()? * factor);
        hours = unit.starts_with('h');
        rest = after.trim_start_matches([',', ' ']);
    }
    sum
}

/// What somebody may have meant by a size that is none: `2gb`, `512 M`, `1.5GiB`, `1073741824`.
pub(crate) fn size(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('-').to_ascii_lowercase();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok().filter(|number| *number > 0.0)?;
    let (step, unit) = match unit.trim_start().chars().next() {
        None | Some('b') => (None, "B"),
        Some('k') => (Some("B"), "KiB"),
        Some('m') => (Some("KiB"), "MiB"),
        Some('g') => (Some("MiB"), "GiB"),
        Some('t') => (Some("GiB"), "TiB"),
        Some(_) => return None,
    };
    let whole = |number: f64, unit: &str| format!("{number:.0}{unit}");
    match step {
        _ if number.fract() == 0.0 => Some(whole(number, unit)),
        Some(step) => Some(whole(number * 1024.0, step)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, size};

    #[test]
    fn what_was_meant_is_guessed() {
        for (text, meant) in [
            ("5 minutes", "5m"),
            ("300", "5m"),
            ("1.5h", "90m"),
            ("00:05:00", "5m"),
            ("12:30:00", "750m"),
            ("PT5M", "5m"),
            ("1h30", "90m"),
            ("1w", "7d"),
            ("1 hour, 30 min", "90m"),
            ("0.5", "500ms"),
        ] {
            assert_eq!(duration(text).as_deref(), Some(meant), "{text}");
        }
        assert_eq!(
            (duration("soon"), duration("0"), duration("")),
            (None, None, None)
        );
        for (text, meant) in [
            ("2gb", "2GiB"),
            ("512 M", "512MiB"),
            ("1.5GiB", "1536MiB"),
            ("1048576", "1048576B"),
            ("2gigs", "2GiB"),
        ] {
            assert_eq!(size(text).as_deref(), Some(meant), "{text}");
        }
        assert_eq!((size("much"), size("0")), (None, None));
    }
}
