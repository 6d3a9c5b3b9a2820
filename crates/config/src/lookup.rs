//! Where secrets come from: the environment and files, behind a trait so that tests are pure.
//!
//! Every read that a *value* of the configuration asks for passes here (`${env:…}`, `${file:…}`,
//! `${cred:…}`, certificates and keys); the configuration files themselves are read directly.

use std::{io, os::unix::fs::PermissionsExt as _, path::Path};

use zeroize::Zeroizing;

/// The outside world as the configuration may ask for it.
pub trait Lookup {
    /// The environment variable `name`, or `None` when it is unset or not Unicode.
    fn env(&self, name: &str) -> Option<String>;
    /// The whole text of the file at `path`; it may be a secret, so it is wiped when it goes.
    ///
    /// # Errors
    /// What the operating system says.
    fn read(&self, path: &Path) -> io::Result<Zeroizing<String>>;
    /// Who may do what with the file at `path`, as `chmod` has it; `None` when it cannot be told.
    fn mode(&self, path: &Path) -> Option<u32>;
}

/// The process's own environment and file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Lookup for System {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> io::Result<Zeroizing<String>> {
        std::fs::read_to_string(path).map(Zeroizing::new)
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        let about = std::fs::metadata(path).ok()?;
        Some(about.permissions().mode() & 0o777)
    }
}
