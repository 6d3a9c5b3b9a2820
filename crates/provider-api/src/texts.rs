//! Each text once: a scope's names, keys and values repeat by the thousand and are shared instead of copied.

use std::collections::HashSet;
use std::sync::Arc;

/// Hands out one shared copy of each text, for as long as a listing or a call lasts.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The shared copy of `text`.
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let mut texts = Texts::default();
        let (a, b) = (texts.get("zone"), texts.get("zone"));
        assert!(Arc::ptr_eq(&a, &b) && &*a == "zone");
        assert!(!Arc::ptr_eq(&a, &texts.get("region")));
    }
}
