//! The small languages inside values: durations, sizes, patterns.

use std::{fmt, time::Duration};

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

const MS_PER_SECOND: u64 = 1_000;
const MS_PER_MINUTE: u64 = 60 * MS_PER_SECOND;
const MS_PER_HOUR: u64 = 60 * MS_PER_MINUTE;
const MS_PER_DAY: u64 = 24 * MS_PER_HOUR;

/// A duration with units: `30s`, `5m`, `1h30m`, `1d`, `250ms`; `None` for anything else.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total_ms = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let unit_end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total_ms = total_ms.checked_add(number.checked_mul(unit_ms(unit)?)?)?;
        rest = after;
    }
    Some(Duration::from_millis(total_ms))
}

fn unit_ms(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(MS_PER_SECOND),
        "m" => Some(MS_PER_MINUTE),
        "h" => Some(MS_PER_HOUR),
        "d" => Some(MS_PER_DAY),
        _ => None,
    }
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// A duration as a user would write it: `90s`, `5m`, `1h`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if duration.subsec_millis() > 0 => format!("{}ms", duration.as_millis()),
        0 => "0s".into(),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// A number of bytes with its unit: `512MiB`, `2GiB`, `1GB`; `None` for anything else.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text.trim())?;
    let factor = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A glob, or after `~` a regular expression; either must match the whole name. Case matters.
#[derive(Clone)]
pub struct Pattern {
    written: String,
    matcher: Matcher,
}

#[derive(Clone)]
enum Matcher {
    Glob(GlobMatcher),
    Regex(Regex),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with the glob or the expression, in one line.
    pub fn new(written: &str) -> Result<Self, String> {
        let matcher = match written.strip_prefix('~') {
            Some(expression) => Matcher::Regex(regex(expression)?),
            None => Matcher::Glob(glob(written)?),
        };
        Ok(Self {
            written: written.to_owned(),
            matcher,
        })
    }

    /// The same pattern for a cloud that compares these names without case.
    #[must_use]
    pub fn without_case(&self) -> Self {
        self.folded(&self.written)
    }

    /// The same pattern for names that are compared without case and blanks, and have neither (`West Europe` fits
    /// `westeurope`). A regular expression keeps its blanks.
    #[must_use]
    pub fn without_case_and_blanks(&self) -> Self {
        match &self.matcher {
            Matcher::Glob(_) => self.folded(&self.written.split_whitespace().collect::<String>()),
            Matcher::Regex(_) => self.without_case(),
        }
    }

    fn folded(&self, glob: &str) -> Self {
        let matcher = match &self.matcher {
            Matcher::Glob(_) => globs(glob, true).map(Matcher::Glob),
            Matcher::Regex(regex) => regex::RegexBuilder::new(regex.as_str())
                .case_insensitive(true)
                .build()
                .map(Matcher::Regex)
                .map_err(|error| error.to_string()),
        };
        Self {
            written: self.written.clone(),
            // What could be read once can be read again.
            matcher: matcher.unwrap_or_else(|_| self.matcher.clone()),
        }
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Glob(glob) => glob.is_match(name),
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }

    /// As written, with the `~` of a regular expression.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The only name that can match, when the pattern has no wildcard.
    pub fn literal(&self) -> Option<&str> {
        let plain =
            matches!(self.matcher, Matcher::Glob(_)) && !self.written.contains(['*', '?', '[', '{', '\\']);
        plain.then_some(self.written.as_str())
    }
}

fn glob(written: &str) -> Result<GlobMatcher, String> {
    if written.is_empty() {
        return Err("it is empty".into());
    }
    globs(written, false)
}

fn globs(written: &str, any_case: bool) -> Result<GlobMatcher, String> {
    // A `/` in a metric's name separates nothing: `compute.googleapis.com/*` means all below it.
    let glob = GlobBuilder::new(written)
        .literal_separator(false)
        .backslash_escape(true)
        .case_insensitive(any_case)
        .build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}

fn regex(expression: &str) -> Result<Regex, String> {
    Regex::new(expression).map_err(|error| {
        error
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .replace("error: ", "")
    })?;
    Regex::new(&format!("^(?:{expression})$")).map_err(|error| error.to_string())
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.written)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::{Pattern, parse_duration, parse_size, show_duration};

    #[test]
    fn durations_need_units() {
        let seconds = |text| parse_duration(text).map(|d| d.as_secs());
        for (text, expected) in [("30s", 30), ("5m", 300), ("1h30m", 5_400), ("1d", 86_400)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "5", "m", "5 minutes", "-5m", "5m3", "99999999999999999999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(parse_duration("90s").map(show_duration).as_deref(), Some("90s"));
    }

    #[test]
    fn sizes_need_units() {
        assert_eq!(parse_size("512MiB"), Some(512 << 20));
        assert_eq!(parse_size("1GB"), Some(1_000_000_000));
        for text in ["512", "MiB", "1.5GiB", "2gigs"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_without_case_keep_their_meaning() {
        let folded = |pattern| Pattern::new(pattern).unwrap().without_case();
        assert!(folded("prod-*").matches("Prod-RG") && folded("[P]rod-?g").matches("pRod-RG"));
        assert!(folded("~prod-\\D+").matches("Prod-RG") && !folded("~prod-\\D+").matches("Prod-1"));
        let region = |pattern| Pattern::new(pattern).unwrap().without_case_and_blanks();
        assert!(region("West Europe").matches("westeurope") && region("West *").matches("westus2"));
        assert!(!region("West Europe").matches("northeurope"));
        assert_eq!(region("West Europe").as_str(), "West Europe");
    }

    #[test]
    fn patterns_match_whole_names() {
        let matches = |pattern, name| Pattern::new(pattern).unwrap().matches(name);
        assert!(matches("Network*", "NetworkIn") && !matches("Network", "NetworkIn"));
        assert!(matches(
            "compute.googleapis.com/*",
            "compute.googleapis.com/instance/cpu/utilization"
        ));
        assert!(matches("~CPU|Disk.*", "DiskOps") && !matches("~CPU", "CPUUtilization"));
        assert!(Pattern::new("[a").is_err() && Pattern::new("~(").is_err() && Pattern::new("").is_err());
    }
}
