//! A series' state as the bytes of its row: lengths as varints, numbers little-endian, a checksum at the end.

use super::bits::Bits;
use super::grid::Grid;
use super::prints::Prints;
use super::series::{Ahead, Series};
use super::stretches::{MOST_STRETCHES, Stretches};
use super::taken::Taken;
use super::times::Times;
use provider_api::UnixNanos;
use xxhash_rust::xxh3::xxh3_64;

const GRID: u8 = 0;
const TIMES: u8 = 1;
const CHECK_BYTES: usize = 4;
const STRETCH_BYTES: usize = 16;

/// Writes the state of `series` (without id and target, which have columns of their own) over `out`.
pub(crate) fn encode(series: &Series, out: &mut Vec<u8>) {
    out.clear();
    taken(&series.main, out);
    length(series.ahead().len(), out);
    for ahead in series.ahead() {
        out.extend_from_slice(&ahead.boundary.to_le_bytes());
        taken(&ahead.taken, out);
    }
    seal(seed(&series.id), out);
}

/// Appends a checksum that is different for another owner of the same bytes.
pub(crate) fn seal(seed: u64, out: &mut Vec<u8>) {
    let check = check(seed, out);
    out.extend_from_slice(&check);
}

/// The bytes that were sealed; nothing when they have changed since.
pub(crate) fn unseal(seed: u64, bytes: &[u8]) -> Option<&[u8]> {
    let (sealed, found) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
    (check(seed, sealed) == *found).then_some(sealed)
}

fn check(seed: u64, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = (xxh3_64(bytes) ^ seed).to_le_bytes();
    [a, b, c, d]
}

fn seed(id: &[u8; 16]) -> u64 {
    let [low, _] = halves(id);
    low
}

/// An identity as two numbers.
pub(crate) fn halves(id: &[u8; 16]) -> [u64; 2] {
    let all = u128::from_le_bytes(*id);
    let low = u64::try_from(all & u128::from(u64::MAX)).unwrap_or_default();
    let high = u64::try_from(all >> u64::BITS).unwrap_or_default();
    [low, high]
}

fn taken(taken: &Taken, out: &mut Vec<u8>) {
    match taken {
        Taken::Grid(grid) => {
            out.push(GRID);
            out.extend_from_slice(&grid.high.to_le_bytes());
            varint(u64::from(grid.grain_s), out);
            varint(u64::from(grid.known), out);
            let words = grid.bits.words();
            length(words.len(), out);
            for word in words {
                out.extend_from_slice(&word.to_le_bytes());
            }
            prints(grid.prints.known(), out);
        }
        Taken::Times(times) => {
            out.push(TIMES);
            out.extend_from_slice(&times.floor.to_le_bytes());
            length(times.ends.len(), out);
            let mut last = 0_i64;
            for end in &times.ends {
                varint(u64::from_le_bytes(end.wrapping_sub(last).to_le_bytes()), out);
                last = *end;
            }
            prints(&times.prints, out);
        }
    }
}

fn prints(prints: &[u16], out: &mut Vec<u8>) {
    length(prints.len(), out);
    for print in prints {
        out.extend_from_slice(&print.to_le_bytes());
    }
}

fn length(n: usize, out: &mut Vec<u8>) {
    varint(u64::try_from(n).unwrap_or(u64::MAX), out);
}

/// Seven bits a byte, the lowest first.
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or_default());
}

/// Reads a row; nothing when the bytes are not what was written.
pub(crate) fn decode(id: [u8; 16], target: u32, bytes: &[u8]) -> Option<Series> {
    let mut rest = Reader(unseal(seed(&id), bytes)?);
    let main = rest.taken()?;
    let n = rest.length()?;
    let ahead: Option<Vec<Ahead>> = (0..n).map(|_| rest.ahead()).collect();
    Some(Series::with(id, target, main, ahead?))
}

/// The stretches of a target, two times each.
pub(crate) fn encode_stretches(stretches: &Stretches) -> Vec<u8> {
    let times = stretches.iter().flat_map(|(from, to)| [from, to]);
    times.flat_map(|time| time.0.to_le_bytes()).collect()
}

/// Reads them; nothing when the bytes are not what was written.
pub(crate) fn decode_stretches(bytes: &[u8]) -> Option<Stretches> {
    let (pairs, rest) = bytes.as_chunks::<STRETCH_BYTES>();
    let read = |pair: &[u8; STRETCH_BYTES]| {
        let mut pair = Reader(pair);
        Some((UnixNanos(pair.i64()?), UnixNanos(pair.i64()?)))
    };
    let pairs: Vec<_> = pairs.iter().map(read).collect::<Option<_>>()?;
    let times: Vec<_> = pairs.iter().flat_map(|(from, to)| [from, to]).collect();
    let whole = rest.is_empty() && pairs.len() <= MOST_STRETCHES && times.is_sorted();
    whole.then(|| Stretches::new(pairs))
}

/// Reads what [`encode`] and the totals' codec write.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (found, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*found)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A length that the remaining bytes can hold.
    pub(crate) fn length(&mut self) -> Option<usize> {
        let n = usize::try_from(self.varint()?).ok()?;
        (n <= self.0.len()).then_some(n)
    }

    fn narrow(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    fn ahead(&mut self) -> Option<Ahead> {
        Some(Ahead {
            boundary: self.i64()?,
            taken: self.taken()?,
        })
    }

    fn taken(&mut self) -> Option<Taken> {
        match self.byte()? {
            GRID => self.grid().map(Taken::Grid),
            TIMES => self.times().map(|times| Taken::Times(Box::new(times))),
            _ => None,
        }
    }

    fn grid(&mut self) -> Option<Grid> {
        let high = self.i64()?;
        let grain_s = self.narrow()?;
        let known = self.narrow()?;
        let n = self.length()?;
        let words: Option<Vec<u64>> = (0..n).map(|_| self.array().map(u64::from_le_bytes)).collect();
        Some(Grid {
            high,
            grain_s,
            known,
            bits: Bits::from_words(&words?),
            prints: Prints::from_slice(&self.prints()?),
        })
    }

    fn times(&mut self) -> Option<Times> {
        let floor = self.i64()?;
        let n = self.length()?;
        let mut last = 0_i64;
        let mut ends = Vec::with_capacity(n);
        for _ in 0..n {
            last = last.wrapping_add(i64::from_le_bytes(self.varint()?.to_le_bytes()));
            ends.push(last);
        }
        let prints = self.prints()?;
        (prints.len() == n).then_some(Times { ends, prints, floor })
    }

    fn prints(&mut self) -> Option<Vec<u16>> {
        let n = self.length()?;
        (0..n).map(|_| self.array().map(u16::from_le_bytes)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_and_a_changed_one_does_not() {
        let grid = Grid {
            high: 1_700_000_000_000_000_000,
            grain_s: 60,
            known: super::super::grid::ALL,
            bits: Bits::from_words(&[7, 0, 1 << 63]),
            prints: Prints::from_slice(&[1, 0, 65_535]),
        };
        let ahead = Ahead {
            boundary: -5,
            taken: Taken::Times(Box::new(Times::new(vec![(-17, 3), (29, 4)], i64::MIN))),
        };
        let series = Series::with([9; 16], 3, Taken::Grid(grid), vec![ahead.clone(), ahead]);
        let mut bytes = Vec::new();
        encode(&series, &mut bytes);
        assert_eq!(decode([9; 16], 3, &bytes).as_ref(), Some(&series));
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 16;
            assert_eq!(decode([9; 16], 3, &changed), None, "byte {i}");
        }
    }
}
