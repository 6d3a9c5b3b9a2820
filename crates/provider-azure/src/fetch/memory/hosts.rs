//! Which regions' data planes do not answer. They are stepped round, through Resource Manager, and tried now and then.

use provider_api::TargetId;
use std::collections::HashMap;

/// Requests in a row, of different resources, that a data plane left without an answer: one resource that makes its calls
/// fail is found with fewer, because the halves without it are answered in between.
const SILENCES: u32 = 3;
/// Of the calls to a data plane that is stepped round, each one of so many tries it first.
const PROBE_EVERY: u32 = 4;

/// What a silence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Not yet that the host is down.
    Once,
    /// From now on it is stepped round.
    News,
    /// It still is.
    Known,
}

#[derive(Debug, Default)]
struct Host {
    silences: u32,
    is_down: bool,
    turns: u32,
    /// Resources that were taken for the cause.
    suspects: Vec<TargetId>,
}

/// By host.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<String, Host>);

impl Hosts {
    pub(super) fn is_down(&mut self, host: &str) -> bool {
        let Some(known) = self.0.get_mut(host).filter(|known| known.is_down) else {
            return false;
        };
        known.turns = known.turns.wrapping_add(1);
        !known.turns.is_multiple_of(PROBE_EVERY)
    }

    pub(super) fn is_known_down(&self, host: &str) -> bool {
        self.0.get(host).is_some_and(|known| known.is_down)
    }

    /// A resource failed alone.
    pub(super) fn suspect(&mut self, host: &str, id: TargetId) {
        self.0.entry(host.to_owned()).or_default().suspects.push(id);
    }

    /// When it is the host that is down, the resources that were suspected before are not to blame.
    pub(super) fn silent(&mut self, host: &str, held_back: bool) -> (Silence, Vec<TargetId>) {
        let known = self.0.entry(host.to_owned()).or_default();
        known.silences = known.silences.saturating_add(1);
        if known.is_down {
            return (Silence::Known, Vec::new());
        }
        if held_back || known.silences >= SILENCES {
            known.is_down = true;
            return (Silence::News, std::mem::take(&mut known.suspects));
        }
        (Silence::Once, Vec::new())
    }

    pub(super) fn spoke(&mut self, host: &str) -> bool {
        self.0.remove(host).is_some_and(|known| known.is_down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_down_after_silences_in_a_row_and_probed() {
        let mut hosts = Hosts::default();
        assert_eq!(
            [hosts.silent("a", false).0, hosts.silent("a", false).0],
            [Silence::Once; 2]
        );
        assert!(!hosts.spoke("a") && !hosts.is_down("a"));
        let said: Vec<Silence> = (0..4).map(|_| hosts.silent("a", false).0).collect();
        assert_eq!(
            said,
            [Silence::Once, Silence::Once, Silence::News, Silence::Known]
        );
        let turns: Vec<bool> = (0..8).map(|_| hosts.is_down("a")).collect();
        assert_eq!(turns.iter().filter(|down| !**down).count(), 2, "{turns:?}");
        assert!(!hosts.is_down("b"), "another region");
        assert!(hosts.spoke("a") && !hosts.is_down("a"));
        assert_eq!(hosts.silent("b", true).0, Silence::News, "the gate knows already");
    }
}
