//! A bitmap over the grains before a newest one, inline up to 64 grains. Knows nothing of time.

/// Grains per word, and the width that every bitmap has at least.
pub(crate) const WORD_GRAINS: u32 = 64;

/// Bit 0 is the newest grain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bits {
    /// Up to 64 grains, without an allocation.
    Narrow(u64),
    /// Two words and more, the newest first.
    Wide(Box<Words>),
}

/// One pointer away, so that the many bitmaps of one word stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(Box<[u64]>);

impl Bits {
    pub(crate) fn from_words(words: &[u64]) -> Self {
        match words {
            [] => Self::Narrow(0),
            [one] => Self::Narrow(*one),
            many => Self::Wide(Box::new(Words(many.into()))),
        }
    }

    pub(crate) fn words(&self) -> &[u64] {
        match self {
            Self::Narrow(word) => std::slice::from_ref(word),
            Self::Wide(words) => &words.0,
        }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Narrow(word) => std::slice::from_mut(word),
            Self::Wide(words) => &mut words.0,
        }
    }

    /// How many grains it covers.
    pub(crate) fn width(&self) -> u32 {
        u32::try_from(self.words().len())
            .unwrap_or(u32::MAX)
            .saturating_mul(WORD_GRAINS)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words().iter().all(|word| *word == 0)
    }

    pub(crate) fn get(&self, grain: u32) -> bool {
        let (index, bit) = place(grain);
        self.words().get(index).is_some_and(|word| word & bit != 0)
    }

    /// Sets a bit that lies within the width.
    pub(crate) fn set(&mut self, grain: u32) {
        let (index, bit) = place(grain);
        if let Some(word) = self.words_mut().get_mut(index) {
            *word |= bit;
        }
    }

    /// Makes it cover `grains`, rounded up to whole words; never narrower.
    pub(crate) fn widen(&mut self, grains: u32) {
        let wanted = words_for(grains);
        if wanted > self.words().len() {
            let mut words = self.words().to_vec();
            words.resize(wanted, 0);
            *self = Self::from_words(&words);
        }
    }

    /// Makes it cover no more than `grains`, rounded up to whole words; true when a set bit fell off.
    pub(crate) fn narrow(&mut self, grains: u32) -> bool {
        let wanted = words_for(grains);
        if wanted >= self.words().len() {
            return false;
        }
        let (kept, dropped) = self.words().split_at(wanted);
        let lost = dropped.iter().any(|word| *word != 0);
        *self = Self::from_words(kept);
        lost
    }

    /// Every grain becomes `by` older; true when a set bit fell off.
    pub(crate) fn shift(&mut self, by: u32) -> bool {
        let words = self.words_mut();
        let whole = usize::try_from(by / WORD_GRAINS)
            .unwrap_or(usize::MAX)
            .min(words.len());
        let rest = by % WORD_GRAINS;
        let kept = words.len() - whole;
        let mut lost = words.iter().skip(kept).any(|word| *word != 0);
        words.copy_within(..kept, whole);
        words.iter_mut().take(whole).for_each(|word| *word = 0);
        if rest > 0 {
            let mut carry = 0;
            for word in words.iter_mut() {
                let out = *word >> (WORD_GRAINS - rest);
                *word = (*word << rest) | carry;
                carry = out;
            }
            lost |= carry != 0;
        }
        lost
    }

    /// The set bits, newest grain first.
    pub(crate) fn ones(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.width()).filter(|grain| self.get(*grain))
    }
}

fn place(grain: u32) -> (usize, u64) {
    let index = usize::try_from(grain / WORD_GRAINS).unwrap_or(usize::MAX);
    (index, 1 << (grain % WORD_GRAINS))
}

fn words_for(grains: u32) -> usize {
    usize::try_from(grains.div_ceil(WORD_GRAINS).max(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifting_carries_over_words_and_tells_what_fell_off() {
        let mut bits = Bits::Narrow(0b11);
        bits.widen(130);
        assert_eq!(bits.width(), 192);
        assert!(!bits.shift(63));
        assert_eq!(bits.ones().collect::<Vec<_>>(), [63, 64]);
        assert!(!bits.shift(64));
        assert_eq!(bits.ones().collect::<Vec<_>>(), [127, 128]);
        assert!(bits.clone().narrow(128));
        assert!(!bits.clone().narrow(129));
        assert!(bits.shift(64));
        assert_eq!(bits.ones().collect::<Vec<_>>(), [191]);
        assert!(bits.shift(1000) && bits.is_empty());
    }
}
