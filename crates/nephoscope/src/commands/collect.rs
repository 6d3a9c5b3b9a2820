//! `collect`: one poll of everything to standard output, without state.

use super::config::print;
use crate::cli::{CollectArgs, CollectFormat};
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::wiring;
use futures::StreamExt as _;
use provider_api::{
    Call, Catalogue, Due, MetricsProvider, Point, Reach, SeriesPoints, Skipped, TargetId, UnixNanos, Value,
    Window,
};
use scheduler::Clock as _;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

pub(crate) async fn run(args: &CollectArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    print(head(args.format))?;
    let mut failed = 0;
    for account in wiring::accounts(&config).await {
        match account.connected {
            Ok(provider) => failed += collect(&provider, args).await?,
            Err(error) => {
                tracing::error!(account = account.name, "{error}");
                failed += 1;
            }
        }
    }
    match failed {
        0 => Ok(()),
        n => Err(Failure::unavailable(format!(
            "{n} requests or parts of answers failed; the log above says why"
        ))),
    }
}

/// Returns how many scopes or calls failed.
async fn collect(provider: &Arc<dyn MetricsProvider>, args: &CollectArgs) -> Result<u32, Failure> {
    let mut failed = 0;
    let mut scopes = provider.discover(Reach::of_all(args.since));
    while let Some(scope) = scopes.next().await {
        let Ok(catalogue) = scope.inspect_err(|error| tracing::error!("{error}")) else {
            failed += 1;
            continue;
        };
        for part in &catalogue.unlisted {
            tracing::error!("{}: {}", part.namespace, part.error);
            failed += 1;
        }
        for met in provider.apart().untold() {
            tracing::warn!("account {}: {met}", provider.account());
        }
        for call in provider.plan(&due(&catalogue, args)) {
            failed += read(provider.as_ref(), &call, args.format).await?;
        }
    }
    Ok(failed)
}

/// Prints what a call brings; returns how much of it failed: the call, or targets of it.
async fn read(provider: &dyn MetricsProvider, call: &Call, format: CollectFormat) -> Result<u32, Failure> {
    let mut failed = 0;
    let mut silent: HashSet<TargetId> = call.targets.iter().map(|target| target.id).collect();
    let mut batches = provider.fetch(call);
    while let Some(batch) = batches.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!("{error}");
                return Ok(failed + 1);
            }
        };
        print(&text(&batch.series, format))?;
        for Skipped {
            reason,
            metric,
            points,
        } in &batch.skipped
        {
            tracing::warn!("{points} invalid points of {metric} skipped ({})", reason.label());
        }
        for failure in &batch.failed {
            let of = call.targets.iter().find(|target| target.id == failure.target);
            let what = of.map_or_else(String::new, |target| target.detail.describe());
            tracing::error!("{what}: {}", failure.message);
            failed += 1;
        }
        let answered = batch
            .failed
            .iter()
            .map(|failure| &failure.target)
            .chain(&batch.complete);
        answered.for_each(|target| {
            silent.remove(target);
        });
    }
    if !silent.is_empty() {
        let (operation, asked) = (call.operation, call.targets.len());
        tracing::error!(
            "{operation} said nothing of {} of the {asked} targets it was asked for",
            silent.len()
        );
        failed += 1;
    }
    Ok(failed)
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
