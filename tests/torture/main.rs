//! The torture test in its short form: the real binary, killed more than thirty times and left alone twice between failing
//! clouds and failing receivers. The long form is `cargo run --release -p torture -- torture --minutes 20`.

use std::time::Duration;
use torture::{Options, torture};

const LENGTH: Duration = Duration::from_secs(75);
/// Any seed must do; a fixed one makes a failure come again.
const SEED: u64 = 20_260;
const LEAST_KILLS: usize = 30;
const LEAST_POINTS: usize = 5_000;
/// Enough for a daemon that forgets what was acknowledged to be caught.
const LEAST_SHARP_BATCHES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_comes_twice_while_everything_fails() {
    let options = Options {
        seed: SEED,
        length: LENGTH,
        daemon: env!("CARGO_BIN_EXE_nephoscope").into(),
        kills: true,
    };
    match torture(&options).await {
        Ok(report) => {
            println!("{report}");
            assert!(report.kills >= LEAST_KILLS, "{report}");
            assert!(report.points() >= LEAST_POINTS, "{report}");
            assert!(report.sharp_batches() >= LEAST_SHARP_BATCHES, "{report}");
            assert!(report.all_expired(), "{report}");
        }
        Err(failure) => panic!("{failure}"),
    }
}
