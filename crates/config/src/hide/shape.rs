//! Values that look like a secret wherever they stand: keys of private kinds, tokens, and the parts of a URL that let somebody in.
//!
//! The rules know forms, not places; what a place may hold is `place.rs`.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

/// What stands for a secret in a message.
pub(crate) const HIDDEN: &str = "***";
/// Shorter runs of letters and digits are names more often than keys: AWS secret keys have 40, Azure's client secrets 40.
const SHORTEST_RANDOM: usize = 30;
/// Hexadecimal keys (Datadog's API keys) have 32 digits, resource ids in dimensions 16 or 17.
const SHORTEST_HEX: usize = 32;

/// A text that holds one of these is secret as a whole.
static WHOLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"-----BEGIN",
        r"|eyJ[A-Za-z0-9_-]{8,}",
        r"|(?i:\b(?:bearer|basic|apikey|api-token|token|splunk)\s+\S)",
        // What vendors begin their tokens with, so that leaked ones are found.
        r"|\b(?:sk-|ghp_|gho_|github_pat_|glpat-|xox[abprs]-|AIza|ya29\.|NR[A-Z]{2}-|glc_|glsa_|dt0[a-z]\d\d\.|hvs\.|hcaik_|SG\.|npm_|dapi)",
        // `password=x`, `AccountKey=x`, `"private_key": "x"`, and a line of YAML that an open quote has swallowed.
        r#"|(?i:(?:secret|token|passw|pwd|api_?-?key|access_?-?key|account_?key|private_?key|signature|credential)[\w-]*["']?\s*[:=]\s*\S)"#,
        r"|: |:\{",
    ))
    .ok()
});
/// The values of a query.
static QUERY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[?&;][\w.%-]+=([^&;#\s]+)").ok());
/// An id, as Azure's tenants, subscriptions and apps have.
static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").ok());
/// A run that could be a key.
static RUN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/=_~.-]{30,}").ok());

/// The bytes of `text` that nobody may see; the whole of it, parts of a URL, or nothing.
pub(crate) fn secret_parts(text: &str) -> Vec<Range<usize>> {
    if WHOLE.as_ref().is_none_or(|whole| whole.is_match(text)) || is_random(text) {
        return std::iter::once(0..text.len()).collect();
    }
    let query = QUERY.as_ref().map(|query| query.captures_iter(text));
    let query = query.into_iter().flatten();
    let values = query.filter_map(|found| found.get(1)).map(|value| value.range());
    user_and_password(text).into_iter().chain(values).collect()
}

/// The text with its secret parts hidden.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    for part in secret_parts(text) {
        out.push_str(text.get(from..part.start).unwrap_or_default());
        out.push_str(HIDDEN);
        from = from.max(part.end);
    }
    out + text.get(from..).unwrap_or_default()
}

/// What stands before the `@` of a URL, with or without a scheme.
fn user_and_password(text: &str) -> Option<Range<usize>> {
    let end = text.rfind('@')?;
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let part = text.get(start..end)?;
    // An e-mail address has neither a scheme nor a password.
    (start > 0 || part.contains(':')).then_some(start..end)
}

/// Letters of both cases and digits without a word between them, or many hexadecimal digits.
fn is_random(text: &str) -> bool {
    // Ids with dashes are everywhere, and no program makes a key of that form without saying so in its name.
    let text = UUID
        .as_ref()
        .map_or(text.into(), |uuid| uuid.replace_all(text, "|"));
    let runs = RUN.as_ref().map(|run| run.find_iter(&text));
    runs.into_iter().flatten().any(|run| {
        let hex = run.as_str().split(|c: char| !c.is_ascii_hexdigit());
        hex.clone().any(|digits| digits.len() >= SHORTEST_HEX) || looks_mixed(run.as_str())
    })
}

fn looks_mixed(run: &str) -> bool {
    // Paths, host names and ids with dashes have short words between their marks; keys have marks by chance only.
    let longest = run.split(['/', '.', '-', '_']).map(str::len).max().unwrap_or(0);
    let has = |kind: fn(&char) -> bool| run.chars().any(|c| kind(&c));
    run.len() >= SHORTEST_RANDOM
        && longest >= SHORTEST_RANDOM / 3
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
        && changes(run) * 100 >= run.len() * CHANGES_PERCENT
}

/// In a random text of letters and digits the kind changes at four of ten places, in names of several words at less than two.
const CHANGES_PERCENT: usize = 26;

/// How often upper case, lower case and digits follow one another, but for the beginnings of words (`Re`).
fn changes(run: &str) -> usize {
    let kind = |c: char| (c.is_ascii_uppercase(), c.is_ascii_lowercase(), c.is_ascii_digit());
    let kinds: Vec<_> = run.chars().map(kind).collect();
    let word = |pair: &[(bool, bool, bool)]| pair[0].0 && pair[1].1;
    kinds
        .windows(2)
        .filter(|pair| pair[0] != pair[1] && !word(pair))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{secret_parts, shown};

    #[test]
    fn what_lets_somebody_in_is_hidden() {
        for secret in [
            "-----BEGIN PRIVATE KEY-----",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "abc8Q~kP3vZr1tYwX0uB5nM7sD2fG4hJ6lA9qE~c",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
            "Bearer abc",
            "basic dXNlcjpwYXNz",
            "0123456789abcdef0123456789abcdef",
            "Endpoint=sb://x/;SharedAccessKey=abc",
            "ghp_abcdefgh",
            "{\"private_key\": \"x\"}",
            "a, secret_access_key: hunter2",
        ] {
            assert_eq!(shown(secret), "***", "{secret}");
        }
    }

    #[test]
    fn of_a_url_only_the_parts_that_let_in_are_hidden() {
        assert_eq!(shown("https://u:p@ss/w@host:1/a"), "https://***@host:1/a");
        assert_eq!(shown("u:p@host:4317"), "***@host:4317");
        assert_eq!(shown("https://h/a?sig=x%2F&v=2#f"), "https://h/a?sig=***&v=***#f");
    }

    #[test]
    fn names_are_shown() {
        for name in [
            "https://otel.example.com:4317/v1/metrics",
            "metrics@my-project.iam.gserviceaccount.com",
            "arn:aws:iam::123456789012:role/NephoscopeReadOnlyMetricsRoleEuWest1",
            "app/my-loadbalancer/50dc6c495c0c9188",
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
            "kubernetes.io/container/accelerator/memory_used",
            "resource.labels.zone = \"europe-west1-b\"",
            "11111111-1111-1111-1111-111111111111",
            "~CPU|Disk.*",
            "DatabaseConnectionsBorrowLatencyOfReplica2",
            "/subscriptions/11111111-aaaa-4bbb-8ccc-000000000004/resourceGroups/Prod-RG1",
        ] {
            assert!(secret_parts(name).is_empty(), "{name}: {}", shown(name));
        }
    }
}
