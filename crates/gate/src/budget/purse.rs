//! One purse: what a day may cost, has cost, and how much of that is known to outlive the process. And the text that all
//! purses of an account are kept as.

use super::spread::Day;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// So many parts of the limit are noted ahead of what is spent, one of them a quarter of an hour's worth: one write for
/// each, and as much is counted too much after a crash.
const SLICES: u64 = 96;

/// The first line; another one is of another version and is not read.
const HEAD: &str = "budget 1";

/// Of an account or of one of its entries, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Purse {
    /// What a day may cost, if that is limited.
    pub(super) limit: Option<u64>,
    /// What this day has cost.
    pub(super) spent: u64,
    /// What a new process would take for spent; not less than what was, before a request goes out.
    pub(super) noted: u64,
}

impl Purse {
    pub(super) fn covered(&self) -> bool {
        self.limit.is_none() || self.spent <= self.noted
    }

    /// What to note next.
    pub(super) fn mark(&self) -> u64 {
        match self.limit {
            Some(limit) if self.spent > self.noted => self.spent.saturating_add(limit / SLICES),
            Some(_) => self.noted,
            None => self.spent,
        }
    }
}

/// What is kept of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) day: Day,
    pub(super) account: u64,
    pub(super) entries: BTreeMap<Arc<str>, u64>,
}

impl Record {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut text = format!("{HEAD}\n{}\n{}\n", self.day.0, self.account);
        for (name, spent) in &self.entries {
            // Writing to a String cannot fail. A name is one line.
            writeln!(text, "{spent} {}", name.replace('\n', " ")).ok();
        }
        text.into_bytes()
    }

    /// Nothing when the text is not ours.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.strip_prefix(HEAD)?.strip_prefix('\n')?.lines();
        let day = Day(lines.next()?.parse().ok()?);
        let account = lines.next()?.parse().ok()?;
        let entry = |line: &str| {
            let (spent, name) = line.split_once(' ')?;
            Some((name.into(), spent.parse().ok()?))
        };
        Some(Self {
            day,
            account,
            entries: lines.map(entry).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_nothing_else_is() {
        let record = Record {
            day: Day(20_785),
            account: 17,
            entries: [("AWS/EC2".into(), 5), ("a b #2".into(), 0)].into(),
        };
        assert_eq!(Record::read(&record.write()), Some(record));
        for other in [
            "",
            "budget 2\n1\n1\n",
            "budget 1\n1\n",
            "budget 1\n1\nx\n",
            "budget 1\n1\n1\nx\n",
        ] {
            assert_eq!(Record::read(other.as_bytes()), None, "{other}");
        }
    }
}
