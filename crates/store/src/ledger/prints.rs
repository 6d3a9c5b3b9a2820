//! Fingerprints of the newest values of one series, inline as long as they are few. Knows nothing of time.

/// What fits beside the tag in 16 bytes; six minutes of one-minute points.
pub(crate) const FEW: usize = 7;

/// The newest first, 0 where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prints {
    /// Without an allocation.
    Few([u16; FEW]),
    /// More than that.
    Many(Box<Deep>),
}

/// One pointer away, so that the few stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deep(Box<[u16]>);

impl Default for Prints {
    fn default() -> Self {
        Self::Few([0; FEW])
    }
}

impl Prints {
    pub(crate) fn from_slice(prints: &[u16]) -> Self {
        if prints.len() > FEW {
            return Self::Many(Box::new(Deep(prints.into())));
        }
        let mut few = [0; FEW];
        few.iter_mut().zip(prints).for_each(|(to, from)| *to = *from);
        Self::Few(few)
    }

    pub(crate) fn get(&self) -> &[u16] {
        match self {
            Self::Few(few) => few,
            Self::Many(deep) => &deep.0,
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut [u16] {
        match self {
            Self::Few(few) => few,
            Self::Many(deep) => &mut deep.0,
        }
    }

    /// Those up to the last that there is.
    pub(crate) fn known(&self) -> &[u16] {
        let all = self.get();
        let end = all
            .iter()
            .rposition(|print| *print != 0)
            .map_or(0, |last| last + 1);
        all.get(..end).unwrap_or(all)
    }

    /// Room for so many, and never for fewer than [`FEW`]; what is older is forgotten.
    pub(crate) fn resize(&mut self, depth: usize) {
        let depth = depth.max(FEW);
        if self.get().len() != depth {
            let mut prints = self.get().to_vec();
            prints.resize(depth, 0);
            *self = Self::from_slice(&prints);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_and_shrinks_and_the_newest_stay() {
        let mut prints = Prints::from_slice(&[1, 2, 0, 4]);
        assert_eq!((prints.get().len(), prints.known()), (FEW, &[1, 2, 0, 4][..]));
        prints.resize(20);
        prints.get_mut()[19] = 9;
        assert_eq!((prints.known().len(), prints.known()[3]), (20, 4));
        assert_eq!(Prints::from_slice(prints.known()), prints);
        prints.resize(2);
        assert_eq!(prints, Prints::from_slice(&[1, 2, 0, 4]));
        assert_eq!(Prints::default().known(), &[0_u16; 0]);
    }

    #[test]
    fn the_few_take_sixteen_bytes() {
        assert_eq!(size_of::<Prints>(), 16);
    }
}
