//! What `check` found: one row for each thing that was tried.

use crate::exit::Failure;
use provider_api::{Check, Cloud};

/// How one thing went, the better first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// It works.
    #[default]
    Passed,
    /// It works, and is perhaps not what was meant.
    Warning,
    /// The service could not be reached or did not answer usefully.
    Unavailable,
    /// A permission is missing.
    Forbidden,
    /// Credentials are missing, wrong or expired.
    Unauthenticated,
}

impl Outcome {
    /// For programs.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warning => "warning",
            Self::Unavailable => "unavailable",
            Self::Forbidden => "permission_denied",
            Self::Unauthenticated => "authentication_failed",
        }
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Warning => "warning",
            Self::Unavailable => "unavailable",
            Self::Forbidden => "permission denied",
            Self::Unauthenticated => "authentication failed",
        }
    }

    /// How much it matters, as the daemon has it.
    pub(super) fn level(self) -> &'static str {
        match self {
            Self::Passed => "good",
            Self::Warning => "warn",
            Self::Unavailable | Self::Forbidden | Self::Unauthenticated => "bad",
        }
    }

    pub(super) fn fails(self) -> bool {
        self > Self::Warning
    }

    /// What the command ends with when this is the worst.
    pub(super) fn exit(self) -> Result<(), Failure> {
        match self {
            Self::Passed | Self::Warning => Ok(()),
            Self::Unavailable => Err(Failure::unavailable("check failed: a service cannot be used")),
            Self::Forbidden => Err(Failure::permission("check failed: a permission is missing")),
            Self::Unauthenticated => Err(Failure::permission("check failed: a credential is not accepted")),
        }
    }
}

impl From<provider_api::Outcome> for Outcome {
    fn from(outcome: provider_api::Outcome) -> Self {
        use provider_api::Outcome as Of;
        match outcome {
            Of::Passed => Self::Passed,
            Of::Unauthenticated => Self::Unauthenticated,
            Of::Forbidden => Self::Forbidden,
            Of::Unavailable => Self::Unavailable,
        }
    }
}

/// Whose row it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Account { name: String, cloud: Cloud },
    Destination { name: String },
}

impl Subject {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Account { name, .. } | Self::Destination { name } => name,
        }
    }

    /// What it is one of.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::Destination { .. } => "destination",
        }
    }
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) subject: Subject,
    /// Region, subscription or project; `-` for the account or destination as a whole.
    pub(super) scope: String,
    /// The operation by its own name, or the setting that it is about.
    pub(super) tried: String,
    pub(super) outcome: Outcome,
    /// The service's own words; for what passed, what a person should know all the same, or nothing.
    pub(super) detail: String,
    /// What to do.
    pub(super) remedy: Option<String>,
}

impl Row {
    /// What a provider found out about its account.
    pub(super) fn of(subject: &Subject, check: Check) -> Self {
        Self {
            subject: subject.clone(),
            scope: check.scope,
            tried: check.what,
            outcome: check.outcome.into(),
            detail: check.detail,
            remedy: check.remedy,
        }
    }
}

/// All rows, in the order of the configuration.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
}

impl Report {
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// The worst.
    pub(super) fn outcome(&self) -> Outcome {
        self.rows.iter().map(|row| row.outcome).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_the_exit_code() {
        let code = |outcome: Outcome| outcome.exit().map_err(|failure| failure.exit_code());
        let mut worse = Outcome::Passed;
        for (outcome, wanted) in [
            (Outcome::Passed, Ok(())),
            (Outcome::Warning, Ok(())),
            (Outcome::Unavailable, Err(69)),
            (Outcome::Forbidden, Err(77)),
            (Outcome::Unauthenticated, Err(77)),
        ] {
            assert_eq!(code(outcome), wanted);
            assert!(outcome >= worse, "{outcome:?}");
            worse = outcome;
        }
    }
}
