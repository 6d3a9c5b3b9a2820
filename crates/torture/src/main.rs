//! Runs the torture test from the command line; exit code 0 only when the daemon has kept its promises.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use torture::{Options, torture};

/// Kills the daemon at random moments between failing clouds and failing receivers, and compares every point.
#[derive(Debug, Parser)]
#[command(name = "torture", version)]
struct Cli {
    /// May be left out.
    #[arg(value_enum)]
    word: Option<Word>,
    /// How long things go wrong, in minutes.
    #[arg(long, default_value_t = 20)]
    minutes: u32,
    /// How long things go wrong, in seconds instead.
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<u32>,
    /// Everything random comes from it; a random one when left out.
    #[arg(long)]
    seed: Option<u64>,
    /// The daemon's binary; otherwise the one beside this program.
    #[arg(long, env = "NEPHOSCOPE")]
    daemon: Option<PathBuf>,
    /// Leaves the daemon alive.
    #[arg(long)]
    no_kills: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Word {
    Torture,
}

impl Cli {
    fn options(self) -> Options {
        let minutes = Duration::from_secs(u64::from(self.minutes) * 60);
        Options {
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..)),
            length: self
                .seconds
                .map_or(minutes, |s| Duration::from_secs(u64::from(s))),
            daemon: self.daemon.unwrap_or_else(beside),
            kills: !self.no_kills,
        }
    }
}

/// `nephoscope` in the folder of this program.
fn beside() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name("nephoscope")
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Cli::parse().options();
    println!("seed {}, {} s", options.seed, options.length.as_secs());
    match torture(&options).await {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
