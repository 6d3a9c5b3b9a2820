//! The log on standard error: text for people, JSON for machines, fields for the journal.
//!
//! Spans are for traces: the log shows events only.

use crate::cli::{DEFAULT_LEVEL, Log, LogFormat};
use crate::events::Keeper;
use crate::exit::Failure;
use crate::telemetry::journal::Journal;
use crate::telemetry::own::spans;
use crate::telemetry::repeats::Repeats;
use std::fmt;
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What our fields in the journal begin with: `NEPHOSCOPE_ACCOUNT`, `NEPHOSCOPE_REQUEST_ID`.
const JOURNAL_PREFIX: &str = "NEPHOSCOPE";

/// How the log was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
    /// Fields of the journal.
    Journal,
}

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// What the default level leaves to a report: the same would be said twice, and once for each of hundreds of accounts.
const REPORTED: &str = "info,provider_aws=error,provider_azure=error,provider_gcp=error,gate=error";

/// Starts the log; a level that says nothing ends it before it began. `is_report`: whether the command prints what the
/// clouds answered.
pub(crate) fn start(args: &Log, is_report: bool) -> Result<Form, Failure> {
    let level = match args.log_level.as_str() {
        DEFAULT_LEVEL if is_report => REPORTED,
        level => level,
    };
    let filter = filter(level).map_err(Failure::usage)?;
    let (form, layer) = match args.log_format {
        Some(LogFormat::Text) => (Form::Text, text()),
        Some(LogFormat::Json) => (Form::Json, json()),
        None => match journal() {
            Some(layer) => (Form::Journal, layer),
            None => (Form::Text, text()),
        },
    };
    let events = filter_fn(is_event).and(filter_fn(is_no_sdks));
    tracing_subscriber::registry()
        .with(spans::layer())
        .with(layer.with_filter(filter.and(events).and(Repeats::default())))
        .with(Keeper.with_filter(filter_fn(is_no_sdks).and(Repeats::default())))
        .init();
    super::panics::to_log();
    Ok(form)
}

/// Spans are left to traces.
fn is_event(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_event()
}

/// The clouds' libraries have lines with an external id, a request's body or a header in them, at every level; what fails
/// in them comes out as an error, which is ours to log.
const SDKS: [&str; 5] = ["aws_", "azure_", "typespec", "google_cloud_", "h2::hpack"];

fn is_no_sdks(metadata: &tracing::Metadata<'_>) -> bool {
    !SDKS.iter().any(|sdk| metadata.target().starts_with(sdk))
}

/// Checks each part by itself: the filter takes any word that is no level for the name of a crate, and logs nothing.
fn filter(wanted: &str) -> Result<EnvFilter, String> {
    let help = "write error, warn, info, debug, trace, off, or a filter such as `info,gate=debug`";
    // The parser takes no word at all for `error`.
    let level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let no_level = |part: &&str| !part.contains(['=', '[']) && !level(part);
    let parts: Vec<&str> = wanted.split(',').map(str::trim).collect();
    if let Some(wrong) = parts.iter().copied().find(no_level) {
        return Err(format!(
            "--log-level (NEPHOSCOPE_LOG): `{wrong}` is no level; {help}"
        ));
    }
    EnvFilter::try_new(parts.join(","))
        .map_err(|error| format!("--log-level (NEPHOSCOPE_LOG): `{wanted}`: {error}; {help}"))
}

fn text<S>() -> Boxed<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .fmt_fields(debug_fn(for_people))
        .boxed()
}

/// The message comes first.
fn for_people(out: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    match field.name() {
        "message" => write!(out, "{value:?}"),
        name if is_for_machines(name, &format!("{value:?}")) => Ok(()),
        name => write!(out, " {name}={value:?}"),
    }
}

/// The message of an error ends with what to do, and most things happen once: people need no field for that.
pub(super) fn is_for_machines(name: &str, value: &str) -> bool {
    name == "remedy" || (name == "since" && value == "0")
}

fn json<S>() -> Boxed<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .boxed()
}

/// Fields for the journal, when standard error leads there and the journal listens.
fn journal<S>() -> Option<Boxed<S>>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let told = std::env::var_os("JOURNAL_STREAM")?;
    if told.to_str() != stream_of_stderr().as_deref() {
        return None;
    }
    let layer = tracing_journald::layer().ok()?;
    let layer = layer.with_field_prefix(Some(JOURNAL_PREFIX.to_owned()));
    Some(Journal(layer.with_syslog_identifier("nephoscope".to_owned())).boxed())
}

/// Standard error as systemd names it in `JOURNAL_STREAM`: device and inode.
fn stream_of_stderr() -> Option<String> {
    let owned = std::io::stderr().as_fd().try_clone_to_owned().ok()?;
    let about = std::fs::File::from(owned).metadata().ok()?;
    Some(format!("{}:{}", about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_says_nothing_is_refused_with_what_would_do() {
        for good in [
            "info",
            "WARN",
            "off",
            "info,gate=debug",
            "info, nephoscope::daemon=trace",
        ] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for (bad, named) in [
            ("inof", "`inof`"),
            ("info,gate", "`gate`"),
            ("info,gate=loud", "loud"),
            ("", "``"),
        ] {
            let said = filter(bad).map(drop).unwrap_err();
            assert!(said.contains(named) && said.contains("info,gate=debug"), "{said}");
        }
    }
}
