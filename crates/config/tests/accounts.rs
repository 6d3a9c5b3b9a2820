//! Which files `accounts:` takes up, by their names on a disk.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{fs, path::Path};

use config_file::{Config, Look, Problems, load};

use crate::mistakes::Fake;

fn account(dir: &Path, file: &str, name: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text =
        format!("aws: [{{ name: {name}, regions: [eu-west-1], metrics: [{{ namespace: AWS/EC2 }}] }}]\n");
    fs::write(path, text).unwrap();
}

fn with(dir: &Path, accounts: &str) -> Result<Config, Problems> {
    let path = dir.join("nephoscope.yaml");
    fs::write(
        &path,
        format!("accounts: {accounts}\ndestinations: [{{ name: out, stdout: {{}} }}]\n"),
    )
    .unwrap();
    load(&path, &Fake::world())
}

fn names(config: Result<Config, Problems>) -> Vec<String> {
    let config = config.unwrap_or_else(|problems| panic!("{}", problems.render(Look::Narrated)));
    config.aws.into_iter().map(|account| account.name).collect()
}

#[test]
fn both_endings_of_yaml_are_read_by_globs_and_directories() {
    let dir = tempfile::tempdir().unwrap();
    account(dir.path(), "accounts.d/a.yaml", "a");
    account(dir.path(), "accounts.d/b.yml", "b");
    account(dir.path(), "accounts.d/c.yaml.bak", "c");
    account(dir.path(), "accounts.d/more/d.yml", "d");
    for (accounts, read) in [
        ("[accounts.d/*.yaml]", &["a", "b"][..]),
        ("[accounts.d/*.yml]", &["a", "b"]),
        ("[accounts.d]", &["a", "b"]),
        ("[accounts.d/, accounts.d/*.yaml]", &["a", "b"]),
        ("[\"accounts.d/**/*.yaml\"]", &["a", "b", "d"]),
        ("[accounts.d/b.yml]", &["b"]),
        ("[\"accounts.d/*.bak\"]", &["c"]),
    ] {
        assert_eq!(names(with(dir.path(), accounts)), read, "{accounts}");
    }
}

#[test]
fn a_file_with_the_other_ending_is_named() {
    let dir = tempfile::tempdir().unwrap();
    account(dir.path(), "accounts.d/b.yml", "b");
    let problems = with(dir.path(), "[accounts.d/b.yaml]").unwrap_err();
    let help = problems.list[0].help.clone().unwrap();
    assert_eq!(help, "write `accounts.d/b.yml`, which is there");
}
