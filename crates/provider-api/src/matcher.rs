//! A user's pattern over names, as a provider needs it: what was written, whether a name fits, and what every fitting
//! name begins with. Globs and regular expressions are the configuration's business; only the decision arrives here.

use std::fmt;
use std::sync::Arc;

type Test = dyn Fn(&str) -> bool + Send + Sync;

/// A compiled pattern over names of metrics, types, dimensions, tags or regions. Cheap to clone.
#[derive(Clone)]
pub struct Matcher {
    text: Arc<str>,
    prefix: Option<Arc<str>>,
    test: Arc<Test>,
}

impl Matcher {
    /// A pattern that the user wrote as `text`, which is all that `Debug` shows of it.
    pub fn new(text: impl Into<Arc<str>>, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            text: text.into(),
            prefix: None,
            test: Arc::new(test),
        }
    }

    /// The pattern that only this very text fits, upper and lower case told apart.
    pub fn exactly(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let wanted = Arc::clone(&text);
        Self::new(Arc::clone(&text), move |given| given == &*wanted).with_prefix(&text)
    }

    /// The same with the literal beginning that every fitting name has, by which a cloud can narrow down a listing on
    /// its side. An empty one says nothing and is not kept.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.prefix = (!prefix.is_empty()).then(|| prefix.into());
        self
    }

    /// The pattern as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `given` fits.
    pub fn matches(&self, given: &str) -> bool {
        (self.test)(given)
    }

    /// Whether one of `all` fits `given`, or there are none: an absent list means "all".
    pub fn any(all: &[Self], given: &str) -> bool {
        all.is_empty() || all.iter().any(|m| m.matches(given))
    }

    /// What every fitting name begins with, when that is known and not empty.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matcher({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Matcher {
        Matcher::new("Network*", |name| name.starts_with("Network"))
    }

    #[test]
    fn shows_what_the_user_wrote_and_decides_as_it_was_told() {
        assert_eq!(format!("{:?}", network()), "Matcher(Network*)");
        assert!(network().matches("NetworkIn") && !network().matches("CPUUtilization"));
    }

    #[test]
    fn an_exact_one_fits_nothing_else_and_is_its_own_beginning() {
        let exact = Matcher::exactly("a/b");
        assert!(exact.matches("a/b") && !exact.matches("a/bc") && !exact.matches("A/b"));
        assert_eq!(exact.prefix(), Some("a/b"));
    }

    #[test]
    fn an_empty_beginning_is_none() {
        assert_eq!(network().prefix(), None);
        assert_eq!(network().with_prefix("").prefix(), None);
        assert_eq!(network().with_prefix("Network").prefix(), Some("Network"));
    }

    #[test]
    fn no_pattern_at_all_fits_everything() {
        assert!(Matcher::any(&[], "x") && Matcher::any(&[Matcher::exactly("y"), network()], "NetworkIn"));
        assert!(!Matcher::any(&[network()], "x"));
    }
}
