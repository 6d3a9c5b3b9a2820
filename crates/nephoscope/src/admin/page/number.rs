//! Values of series as people read them.

use crate::overview::words::count;
use crate::recent::Number;

/// A value as a chart draws it; nothing for what is no number.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a picture needs a few digits of a whole number"
)]
pub(super) fn drawn(number: Number) -> Option<f64> {
    match number {
        Number::Double(value) => value.is_finite().then_some(value),
        Number::Int(value) => Some(value as f64),
        Number::None => None,
    }
}

/// A value in full.
pub(super) fn exact(number: Number) -> String {
    match number {
        Number::Double(value) => short(value),
        Number::Int(value) => grouped(&value.to_string()),
        Number::None => "–".to_owned(),
    }
}

/// Four digits that matter, and all digits before the point: `1,234,567`, `12.35`, `0.0012`.
pub(super) fn short(value: f64) -> String {
    /// Beyond these a power of ten is easier to read.
    const PLAIN: std::ops::Range<f64> = 1e-4..1e15;
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !PLAIN.contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = match size {
        1_000.0.. => 0,
        100.0..1_000.0 => 1,
        10.0..100.0 => 2,
        1.0..10.0 => 3,
        0.1..1.0 => 4,
        0.01..0.1 => 5,
        _ => 6,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    grouped(text)
}

/// Commas between thousands.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, part) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    whole
        .parse()
        .map_or_else(|_| text.to_owned(), |n: u64| format!("{sign}{}{part}", count(n)))
}

/// A UCUM unit as people write it.
pub(super) fn unit(ucum: &str) -> String {
    let readable = match ucum {
        "1" => "",
        "By" => "B",
        "By/s" => "B/s",
        "bit/s" | "%" | "s" | "ms" | "us" | "ns" => ucum,
        other => other.trim_start_matches('{').trim_end_matches('}'),
    };
    readable.replace("}/", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let values = [
            0.0,
            1_234_567.2,
            12.345_6,
            0.001_2,
            -0.5,
            3.0,
            1e-9,
            1e18,
            -1_234.0,
        ];
        let wanted = [
            "0",
            "1,234,567",
            "12.35",
            "0.0012",
            "−0.5",
            "3",
            "1.000e-9",
            "1.000e18",
            "−1,234",
        ];
        assert_eq!(values.map(short), wanted);
        assert_eq!(exact(Number::Int(-1_234_567)), "−1,234,567");
        assert_eq!(exact(Number::None), "–");
        assert_eq!(drawn(Number::Double(f64::NAN)), None);
    }

    #[test]
    fn units() {
        let units = ["%", "By", "{request}", "{request}/s", "1"].map(unit);
        assert_eq!(units, ["%", "B", "request", "request/s", ""]);
    }
}
