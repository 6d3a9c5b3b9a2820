//! Plays a plan: lives of the daemon, troubles of the clouds and of the destinations, each at its moment.

use crate::clouds::Clouds;
use crate::daemon::{Daemon, Program};
use crate::destination::Destination;
use crate::plan::{Life, Plan, Step};
use std::io;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Why a plan could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The daemon could not be started or killed.
    #[error("the daemon could not be started or killed")]
    Process(#[from] io::Error),
    /// The daemon did not wait to be killed.
    #[error("the daemon ended by itself with {0}")]
    Ended(ExitStatus),
}

/// Plays the plan to its end; gives the moments of the kills.
pub(crate) async fn play(
    plan: &Plan,
    program: &Program,
    clouds: &Clouds,
    destinations: &[Destination],
) -> Result<Vec<Instant>, Stopped> {
    let start = Instant::now();
    let [aws, azure, gcp] = &plan.clouds;
    let cloud = |index, steps| turns(start, steps, move |trouble| clouds.set(index, trouble.copied()));
    let sink = |index: usize| {
        let steps = plan.sinks.get(index).map_or(&[][..], Vec::as_slice);
        turns(start, steps, move |trouble| {
            if let Some(destination) = destinations.get(index) {
                destination.set(trouble);
            }
        })
    };
    let (kills, ..) = tokio::join!(
        lives(start, &plan.lives, program),
        cloud(0, aws),
        cloud(1, azure),
        cloud(2, gcp),
        sink(0),
        sink(1),
    );
    kills
}

async fn lives(start: Instant, lives: &[Life], program: &Program) -> Result<Vec<Instant>, Stopped> {
    let (mut at, mut kills) = (start, Vec::new());
    for life in lives {
        let mut daemon = program.start()?;
        at += life.alive;
        sleep_until(at).await;
        if let Some(status) = daemon.ended() {
            return Err(Stopped::Ended(status));
        }
        kills.push(Instant::now());
        daemon.kill()?;
        at += life.dead;
        sleep_until(at).await;
    }
    Ok(kills)
}

/// The plan without its kills: the daemon lives on.
pub(crate) async fn play_without_kills(
    plan: &Plan,
    length: Duration,
    program: &Program,
    clouds: &Clouds,
    destinations: &[Destination],
) -> Result<Daemon, Stopped> {
    let mut daemon = program.start()?;
    let calm = Plan {
        lives: Vec::new(),
        ..plan.clone()
    };
    let end = Instant::now() + length;
    play(&calm, program, clouds, destinations).await?;
    sleep_until(end).await;
    daemon
        .ended()
        .map_or(Ok(daemon), |status| Err(Stopped::Ended(status)))
}

/// Calm and trouble in turns; ends calm.
async fn turns<T>(start: Instant, steps: &[Step<T>], apply: impl Fn(Option<&T>)) {
    for step in steps {
        sleep_until(start + step.at).await;
        apply(Some(&step.trouble));
        sleep_until(start + step.at + step.lasts).await;
        apply(None);
    }
}
