//! `--account`: the accounts that a command is about, by name or pattern as everywhere in the configuration.

use crate::exit::Failure;
use config_file::{Config, Pattern};
use provider_api::nearest;

/// Accounts that are offered for a name that is not configured.
const OFFERED: usize = 5;

/// The configuration with these accounts alone; all when none is named.
///
/// # Errors
/// A pattern that cannot be read, or that fits no account.
pub(crate) fn only(mut config: Config, wanted: &[String]) -> Result<Config, Failure> {
    let names = config.aws.iter().map(|account| account.name.clone());
    let names = names.chain(config.azure.iter().map(|account| account.name.clone()));
    let names: Vec<String> = names
        .chain(config.gcp.iter().map(|account| account.name.clone()))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted = Wanted::new(wanted, &names)?;
    config.aws.retain(|account| wanted.fits(&account.name));
    config.azure.retain(|account| wanted.fits(&account.name));
    config.gcp.retain(|account| wanted.fits(&account.name));
    Ok(config)
}

/// The patterns of one command line.
#[derive(Debug)]
pub(crate) struct Wanted(Vec<Pattern>);

impl Wanted {
    /// Each of them has to fit one of the names that there are.
    pub(crate) fn new(written: &[String], names: &[&str]) -> Result<Self, Failure> {
        let pattern = |written: &String| {
            let pattern = Pattern::new(written)
                .map_err(|why| Failure::usage(format!("`--account {written}` is no pattern: {why}")))?;
            if names.iter().any(|name| pattern.matches(name)) {
                return Ok(pattern);
            }
            Err(Failure::usage(unknown(written, names)))
        };
        written.iter().map(pattern).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the account is one of them; every one is when none is named.
    pub(crate) fn fits(&self, name: &str) -> bool {
        self.all() || self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether every account is.
    pub(crate) fn all(&self) -> bool {
        self.0.is_empty()
    }
}

fn unknown(written: &str, names: &[&str]) -> String {
    let near = nearest(written, names.iter().copied());
    let offered: Vec<&str> = if near.is_empty() {
        names.iter().copied().take(OFFERED).collect()
    } else {
        near.iter().map(|name| &**name).collect()
    };
    let more = match names.len().saturating_sub(offered.len()) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let offered = offered.join(", ");
    format!("`--account {written}` fits no configured account; there are: {offered}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["prod-1", "prod-2", "dev", "lab"];

    fn wanted(patterns: &[&str]) -> Result<Vec<&'static str>, String> {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let wanted = Wanted::new(&patterns, &NAMES).map_err(|failure| failure.to_string())?;
        Ok(NAMES.into_iter().filter(|name| wanted.fits(name)).collect())
    }

    #[test]
    fn names_globs_and_expressions_pick_accounts() {
        assert_eq!(wanted(&[]).unwrap(), NAMES);
        assert_eq!(wanted(&["dev"]).unwrap(), ["dev"]);
        assert_eq!(wanted(&["prod-*", "lab"]).unwrap(), ["prod-1", "prod-2", "lab"]);
        assert_eq!(wanted(&["~prod-[2-9]"]).unwrap(), ["prod-2"]);
    }

    #[test]
    fn what_fits_nothing_is_told_with_what_there_is() {
        let told = wanted(&["dev", "prud-1"]).unwrap_err();
        assert!(
            told.contains("`--account prud-1` fits no") && told.contains("prod-1"),
            "{told}"
        );
        assert!(wanted(&["[a"]).unwrap_err().contains("is no pattern"));
    }
}
