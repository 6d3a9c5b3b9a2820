//! Ages, counts, sizes and money as people read them. Pure.

use std::time::Duration;

/// `94 s`, `12 min`, `3 h 20 min`, `4 d 2 h`: two digits or so of what matters.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{minutes} min"),
        7_200..=172_799 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 account`, `2 accounts`.
pub(crate) fn many(n: usize, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(u64::try_from(n).unwrap_or(u64::MAX)))
}

/// `0 B`, `512 KiB`, `1.4 GiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut tenths = n.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// US dollars from billionths: cents for large sums, down to hundredths of a cent for small ones.
pub(crate) fn dollars(nanos: u64) -> String {
    let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    match nanos {
        0 => "$0".to_owned(),
        1..100_000 => "< $0.0001".to_owned(),
        100_000..1_000_000_000 => format!("$0.{:04}", part / 100_000),
        _ => format!("${}.{:02}", count(whole), part / 10_000_000),
    }
}

/// US dollars to the last digit, where two sums are told apart.
pub(crate) fn exact_dollars(nanos: u64) -> String {
    format!("${}", Duration::from_nanos(nanos).as_secs_f64())
}

/// A share of one as whole percent; what is little is not called nothing.
pub(crate) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 {
        "< 1 %".to_owned()
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (seconds, wanted) in [
            (0, "0 s"),
            (94, "94 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (12_000, "3 h 20 min"),
            (200_000, "2 d 7 h"),
            (864_000, "10 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), wanted);
        }
    }

    #[test]
    fn counts_and_sizes() {
        assert_eq!([count(0), count(999), count(1_000)], ["0", "999", "1,000"]);
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(many(1, "account"), "1 account");
        assert_eq!(many(1_000, "account"), "1,000 accounts");
        assert_eq!(
            [bytes(0), bytes(1_023), bytes(1_024)],
            ["0 B", "1023 B", "1.0 KiB"]
        );
        assert_eq!(bytes(512 << 20), "512 MiB");
        assert_eq!(bytes((1 << 30) + (400 << 20)), "1.3 GiB");
        assert_eq!(bytes(u64::MAX), "1677721 TiB");
    }

    #[test]
    fn money_and_shares() {
        let sums = [
            0,
            10_000,
            420_000,
            12_345_678,
            1_500_000_000,
            1_234_567_000_000_000,
        ];
        let wanted = ["$0", "< $0.0001", "$0.0004", "$0.0123", "$1.50", "$1,234,567.00"];
        assert_eq!(sums.map(dollars), wanted);
        assert_eq!([120_000, 20_000_000_000].map(exact_dollars), ["$0.00012", "$20"]);
        assert_eq!(
            [0.0, 0.004, 0.5, 1.26].map(percent),
            ["0 %", "< 1 %", "50 %", "126 %"]
        );
    }
}
