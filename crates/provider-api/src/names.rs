//! From a cloud's spelling to ours: lower snake case, acronyms kept together, in ASCII.

use deunicode::deunicode_char;
use std::borrow::Cow;
use std::fmt::Write as _;

/// `CPUUtilization` → `cpu_utilization`, `DiskIOPS` → `disk_iops`, `Percentage CPU` → `percentage_cpu`,
/// `HTTPCode_Target_5XX_Count` → `http_code_target_5xx_count`, `使用率` → `shi_yong_lu`. What is no ASCII letter or digit
/// after transliteration separates words; only an empty text gives an empty name (`%` → `u25`).
pub fn snake(text: &str) -> String {
    let out = words(&transliterated(text));
    if out.is_empty() { escaped(text) } else { out }
}

/// What files of format 4 and older have for it: without transliteration, and empty where there is no ASCII letter or digit.
pub fn snake_formerly(text: &str) -> String {
    words(text)
}

fn transliterated(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match deunicode_char(c) {
            Some(ascii) => out.push_str(ascii),
            // Writing to a String cannot fail.
            None => write!(out, " u{:x} ", u32::from(c)).unwrap_or_default(),
        }
    }
    out.into()
}

/// Each character by its number, so that unlike texts stay unlike.
fn escaped(text: &str) -> String {
    let codes = text.chars().map(|c| format!("u{:x}", u32::from(c)));
    codes.collect::<Vec<_>>().join("_")
}

fn words(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|j| chars.get(j)).copied();
        let after = chars.get(i + 1).copied();
        if !c.is_ascii_alphanumeric() {
            separate(&mut out);
            continue;
        }
        if before.is_some_and(|b| starts_word(b, c, after)) {
            separate(&mut out);
        }
        out.push(c.to_ascii_lowercase());
    }
    out.trim_end_matches('_').to_owned()
}

/// Words that back ends with Prometheus' rules put behind a name by its unit and kind, unless it has them.
const ENDS: [&str; 6] = ["bytes", "milliseconds", "percent", "ratio", "seconds", "total"];

/// An outgoing name in the alphabet of Prometheus: `_` for whatever else, and never twice.
pub(crate) fn shown(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|w| !w.is_empty()).collect::<Vec<_>>().join("_")
}

/// The same without an end that a back end may put there anyway.
pub(crate) fn shown_short(name: &str) -> String {
    let shown = shown(name);
    match shown.rsplit_once('_') {
        Some((short, end)) if ENDS.contains(&end) => short.to_owned(),
        _ => shown,
    }
}

/// A capital starts a word after a small letter, and inside a run of capitals when a small letter follows it.
fn starts_word(before: char, c: char, after: Option<char>) -> bool {
    c.is_ascii_uppercase()
        && (before.is_ascii_lowercase()
            || (before.is_ascii_uppercase() && after.is_some_and(|a| a.is_ascii_lowercase())))
}

fn separate(out: &mut String) {
    if !out.is_empty() && !out.ends_with('_') {
        out.push('_');
    }
}

#[cfg(test)]
mod tests {
    use super::{snake, snake_formerly};

    #[test]
    fn keeps_acronyms_together() {
        for (given, wanted) in [
            ("CPUUtilization", "cpu_utilization"),
            ("DiskIOPS", "disk_iops"),
            ("Percentage CPU", "percentage_cpu"),
            ("Disk Read Operations/Sec", "disk_read_operations_sec"),
            ("HTTPCode_Target_5XX_Count", "http_code_target_5xx_count"),
            ("EBSReadBytes", "ebs_read_bytes"),
            ("virtualMachines", "virtual_machines"),
            ("p99.9", "p99_9"),
            ("4xxErrors", "4xx_errors"),
            ("ApplicationELB", "application_elb"),
            ("DynamoDB", "dynamo_db"),
            ("  odd -- name ", "odd_name"),
        ] {
            assert_eq!(snake(given), wanted, "{given}");
            assert_eq!(snake_formerly(given), wanted, "{given}");
        }
    }

    /// Back ends know series by these names: they must be the same in every version.
    #[test]
    fn every_name_has_a_form_in_ascii() {
        for (given, wanted, formerly) in [
            ("使用率", "shi_yong_lu", ""),
            ("CPU使用率", "cpu_shi_yong_lu", "cpu"),
            ("Größe", "grosse", "gr_e"),
            ("Загрузка ЦП", "zagruzka_ts_p", ""),
            ("メモリ", "memori", ""),
            ("µs", "us", "s"),
            ("%", "u25", ""),
            ("--", "u2d_u2d", ""),
            ("\u{e000}", "ue000", ""),
            ("", "", ""),
        ] {
            assert_eq!(snake(given), wanted, "{given}");
            assert_eq!(snake_formerly(given), formerly, "{given}");
        }
    }
}
