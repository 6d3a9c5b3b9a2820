//! One run from its seed to its verdict.

use crate::chaos::{self, Stopped};
use crate::clouds::{Clouds, SETTLE};
use crate::daemon::{Daemon, Program};
use crate::destination::{Destination, Protocol};
use crate::plan::Plan;
use crate::report::Report;
use crate::truth::{Patience, Truth};
use crate::verdict::{self, Required};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What is compared begins so long before the start, two minutes within the `initial` of the configuration.
const COMPARED_BEFORE_S: i64 = 13 * 60;
/// The truth is known from so long before the start on, more than any daemon reads: `initial`, or what a listing may lag and settle
/// before the first one for what appears later.
const KNOWN_BEFORE_S: i64 = 60 * 60;
/// Where `settle` is learnt, points so old have been taken: Google's longest ingest delay here and a learnt margin.
const LEARNT_SETTLE_S: i64 = 330;
/// When all is well again, everything has arrived after this time: a poll a minute, what it waits for, and a busy machine.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What of the daemon's own metrics belongs into the report.
const OWN_WORDS: [&str; 4] = ["late", "revis", "repeat", "dropped"];

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything random comes from it.
    pub seed: u64,
    /// How long things go wrong.
    pub length: Duration,
    /// The daemon's binary.
    pub daemon: PathBuf,
    /// Whether the daemon is killed.
    pub kills: bool,
}

/// Why a run did not end well.
#[derive(Debug)]
pub struct Failure {
    seed: u64,
    folder: Option<PathBuf>,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        if let Some(folder) = &self.folder {
            writeln!(f, "configuration, log and state are kept in {}", folder.display())?;
        }
        write!(f, "the torture test failed; --seed {} plans it again", self.seed)
    }
}

impl Error for Failure {}

/// Runs it. What it needs on disk is removed when it ends well, and kept otherwise.
///
/// # Errors
/// The daemon is missing, ends by itself, or breaks a promise.
pub async fn torture(options: &Options) -> Result<Report, Failure> {
    let failed = |folder, what| Failure {
        seed: options.seed,
        folder,
        what,
    };
    if !options.daemon.is_file() {
        let at = options.daemon.display();
        let what = format!("no daemon at {at}: build it with `cargo build --release -p nephoscope`");
        return Err(failed(None, what));
    }
    let folder =
        tempfile::tempdir().map_err(|error| failed(None, format!("no temporary folder: {error}")))?;
    match Run::new(options, folder.path().to_owned()).await {
        Ok(run) => run.verdict().await,
        Err(error) => Err(format!("starting clouds and receivers: {error}")),
    }
    .map_err(|what| failed(Some(folder.keep()), what))
}

struct Run<'a> {
    options: &'a Options,
    plan: Plan,
    clouds: Clouds,
    destinations: [Destination; 2],
    program: Program,
}

impl<'a> Run<'a> {
    async fn new(options: &'a Options, folder: PathBuf) -> io::Result<Self> {
        let clouds = Clouds::start(options.seed).await?;
        let destinations = [
            Destination::start(Protocol::Grpc).await?,
            Destination::start(Protocol::Http).await?,
        ];
        clouds.write(&folder, &destinations)?;
        Ok(Self {
            options,
            plan: Plan::new(options.seed, options.length),
            clouds,
            destinations,
            program: Program::new(&options.daemon, &folder),
        })
    }

    async fn verdict(self) -> Result<Report, String> {
        let start_s = self.clouds.world.clock.now_unix_s();
        let (mut daemon, kills) = self.chaos().await.map_err(|stopped| described(&stopped))?;
        self.destinations.iter().for_each(Destination::behave);
        let required = Required {
            after_unix_s: start_s - COMPARED_BEFORE_S,
            by_unix_s: self.clouds.world.clock.now_unix_s(),
        };
        let waited = self.arrived(start_s, required).await;
        let mut report = self.report(kills.len(), &daemon).await;
        report.waited_s = waited.as_secs();
        let status = daemon.terminate().await.map_err(|error| described(&error))?;
        self.judge(start_s, required, &kills, &mut report);
        match status {
            None => Err(format!("{report}told to end, the daemon did not")),
            Some(status) if !status.success() => {
                Err(format!("{report}told to end, the daemon ended with {status}"))
            }
            Some(_) if report.is_good() => Ok(report),
            Some(_) => Err(report.to_string()),
        }
    }

    /// Everything that goes wrong; then a daemon that is left alone.
    async fn chaos(&self) -> Result<(Daemon, Vec<Instant>), Stopped> {
        let (plan, program) = (&self.plan, &self.program);
        if self.options.kills {
            let kills = chaos::play(plan, program, &self.clouds, &self.destinations).await?;
            return Ok((program.start()?, kills));
        }
        let length = self.options.length;
        let daemon =
            chaos::play_without_kills(plan, length, program, &self.clouds, &self.destinations).await?;
        Ok((daemon, Vec::new()))
    }

    /// Waits until everything is everywhere and every cloud has refused a token that was over, or until it is too late
    /// for that; says how long it took.
    async fn arrived(&self, start_s: i64, required: Required) -> Duration {
        let truth = self.truth(start_s);
        let start = Instant::now();
        let mut complete = [false; 2];
        while start.elapsed() < ARRIVAL_LIMIT && (complete != [true; 2] || !self.all_expired()) {
            sleep(LOOK_EVERY).await;
            for (complete, destination) in complete.iter_mut().zip(&self.destinations) {
                *complete =
                    *complete || destination.look(|tally, _| verdict::missing(&truth, required, tally)) == 0;
            }
        }
        start.elapsed()
    }

    fn all_expired(&self) -> bool {
        self.clouds.too_old().values().all(|times| *times > 0)
    }

    fn truth(&self, start_s: i64) -> Truth {
        let patience = Patience {
            fixed_s: i64::try_from(SETTLE.as_secs()).unwrap_or(i64::MAX),
            learnt_s: LEARNT_SETTLE_S,
        };
        let now_s = self.clouds.world.clock.now_unix_s();
        Truth::new(&self.clouds, (start_s - KNOWN_BEFORE_S, now_s), patience)
    }

    fn judge(&self, start_s: i64, required: Required, kills: &[Instant], report: &mut Report) {
        let truth = self.truth(start_s);
        for destination in &self.destinations {
            let verdict = destination.look(|tally, cuts| {
                let breaks = [kills, cuts].concat();
                verdict::judge(&truth, required, tally, &breaks)
            });
            report.verdicts.push((destination.protocol.name(), verdict));
        }
    }

    async fn report(&self, kills: usize, daemon: &Daemon) -> Report {
        let metrics = daemon.metrics().await.ok().flatten().unwrap_or_default();
        let own = metrics.lines().filter(|line| is_own_word(line));
        Report {
            seed: self.options.seed,
            kills,
            faults: self.faults(),
            answers: self.clouds.answers(),
            too_old: self.clouds.too_old(),
            waited_s: 0,
            own_words: own.map(str::to_owned).collect(),
            verdicts: Vec::new(),
        }
    }

    fn faults(&self) -> BTreeMap<&'static str, usize> {
        let clouds = self.plan.clouds.iter().flatten().map(|step| step.trouble.name());
        let sinks = self.plan.sinks.iter().flatten().map(|step| step.trouble.name());
        let mut faults = BTreeMap::new();
        for name in clouds.chain(sinks) {
            *faults.entry(name).or_default() += 1;
        }
        faults
    }
}

fn is_own_word(line: &str) -> bool {
    !line.starts_with('#') && !line.ends_with(" 0") && OWN_WORDS.iter().any(|word| line.contains(word))
}

/// An error and what lies below it.
fn described(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text = format!("{text}: {error}");
        below = error.source();
    }
    text
}
