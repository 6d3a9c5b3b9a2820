//! The tables, and how an older file becomes one of today.

use crate::ledger::{Stretches, codec};
use provider_api::UnixNanos;
use rusqlite::{Connection, Transaction};

/// "neph" in ASCII, in the file's header.
pub(crate) const APPLICATION_ID: u32 = 0x6e65_7068;

/// The format that this version writes.
pub(crate) const FORMAT: i64 = 5;

/// One step from a format to the next.
type Step = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// Step *i* leads from format *i* to *i* + 1.
const STEPS: [Step; 5] = [to_1, to_2, to_3, to_4, to_5];

/// Format 1. Payloads come last in their rows, so that reading the other columns does not read them.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS targets(slot INTEGER PRIMARY KEY, account INTEGER NOT NULL, target INTEGER NOT NULL,
  since INTEGER NOT NULL, upto INTEGER, ahead_from INTEGER, ahead_to INTEGER);
CREATE TABLE IF NOT EXISTS series(slot INTEGER PRIMARY KEY, id BLOB NOT NULL, target INTEGER NOT NULL, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS totals(slot INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries(seq INTEGER PRIMARY KEY, format INTEGER NOT NULL, raw_len INTEGER NOT NULL,
  points INTEGER NOT NULL, oldest_end INTEGER NOT NULL, newest_end INTEGER NOT NULL, checksum INTEGER NOT NULL,
  payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cursors(destination TEXT PRIMARY KEY, seq INTEGER NOT NULL, dropped INTEGER NOT NULL,
  format INTEGER NOT NULL, former INTEGER NOT NULL, switched INTEGER NOT NULL) WITHOUT ROWID;
";

/// Brings the tables from format `from` to [`FORMAT`], each step in a transaction.
pub(crate) fn migrate(conn: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let steps = (0..).zip(STEPS).skip(usize::try_from(from).unwrap_or(0));
    for (format, step) in steps {
        let transaction = conn.transaction()?;
        step(&transaction)?;
        transaction.pragma_update(None, "user_version", format + 1_i64)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Format 0 is an empty file, or one from before the first release: the same settings, nothing else worth keeping.
fn to_1(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Format 1 remembered one stretch beyond a gap, in two columns.
fn to_2(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("ALTER TABLE targets ADD COLUMN ahead BLOB")?;
    let found: Vec<(u32, i64, i64)> = transaction
        .prepare("SELECT slot, ahead_from, ahead_to FROM targets WHERE ahead_from IS NOT NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (slot, from, to) in found {
        let ahead = codec::encode_stretches(&Stretches::new([(UnixNanos(from), UnixNanos(to))]));
        transaction.execute("UPDATE targets SET ahead=?2 WHERE slot=?1", (slot, ahead))?;
    }
    transaction
        .execute_batch("ALTER TABLE targets DROP COLUMN ahead_from; ALTER TABLE targets DROP COLUMN ahead_to")
}

/// A destination remembers every switch of its format that points still wait from, not only the last.
const SWITCHES: &str = "
CREATE TABLE switches(destination TEXT NOT NULL, upto INTEGER NOT NULL, format INTEGER NOT NULL,
  PRIMARY KEY(destination, upto)) WITHOUT ROWID;
INSERT INTO switches SELECT destination, switched, former FROM cursors WHERE switched > seq;
ALTER TABLE cursors DROP COLUMN former;
ALTER TABLE cursors DROP COLUMN switched;
";

fn to_3(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SWITCHES)
}

/// What is asked of a target is kept beside what it is. Targets and series keep the identities of format 3 until their
/// accounts are listed: only who knows what they stand for can give them those of today.
fn to_4(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("ALTER TABLE targets ADD COLUMN members INTEGER NOT NULL DEFAULT 0")
}

/// A destination may go on beside entries that it does not take; of some it has all but the deltas. Entries beyond a gap
/// know which. And a series is known by the cloud's own name for its metric: each gets its identity of today with its next
/// points.
fn to_5(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE aside(destination TEXT NOT NULL, seq INTEGER NOT NULL, deltas INTEGER,
           PRIMARY KEY(destination, seq)) WITHOUT ROWID;
         CREATE TABLE behind(seq INTEGER PRIMARY KEY, since INTEGER NOT NULL, slots BLOB NOT NULL);
         CREATE TABLE seeds(id BLOB PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID",
    )
}

/// Leaves word of who wrote the file last, and that it is in use.
pub(crate) fn mark(conn: &Connection, version: &str, clean: bool) -> rusqlite::Result<()> {
    let mut put =
        conn.prepare_cached("INSERT INTO meta VALUES(?1,?2) ON CONFLICT DO UPDATE SET value=excluded.value")?;
    put.execute(("written_by", version))?;
    put.execute(("clean", i64::from(clean)))?;
    Ok(())
}
