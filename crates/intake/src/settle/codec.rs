//! What was learnt as a few lines of text, to be kept in the store.

use super::histogram::{BUCKETS, Histogram};
use super::lateness::Lateness;
use super::namespace::Namespace;
use std::fmt::Write as _;
use std::time::Duration;

/// The first line; another one is of another version and is not read.
const HEAD: &str = "settle 1";

/// Stands for a settle that is not known yet.
const UNKNOWN: &str = "-";

pub(super) fn write(known: &Namespace) -> String {
    let settle = known
        .learnt
        .map_or(UNKNOWN.to_owned(), |s| s.as_secs().to_string());
    let mut text = format!("{HEAD}\n{settle}\n{:.3}\n", known.histogram.final_at_once);
    for count in &known.histogram.not_final {
        // Writing to a String cannot fail.
        write!(text, "{count:.3} ").ok();
    }
    text.push('\n');
    for (hour, late) in &known.lateness.hours {
        write!(text, "{hour}:{} ", late.as_secs()).ok();
    }
    text
}

/// Nothing when the text is not ours.
pub(super) fn read(bytes: &[u8]) -> Option<Namespace> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_prefix(HEAD)?.strip_prefix('\n')?.lines();
    let learnt = match lines.next()? {
        UNKNOWN => None,
        seconds => Some(Duration::from_secs(seconds.parse().ok()?)),
    };
    let final_at_once = count(lines.next()?)?;
    let not_final: Option<Vec<f64>> = lines.next()?.split_whitespace().map(count).collect();
    let not_final: [f64; BUCKETS] = not_final?.try_into().ok()?;
    let hours: Option<_> = lines.next().unwrap_or("").split_whitespace().map(hour).collect();
    let histogram = Histogram {
        final_at_once,
        not_final,
    };
    Some(Namespace::known(learnt, histogram, Lateness { hours: hours? }))
}

fn count(text: &str) -> Option<f64> {
    let count: f64 = text.parse().ok()?;
    (count.is_finite() && count >= 0.0).then_some(count)
}

fn hour(text: &str) -> Option<(i64, Duration)> {
    let (hour, late) = text.split_once(':')?;
    Some((hour.parse().ok()?, Duration::from_secs(late.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::UnixNanos;

    #[test]
    fn what_is_written_reads_the_same_and_anything_else_reads_as_nothing() {
        let mut known = Namespace::default();
        known.learnt = Some(Duration::from_secs(150));
        (0..9).for_each(|i| known.histogram.add(Some(Duration::from_secs(40 * i))));
        known.histogram.add(None);
        known
            .lateness
            .note(UnixNanos::from_seconds(7_200), Duration::from_secs(240));
        let text = write(&known);
        let again = read(text.as_bytes()).expect("ours");
        assert_eq!(
            (again.learnt, &again.histogram, &again.lateness),
            (known.learnt, &known.histogram, &known.lateness)
        );
        let empty = write(&Namespace::default());
        assert!(read(empty.as_bytes()).is_some_and(|n| n.learnt.is_none()));
        for broken in [
            "",
            "settle 2\n",
            &text.replace("150", "x"),
            &text[..60],
            "settle 1\n5\n-1\n",
        ] {
            assert!(read(broken.as_bytes()).is_none(), "{broken}");
        }
    }
}
