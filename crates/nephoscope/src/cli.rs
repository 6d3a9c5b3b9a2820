//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Every point of AWS CloudWatch, Azure Monitor and Google Cloud Monitoring, once, to any OpenTelemetry backend.
#[derive(Debug, Parser)]
#[expect(
    clippy::doc_markdown,
    reason = "the text of --help, where backticks would show"
)]
#[command(name = "nephoscope", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The level where nobody says one.
pub(crate) const DEFAULT_LEVEL: &str = "info";

/// How to log; always to standard error.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Form of the log lines; absent = fields of the journal where standard error leads to it, else text.
    #[arg(long, global = true, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
    /// Least level: error, warn, info, debug, or a filter such as `info,gate=debug`.
    #[arg(long, global = true, env = "NEPHOSCOPE_LOG", default_value = DEFAULT_LEVEL)]
    pub(crate) log_level: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// What `status` ends with.
const STATUS_CODES: &str = "\
Exit codes:
  0   no action required: all is well, or it passes by itself (starting, catching up, a cloud that throttles)
  64  the command line is wrong
  69  the daemon cannot be reached
  75  the daemon runs, and action is required: an account, a destination, the disk or a reload fails
  77  the daemon wants a token or a certificate";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Polls the configured accounts and delivers their points until told to stop.
    Run(RunArgs),
    /// Shows every problem of the configuration; then tries credentials and permissions of each account.
    Check(CheckArgs),
    /// Shows what the configuration asks for, how fresh it will be and what it costs a month; polls nothing.
    Plan(PlanArgs),
    /// Prints the least that each cloud has to allow for this very configuration: policies and roles to copy.
    Permissions(ConfigArg),
    /// Lists what there is to poll.
    Discover(DiscoverArgs),
    /// One poll to standard output; no state is read or written.
    Collect(CollectArgs),
    /// Fetches history into the destinations, each point once; resumable. The daemon has to be stopped meanwhile.
    Backfill(BackfillArgs),
    /// Shows what the running daemon says of itself; the exit code tells scripts whether something fails.
    #[command(after_help = STATUS_CODES)]
    Status(StatusArgs),
    /// Prints the configuration's JSON Schema or a commented example.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Writes the man pages of this command and of each of its own, for packagers.
    #[command(hide = true)]
    Man {
        /// An existing folder.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Runs the three simulated clouds alone and prints the configuration that points at them.
    #[cfg(feature = "simulate")]
    Simulate(SimulateArgs),
    /// Runs simulated clouds, the daemon and a receiver, and shows what arrives.
    #[cfg(feature = "simulate")]
    Demo(DemoArgs),
}

impl Command {
    /// Whether it reports on standard output what the clouds answered, refusals included.
    pub(crate) fn is_report(&self) -> bool {
        matches!(self, Self::Check(_) | Self::Plan(_))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArg {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/nephoscope/nephoscope.yaml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Rehearsal with `simulate --clock`: from START on, time runs SPEED times as fast (`1000@2026-11-28T04:00:00Z`).
    #[cfg(feature = "simulate")]
    #[arg(long, value_name = "SPEED@START", hide_short_help = true)]
    pub(crate) clock: Option<cloudsim::Pace>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Only the configuration; no request is made.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Only this account, or those that a pattern fits (`prod-*`); may be given several times.
    #[arg(long = "account", value_name = "NAME")]
    pub(crate) accounts: Vec<String>,
    /// As JSON.
    #[arg(long, conflicts_with = "offline")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Only this account, or those that a pattern fits (`prod-*`); may be given several times.
    #[arg(long = "account", value_name = "NAME")]
    pub(crate) accounts: Vec<String>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// What the accounts have, whatever their entries ask for: counts, and entries to paste.
    #[arg(long)]
    pub(crate) all: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// How far back to read (`10m`, `3h`).
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) since: Duration,
    /// Form of the output.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: CollectFormat,
}

#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Where to begin: a timestamp (2026-11-01T06:00:00Z), a date (2026-11-01, UTC) or an age (3d, 12h, 30m).
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// Where to end, written alike; absent = the present. What the daemon has polled is left out by itself.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Only this account, or those that a pattern fits (`prod-*`); may be given several times.
    #[arg(long = "account", value_name = "NAME")]
    pub(crate) accounts: Vec<String>,
    /// Fetch what there is when the range begins before what a cloud keeps.
    #[arg(long)]
    pub(crate) clip: bool,
    /// Go on without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Where the daemon listens.
    #[arg(long, default_value = "http://127.0.0.1:9464")]
    pub(crate) url: String,
    /// Only this account, or those that a pattern fits (`prod-*`); may be given several times.
    #[arg(long = "account", value_name = "NAME", conflicts_with = "json")]
    pub(crate) accounts: Vec<String>,
    /// As the daemon gave it.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// What a guarded daemon wants to see, and how to trust it.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// File with a token for the daemon; without it the variable `NEPHOSCOPE_TOKEN`, if it is set.
    #[arg(long = "token-file", value_name = "FILE")]
    pub(crate) token: Option<PathBuf>,
    /// Authority that has signed the daemon's certificate (PEM), beside those of the system.
    #[arg(long = "ca-file", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate to show to the daemon (PEM).
    #[arg(long = "cert-file", value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long = "key-file", value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CollectFormat {
    Table,
    Json,
    Csv,
    OtlpJson,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// The JSON Schema, for editors.
    Schema,
    /// A commented example.
    Example,
    /// Makes a token for the API: prints it, and the entry with its hash for `api.tokens`.
    Token(TokenArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TokenArgs {
    /// Who gets it; the daemon's log names it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What its holder may do; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE", value_enum, default_value = "read")]
    pub(crate) scopes: Vec<TokenScope>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenScope {
    Read,
    Reload,
    Poll,
}

#[cfg(feature = "simulate")]
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Address of the simulated AWS; Google and Azure take the two ports after it (port 0: any free ones).
    #[arg(long, default_value = "127.0.0.1:4566")]
    pub(crate) listen: std::net::SocketAddr,
    /// About how many series each cloud has; 0 is its natural small size.
    #[arg(long, default_value_t = 0)]
    pub(crate) series: usize,
    /// Seed of all data.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// So many machines at a time, besides, that live for 3 to 40 minutes: in each region of AWS, and in the first
    /// subscription and project.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) churn: u32,
    /// Azure resources of one type that are not alike: metrics that some lack, services that some accounts do not have,
    /// interfaces without metrics.
    #[arg(long)]
    pub(crate) unlike: bool,
    /// Throttle every Nth request.
    #[arg(long, value_name = "N")]
    pub(crate) throttle: Option<u32>,
    /// Answer every Nth request with 503.
    #[arg(long, value_name = "N")]
    pub(crate) unavailable: Option<u32>,
    /// Enforce the real quotas.
    #[arg(long)]
    pub(crate) real_quotas: bool,
    /// What goes wrong, as words with commas between: whom it hits (`azure`, `operation=metrics.getBatch`, `scope=`, `host=`,
    /// `id=*vm-00003`, `type=`, `metric=`), how (`status=500`, `throttle=40s`, `silence`, `cut`, `answer=html`, `part=failed`)
    /// and when (`after=10m`, `for=5m`, `share=300` of a thousand). May be given several times.
    #[arg(long, value_name = "RULE")]
    pub(crate) fault: Vec<String>,
    /// Answer 403 to what the rule hits: `aws,operation=GetResources` or `azure,type=Microsoft.Cache/redis`. May be given
    /// several times.
    #[arg(long, value_name = "RULE")]
    pub(crate) refuse: Vec<String>,
    /// Publish so many of a thousand buckets late.
    #[arg(long, value_name = "PER_THOUSAND", default_value_t = 0)]
    pub(crate) late: u32,
    /// How late a late bucket is at most (`90s`, `10m`).
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) late_by: Duration,
    /// Show a preliminary value first in so many of a thousand buckets.
    #[arg(long, value_name = "PER_THOUSAND", default_value_t = 0)]
    pub(crate) revised: u32,
    /// How long a preliminary value stands (`90s`, `10m`).
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) revised_after: Duration,
    /// From START on, the clouds' time runs SPEED times as fast (`1000@2026-11-28T04:00:00Z`); `run` takes the same.
    #[arg(long, value_name = "SPEED@START")]
    pub(crate) clock: Option<cloudsim::Pace>,
    /// Where to write the CA, the service account, a configuration, and last, when all clouds answer, `simulate.env`
    /// with the endpoints and credentials as variables.
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
    /// End after this time.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) run_for: Option<Duration>,
}

#[cfg(feature = "simulate")]
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after this time, with exit code 0 only if points of all three clouds arrived.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) run_for: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    config_file::parse_duration(text).ok_or_else(|| format!("`{text}` is no duration; write 30s, 5m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
