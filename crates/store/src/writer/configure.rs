//! Other destinations while everything runs, in one transaction of its own and by the rules of opening the file.

use super::{Writer, full};
use crate::options::streams;
use crate::spool::Layout;
use crate::sqlite::open;
use crate::totals::Totals;
use crate::{DestinationSpec, StoreError};

impl Writer {
    /// Makes the destinations durable and then known; when it fails, nothing has changed. It is done on a full disk,
    /// too: a destination that goes may be what fills it.
    pub(super) fn configure(&mut self, specs: &[DestinationSpec], max_bytes: u64) -> Result<(), StoreError> {
        let mut done = self.try_configure(specs, max_bytes);
        if done == Err(StoreError::Full) {
            self.now_full();
            done = self.try_configure(specs, max_bytes);
        }
        if done.is_ok() {
            self.convert();
        }
        if self.full {
            self.try_recover();
        }
        done
    }

    fn try_configure(&mut self, specs: &[DestinationSpec], max_bytes: u64) -> Result<(), StoreError> {
        let spool = self.shared.spool();
        let known = spool.rows();
        let layout = Layout::new(specs, max_bytes, known, spool.last());
        let unwanted = spool.unwanted(&layout.cursors);
        // Readers need not wait for the disk.
        drop(spool);
        if let Err(error) = self.save(&layout, &unwanted) {
            full::rollback(&self.conn);
            return Err(error);
        }
        if let Err(error) = open::limit(&self.conn, max_bytes, self.ledger_bytes) {
            tracing::warn!(%error, "setting the file's limit; it holds after the next start");
        }
        if !layout.is_cumulative() {
            self.totals = Totals::default();
        }
        self.streams = streams(specs);
        self.shared.spool().replace(layout.cursors, unwanted);
        self.announce();
        Ok(())
    }

    fn save(&self, layout: &Layout, unwanted: &[u64]) -> Result<(), StoreError> {
        full::begin(&self.conn)?;
        layout.save(&self.conn, unwanted)?;
        self.conn.execute_batch("COMMIT")?;
        Ok(())
    }
}
