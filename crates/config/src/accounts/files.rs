//! Which files `accounts:` names: a file, a directory, or all that a glob takes; and which lie beside them unread.

use std::{
    collections::BTreeSet,
    io,
    path::{Component, Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher};

use crate::{
    help::Help,
    nearest::nearest,
    problem::Found,
    tree::{At, Data, Node},
    yaml,
};

/// How deep `**` looks.
const MAX_DEPTH: usize = 8;
/// More account files than this is a glob that caught the wrong directory.
const MAX_FILES: usize = 10_000;
/// Unread files that get a line of their own.
const MOST_NAMED: usize = 10;
/// What YAML files are called; a glob that ends so takes the other too.
const YAML: [&str; 2] = ["yaml", "yml"];
/// What somebody may call a file that is meant to be read. Not `bak`, `example`, `disabled`, `rpmnew` and the like.
const MEANT: [&str; 5] = ["json", "conf", "cfg", "txt", "config"];
/// What makes a text a glob.
const WILD: [char; 4] = ['*', '?', '[', '{'];

/// The files that one or several patterns take, and those that lie beside them.
#[derive(Default)]
struct Files {
    taken: BTreeSet<PathBuf>,
    beside: BTreeSet<PathBuf>,
}

/// All files that the main file names, in the order of their names. Those that look meant and are not read are logged.
pub(super) fn named(root: &Node, base: &Path, found: &mut Found) -> Vec<PathBuf> {
    let at = At::root(root).key("accounts");
    let Some(Node {
        data: Data::Seq(items),
        ..
    }) = at.node
    else {
        return vec![];
    };
    let mut files = Files::default();
    for (index, item) in items.iter().enumerate() {
        if let Some(pattern) = item.text().filter(|text| !text.is_empty()) {
            files.take(pattern, base, &at.item(index), found);
        }
    }
    files.warn();
    files.taken.into_iter().take(MAX_FILES).collect()
}

impl Files {
    fn take(&mut self, pattern: &str, base: &Path, at: &At<'_>, found: &mut Found) {
        let full = base.join(pattern);
        if !pattern.contains(WILD) {
            self.take_named(pattern, &full, at, found);
            return;
        }
        let matcher = either_ending(&full.to_string_lossy());
        match GlobBuilder::new(&matcher).literal_separator(true).build() {
            Ok(glob) => self.walk(&fixed(&full), &glob.compile_matcher(), 0, at, found),
            Err(error) => {
                let message = format!("`{pattern}` is not a glob: {}", error.kind());
                let words = "write a path with `*`, like `accounts.d/*.yaml`";
                found.at(at, message, Help::instead(at, "\"accounts.d/*.yaml\"", words));
            }
        }
    }

    fn take_named(&mut self, pattern: &str, full: &Path, at: &At<'_>, found: &mut Found) {
        if full.is_dir() {
            let glob = GlobBuilder::new(&full.join("*.{yaml,yml}").to_string_lossy()).build();
            if let Ok(glob) = glob {
                self.walk(full, &glob.compile_matcher(), MAX_DEPTH, at, found);
            }
        } else if full.exists() {
            self.taken
                .insert(full.strip_prefix(".").unwrap_or(full).to_owned());
        } else {
            let other = YAML.map(|ending| Path::new(pattern).with_extension(ending));
            let there = other.iter().find(|other| {
                full.with_file_name(other.file_name().unwrap_or_default())
                    .exists()
            });
            let value = there.map_or_else(
                || "accounts.d/*.yaml".to_owned(),
                |other| other.display().to_string(),
            );
            let words = match there {
                Some(other) => format!("write `{}`, which is there", other.display()),
                None => "create it, or name the directory with a glob: `accounts.d/*.yaml`".into(),
            };
            let help = Help::instead(at, &yaml::text_of(&value), words);
            found.at(at, format!("there is no account file {}", full.display()), help);
        }
    }

    fn walk(&mut self, dir: &Path, glob: &GlobMatcher, depth: usize, at: &At<'_>, found: &mut Found) {
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => return unreadable(dir, &error, at, found),
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let plain = path.strip_prefix(".").unwrap_or(&path);
            if path.is_dir() {
                if depth < MAX_DEPTH {
                    self.walk(&path, glob, depth + 1, at, found);
                }
            } else if glob.is_match(&path) || glob.is_match(plain) {
                self.taken.insert(plain.to_owned());
            } else if is_meant(plain) {
                self.beside.insert(plain.to_owned());
            }
        }
    }

    fn warn(&self) {
        let unread: Vec<&PathBuf> = self.beside.difference(&self.taken).collect();
        for file in unread.iter().take(MOST_NAMED) {
            let file = file.display();
            tracing::warn!(
                %file,
                "{file} is not read: no pattern of `accounts` takes it; rename it to end in `.yaml`, or add it to `accounts`"
            );
        }
        if let Some(more) = unread.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            tracing::warn!(files = more, "further files beside account files are not read");
        }
    }
}

/// A directory that is missing is an empty one, but said; one that may not be read hides accounts.
fn unreadable(dir: &Path, error: &io::Error, at: &At<'_>, found: &mut Found) {
    let dir = dir.display();
    if error.kind() == io::ErrorKind::NotFound {
        tracing::warn!(directory = %dir, "{dir} does not exist: no account file is read from it");
        return;
    }
    let help = format!("let the daemon's user read and enter it: `chmod g+rx {dir}`");
    found.at(
        at,
        format!("the directory {dir} cannot be read: {error}"),
        Some(help),
    );
}

/// `*.yaml` takes `*.yml`, and the other way round.
fn either_ending(pattern: &str) -> String {
    let ending = YAML
        .iter()
        .find_map(|ending| pattern.strip_suffix(&format!(".{ending}")));
    ending.map_or_else(|| pattern.to_owned(), |stem| format!("{stem}.{{yaml,yml}}"))
}

/// Whether somebody who put this file here probably wants it read.
fn is_meant(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((_, ending)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else {
        return false;
    };
    let letters = ending.chars().all(char::is_alphabetic);
    letters && (MEANT.contains(&ending) || nearest(ending, YAML).is_some())
}

/// The directory above the first component with a glob in it.
fn fixed(full: &Path) -> PathBuf {
    let parents: Vec<Component<'_>> = full.components().collect();
    let parents = parents.split_last().map_or(&[][..], |(_, parents)| parents);
    let plain = parents
        .iter()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(WILD));
    let dir: PathBuf = plain.collect();
    if dir.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        dir
    }
}

#[cfg(test)]
mod tests {
    use super::{either_ending, is_meant};
    use std::path::Path;

    #[test]
    fn what_looks_meant_is_told_from_what_was_put_aside() {
        for name in ["x.yml", "x.YAML", "x.yaml", "x.ymal", "x.json", "x.yaml.txt"] {
            assert!(is_meant(Path::new(name)), "{name}");
        }
        for name in [
            "README",
            ".x.yaml.swp",
            "x.yaml.bak",
            "x.yaml.example",
            "x.yaml~",
            "x.yaml.dpkg-old",
            ".yaml",
        ] {
            assert!(!is_meant(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn both_endings_are_one() {
        assert_eq!(either_ending("a/*.yml"), "a/*.{yaml,yml}");
        assert_eq!(either_ending("a/*.conf"), "a/*.conf");
    }
}
