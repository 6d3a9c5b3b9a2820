//! What the running daemon can be asked to do: take up its configuration anew, poll at once. Requests go to the loop in
//! [`crate::daemon`], which is the only one that changes anything.

use tokio::sync::{mpsc, oneshot};

/// Requests that may wait; whoever has more waits for a place.
const WAITING: usize = 16;

/// What a reload changed, by names such as `aws prod` and `destination gateway`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// What there was not before.
    pub(crate) added: Vec<String>,
    /// What is different now.
    pub(crate) changed: Vec<String>,
    /// What there is no more.
    pub(crate) removed: Vec<String>,
}

/// Why a reload changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Every problem, one a line; without secrets.
    pub(crate) why: String,
}

/// How a reload went.
pub(crate) type Outcome = Result<Reloaded, Refused>;

/// One request and whom to answer.
#[derive(Debug)]
pub(crate) enum Request {
    Reload(oneshot::Sender<Outcome>),
    Poll(Option<String>, oneshot::Sender<usize>),
}

/// Asks the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    requests: mpsc::Sender<Request>,
}

impl Control {
    /// With the other end, which the daemon serves.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, served) = mpsc::channel(WAITING);
        (Self { requests }, served)
    }

    /// Of a process without a daemon: it refuses.
    pub(crate) fn of_nothing() -> Self {
        Self::new().0
    }

    /// Takes up the configuration file as it is now, as SIGHUP does. Returns when that is done.
    pub(crate) async fn reload(&self) -> Result<Reloaded, Refused> {
        let nobody = || Refused {
            why: "the daemon is stopping or has not started".to_owned(),
        };
        let answer = self.ask(Request::Reload).await;
        answer.unwrap_or_else(|| Err(nobody()))
    }

    /// Makes all groups of an account, or of all accounts, due at once. Returns how many.
    pub(crate) async fn poll(&self, account: Option<&str>) -> usize {
        let account = account.map(str::to_owned);
        self.ask(|reply| Request::Poll(account, reply)).await.unwrap_or(0)
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}
