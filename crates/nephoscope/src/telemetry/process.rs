//! The process as the kernel sees it, under the names that every exporter of Prometheus uses.

use super::instruments::Figure;
use super::measure::{Measured, Value};
use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo as _, boot_time_secs, ticks_per_second};

/// Adds what can be read; a kernel that does not tell leaves the figure out.
pub(super) fn measure(out: &mut Measured) {
    // A figure that cannot be read is absent, which says so.
    read(out).ok();
}

fn read(out: &mut Measured) -> ProcResult<()> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let mut whole = |figure, value| out.add(figure, &[], Value::Whole(value));
    whole(Figure::ProcessResident, stat.rss_bytes().get());
    whole(Figure::ProcessVirtual, stat.vsize);
    whole(
        Figure::ProcessThreads,
        u64::try_from(stat.num_threads).unwrap_or(0),
    );
    whole(
        Figure::ProcessFds,
        u64::try_from(process.fd_count()?).unwrap_or(0),
    );
    if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
        whole(Figure::ProcessMaxFds, most);
    }
    out.add(
        Figure::ProcessCpu,
        &[],
        Value::Real(seconds(stat.utime + stat.stime)),
    );
    let started = seconds(stat.starttime + boot_time_secs()? * ticks_per_second());
    out.add(Figure::ProcessStart, &[], Value::Real(started));
    Ok(())
}

/// A kernel's ticks are hundredths of a second, so milliseconds hold them.
fn seconds(ticks: u64) -> f64 {
    std::time::Duration::from_millis(ticks * 1_000 / ticks_per_second()).as_secs_f64()
}
