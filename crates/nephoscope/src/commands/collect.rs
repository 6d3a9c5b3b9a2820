//! `collect`: one poll of everything to standard output, without state.

use super::config::print;
use crate::cli::{CollectArgs, CollectFormat};
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::wiring;
use async_trait::async_trait;
use futures::StreamExt as _;
use intake::{Arrived, Broken, Clock as _, Intake, Notices, Read, Taker};
use provider_api::{
    Batch, Catalogue, Due, MetricsProvider, Point, Reach, SeriesPoints, SkipReason, UnixNanos, Value, Window,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

pub(crate) async fn run(args: &CollectArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    print(head(args.format))?;
    let mut missing = Missing::default();
    for account in wiring::accounts(&config).await {
        match account.connected {
            Ok(provider) => collect(&provider, args, &mut missing).await?,
            Err(error) => {
                let name = account.name;
                tracing::error!(account = name, "account {name} is not connected: {error}");
                missing.parts += 1;
            }
        }
    }
    missing.verdict()
}

/// What could not be printed, of all accounts.
#[derive(Debug, Default)]
struct Missing {
    /// Accounts, listings, calls, targets, and metrics with invalid points.
    parts: usize,
    /// Invalid points.
    skipped: BTreeMap<SkipReason, u64>,
}

impl Missing {
    /// What one answer lacks; it has been logged.
    fn add(&mut self, read: &Read<Failure>) {
        self.parts += read.missing();
        for skipped in &read.skipped {
            *self.skipped.entry(skipped.reason).or_default() += skipped.points.max(1);
        }
    }

    /// Whoever reads only the output must not take a part for the whole.
    fn verdict(&self) -> Result<(), Failure> {
        let skipped = self.skipped.iter();
        let skipped: Vec<String> = skipped
            .map(|(reason, points)| format!("{points} points skipped ({})", reason.label()))
            .collect();
        match (self.parts, skipped.join(", ")) {
            (0, _) => Ok(()),
            (n, skipped) if skipped.is_empty() => Err(Failure::unavailable(format!(
                "incomplete: {n} parts of the answers are missing; the log above names them"
            ))),
            (n, skipped) => Err(Failure::unavailable(format!(
                "incomplete: {n} parts of the answers are missing, {skipped}; the log above names them"
            ))),
        }
    }
}

async fn collect(
    provider: &Arc<dyn MetricsProvider>,
    args: &CollectArgs,
    missing: &mut Missing,
) -> Result<(), Failure> {
    let intake = Intake::alone(Arc::clone(provider), Arc::new(SystemClock), Notices::of_all());
    let mut scopes = provider.discover(Reach::of_all(args.since));
    while let Some(scope) = scopes.next().await {
        let Ok(catalogue) = scope.inspect_err(|error| intake.failed("", error)) else {
            missing.parts += 1;
            continue;
        };
        for skipped in &catalogue.skipped {
            intake.skipped(skipped);
        }
        for part in &catalogue.unlisted {
            intake.failed("", &part.error);
            missing.parts += 1;
        }
        for met in provider.apart().untold() {
            tracing::warn!("account {}: {met}", provider.account());
        }
        for call in provider.plan(&due(&catalogue, args)) {
            let read = intake
                .read(&call, call.window.end(), &mut Printing(args.format))
                .await;
            missing.add(&read);
            match read.broken {
                Some(Broken::Provider(error)) => intake.failed("", &error),
                Some(Broken::Taker(failure)) => return Err(failure),
                None => {}
            }
        }
    }
    Ok(())
}

/// Prints points as they come.
struct Printing(CollectFormat);

#[async_trait]
impl Taker for Printing {
    type Error = Failure;

    fn look(&mut self, _: &Batch) {}

    async fn take(&mut self, arrived: Arrived) -> Result<u64, Failure> {
        print(&text(&arrived.points, self.0))?;
        let points = arrived.points.iter().map(|one| one.points.len()).sum::<usize>();
        Ok(u64::try_from(points).unwrap_or(u64::MAX))
    }
}

fn due(catalogue: &Catalogue, args: &CollectArgs) -> Vec<Due> {
    let now = SystemClock.now();
    let window = |grain| Window::new(now.minus(args.since).floor(grain), now.floor(grain));
    let with_window = |target: &provider_api::Target| {
        Some(Due {
            target: target.clone(),
            window: window(target.group.grain)?,
        })
    };
    catalogue.targets.iter().filter_map(with_window).collect()
}

fn head(format: CollectFormat) -> &'static str {
    match format {
        CollectFormat::Csv => "time,metric,unit,value,attributes\n",
        CollectFormat::Table | CollectFormat::Json | CollectFormat::OtlpJson => "",
    }
}

fn text(series: &[SeriesPoints], format: CollectFormat) -> String {
    if format == CollectFormat::OtlpJson {
        return export::to_json_lines(series);
    }
    let mut out = String::new();
    for one in series {
        for point in &one.points {
            // Writing to a String cannot fail.
            writeln!(out, "{}", line(one, point, format)).ok();
        }
    }
    out
}

fn line(one: &SeriesPoints, point: &Point, format: CollectFormat) -> String {
    let spec = one.series.metric.spec();
    let attributes: Vec<String> = one
        .series
        .attributes
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let (time, value) = (time(point.end), value(&point.value));
    match format {
        CollectFormat::Table | CollectFormat::OtlpJson => {
            format!(
                "{time}  {:<60} {value:>18} {:<6} {}",
                spec.name,
                spec.unit,
                attributes.join(" ")
            )
        }
        CollectFormat::Csv => {
            format!(
                "{time},{},{},{value},{}",
                spec.name,
                quoted(&spec.unit),
                quoted(&attributes.join(" "))
            )
        }
        CollectFormat::Json => {
            let map: serde_json::Map<_, _> = one
                .series
                .attributes
                .iter()
                .map(|(k, v)| (k.to_owned(), v.into()))
                .collect();
            let resource: serde_json::Map<_, _> = one
                .series
                .resource
                .attributes()
                .iter()
                .map(|(k, v)| (k.to_owned(), v.into()))
                .collect();
            serde_json::json!({ "time": time, "metric": &*spec.name, "unit": &*spec.unit, "value": value,
                "attributes": map, "resource": resource })
            .to_string()
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn time(at: UnixNanos) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).map_or_else(|_| format!("{at:?}"), |t| t.to_string())
}

fn value(value: &Value) -> String {
    match value {
        Value::Double(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Histogram(h) => format!("count={} sum={}", h.count, h.sum.unwrap_or_default()),
    }
}
