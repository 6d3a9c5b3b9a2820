//! Forgetting: series without points and targets that nobody asks for any more. The ledger's idea of now is the latest
//! time that any target has been taken up to.

use super::{Writer, full};
use crate::StoreError;
use crate::ledger::Slot;
use crate::ledger::targets::TargetRow;
use crate::sqlite::rows;
use provider_api::UnixNanos;
use std::time::Duration;

/// How often it looks, by the ledger's time.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Rows forgotten in one transaction, so that it does not hold up the polls.
const SWEEP_MAX: usize = 10_000;

impl Writer {
    /// Forgets what is due; the rest of a long list follows after the next transaction.
    pub(super) fn sweep(&mut self) {
        let Some(now) = self.latest else { return };
        if self.full || self.swept.is_some_and(|last| now.since(last) < SWEEP_EVERY) {
            return;
        }
        let (series, targets) = self.stale(now);
        let more = series.len() + targets.len() >= SWEEP_MAX;
        self.swept = if more { self.swept } else { Some(now) };
        if let Err(error) = self.forget(&series, &targets) {
            full::rollback(&self.conn);
            self.swept = Some(now);
            tracing::warn!(%error, "forgetting series without points; tried again in an hour");
        }
    }

    fn stale(&self, now: UnixNanos) -> (Vec<Slot>, Vec<u32>) {
        let old = |time: UnixNanos, now: UnixNanos| now.since(time) > self.forget_after;
        let targets = self.shared.targets();
        let idle = |row: &TargetRow| {
            !targets.is_backfill(row.account) && row.newest().is_some_and(|newest| old(newest, now))
        };
        let series = self
            .ledger
            .iter()
            .filter(|(_, series)| match targets.row(series.target) {
                None => true,
                Some(row) if idle(row) => true,
                Some(row) => {
                    let newest = series.newest().map_or(UnixNanos(i64::MIN), UnixNanos);
                    old(newest, row.upto.unwrap_or(now))
                }
            });
        let series: Vec<Slot> = series.map(|(slot, _)| slot).take(SWEEP_MAX).collect();
        let room = SWEEP_MAX - series.len();
        // A target goes after its last series, so that none is left without it.
        let idle_targets = targets.iter().filter(|(_, row)| idle(row)).map(|(slot, _)| slot);
        let done = if series.len() < SWEEP_MAX {
            idle_targets.take(room).collect()
        } else {
            Vec::new()
        };
        (series, done)
    }

    fn forget(&mut self, series: &[Slot], targets: &[u32]) -> Result<(), StoreError> {
        if series.is_empty() && targets.is_empty() {
            return Ok(());
        }
        full::begin(&self.conn)?;
        for slot in series {
            rows::delete_series(&self.conn, *slot)?;
        }
        for slot in targets {
            rows::delete_target(&self.conn, *slot)?;
        }
        self.conn.execute_batch("COMMIT")?;
        for slot in series {
            self.ledger.remove(*slot);
            self.totals.remove(*slot);
        }
        let mut all = self.shared.targets_mut();
        for slot in targets {
            all.remove(*slot);
        }
        drop(all);
        tracing::info!(
            series = series.len(),
            targets = targets.len(),
            "forgot what has had no points for long"
        );
        self.announce();
        Ok(())
    }
}
