//! The unit gives the daemon the time that its stages of stopping may take.

use super::{CLOSE_GRACE, DRAIN_GRACE, POLL_GRACE, deliveries, page};
use crate::RUNTIME_GRACE;
use std::time::Duration;

const UNIT: &str = include_str!("../../../../systemd/nephoscope.service");

/// What the unit says of a key, in seconds.
fn seconds(key: &str) -> u64 {
    let value = UNIT
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let value = value.unwrap_or_else(|| panic!("the unit has no {key}"));
    let duration = config_file::parse_duration(&value.replace("min", "m"));
    duration.unwrap_or_else(|| panic!("{key}={value}")).as_secs()
}

fn longest_stop() -> Duration {
    POLL_GRACE + DRAIN_GRACE + deliveries::STOP_GRACE + page::GRACE + CLOSE_GRACE + RUNTIME_GRACE
}

#[test]
fn systemd_waits_longer_than_all_stages_of_stopping() {
    let stages = longest_stop().as_secs();
    for key in ["TimeoutStopSec", "WatchdogSec"] {
        let given = seconds(key);
        assert!(
            given > stages,
            "{key} is {given} s; the stages may take {stages} s"
        );
    }
}

#[test]
fn it_is_not_started_again_more_often_than_the_limit_allows() {
    let burst: u64 = UNIT
        .lines()
        .find_map(|line| line.strip_prefix("StartLimitBurst="))
        .and_then(|number| number.parse().ok())
        .expect("a number of starts");
    assert!(
        burst * seconds("RestartSec") < seconds("StartLimitIntervalSec"),
        "the limit never ends the starts"
    );
}
