//! When there is no room: make some with the ballast, let acknowledgements and trims through, and find out when there
//! is room again.

use super::Writer;
use crate::StoreError;
use crate::sqlite::ballast::Ballast;
use rusqlite::Connection;

/// Free pages that a full file must have before it takes points again: 1 MiB, or an eighth of a small file.
const RESERVE_PAGES: i64 = 256;

pub(super) fn begin(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("BEGIN IMMEDIATE")
}

/// `SQLite` has rolled back by itself after some errors.
pub(super) fn rollback(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(error) = conn.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "rolling a transaction back");
    }
}

/// Moves the log into the file and cuts it to nothing.
pub(super) fn checkpoint(conn: &Connection) -> Result<(), StoreError> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Pages that may still be filled.
fn free_pages(conn: &Connection) -> rusqlite::Result<(i64, i64)> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let most = pragma("max_page_count")?;
    Ok((most - pragma("page_count")? + pragma("freelist_count")?, most))
}

/// Whether the file may still grow or has free pages; when it cannot be asked, it has not.
fn has_pages(conn: &Connection) -> bool {
    free_pages(conn).is_ok_and(|(free, most)| free >= RESERVE_PAGES.min(most / 8))
}

impl Writer {
    /// Marks the store full; when it is the disk, the ballast goes.
    pub(super) fn now_full(&mut self) {
        let disk = has_pages(&self.conn);
        if !self.full {
            let what = if disk {
                "the disk is full"
            } else {
                "the file has reached its limit"
            };
            tracing::warn!(what, "polling waits until there is room again");
        }
        self.full = true;
        if disk && let Some(ballast) = &mut self.ballast {
            ballast.drop_it();
        }
        self.announce();
    }

    /// Ends the state of being full once there are pages and the ballast lies again.
    pub(super) fn try_recover(&mut self) {
        if !has_pages(&self.conn) {
            return;
        }
        if let Err(error) = checkpoint(&self.conn) {
            tracing::debug!(%error, "cutting the log on a full disk");
        }
        if self.ballast.as_mut().is_none_or(Ballast::lay) {
            self.full = false;
            tracing::info!("there is room again");
            self.announce();
        }
    }
}
