//! Which destinations there are and where each begins, when the configuration has changed: one that is new starts at
//! the end, one that is gone holds nothing back, one that wants another look gets what waits as it was encoded.

use super::{Cursor, CursorRow};
use crate::DestinationSpec;
use crate::options::{Stream, streams};
use crate::sqlite::rows;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// The destinations of today, and the names of those that are gone.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) cursors: Vec<Cursor>,
    gone: Vec<String>,
}

impl Layout {
    /// From what was known so far; `last` is the newest entry there has ever been.
    pub(crate) fn new(
        specs: &[DestinationSpec],
        max_bytes: u64,
        mut known: BTreeMap<String, CursorRow>,
        last: u64,
    ) -> Self {
        let share = max_bytes / u64::try_from(streams(specs).len()).unwrap_or(1).max(1);
        let mut cursor = |spec: &DestinationSpec| {
            let stream = Stream::of(spec);
            let row = match known.remove(&spec.name) {
                None => CursorRow::new(stream, last),
                Some(row) => row.switch(stream, last),
            };
            Cursor::new(bounded(spec, share), row)
        };
        Self {
            cursors: specs.iter().map(&mut cursor).collect(),
            gone: known.into_keys().collect(),
        }
    }

    /// Writes it; the transaction is the caller's.
    pub(crate) fn save(&self, conn: &Connection, unwanted: &[u64]) -> rusqlite::Result<()> {
        if !self.is_cumulative() {
            // Nobody carries them on, so they must not be continued later.
            conn.execute_batch("DELETE FROM totals; DELETE FROM seeds")?;
        }
        for cursor in &self.cursors {
            rows::save_cursor(conn, &cursor.spec.name, &cursor.row)?;
        }
        for name in &self.gone {
            rows::delete_cursor(conn, name)?;
        }
        for seq in unwanted {
            rows::delete_entry(conn, *seq)?;
        }
        Ok(())
    }

    /// Whether some destination wants running totals.
    pub(crate) fn is_cumulative(&self) -> bool {
        self.cursors.iter().any(|cursor| cursor.row.stream.cumulative)
    }
}

/// Destinations of different looks share the file, so each gets its part of it at most.
fn bounded(spec: &DestinationSpec, share: u64) -> DestinationSpec {
    DestinationSpec {
        max_bytes: spec.max_bytes.min(share),
        ..spec.clone()
    }
}
