//! Following page tokens to an end: no token twice, no more pages than there can be.

use provider_api::TargetId;
use std::collections::HashSet;

/// Guards one paged request against tokens that loop and lists that do not end.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Hashes, because tokens may be a kilobyte each.
    seen: HashSet<TargetId>,
    read: u64,
    most: u64,
}

impl Pages {
    /// A request of at most `most` pages.
    pub(crate) fn at_most(most: u64) -> Self {
        Self {
            seen: HashSet::new(),
            read: 0,
            most,
        }
    }

    /// After each page, with its token: the token to go on with, nothing at the end, or why to stop.
    pub(crate) fn follow(&mut self, token: Option<&str>) -> Result<Option<String>, String> {
        self.read += 1;
        let Some(token) = token.filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        if !self.seen.insert(TargetId::of(token)) {
            return Err(format!("the page token repeats after {} pages", self.read));
        }
        if self.read >= self.most {
            return Err(format!("still more after {} pages", self.read));
        }
        Ok(Some(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_the_last_page_a_repeated_token_or_the_cap() {
        let mut pages = Pages::at_most(3);
        assert_eq!(pages.follow(Some("a")), Ok(Some("a".into())));
        assert!(pages.follow(Some("a")).is_err());
        assert_eq!(Pages::at_most(1).follow(Some("")), Ok(None));
        assert!(Pages::at_most(1).follow(Some("a")).is_err());
    }
}
