//! Names that a person may have meant by one that does not exist.

use crate::MOST_NEAREST;
use std::sync::Arc;

/// Similarity below which a name is no likely meaning of another; Jaro-Winkler, 0 to 1. `AWS/EC3` and `AWS/EC2` have 0.94,
/// two metrics of one service as a rule less than this.
const LIKELY: f64 = 0.75;

/// The names most like `wanted`, nearest first, upper and lower case and the signs of a pattern left aside; at most
/// [`MOST_NEAREST`].
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<Arc<str>> {
    let wanted = plain(wanted);
    let mut likely: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (likeness(&wanted, &plain(name)), name))
        .filter(|(likeness, _)| *likeness >= LIKELY)
        .collect();
    likely.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    likely.dedup_by(|a, b| a.1 == b.1);
    likely
        .into_iter()
        .take(MOST_NEAREST)
        .map(|(_, name)| name.into())
        .collect()
}

/// Shortest word that makes a name likely in which it stands.
const SHORTEST_WORD: usize = 3;

/// A name that begins with what was written is likely, however long it goes on, and so is one that has a word of it.
fn likeness(wanted: &str, name: &str) -> f64 {
    let alike = strsim::jaro_winkler(wanted, name);
    let mut words = wanted
        .split([' ', '_', '-'])
        .filter(|word| word.len() >= SHORTEST_WORD);
    let begins = !wanted.is_empty() && name.starts_with(wanted);
    if begins || words.any(|word| name.contains(word)) {
        return alike.max(LIKELY);
    }
    alike
}

fn plain(name: &str) -> String {
    let signs = ['*', '?', '~', '^', '$', '/', '.'];
    name.chars()
        .filter(|c| !signs.contains(c))
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_comes_first_and_nothing_unlike() {
        let names = [
            "AWS/EC2",
            "AWS/ECS",
            "AWS/RDS",
            "CPUUtilization",
            "CPUCreditUsage",
        ];
        assert_eq!(nearest("AWS/EC3", names).first().map(|n| &**n), Some("AWS/EC2"));
        assert_eq!(
            nearest("CPU Utilisation", names).first().map(|n| &**n),
            Some("CPUUtilization")
        );
        assert_eq!(
            nearest("/CPU.*/", names).first().map(|n| &**n),
            Some("CPUCreditUsage")
        );
        assert_eq!(
            nearest("CPU Usage", names).first().map(|n| &**n),
            Some("CPUCreditUsage")
        );
        assert!(nearest("qqqqqq", names).is_empty() && nearest("", names).is_empty());
    }
}
