//! Pairs of configurations and what leads from one to the other.

use super::*;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Files as they would be.
#[derive(Default)]
struct Files(HashMap<&'static str, &'static str>);

impl Lookup for Files {
    fn env(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home".to_owned())
    }

    fn read(&self, path: &Path) -> io::Result<Zeroizing<String>> {
        let found = path.to_str().and_then(|path| self.0.get(path));
        found
            .map(|text| (*text).to_owned().into())
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn mode(&self, _path: &Path) -> Option<u32> {
        None
    }
}

const ACCOUNTS: &str = "aws:
  - { name: keys, regions: [eu-west-1], credentials: { static: { access_key_id: a, secret_access_key: b } }, metrics: [{ namespace: AWS/EC2 }] }
  - { name: chain, regions: [eu-west-1], metrics: [{ namespace: AWS/EC2 }] }
";
const DESTINATIONS: &str = "destinations:
  - { name: one, otlp: { endpoint: \"http://127.0.0.1:4317\" } }
  - { name: two, prometheus: {} }
";

fn checked(yaml: &str, files: &Files) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nephoscope.yaml");
    std::fs::write(&path, format!("state: {{ dir: /state }}\n{yaml}")).unwrap();
    Checked::new(config_file::load(&path, files).unwrap(), files)
}

fn plain(yaml: &str) -> Checked {
    checked(yaml, &Files::default())
}

fn changed(yaml: &str) -> Differences {
    between(&plain(&format!("{DESTINATIONS}{ACCOUNTS}")), &plain(yaml)).unwrap()
}

fn names(destinations: &[Destination]) -> Vec<&str> {
    destinations.iter().map(|d| d.name.as_str()).collect()
}

#[test]
fn nothing_changes_when_only_the_words_do() {
    let same = format!("{ACCOUNTS}# a comment\n{DESTINATIONS}");
    let found = changed(&same);
    assert_eq!(found.summary, Reloaded::default());
    assert!(found.connect.is_empty() && found.deliver.is_empty() && !found.store);
}

#[test]
fn a_default_reaches_every_account_and_an_account_only_itself() {
    let all = changed(&format!(
        "defaults: {{ poll: {{ every: 7m }} }}\n{DESTINATIONS}{ACCOUNTS}"
    ));
    assert_eq!(all.summary.changed, ["aws keys", "aws chain"]);
    let one = changed(&format!(
        "{DESTINATIONS}{}",
        ACCOUNTS.replace("secret_access_key: b", "secret_access_key: c")
    ));
    assert_eq!(one.summary.changed, ["aws keys"]);
    assert_eq!(one.connect.len(), 1);
}

#[test]
fn shared_credentials_touch_those_who_use_them() {
    let yaml = format!("{DESTINATIONS}{ACCOUNTS}");
    let with = |keys| checked(&yaml, &Files(HashMap::from([("/home/.aws/credentials", keys)])));
    let found = between(&with("old"), &with("new")).unwrap();
    assert_eq!(found.summary.changed, ["aws chain"]);
    let found = between(&with("old"), &with("old")).unwrap();
    assert_eq!(found.summary, Reloaded::default());
}

#[test]
fn what_the_store_keeps_for_a_destination_does_not_touch_its_delivery() {
    let limits = DESTINATIONS.replace("prometheus: {}", "prometheus: {}, on_full: drop_oldest");
    let found = changed(&format!("{limits}{ACCOUNTS}"));
    assert_eq!(found.summary.changed, ["destination two"]);
    assert!(found.store && found.stop.is_empty() && found.deliver.is_empty());
    let found = changed(&format!("{}{ACCOUNTS}", DESTINATIONS.replace("4317", "4318")));
    assert!(!found.store);
    assert_eq!(
        (&found.stop[..], names(&found.deliver)),
        (&["one".to_owned()][..], vec!["one"])
    );
}

#[test]
fn what_comes_and_goes_is_named() {
    let renamed = DESTINATIONS.replace("two", "three");
    let found = changed(&format!(
        "{renamed}{}",
        ACCOUNTS.replace("name: keys", "name: new")
    ));
    assert_eq!(found.summary.added, ["aws new", "destination three"]);
    assert_eq!(found.summary.removed, ["aws keys", "destination two"]);
    assert_eq!(
        (found.stop, names(&found.deliver)),
        (vec!["two".to_owned()], vec!["three"])
    );
}

#[test]
fn accounts_that_are_not_connected_are_tried_again_once() {
    let new = plain(&format!("{DESTINATIONS}{ACCOUNTS}"));
    let mut found = between(&new, &new).unwrap();
    let waits = [
        ("chain".to_owned(), "why".to_owned()),
        ("gone".to_owned(), "why".to_owned()),
    ];
    found.try_again(&new, &waits);
    found.try_again(&new, &waits);
    let again: Vec<&str> = found.connect.iter().map(Configured::name).collect();
    assert_eq!((again, found.summary), (vec!["chain"], Reloaded::default()));
}

#[test]
fn another_state_directory_needs_a_restart() {
    let old = plain(&format!("{DESTINATIONS}{ACCOUNTS}"));
    let mut new = old.clone();
    new.config.state_dir = "/elsewhere".into();
    let why = between(&old, &new).unwrap_err();
    assert!(why.contains("`state.dir`") && why.contains("restart"), "{why}");
}
