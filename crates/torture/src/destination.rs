//! A destination of the daemon: a real receiver behind a line that can be cut, and the tally of what it has taken.

use crate::plan::SinkTrouble;
use crate::proxy::{Line, Proxy};
use crate::tally::{Acknowledgement, Tally};
use export::receiver::Receiver;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Which of the receiver's two doors the daemon uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

impl Protocol {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// The daemon's `timeout` for a request.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// An acknowledgement that is so late may find a daemon that no longer waits.
const LATE_AS_LOST: Duration = Duration::from_secs(1);

/// What the taking of a batch shall do to its acknowledgement.
#[derive(Debug, Default)]
struct Mood {
    lose: u32,
    late_by: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    tally: Tally,
    mood: Mood,
    /// When connections were cut, whatever was on them.
    cuts: Vec<Instant>,
}

/// A destination.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) protocol: Protocol,
    receiver: Receiver,
    proxy: Proxy,
    state: Arc<Mutex<State>>,
}

impl Destination {
    pub(crate) async fn start(protocol: Protocol) -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let receiver = Receiver::start(any, any).await?;
        receiver.keep(0);
        let door = match protocol {
            Protocol::Grpc => receiver.grpc_endpoint(),
            Protocol::Http => receiver.http_endpoint(),
        };
        let target = door.trim_start_matches("http://").parse();
        let proxy = Proxy::start(target.map_err(io::Error::other)?).await?;
        let state: Arc<Mutex<State>> = Arc::default();
        let (taking, line) = (Arc::clone(&state), proxy.line.clone());
        receiver.on_batch(Box::new(move |body, points| {
            let mut state = lock(&taking);
            let acknowledgement = state.acknowledge(&line);
            state.tally.take(body, points, acknowledgement);
        }));
        Ok(Self {
            protocol,
            receiver,
            proxy,
            state,
        })
    }

    /// What the daemon is told to deliver to.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.proxy.listen)
    }

    /// Goes wrong in this way, or stops to. Answers and lost acknowledgements wait for the batches that they are meant for,
    /// also beyond their time, since batches come in bursts.
    pub(crate) fn set(&self, trouble: Option<&SinkTrouble>) {
        lock(&self.state).mood.late_by = None;
        self.proxy.line.set_up(true);
        match trouble {
            None => {}
            Some(SinkTrouble::Refuses) => {
                lock(&self.state).cuts.push(Instant::now());
                self.proxy.line.set_up(false);
            }
            Some(SinkTrouble::Answers(faults)) => self.receiver.script(faults.clone()),
            Some(SinkTrouble::AcknowledgesLate { by }) => lock(&self.state).mood.late_by = Some(*by),
            Some(SinkTrouble::LosesAcknowledgements { batches }) => lock(&self.state).mood.lose += *batches,
        }
    }

    /// Behaves from now on.
    pub(crate) fn behave(&self) {
        self.set(None);
        lock(&self.state).mood = Mood::default();
        self.receiver.unscript();
    }

    /// Looks at what was taken.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Tally, &[Instant]) -> T) -> T {
        let state = lock(&self.state);
        at(&state.tally, &state.cuts)
    }
}

impl State {
    /// Called before the receiver answers: what is done to the line now is done to that answer.
    fn acknowledge(&mut self, line: &Line) -> Acknowledgement {
        if self.mood.lose > 0 {
            self.mood.lose -= 1;
            self.cuts.push(Instant::now());
            line.cut();
            return Acknowledgement::Withheld;
        }
        if let Some(by) = self.mood.late_by {
            line.hold(by);
            if by >= LATE_AS_LOST {
                return Acknowledgement::Withheld;
            }
        }
        Acknowledgement::Sent
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
