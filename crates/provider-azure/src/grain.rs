//! Lengths of time as Azure writes them: grains of metrics, the `interval` of requests and answers.

use std::time::Duration;

const DAY_S: u64 = 86_400;
const HOUR_S: u64 = 3_600;
const MINUTE_S: u64 = 60;

/// A whole number of days, hours, minutes or seconds as Azure writes it (`PT1M`, `P1D`).
pub(crate) fn iso(d: Duration) -> String {
    match d.as_secs() {
        s if s >= DAY_S && s.is_multiple_of(DAY_S) => format!("P{}D", s / DAY_S),
        s if s >= HOUR_S && s.is_multiple_of(HOUR_S) => format!("PT{}H", s / HOUR_S),
        s if s >= MINUTE_S && s.is_multiple_of(MINUTE_S) => format!("PT{}M", s / MINUTE_S),
        s => format!("PT{s}S"),
    }
}

/// `PT1M`, `PT1H`, `P1D`, `P1DT2H`; `FULL` and months are no grain.
pub(crate) fn parse_iso(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let seconds = units(days, &[('D', DAY_S)])?
        .checked_add(units(time, &[('H', HOUR_S), ('M', MINUTE_S), ('S', 1)])?)?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn units(mut text: &str, known: &[(char, u64)]) -> Option<u64> {
    let mut sum: u64 = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next()?;
        let (_, seconds) = known.iter().find(|(u, _)| *u == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        text = rest.get(1..)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grains_read_as_they_are_written() {
        for (text, seconds) in [("PT1M", 60), ("PT15M", 900), ("PT6H", 21_600), ("P1D", 86_400)] {
            let grain = Duration::from_secs(seconds);
            assert_eq!(parse_iso(text), Some(grain));
            assert_eq!(iso(grain), text);
        }
        assert_eq!(parse_iso("PT24H"), parse_iso("P1D"));
        assert_eq!(
            [
                parse_iso("FULL"),
                parse_iso("P1M"),
                parse_iso("PT"),
                parse_iso("")
            ],
            [None; 4]
        );
    }
}
