//! The real binary says which files beside the account files it does not read.

use crate::commands::nephoscope;

#[tokio::test]
async fn a_file_that_looks_meant_and_is_not_read_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nephoscope.yaml");
    let accounts = folder.path().join("accounts.d");
    std::fs::create_dir(&accounts).unwrap();
    let account = |name: &str| {
        format!("aws: [{{ name: {name}, regions: [eu-west-1], metrics: [{{ namespace: AWS/EC2 }}] }}]\n")
    };
    for (file, name) in [
        ("a.yaml", "a"),
        ("b.yml", "b"),
        ("c.YAML", "c"),
        ("d.yaml.txt", "d"),
        ("e.yaml.bak", "e"),
    ] {
        std::fs::write(accounts.join(file), account(name)).unwrap();
    }
    let main = "accounts: [accounts.d/*.yaml, more.d/*.yaml]\ndestinations: [{ name: out, stdout: {} }]\n";
    std::fs::write(&path, main).unwrap();
    let output = nephoscope(&["check", "--offline", "--config", path.to_str().unwrap()]).await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    for file in ["c.YAML", "d.yaml.txt"] {
        assert!(said.contains(&format!("accounts.d/{file} is not read")), "{said}");
    }
    assert!(said.contains("more.d does not exist"), "{said}");
    for file in ["a.yaml", "b.yml", "e.yaml.bak"] {
        assert!(!said.contains(file), "{said}");
    }
}
