//! What goes wrong when, all of it decided at the start from the seed: the same seed and length give the same plan.

use export::receiver::Fault;
use fastrand::Rng;
use std::time::Duration;

/// The daemon is killed at least so often, however short the run.
const MIN_KILLS: u32 = 34;
/// In a long run it is killed once in so many seconds.
const KILL_EVERY_S: u32 = 12;
/// A share of the lives of the daemon that is too short to get anything done: it dies while it starts and recovers.
const SHORT_LIVES: f64 = 0.5;
/// After so many kills it is left alone for a while: a repetition that nothing excuses shows only there.
const KILLS_IN_A_ROW: usize = 17;
/// The share of the run in which it is left alone.
const QUIET_SHARE: f64 = 0.4;
/// So many calms and troubles of each cloud and destination, before they are cut to the length of the run.
const STEPS: u32 = 24;

/// One life of the daemon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Life {
    pub(crate) alive: Duration,
    /// How long it stays dead.
    pub(crate) dead: Duration,
}

/// What a simulated cloud does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CloudTrouble {
    Throttles {
        every: u32,
    },
    Unavailable {
        every: u32,
    },
    Cuts {
        every: u32,
    },
    Slow {
        by: Duration,
    },
    ShortTokens {
        life_s: i64,
    },
    WrongDate {
        ahead_s: i64,
    },
    /// Only one thing of it fails: a region, a listing, a query.
    OneThing {
        which: usize,
    },
}

impl CloudTrouble {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Throttles { .. } => "cloud throttles",
            Self::Unavailable { .. } => "cloud answers 503",
            Self::Cuts { .. } => "cloud cuts connections",
            Self::Slow { .. } => "cloud is slow",
            Self::ShortTokens { .. } => "cloud's tokens expire",
            Self::WrongDate { .. } => "cloud's date is wrong",
            Self::OneThing { .. } => "one thing of the cloud fails",
        }
    }
}

/// What a destination does wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SinkTrouble {
    /// Nobody listens.
    Refuses,
    /// The next requests get these answers.
    Answers(Vec<Fault>),
    /// Takes each batch and acknowledges it so much later.
    AcknowledgesLate { by: Duration },
    /// Takes the next batches and breaks the connection before it says so.
    LosesAcknowledgements { batches: u32 },
}

impl SinkTrouble {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Refuses => "destination refuses connections",
            Self::Answers(_) => "destination answers errors",
            Self::AcknowledgesLate { .. } => "destination acknowledges late",
            Self::LosesAcknowledgements { .. } => "destination loses acknowledgements",
        }
    }
}

/// One trouble and its time, from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step<T> {
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
    pub(crate) trouble: T,
}

/// Everything that is going to happen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) lives: Vec<Life>,
    /// One list for each cloud.
    pub(crate) clouds: [Vec<Step<CloudTrouble>>; 3],
    /// One list for each destination.
    pub(crate) sinks: [Vec<Step<SinkTrouble>>; 2],
}

impl Plan {
    pub(crate) fn new(seed: u64, length: Duration) -> Self {
        let mut root = Rng::with_seed(seed);
        let mut fork = || root.fork();
        Self {
            lives: lives(&mut fork(), length),
            clouds: [(); 3].map(|()| steps(&mut fork(), length, cloud_trouble)),
            sinks: [(); 2].map(|()| steps(&mut fork(), length, sink_trouble)),
        }
    }
}

/// Lives that fill the length of the run exactly: storms of kills, and a long life after each.
fn lives(rng: &mut Rng, length: Duration) -> Vec<Life> {
    let quiet = length.mul_f64(QUIET_SHARE);
    let storm = storm(rng, length.mul_f64(1.0 - QUIET_SHARE));
    let storms = storm.chunks(KILLS_IN_A_ROW);
    let long = Life {
        alive: quiet.div_f64(f64_of(storms.len())),
        dead: Duration::ZERO,
    };
    storms
        .flat_map(|kills| kills.iter().copied().chain([long]))
        .collect()
}

fn f64_of(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// One kill after the other.
fn storm(rng: &mut Rng, length: Duration) -> Vec<Life> {
    let seconds = u32::try_from(length.as_secs()).unwrap_or(u32::MAX);
    let count = MIN_KILLS.max(seconds / KILL_EVERY_S);
    let shares: Vec<(f64, f64)> = (0..count).map(|_| (life_share(rng), death_share(rng))).collect();
    let sum: f64 = shares.iter().map(|(alive, dead)| alive + dead).sum();
    let part = |share: f64| length.mul_f64(share / sum);
    let life = |(alive, dead)| Life {
        alive: part(alive),
        dead: part(dead),
    };
    shares.into_iter().map(life).collect()
}

fn life_share(rng: &mut Rng) -> f64 {
    if rng.f64() < SHORT_LIVES {
        0.1 + 0.5 * rng.f64()
    } else {
        1.0 + 3.0 * rng.f64()
    }
}

/// It is started again at once after every second kill.
fn death_share(rng: &mut Rng) -> f64 {
    if rng.bool() { 0.0 } else { 0.6 * rng.f64() }
}

/// Calm and trouble in turns.
fn steps<T>(rng: &mut Rng, length: Duration, trouble: fn(&mut Rng) -> T) -> Vec<Step<T>> {
    let unit = length / STEPS;
    let mut at = Duration::ZERO;
    let mut steps = Vec::new();
    loop {
        at += unit.mul_f64(0.2 + rng.f64());
        let lasts = unit.mul_f64(0.2 + rng.f64());
        if at + lasts > length {
            return steps;
        }
        let trouble = trouble(rng);
        steps.push(Step { at, lasts, trouble });
        at += lasts;
    }
}

fn cloud_trouble(rng: &mut Rng) -> CloudTrouble {
    let every = rng.u32(2..5);
    match rng.u32(..9) {
        0 => CloudTrouble::Throttles { every },
        1 => CloudTrouble::Unavailable { every },
        2 => CloudTrouble::Cuts { every },
        3 => CloudTrouble::Slow {
            by: Duration::from_millis(rng.u64(50..800)),
        },
        4 => CloudTrouble::ShortTokens {
            life_s: rng.i64(12..30),
        },
        5 => CloudTrouble::WrongDate {
            ahead_s: rng.i64(-20..20),
        },
        _ => CloudTrouble::OneThing { which: rng.usize(..) },
    }
}

fn sink_trouble(rng: &mut Rng) -> SinkTrouble {
    match rng.u32(..4) {
        0 => SinkTrouble::Refuses,
        1 => SinkTrouble::Answers((0..rng.u32(1..4)).map(|_| retryable(rng)).collect()),
        2 => SinkTrouble::AcknowledgesLate {
            by: Duration::from_millis(rng.u64(100..3000)),
        },
        _ => SinkTrouble::LosesAcknowledgements {
            batches: rng.u32(1..4),
        },
    }
}

fn retryable(rng: &mut Rng) -> Fault {
    if rng.bool() {
        return Fault::Unavailable;
    }
    Fault::SlowDown {
        after: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(75);

    #[test]
    fn a_seed_gives_its_plan_again_and_another_seed_another_plan() {
        assert_eq!(Plan::new(7, SHORT), Plan::new(7, SHORT));
        assert_ne!(Plan::new(7, SHORT), Plan::new(8, SHORT));
    }

    #[test]
    fn the_shortest_run_has_enough_kills_and_every_plan_fits_its_length() {
        for seed in 0..50 {
            let plan = Plan::new(seed, SHORT);
            assert!(plan.lives.len() >= 30);
            let all: Duration = plan.lives.iter().map(|life| life.alive + life.dead).sum();
            assert!(all.abs_diff(SHORT) < Duration::from_millis(1), "{all:?}");
            let long = plan
                .lives
                .iter()
                .filter(|life| life.alive > Duration::from_secs(12));
            assert!(long.count() >= 2, "time to expire and to repeat in");
            let ends = plan.clouds.iter().flatten().map(|step| step.at + step.lasts);
            assert!(ends.max().unwrap() <= SHORT);
            assert!(plan.sinks.iter().all(|steps| steps.len() > 5));
        }
    }
}
