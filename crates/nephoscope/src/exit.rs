//! Exit codes after sysexits, and the last sentence a failed command says.

use crate::telemetry::log::Form;
use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

/// The configuration or the command line is wrong.
const USAGE: u8 = 64;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The configuration or the command line is wrong (64).
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            message: message.into(),
        }
    }

    /// A service that is needed cannot be reached or used (69).
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            code: 69,
            message: message.into(),
        }
    }

    /// A fault of ours or of the machine (70).
    pub(crate) fn software(what: &str, error: &dyn Display) -> Self {
        Self {
            code: 70,
            message: format!("{what}: {error}"),
        }
    }

    /// Somebody ended it before it was done; it can be taken up again (75).
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self {
            code: 75,
            message: message.into(),
        }
    }

    /// What was asked runs, and something about it fails or needs a person (75).
    pub(crate) fn needs_a_person(message: impl Into<String>) -> Self {
        Self {
            code: 75,
            message: message.into(),
        }
    }

    /// What the command ends with.
    #[cfg(test)]
    pub(crate) fn exit_code(&self) -> u8 {
        self.code
    }

    /// Credentials or permissions are missing (77).
    pub(crate) fn permission(message: impl Into<String>) -> Self {
        Self {
            code: 77,
            message: message.into(),
        }
    }
}

/// The sentence, for those who go on.
impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message.trim_end())
    }
}

/// Says what is wrong with a command line, with a suggestion where there is one; or what it asked for (`--help`).
pub(crate) fn command_line(error: &clap::Error) -> ExitCode {
    // A closed standard error leaves nobody to tell.
    drop(error.print());
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Says why, if anything failed, in the form of the log, and gives the exit code.
pub(crate) fn code(result: Result<(), Failure>, form: Form) -> ExitCode {
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    match form {
        // A closed standard error leaves nobody to tell.
        Form::Text => drop(writeln!(std::io::stderr(), "{failure}")),
        Form::Json | Form::Journal => tracing::error!(exit_code = failure.code, "{failure}"),
    }
    ExitCode::from(failure.code)
}
