//! `config schema`, `config example`, `config token`, `completions` and `man`: what can be written without a configuration.

use crate::admin::new_token;
use crate::cli::{Cli, ConfigCommand, TokenArgs, TokenScope};
use crate::exit::Failure;
use clap::CommandFactory as _;
use std::io::Write as _;
use std::path::Path;

pub(crate) fn run(which: ConfigCommand) -> Result<(), Failure> {
    match which {
        ConfigCommand::Schema => print(&format!("{:#}\n", config_file::schema())),
        ConfigCommand::Example => print(config_file::EXAMPLE),
        ConfigCommand::Token(args) => token(&args),
    }
}

/// The one time that a token is shown. The daemon only ever learns its hash.
fn token(args: &TokenArgs) -> Result<(), Failure> {
    let (token, hash) =
        new_token().map_err(|error| Failure::software("drawing random bytes for a token", &error))?;
    let scopes: Vec<&str> = args.scopes.iter().map(|scope| word(*scope)).collect();
    // JSON's strings are YAML's as well, whatever the name is made of.
    let name = serde_json::Value::from(args.name.as_str());
    print(&format!(
        "# For {name}, shown only now:\n{token}\n\n# For the daemon's configuration, below `api: {{ tokens: [...] }}`:\n- {{ name: {name}, hash: \"{hash}\", scopes: [{}] }}\n",
        scopes.join(", ")
    ))
}

fn word(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Read => "read",
        TokenScope::Reload => "reload",
        TokenScope::Poll => "poll",
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
