//! Everything that is kept in memory, read from the file when it is opened.

use crate::ledger::series::VACANT;
use crate::ledger::targets::{TargetRow, Targets};
use crate::ledger::{Ledger, Stretches, codec};
use crate::options::{Options, Stream};
use crate::spool::{Layout, Meta, Spool, unwanted};
use crate::sqlite::rows;
use crate::totals::{self, SEED, Totals};
use provider_api::UnixNanos;
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, HashMap};

/// Payloads of the newest entries kept in memory: several times what is in flight to a destination that keeps up.
const CACHE_BYTES: u64 = 16 << 20;

/// Why rows could not be read.
#[derive(Debug)]
pub(crate) enum Failed {
    /// `SQLite` says why.
    Sqlite(rusqlite::Error),
    /// A row is not what was written.
    Damaged(String),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn slot(row: &Row<'_>, what: &str) -> Result<u32, Failed> {
    match row.get::<_, i64>(0).map(u32::try_from)? {
        Ok(slot) if slot != VACANT => Ok(slot),
        _ => Err(damaged(what, 0)),
    }
}

fn damaged(what: &str, row: u32) -> Failed {
    Failed::Damaged(format!("row {row} of the table {what} is not what was written"))
}

/// All series.
pub(crate) fn ledger(conn: &Connection) -> Result<Ledger, Failed> {
    let mut ledger = Ledger::default();
    let count: i64 = conn.query_row("SELECT count(*) FROM series", [], |row| row.get(0))?;
    ledger.reserve(usize::try_from(count).unwrap_or(0));
    let mut statement = conn.prepare("SELECT slot, id, target, state FROM series ORDER BY slot")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let slot = slot(row, "series")?;
        let id = row.get_ref(1)?.as_blob().ok().and_then(|id| id.try_into().ok());
        let state = row.get_ref(3)?.as_blob().ok();
        let series = id
            .zip(state)
            .and_then(|(id, state)| codec::decode(id, row.get(2).ok()?, state));
        ledger.load(slot, series.ok_or_else(|| damaged("series", slot))?);
    }
    Ok(ledger)
}

/// All accounts and targets.
pub(crate) fn targets(conn: &Connection) -> Result<Targets, Failed> {
    let mut targets = Targets::default();
    let accounts = rows::all(conn, "SELECT id, name FROM accounts", |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?))
    })?;
    for (number, name) in accounts {
        targets.load_account(number, &name);
    }
    let sql = "SELECT slot, account, target, since, upto, ahead, members FROM targets ORDER BY slot";
    let mut statement = conn.prepare(sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let slot = slot(row, "targets")?;
        targets.load(slot, target(row)?.ok_or_else(|| damaged("targets", slot))?);
    }
    Ok(targets)
}

/// Nothing when the stretches are not what was written.
fn target(row: &Row<'_>) -> rusqlite::Result<Option<TargetRow>> {
    let ahead = match row.get_ref(5)?.as_blob_or_null()? {
        None => Some(Stretches::default()),
        Some(bytes) => codec::decode_stretches(bytes),
    };
    Ok(match ahead {
        None => None,
        Some(ahead) => Some(TargetRow {
            account: row.get(1)?,
            target: row.get::<_, i64>(2)?.cast_unsigned(),
            members: row.get::<_, i64>(6)?.cast_unsigned(),
            since: UnixNanos(row.get(3)?),
            upto: row.get::<_, Option<i64>>(4)?.map(UnixNanos),
            ahead: (!ahead.is_empty()).then(|| Box::new(ahead)),
            saved: true,
        }),
    })
}

/// Totals, if some destination wants them.
pub(crate) fn totals(conn: &Connection, streams: &[Stream]) -> Result<Totals, Failed> {
    let mut totals = Totals::default();
    if !streams.iter().any(|stream| stream.cumulative) {
        return Ok(totals);
    }
    let mut statement = conn.prepare("SELECT slot, state FROM totals")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let slot = slot(row, "totals")?;
        let total = row.get_ref(1)?.as_blob().ok();
        let total = total.and_then(|state| totals::codec::decode(slot, state));
        totals.load(slot, total.ok_or_else(|| damaged("totals", slot))?);
    }
    let seeds = rows::all(conn, "SELECT id, state FROM seeds", |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    for (id, state) in seeds {
        let id = id.try_into().ok().map(u128::from_le_bytes);
        let seed = id.zip(totals::codec::decode(SEED, &state));
        let (id, total) = seed.ok_or_else(|| damaged("seeds", SEED))?;
        totals.seeds.load(id, total);
    }
    Ok(totals)
}

/// All settings.
pub(crate) fn settings(conn: &Connection) -> Result<HashMap<String, Vec<u8>>, Failed> {
    let settings = rows::all(conn, "SELECT key, value FROM settings", |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(settings.into_iter().collect())
}

/// Entries and cursors, with the configuration's changes since the file was left.
pub(crate) fn spool(conn: &Connection, options: &Options, in_memory: bool) -> Result<Spool, Failed> {
    let known = rows::cursors(conn)?;
    let mut metas: BTreeMap<u64, Meta> = rows::metas(conn)?.into_iter().collect();
    let newest = metas.last_key_value().map_or(0, |(seq, _)| *seq);
    let last = known.values().map(|row| row.seq).max().unwrap_or(0).max(newest);
    let layout = Layout::new(&options.destinations, options.max_bytes, known, last);
    let unwanted = unwanted(&metas, &layout.cursors);
    conn.execute_batch("BEGIN IMMEDIATE")?;
    layout.save(conn, &unwanted)?;
    conn.execute_batch("COMMIT")?;
    metas.retain(|seq, _| unwanted.binary_search(seq).is_err());
    let cache = if in_memory { u64::MAX } else { CACHE_BYTES };
    let mut behind = rows::behind(conn)?;
    behind.retain(|seq, _| metas.contains_key(seq));
    Ok(Spool::new(layout.cursors, metas, behind, last + 1, cache))
}
