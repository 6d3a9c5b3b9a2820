//! "Did you mean …?": the nearest of a list of words by edit distance.

/// A word this share of whose letters differ is no longer a slip of the finger.
const MAX_DISTANCE_PER_LETTERS: usize = 3;

/// The candidate nearest to `word`, when one is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(&word, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn allowed(word: &str, candidate: &str) -> usize {
    let shared = word.starts_with(candidate) || candidate.starts_with(word);
    let letters = word.chars().count().max(candidate.chars().count());
    if shared {
        letters
    } else {
        (letters / MAX_DISTANCE_PER_LETTERS).max(1)
    }
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["regions", "metrics", "credentials"];
        assert_eq!(nearest("region", keys), Some("regions"));
        assert_eq!(nearest("mertics", keys), Some("metrics"));
        assert_eq!(nearest("zebra", keys), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
