//! A total as the bytes of its row.

use super::Total;
use crate::ledger::Slot;
use crate::ledger::codec::{Reader, seal, unseal, varint};
use provider_api::{Buckets, Histogram, UnixNanos, Value};

const INT: u8 = 0;
const DOUBLE: u8 = 1;
const HISTOGRAM: u8 = 2;

/// Writes `total` over `out`.
pub(crate) fn encode(slot: Slot, total: &Total, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&total.start.0.to_le_bytes());
    out.extend_from_slice(&total.end.0.to_le_bytes());
    match &total.value {
        Value::Int(v) => {
            out.push(INT);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Double(v) => {
            out.push(DOUBLE);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Histogram(h) => {
            out.push(HISTOGRAM);
            histogram(h, out);
        }
    }
    seal(u64::from(slot), out);
}

fn histogram(h: &Histogram, out: &mut Vec<u8>) {
    varint(h.count, out);
    out.push(u8::from(h.sum.is_some()));
    out.extend_from_slice(&h.sum.unwrap_or_default().to_le_bytes());
    varint(u64::try_from(h.buckets.bounds.len()).unwrap_or(u64::MAX), out);
    for bound in &h.buckets.bounds {
        out.extend_from_slice(&bound.to_le_bytes());
    }
    varint(u64::try_from(h.buckets.counts.len()).unwrap_or(u64::MAX), out);
    h.buckets.counts.iter().for_each(|count| varint(*count, out));
}

/// Reads a row; nothing when the bytes are not what was written.
pub(crate) fn decode(slot: Slot, bytes: &[u8]) -> Option<Total> {
    let mut rest = Reader(unseal(u64::from(slot), bytes)?);
    let start = UnixNanos(rest.i64()?);
    let end = UnixNanos(rest.i64()?);
    let value = match rest.byte()? {
        INT => Value::Int(rest.i64()?),
        DOUBLE => Value::Double(rest.f64()?),
        HISTOGRAM => Value::Histogram(Box::new(read_histogram(&mut rest)?)),
        _ => return None,
    };
    Some(Total { start, end, value })
}

fn read_histogram(rest: &mut Reader<'_>) -> Option<Histogram> {
    let count = rest.varint()?;
    let has_sum = rest.byte()? != 0;
    let sum = rest.f64()?;
    let n = rest.length()?;
    let bounds: Option<Vec<f64>> = (0..n).map(|_| rest.f64()).collect();
    let n = rest.length()?;
    let counts: Option<Vec<u64>> = (0..n).map(|_| rest.varint()).collect();
    Some(Histogram {
        count,
        sum: has_sum.then_some(sum),
        buckets: Buckets {
            bounds: bounds?,
            counts: counts?,
        },
        exemplars: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_and_a_changed_one_does_not() {
        let histogram = Histogram {
            count: 300,
            sum: Some(-0.5),
            buckets: Buckets {
                bounds: vec![1.0, 2.5],
                counts: vec![100, 200, 0],
            },
            exemplars: vec![],
        };
        for value in [
            Value::Int(-1),
            Value::Double(0.1),
            Value::Histogram(Box::new(histogram)),
        ] {
            let (start, end) = (UnixNanos(1), UnixNanos(2));
            let total = Total { start, end, value };
            let mut bytes = Vec::new();
            encode(7, &total, &mut bytes);
            assert_eq!(decode(7, &bytes).as_ref(), Some(&total));
            assert_eq!(decode(8, &bytes), None);
        }
    }
}
