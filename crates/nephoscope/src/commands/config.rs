//! `config schema`, `config example`, `completions` and `man`: what can be written without a configuration.

use crate::cli::{Cli, ConfigCommand};
use crate::exit::Failure;
use clap::CommandFactory as _;
use std::io::Write as _;
use std::path::Path;

pub(crate) fn run(which: ConfigCommand) -> Result<(), Failure> {
    match which {
        ConfigCommand::Schema => print(&format!("{:#}\n", config_file::schema())),
        ConfigCommand::Example => print(config_file::EXAMPLE),
    }
}

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "nephoscope", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn man(out: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Cli::command(), out)
        .map_err(|error| Failure::unavailable(format!("writing man pages to {}: {error}", out.display())))
}

/// Writes to standard output; a reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::software("writing to standard output", &error))
        }
        _ => Ok(()),
    }
}
