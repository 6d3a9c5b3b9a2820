//! `telemetry`: where our own figures and traces go.

use super::Checker;
use crate::config::Telemetry;
use crate::help::Help;
use crate::nearest::nearest;
use crate::tree::At;
use crate::written::File;
use crate::yaml;
use std::time::Duration;

/// Often enough for alerts that look at some minutes.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// One trace in a hundred: every minute some, and no noticeable cost.
const DEFAULT_SAMPLE: f64 = 0.01;

impl Checker<'_> {
    /// Nothing when it is switched off, or when nothing that is configured could take it.
    pub(super) fn telemetry(&mut self, file: &File, at: &At<'_>) -> Option<Telemetry> {
        let written = file.telemetry.clone().unwrap_or_default();
        let interval = self.duration(written.interval.as_ref(), DEFAULT_INTERVAL, &at.key("interval"));
        let sample = written.traces.sample.unwrap_or(DEFAULT_SAMPLE);
        if !(0.0..=1.0).contains(&sample) {
            let message = format!("`sample` must be between 0 and 1, not {sample}");
            let at = at.key("traces").key("sample");
            let help = Help::write(&at, "0.01").and(" for one in a hundred, `1` for all, `0` for none");
            self.problem(&at, message, help);
        }
        let otlp = file.destinations.iter().filter(|d| d.otlp.is_some());
        let names: Vec<&str> = otlp.map(|d| d.name.as_str()).collect();
        if let Some(wanted) = &written.destination
            && !names.contains(&wanted.as_str())
        {
            let at = at.key("destination");
            let near = nearest(wanted, names.iter().copied()).or(names.first().copied());
            let help = match near {
                None => Help::remove(&at, "there is none: remove `destination`"),
                Some(name) => {
                    Help::write(&at, &yaml::text_of(name)).and(format!("; possible: {}", names.join(", ")))
                }
            };
            let message = format!("`{wanted}` is not the name of an OTLP destination");
            self.problem(&at, message, help);
        }
        let first = names.first().map(|name| (*name).to_owned());
        let destination = written.destination.or(first)?;
        written.enabled.unwrap_or(true).then_some(Telemetry {
            destination,
            interval,
            sample,
        })
    }
}
