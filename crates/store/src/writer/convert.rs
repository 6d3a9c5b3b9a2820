//! What waits as deltas for a destination that wants totals now: encoded anew as totals, behind everything else that waits.
//! A back end that refuses deltas would refuse what waits for ever.

use super::Writer;
use super::group::Group;
use crate::options::Stream;
use crate::spool::Meta;
use crate::sqlite::rows;
use crate::totals::is_delta;
use provider_api::SeriesPoints;

/// An entry that waits as deltas, for the destinations at these places.
#[derive(Debug)]
struct Waiting {
    seq: u64,
    all: Vec<usize>,
    deltas: Vec<usize>,
}

impl Writer {
    /// Encodes anew what waits as deltas for whoever wants totals. What cannot be read or written stays as it is.
    pub(crate) fn convert(&mut self) {
        let waiting = self.waits_as_deltas();
        if waiting.is_empty() {
            return;
        }
        let (mut points, mut entries) = (0, 0);
        for one in &waiting {
            if let Some(done) = self.convert_one(one) {
                (points, entries) = (points + done, entries + 1);
            } else {
                tracing::warn!(seq = one.seq, "an entry stays in the spool as deltas");
            }
        }
        tracing::info!(
            points,
            entries,
            "converted delta points in the spool to running totals"
        );
    }

    fn waits_as_deltas(&self) -> Vec<Waiting> {
        let spool = self.shared.spool();
        let mut found = std::collections::BTreeMap::new();
        for (at, cursor) in spool.cursors.iter().enumerate() {
            if !cursor.row.stream.cumulative {
                continue;
            }
            for (seq, meta) in spool
                .pending_of(cursor)
                .filter(|(_, meta)| !meta.stream.cumulative)
            {
                let one = found.entry(seq).or_insert_with(|| Waiting {
                    seq,
                    all: Vec::new(),
                    deltas: Vec::new(),
                });
                let list = if meta.deltas_only {
                    &mut one.deltas
                } else {
                    &mut one.all
                };
                list.push(at);
            }
        }
        found.into_values().collect()
    }

    /// Gives how many points it was.
    fn convert_one(&mut self, waiting: &Waiting) -> Option<u64> {
        let (entry, whole) = rows::entry(&self.conn, waiting.seq).ok()??;
        let points = whole.then(|| self.encoder.decode(&entry))??;
        let (deltas, others): (Vec<SeriesPoints>, Vec<SeriesPoints>) = points
            .into_iter()
            .partition(|one| is_delta(one.series.metric.spec().kind));
        let totals: Vec<SeriesPoints> = deltas.iter().map(|one| self.totals.convert(one)).collect();
        let everybody: Vec<usize> = waiting.all.iter().chain(&waiting.deltas).copied().collect();
        let mut group = Group::new(&self.shared);
        let resend = group.draft.cursors.get(*everybody.first()?)?.row.stream.resend;
        let stream = Stream {
            cumulative: true,
            resend,
        };
        self.hand_over(&mut group, stream, &others, &waiting.all);
        self.hand_over(&mut group, stream, &totals, &everybody);
        for at in everybody {
            group.draft.acknowledge(&self.shared.spool(), at, waiting.seq);
        }
        match self.write(&group) {
            Ok(()) => {
                self.publish(group);
                Some(
                    deltas
                        .iter()
                        .map(|one| u64::try_from(one.points.len()).unwrap_or(0))
                        .sum(),
                )
            }
            Err(error) => {
                self.take_back(group, &error);
                None
            }
        }
    }

    /// Appends entries that are for these destinations and nobody else.
    fn hand_over(&self, group: &mut Group, stream: Stream, points: &[SeriesPoints], to: &[usize]) {
        let some = points.iter().any(|one| !one.points.is_empty());
        if !some || to.is_empty() {
            return;
        }
        for entry in self.encoder.encode(points) {
            let meta = Meta::of(stream, &entry);
            let seq = group.draft.push(&self.shared.spool(), stream, entry);
            for at in 0..group.draft.cursors.len() {
                let wants = group
                    .draft
                    .cursors
                    .get(at)
                    .is_some_and(|c| c.row.wants(seq, &meta));
                if wants && !to.contains(&at) {
                    group.draft.acknowledge(&self.shared.spool(), at, seq);
                }
            }
        }
    }
}
