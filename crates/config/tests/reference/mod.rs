//! `docs/configuration.md` says what the schema says; `UPDATE_EXPECT=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod page;
mod tables;
mod words;

use std::path::Path;

#[test]
fn the_reference_says_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = page::of(&config_file::schema());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md is not what the schema says: `UPDATE_EXPECT=1 cargo test -p config-file` writes it anew"
    );
}

#[test]
fn every_key_of_the_schema_has_its_row() {
    let page = page::of(&config_file::schema());
    for key in [
        "`every`",
        "`spool_max`",
        "`assume_role`",
        "`client_certificate`",
        "`impersonate`",
    ] {
        assert!(page.contains(&format!("| {key} |")), "no row for {key}");
    }
}
