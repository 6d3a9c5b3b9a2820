//! A reload: everything that can go wrong is done before anything running is touched.

use super::accounts::{self, Attempt};
use super::deliveries::Ready;
use super::differences::{self, Checked, Differences};
use super::page::{self, Bound};
use super::{Daemon, books, ended};
use crate::admin::Admission;
use crate::clock::SystemClock;
use crate::control::{Outcome, Refused, Reloaded};
use crate::exit::Failure;
use crate::live::{LastReload, Live};
use crate::systemd;
use crate::wiring::accounts::connect;
use crate::wiring::{self, Common, destinations};
use scheduler::Clock as _;
use std::net::SocketAddr;
use std::path::Path;

/// Problems of one file that are logged, each on its line; the status has them all.
const PROBLEMS_LOGGED: usize = 20;

/// All that is new, checked and connected but not in use.
struct Prepared {
    checked: Checked,
    differences: Differences,
    attempts: Vec<Attempt>,
    ready: Vec<Ready>,
    bound: Option<Bound>,
    /// There is one whenever there is a new listener.
    admission: Option<Admission>,
}

impl Daemon {
    /// Takes up the file as it is now, or changes nothing. Fails only if a part has ended by itself meanwhile.
    pub(super) async fn reload(&mut self, path: &Path) -> Result<Outcome, Failure> {
        systemd::reloading().await;
        let prepared = tokio::select! {
            failure = ended(&mut self.scheduler, &mut self.deliveries) => return Err(failure),
            prepared = prepare(path, &self.checked, self.page.address(), &self.live) => prepared,
        };
        let outcome = match prepared {
            Ok(prepared) => self.apply(prepared).await,
            Err(refused) => Err(refused),
        };
        report(&outcome);
        self.live.reloaded(LastReload {
            at: SystemClock.now(),
            outcome: outcome.clone(),
        });
        systemd::ready(&self.live).await;
        Ok(outcome)
    }

    async fn apply(&mut self, prepared: Prepared) -> Outcome {
        let Prepared {
            checked,
            differences,
            attempts,
            ready,
            bound,
            admission,
        } = prepared;
        self.deliver(&checked, &differences, ready).await?;
        for account in &differences.end {
            self.accounts.forget(account.name());
            accounts::remove(account, &self.polling, &self.live).await;
        }
        for attempt in attempts {
            self.accounts.take(attempt, &self.polling, &self.live).await;
        }
        match (bound, admission) {
            (Some(bound), Some(admission)) => {
                self.page.move_to(bound, admission, &self.live);
                tracing::info!(page = %self.url(), "the page has moved");
            }
            (None, Some(admission)) => self.page.admit(admission),
            (_, None) => {}
        }
        self.live.recent.resize(checked.config.api.recent_max_bytes);
        self.checked = checked;
        self.tell_of_ourselves().await;
        Ok(differences.summary)
    }

    /// Stops, changes the store, starts. This goes first: when the store fails, nothing else has changed and the
    /// deliveries go on as before.
    async fn deliver(
        &mut self,
        checked: &Checked,
        differences: &Differences,
        ready: Vec<Ready>,
    ) -> Result<(), Refused> {
        let stopped = self.deliveries.remove(&differences.stop).await;
        if differences.store {
            let specs = destinations::specs(&checked.config);
            let stored = self
                .live
                .store
                .set_destinations(specs, checked.config.spool_max_bytes);
            if let Err(error) = stored.await {
                for one in &stopped {
                    self.deliveries.add(one.ready.clone(), Some(one));
                }
                let why = format!("the destinations could not be noted: {error}; nothing was changed");
                return Err(Refused { why });
            }
        }
        for one in ready {
            let before = stopped.iter().find(|stopped| stopped.ready.name == one.name);
            self.deliveries.add(one, before);
        }
        self.live.set_destinations(self.deliveries.shown(&checked.config));
        Ok(())
    }
}

/// Reads, checks, compares, connects and binds.
async fn prepare(path: &Path, old: &Checked, address: SocketAddr, live: &Live) -> Result<Prepared, Refused> {
    let path = path.to_owned();
    let loaded = tokio::task::spawn_blocking(move || load(&path)).await;
    let checked = loaded.map_err(|error| Refused {
        why: format!("reading the configuration panicked: {error}"),
    })??;
    let mut differences = differences::between(old, &checked).map_err(|why| Refused { why })?;
    differences.try_again(&checked, &live.not_connected());
    let ready = differences.deliver.iter().map(|destination| {
        let connected = destinations::connect(destination)?;
        Ok(Ready::new(destination, connected))
    });
    let ready: Vec<Ready> = ready
        .collect::<Result<_, Failure>>()
        .map_err(|failure| refused(&failure))?;
    let bound = match differences.listen {
        Some(address) => Some(page::bind(address).await.map_err(|failure| refused(&failure))?),
        None => None,
    };
    let address = bound.as_ref().map_or(address, Bound::address);
    let admission =
        (bound.is_some() || differences.api).then(|| Admission::new(&checked.config.api, address));
    let admission = admission.transpose().map_err(|failure| refused(&failure))?;
    let common = Common {
        books: Some(books::of(&live.store)),
        domains: live.domains.clone(),
        ..Common::default()
    };
    let attempts = connect(differences.connect.clone(), |name| live.gate(name), &common).await;
    let attempt = |(configured, account)| Attempt {
        configured,
        account,
        tries: 0,
    };
    Ok(Prepared {
        checked,
        attempts: attempts.into_iter().map(attempt).collect(),
        differences,
        ready,
        bound,
        admission,
    })
}

/// The file and all that it names.
fn load(path: &Path) -> Result<Checked, Refused> {
    let loaded = config_file::load(path, &config_file::System);
    let config = loaded.map_err(|problems| Refused {
        why: wiring::in_lines(&problems),
    })?;
    Ok(Checked::new(config, &config_file::System))
}

fn refused(failure: &Failure) -> Refused {
    Refused {
        why: failure.to_string(),
    }
}

fn report(outcome: &Outcome) {
    match outcome {
        Ok(done) if *done == Reloaded::default() => {
            tracing::info!("configuration loaded again; nothing in it has changed");
        }
        Ok(done) => tracing::info!(
            added = done.added.join(", "),
            changed = done.changed.join(", "),
            removed = done.removed.join(", "),
            "configuration loaded anew"
        ),
        Err(refused) => {
            for problem in refused.why.lines().take(PROBLEMS_LOGGED) {
                tracing::error!("not reloaded: {problem}");
            }
            let problems = refused.why.lines().count();
            tracing::error!(
                problems,
                "reload refused; the previous configuration stays in force"
            );
        }
    }
}
