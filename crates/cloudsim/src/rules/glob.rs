//! Patterns of rules: `*` stands for anything, letters without regard to case.

/// Whether there is no pattern, or the whole text is as it says.
pub(super) fn fits(pattern: Option<&str>, text: &str) -> bool {
    pattern.is_none_or(|pattern| matches(&pattern.to_lowercase(), &text.to_lowercase()))
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(first) else {
        return false;
    };
    let (between, last) = rest.rsplit_once('*').map_or((None, rest), |(b, l)| (Some(b), l));
    let Some(mut text) = text.strip_suffix(last) else {
        return false;
    };
    // Each piece at its first place leaves the most for those after it.
    for piece in between.into_iter().flat_map(|pieces| pieces.split('*')) {
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything_and_case_for_nothing() {
        for (pattern, text, wanted) in [
            ("vm", "VM", true),
            ("vm", "vm-1", false),
            ("vm*", "vm-1", true),
            ("*1", "vm-1", true),
            ("*-*", "vm-1", true),
            ("a*b*c", "a-x-b-y-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(fits(Some(pattern), text), wanted, "{pattern} {text}");
        }
        assert!(fits(None, "whatever"));
    }
}
