//! The signals that we listen for.

use crate::control::Control;
use crate::exit::Failure;
use std::convert::Infallible;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, listened for from the moment this is made: until then either of them just ends the process.
#[derive(Debug)]
pub(crate) struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, which asks for a reload. Those that come while one is under way are one.
#[derive(Debug)]
pub(super) struct ReloadSignal(Signal);

impl ReloadSignal {
    /// Begins to listen.
    pub(super) fn listen() -> Result<Self, Failure> {
        Ok(Self(listen(SignalKind::hangup())?))
    }

    /// Asks for a reload at each.
    pub(super) async fn reload(&mut self, control: &Control) -> Infallible {
        loop {
            if self.0.recv().await.is_none() {
                return std::future::pending().await;
            }
            // How it went is in the log.
            drop(control.reload().await);
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::software("listening for signals", &error))
}
