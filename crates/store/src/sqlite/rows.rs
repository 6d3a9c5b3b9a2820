//! Rows in and out. Times are Unix nanoseconds; unsigned numbers are stored bit by bit as signed ones.

use crate::options::Stream;
use crate::spool::{Behind, CursorRow, Entry, Left, Meta};
use provider_api::UnixNanos;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};
use std::collections::BTreeMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) fn save_account(conn: &Connection, number: u32, name: &str) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO accounts VALUES(?1,?2)")?
        .execute((number, name))?;
    Ok(())
}

/// Account, target, since, up to, the stretches ahead, members.
pub(crate) type TargetColumns = (u32, i64, i64, Option<i64>, Option<Vec<u8>>, i64);

pub(crate) fn save_target(conn: &Connection, slot: u32, c: &TargetColumns) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO targets VALUES(?1,?2,?3,?4,?5,?6,?7)")?
        .execute((slot, c.0, c.1, c.2, c.3, &c.4, c.5))?;
    Ok(())
}

pub(crate) fn save_series(
    conn: &Connection,
    slot: u32,
    id: &[u8; 16],
    target: u32,
    state: &[u8],
) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO series VALUES(?1,?2,?3,?4)")?
        .execute((slot, id.as_slice(), target, state))?;
    Ok(())
}

pub(crate) fn save_total(conn: &Connection, slot: u32, state: &[u8]) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO totals VALUES(?1,?2)")?
        .execute((slot, state))?;
    Ok(())
}

pub(crate) fn save_seed(conn: &Connection, id: u128, state: &[u8]) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO seeds VALUES(?1,?2)")?
        .execute((id.to_le_bytes().as_slice(), state))?;
    Ok(())
}

pub(crate) fn save_setting(conn: &Connection, key: &str, value: &[u8]) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO settings VALUES(?1,?2)")?
        .execute((key, value))?;
    Ok(())
}

pub(crate) fn delete_series(conn: &Connection, slot: u32) -> Result<()> {
    conn.prepare_cached("DELETE FROM series WHERE slot=?1")?
        .execute([slot])?;
    conn.prepare_cached("DELETE FROM totals WHERE slot=?1")?
        .execute([slot])?;
    Ok(())
}

pub(crate) fn delete_target(conn: &Connection, slot: u32) -> Result<()> {
    conn.prepare_cached("DELETE FROM targets WHERE slot=?1")?
        .execute([slot])?;
    Ok(())
}

pub(crate) fn save_entry(conn: &Connection, seq: u64, stream: Stream, entry: &Entry) -> Result<()> {
    conn.prepare_cached("INSERT INTO entries VALUES(?1,?2,?3,?4,?5,?6,?7,?8)")?
        .execute((
            seq.cast_signed(),
            stream.code(),
            entry.raw_len,
            entry.points,
            entry.oldest_end.0,
            entry.newest_end.0,
            xxh3_64(&entry.payload).cast_signed(),
            entry.payload.as_ref(),
        ))?;
    Ok(())
}

/// Notes what an entry waits for.
pub(crate) fn save_behind(conn: &Connection, seq: u64, behind: &Behind) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO behind VALUES(?1,?2,?3)")?
        .execute((seq.cast_signed(), behind.from.0, behind.encode()))?;
    Ok(())
}

/// What entries wait for, of all that lay beyond a gap when they came.
pub(crate) fn behind(conn: &Connection) -> Result<BTreeMap<u64, Behind>> {
    let found = all(conn, "SELECT seq, since, slots FROM behind", |row| {
        let slots: Vec<u8> = row.get(2)?;
        let behind = Behind::decode(UnixNanos(row.get(1)?), &slots);
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), behind))
    })?;
    Ok(found.into_iter().collect())
}

pub(crate) fn delete_entry(conn: &Connection, seq: u64) -> Result<()> {
    conn.prepare_cached("DELETE FROM entries WHERE seq=?1")?
        .execute([seq.cast_signed()])?;
    conn.prepare_cached("DELETE FROM behind WHERE seq=?1")?
        .execute([seq.cast_signed()])?;
    Ok(())
}

/// An entry and whether its bytes are those that were written; nothing when it has been trimmed.
pub(crate) fn entry(conn: &Connection, seq: u64) -> Result<Option<(Entry, bool)>> {
    conn.prepare_cached(
        "SELECT raw_len, points, oldest_end, newest_end, checksum, payload FROM entries WHERE seq=?1",
    )?
    .query_row([seq.cast_signed()], |row| {
        let payload: Vec<u8> = row.get(5)?;
        let whole = xxh3_64(&payload).cast_signed() == row.get::<_, i64>(4)?;
        let entry = Entry {
            payload: payload.into(),
            raw_len: row.get(0)?,
            points: row.get(1)?,
            oldest_end: UnixNanos(row.get(2)?),
            newest_end: UnixNanos(row.get(3)?),
        };
        Ok((entry, whole))
    })
    .optional()
}

/// What is known of every entry without reading payloads.
pub(crate) fn metas(conn: &Connection) -> Result<Vec<(u64, Meta)>> {
    let sql = "SELECT seq, format, length(payload), points, oldest_end FROM entries ORDER BY seq";
    all(conn, sql, |row| {
        let meta = Meta {
            stream: Stream::from_code(row.get(1)?),
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            points: row.get(3)?,
            oldest_end: UnixNanos(row.get(4)?),
            deltas_only: false,
        };
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), meta))
    })
}

pub(crate) fn save_cursor(conn: &Connection, name: &str, c: &CursorRow) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO cursors VALUES(?1,?2,?3,?4)")?
        .execute((
            name,
            c.seq.cast_signed(),
            c.dropped.cast_signed(),
            c.stream.code(),
        ))?;
    delete_switches(conn, name)?;
    for (upto, stream) in &c.before {
        conn.prepare_cached("INSERT INTO switches VALUES(?1,?2,?3)")?
            .execute((name, upto.cast_signed(), stream.code()))?;
    }
    Ok(())
}

/// Writes what differs between the entries that a destination has been passed with, before and after.
pub(crate) fn save_aside(
    conn: &Connection,
    name: &str,
    before: &BTreeMap<u64, Left>,
    after: &BTreeMap<u64, Left>,
) -> Result<()> {
    for (seq, left) in after.iter().filter(|(seq, left)| before.get(*seq) != Some(*left)) {
        let deltas = match left {
            Left::All => None,
            Left::Deltas(points) => Some(*points),
        };
        conn.prepare_cached("INSERT OR REPLACE INTO aside VALUES(?1,?2,?3)")?
            .execute((name, seq.cast_signed(), deltas))?;
    }
    for seq in before.keys().filter(|seq| !after.contains_key(*seq)) {
        conn.prepare_cached("DELETE FROM aside WHERE destination=?1 AND seq=?2")?
            .execute((name, seq.cast_signed()))?;
    }
    Ok(())
}

fn aside(conn: &Connection, cursors: &mut BTreeMap<String, CursorRow>) -> Result<()> {
    let found = all(conn, "SELECT destination, seq, deltas FROM aside", |row| {
        let left = row.get::<_, Option<u32>>(2)?.map_or(Left::All, Left::Deltas);
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, i64>(1)?.cast_unsigned(),
            left,
        ))
    })?;
    for (name, seq, left) in found {
        if let Some(cursor) = cursors.get_mut(&name) {
            Arc::make_mut(&mut cursor.aside).insert(seq, left);
        }
    }
    Ok(())
}

pub(crate) fn delete_cursor(conn: &Connection, name: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM cursors WHERE destination=?1")?
        .execute([name])?;
    conn.prepare_cached("DELETE FROM aside WHERE destination=?1")?
        .execute([name])?;
    delete_switches(conn, name)
}

fn delete_switches(conn: &Connection, name: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM switches WHERE destination=?1")?
        .execute([name])?;
    Ok(())
}

pub(crate) fn cursors(conn: &Connection) -> Result<BTreeMap<String, CursorRow>> {
    let sql = "SELECT destination, seq, dropped, format FROM cursors";
    let cursors = all(conn, sql, |row| {
        let cursor = CursorRow {
            seq: row.get::<_, i64>(1)?.cast_unsigned(),
            dropped: row.get::<_, i64>(2)?.cast_unsigned(),
            stream: Stream::from_code(row.get(3)?),
            before: Vec::new(),
            aside: Arc::default(),
        };
        Ok((row.get::<_, String>(0)?, cursor))
    })?;
    let mut cursors: BTreeMap<String, CursorRow> = cursors.into_iter().collect();
    let sql = "SELECT destination, upto, format FROM switches ORDER BY destination, upto";
    let switches = all(conn, sql, |row| {
        let (upto, stream) = (
            row.get::<_, i64>(1)?.cast_unsigned(),
            Stream::from_code(row.get(2)?),
        );
        Ok((row.get::<_, String>(0)?, upto, stream))
    })?;
    for (name, upto, stream) in switches {
        if let Some(cursor) = cursors.get_mut(&name) {
            cursor.before.push((upto, stream));
        }
    }
    aside(conn, &mut cursors)?;
    Ok(cursors)
}

pub(crate) fn all<T>(
    conn: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    conn.prepare(sql)?.query_map([], read)?.collect()
}
