//! Values that are made once for everybody who needs the same, and kept while somebody holds one.
//!
//! It is for what is costly to make and the same for many accounts: an HTTP client with a few hundred authorities.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What was made, by what it was made of.
#[derive(Debug)]
pub struct Shared<K, V>(Mutex<Vec<(K, Weak<V>)>>);

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Shared<K, V> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<K: PartialEq, V> Shared<K, V> {
    /// The one that was made of the same, or a new one. Whoever asks meanwhile waits, so that it is made once.
    ///
    /// # Errors
    /// Whatever making it fails with; it is tried again for the next.
    pub fn get<E>(&self, key: K, make: impl FnOnce(&K) -> Result<V, E>) -> Result<Arc<V>, E> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|(_, value)| value.strong_count() > 0);
        let known = made.iter().find(|(of, _)| *of == key);
        if let Some(value) = known.and_then(|(_, value)| value.upgrade()) {
            return Ok(value);
        }
        let value = Arc::new(make(&key)?);
        made.push((key, Arc::downgrade(&value)));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn the_same_is_made_once_while_it_is_held() {
        let shared: Shared<&str, String> = Shared::new();
        let mut times = 0;
        let mut get = |key| {
            let made = shared.get(key, |key| {
                times += 1;
                Ok::<_, Infallible>((*key).to_owned())
            });
            made.expect("made")
        };
        let (first, second) = (get("a"), get("a"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &get("b")));
        drop((first, second));
        get("a");
        assert_eq!(times, 3);
    }

    #[test]
    fn what_cannot_be_made_is_tried_again() {
        let shared: Shared<u8, u8> = Shared::new();
        assert_eq!(shared.get(1, |_| Err("no")), Err("no"));
        assert_eq!(shared.get(1, |_| Ok::<_, &str>(2)).map(|two| *two), Ok(2));
    }
}
