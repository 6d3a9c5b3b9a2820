//! Any bytes as a configuration file: every problem is told, in both forms, and nothing panics. Files and variables that
//! it names do not exist.
#![no_main]

use config_file::{Look, Lookup, Zeroizing, load};
use libfuzzer_sys::fuzz_target;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, io};

struct Nothing;

impl Lookup for Nothing {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path) -> io::Result<Zeroizing<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn mode(&self, _: &Path) -> Option<u32> {
        None
    }
}

fn file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| tempfile::tempdir().expect("a folder").keep().join("nephoscope.yaml"))
}

fuzz_target!(|text: &[u8]| {
    fs::write(file(), text).expect("a file");
    if let Err(problems) = load(file(), &Nothing) {
        assert!(!problems.list.is_empty());
        problems.render(Look::Narrated);
        problems.render(Look::Graphical { color: true, width: 80 });
    }
});
