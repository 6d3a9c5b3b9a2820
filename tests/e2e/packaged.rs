//! What the package is made of: man pages and the configuration that it installs.

use crate::commands::nephoscope;
use std::path::Path;
use std::process::{Command, Output};

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn the_man_pages_are_written_and_a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = nephoscope(&["man", "--out", path]).await;
    assert!(output.status.success(), "{}", err(&output));
    let page = std::fs::read_to_string(folder.path().join("nephoscope-run.1")).unwrap();
    assert!(page.contains(r"\fB\-\-config\fR"), "{page}");

    let output = nephoscope(&["man", "--out", "/nowhere"]).await;
    assert_eq!(output.status.code(), Some(69));
    assert!(err(&output).contains("/nowhere"), "{}", err(&output));
}

#[test]
fn the_packaged_configuration_lacks_only_an_account() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nephoscope.yaml");
    std::fs::copy(repository.join("packaging/nephoscope.yaml"), &path).unwrap();
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        command.args(["check", "--offline", "--config"]).arg(&path);
        command.output().unwrap()
    };
    let output = check();
    assert_eq!(output.status.code(), Some(64));
    assert!(
        err(&output).contains("no account is configured"),
        "{}",
        err(&output)
    );
    assert!(err(&output).contains("1 problem in"), "{}", err(&output));

    let accounts = folder.path().join("accounts.d");
    std::fs::create_dir(&accounts).unwrap();
    let example = repository.join("config/accounts.d/aws.yaml.example");
    std::fs::copy(example, accounts.join("prod.yaml")).unwrap();
    assert!(check().status.success());
}
