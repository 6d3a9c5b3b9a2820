//! The `nephoscope` command: reads the command line, runs one command, turns its outcome into an exit code.

mod admin;
mod cli;
mod clock;
mod commands;
mod control;
mod daemon;
mod direct;
mod events;
mod exit;
mod live;
mod overview;
mod recent;
mod systemd;
mod telemetry;
mod wiring;

use clap::Parser as _;
use cli::{Cli, Command};
use std::process::ExitCode;
use std::time::Duration;
use telemetry::log::Form;

/// How long what still runs may take to notice that everything has ended.
const RUNTIME_GRACE: Duration = Duration::from_secs(2);

/// How long a thread for blocking work may have nothing to do: each keeps memory of its own that it hands back when it ends.
const THREAD_KEPT: Duration = Duration::from_secs(1);

/// A poll of a million series needs for a while what it does not need afterwards. The allocator of the C library keeps it:
/// docs/decisions/0002-memory.md has the figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let small_pages = telemetry::small_pages();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::command_line(&error),
    };
    let private = telemetry::private();
    let form = match telemetry::log::start(&cli.log, cli.command.is_report()) {
        Ok(form) => form,
        Err(failure) => return exit::code(Err(failure), Form::Text),
    };
    direct::ensure(&config_file::System);
    if let Err(error) = private {
        tracing::warn!(%error, "a crash may leave a core file with secrets in it");
    }
    if let Err(error) = small_pages {
        tracing::debug!(%error, "huge pages stay as the kernel has them; memory may be several times as much");
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match runtime.enable_all().thread_keep_alive(THREAD_KEPT).build() {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli.command));
            runtime.shutdown_timeout(RUNTIME_GRACE);
            exit::code(result, form)
        }
        Err(error) => {
            let failure = exit::Failure::software("starting the runtime", &error);
            exit::code(Err(failure), form)
        }
    }
}

async fn run(command: Command) -> Result<(), exit::Failure> {
    match command {
        Command::Run(args) => {
            #[cfg(feature = "simulate")]
            if let Some(pace) = args.clock {
                clock::hurry(pace);
            }
            daemon::run(&args.config.config).await
        }
        Command::Check(args) => commands::check::run(&args).await,
        Command::Plan(args) => commands::plan::run(&args).await,
        Command::Permissions(args) => commands::permissions::run(&args),
        Command::Discover(args) => commands::discover::run(&args).await,
        Command::Collect(args) => commands::collect::run(&args).await,
        Command::Backfill(args) => commands::backfill::run(&args).await,
        Command::Status(args) => commands::status::run(&args).await,
        Command::Config(which) => commands::config::run(which),
        Command::Completions { shell } => commands::config::completions(shell),
        Command::Man { out } => commands::config::man(&out),
        #[cfg(feature = "simulate")]
        Command::Simulate(args) => commands::simulate::run(&args).await,
        #[cfg(feature = "simulate")]
        Command::Demo(args) => commands::demo::run(&args).await,
    }
}
