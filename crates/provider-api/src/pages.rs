//! Following page tokens to an end: no token twice, no more pages than there can be. A cloud whose list does not end
//! is broken; without this guard it would hold a poll for ever and fill the memory.

use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_128;

/// Pages in a row that may bring nothing new. Clouds do send empty pages with a next one, but not this many.
const MOST_IDLE: u64 = 25;

/// Guards one paged request against tokens that loop and lists that do not end.
#[derive(Debug)]
pub struct Pages {
    /// Hashes, because tokens may be a kilobyte each.
    seen: HashSet<u128>,
    read: u64,
    most: u64,
    idle: u64,
}

impl Pages {
    /// A request of at most `most` pages.
    pub fn at_most(most: u64) -> Self {
        Self {
            seen: HashSet::new(),
            read: 0,
            most,
            idle: 0,
        }
    }

    /// After each page, with its token (or link) and whether it brought anything new: the token to go on with, nothing
    /// at the end.
    ///
    /// # Errors
    ///
    /// Why to stop although the cloud says that there is more.
    pub fn follow(&mut self, token: Option<&str>, brought: bool) -> Result<Option<String>, String> {
        self.read += 1;
        self.idle = if brought { 0 } else { self.idle + 1 };
        let Some(token) = token.filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        if !self.seen.insert(xxh3_128(token.as_bytes())) {
            return Err(format!("the page token repeats after {} pages", self.read));
        }
        if self.read >= self.most {
            return Err(format!("still more after {} pages", self.read));
        }
        if self.idle >= MOST_IDLE {
            return Err(format!("{} pages in a row brought nothing new", self.idle));
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
        assert_eq!(pages.follow(Some("a"), true), Ok(Some("a".into())));
        assert!(pages.follow(Some("a"), true).is_err());
        assert_eq!(Pages::at_most(1).follow(Some(""), true), Ok(None));
        assert!(Pages::at_most(1).follow(Some("a"), true).is_err());
    }

    #[test]
    fn ends_when_pages_bring_nothing() {
        let mut pages = Pages::at_most(1_000);
        let mut followed = 0;
        while pages.follow(Some(&followed.to_string()), followed == 3).is_ok() {
            followed += 1;
        }
        assert_eq!(followed, 3 + MOST_IDLE);
    }
}
