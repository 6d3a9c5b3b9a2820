//! OpenTelemetry's names as Prometheus writes them: the rules of its own translation (`UnderscoreEscapingWithSuffixes`, the
//! default of its OTLP receiver), so that a scrape and a push of the same stream show the same names.
//!
//! Ported from github.com/prometheus/otlptranslator v1.0.0, and compared with what that makes in `testdata`.

use provider_api::names::snake;

/// What the rules want to know of a metric's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A gauge.
    Gauge,
    /// A sum that only grows.
    Counter,
    /// Anything else.
    Other,
}

/// UCUM as Prometheus' units.
const UNITS: [(&str, &str); 27] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
    ("", ""),
];

/// What stands behind the stroke of a unit.
const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The name in Prometheus; nothing where it has none.
pub fn metric_name(name: &str, unit: &str, shape: Shape) -> Option<String> {
    let (main, per) = unit_words(unit);
    let (mut main, mut per) = (cleaned(&main), cleaned(&per));
    let mut words: Vec<&str> = name.split(|c| !is_letter(c)).filter(|w| !w.is_empty()).collect();
    if words.contains(&main.as_str()) {
        main.clear();
    }
    if per == "per_" {
        per.clear();
    }
    let per = Some(without_end(&per)).filter(|per| !per.is_empty() && !words.contains(per));
    let main = if per.is_some() { without_end(&main) } else { &main };
    words.extend(Some(main).filter(|main| !main.is_empty()));
    words.extend(per);
    let end = match shape {
        Shape::Counter => Some("total"),
        Shape::Gauge if unit == "1" => Some("ratio"),
        Shape::Gauge | Shape::Other => None,
    };
    if let Some(end) = end {
        words.retain(|word| *word != end);
        words.push(end);
    }
    let mut out = words.join("_");
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    (!out.is_empty() && out.chars().any(|c| c != '_')).then_some(out)
}

/// The unit in Prometheus; empty where it has none.
pub fn unit_name(unit: &str) -> String {
    let (main, per) = unit_words(unit);
    let words = [cleaned(&main), cleaned(&per)];
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|w| !w.is_empty())
        .collect();
    let all = words.join("_");
    let all = all.strip_prefix('_').unwrap_or(&all);
    without_end(all).to_owned()
}

/// The label in Prometheus. One without any letter of its alphabet, which Prometheus refuses together with its point, is
/// transliterated.
pub fn label_name(label: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let plain: String = label.chars().map(letter).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) {
        format!("key_{plain}")
    } else if plain.starts_with('_') && !plain.starts_with("__") {
        format!("key{plain}")
    } else if plain.chars().all(|c| c == '_') {
        snake(label)
    } else {
        plain
    }
}

/// Whether Prometheus refuses a point with this label.
pub(crate) fn is_refused(label: &str) -> bool {
    let mut letters = label.chars().map(|c| c.is_ascii_alphanumeric());
    // A single letter of another alphabet is `key_`.
    letters.clone().count() != 1 && !letters.any(|is_letter| is_letter)
}

/// The two parts of a unit. Annotations in braces are none.
fn unit_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let part = |text: &str, table: &[(&str, &str)]| {
        let text = text.trim();
        if text.contains(['{', '}']) {
            return String::new();
        }
        let known = table.iter().find(|(ucum, _)| *ucum == text);
        known.map_or(text, |(_, word)| *word).to_owned()
    };
    let (main, per) = (part(main, &UNITS), part(per, &PER));
    let per = if per.is_empty() { per } else { format!("per_{per}") };
    (main, per)
}

/// Without what no name may have, no underscore twice or in front.
fn cleaned(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars().map(|c| if is_letter(c) { c } else { '_' }) {
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    out.strip_prefix('_').map(str::to_owned).unwrap_or(out)
}

fn without_end(word: &str) -> &str {
    word.strip_suffix('_').unwrap_or(word)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by the Go module itself.
    const TABLE: &str = include_str!("../../testdata/otlptranslator.tsv");

    #[test]
    fn names_are_those_of_prometheus() {
        let mut rows = 0;
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [kind, name, unit, wanted] = fields[..] else {
                panic!("{line}");
            };
            let got = match kind {
                "gauge" => metric_name(name, unit, Shape::Gauge).unwrap_or_default(),
                "counter" => metric_name(name, unit, Shape::Counter).unwrap_or_default(),
                "other" => metric_name(name, unit, Shape::Other).unwrap_or_default(),
                "unit" => unit_name(unit),
                // What Prometheus refuses is ours to name.
                "label" if wanted.is_empty() => continue,
                "label" => label_name(name),
                _ => panic!("{line}"),
            };
            assert_eq!(got, wanted, "{line}");
            rows += 1;
        }
        assert!(rows > 500, "{rows}");
    }

    #[test]
    fn every_label_has_a_name() {
        for (label, wanted, refused) in [
            ("使用率", "shi_yong_lu", true),
            ("__", "u5f_u5f", true),
            ("é", "key_", false),
            ("使用率 1", "____1", false),
            ("a.b", "a_b", false),
        ] {
            assert_eq!(label_name(label), wanted);
            assert_eq!(is_refused(label), refused, "{label}");
        }
    }
}
