//! Every user mistake is a file in `testdata/` with our words beside it; `UPDATE_EXPECT=1` rewrites the words.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use config_file::{
    AutoOr, AwsBase, AzureCredentials, Config, DestinationKind, EXAMPLE, Look, Lookup, Problems, load,
};
use zeroize::Zeroizing;

/// A world of a few variables and files; nothing real is read.
pub(crate) struct Fake(BTreeMap<&'static str, &'static str>);

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n";

impl Fake {
    pub(crate) fn world() -> Self {
        Self(BTreeMap::from([
            ("OTLP_TOKEN", "hunter2"),
            ("CREDENTIALS_DIRECTORY", "/run/credentials"),
            ("/run/credentials/aws-secret", "wJalr\n"),
            ("/etc/nephoscope/azure.secret", "s3cret\n"),
            ("/run/credentials/NAME", "s3cret\n"),
            ("/etc/nephoscope/ca.pem", CERTIFICATE),
            ("/etc/nephoscope/clients-ca.pem", CERTIFICATE),
            ("/etc/nephoscope/server.crt", CERTIFICATE),
            ("/etc/nephoscope/server.key", KEY),
            ("/etc/nephoscope/client.crt", CERTIFICATE),
            ("/etc/nephoscope/client.key", KEY),
            ("/etc/nephoscope/ca.der", "0\u{1}binary"),
            (
                "/etc/nephoscope/sa.json",
                r#"{"client_email":"a@b","private_key":"x"}"#,
            ),
            ("/etc/nephoscope/user.json", r#"{"type":"authorized_user"}"#),
        ]))
    }
}

impl Lookup for Fake {
    fn env(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }

    fn mode(&self, _: &Path) -> Option<u32> {
        None
    }

    fn read(&self, path: &Path) -> io::Result<Zeroizing<String>> {
        let text = self.0.get(path.to_str().unwrap()).copied();
        text.map(|text| text.to_owned().into())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn load_text(text: &str) -> Result<Config, Problems> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nephoscope.yaml");
    std::fs::write(&path, text).unwrap();
    load(&path, &Fake::world())
}

#[test]
fn each_mistake_has_our_words_beside_it() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = vec![];
    let mut count = 0;
    for entry in std::fs::read_dir(testdata()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        count += 1;
        let look = Look::Graphical {
            color: false,
            width: 110,
        };
        let words = match load(&path, &Fake::world()) {
            Ok(_) => "no problem\n".to_owned(),
            Err(problems) => problems
                .render(look)
                .replace(&format!("{}/", testdata().display()), ""),
        };
        let words = words
            .lines()
            .fold(String::new(), |all, line| all + line.trim_end() + "\n");
        let expected = path.with_extension("expected");
        if update {
            std::fs::write(&expected, &words).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != words {
            wrong.push(format!("{}:\n{words}", path.display()));
        }
    }
    assert!(count >= 30, "only {count} files in testdata");
    assert!(
        wrong.is_empty(),
        "not as expected (UPDATE_EXPECT=1 rewrites):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_example_loads_where_its_secrets_exist() {
    let config = load_text(EXAMPLE).unwrap_or_else(|problems| panic!("{}", problems.render(Look::Narrated)));
    assert_eq!(
        (
            config.aws.len(),
            config.azure.len(),
            config.gcp.len(),
            config.destinations.len()
        ),
        (1, 1, 1, 3)
    );
    assert_eq!(config.spool_max_bytes, 2 << 30);
    let AwsBase::Static(keys) = &config.aws[0].credentials.base else {
        panic!("static keys")
    };
    assert_eq!(keys.secret_access_key.expose(), "wJalr");
    let AzureCredentials::ClientSecret { secret, .. } = &config.azure[0].credentials else {
        panic!("client secret")
    };
    assert_eq!(secret.expose(), "s3cret");
    let DestinationKind::Otlp(otlp) = &config.destinations[0].kind else {
        panic!("otlp")
    };
    assert_eq!(otlp.headers["authorization"].expose(), "Bearer hunter2");
    let shown = format!("{config:?}");
    for secret in ["hunter2", "wJalr", "s3cret"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn the_account_examples_are_merged_with_their_own_positions() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = dir.path().join("accounts.d");
    std::fs::create_dir(&accounts).unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/accounts.d");
    for cloud in ["aws", "azure", "gcp"] {
        std::fs::copy(
            examples.join(format!("{cloud}.yaml.example")),
            accounts.join(format!("{cloud}.yaml")),
        )
        .unwrap();
    }
    let main = dir.path().join("nephoscope.yaml");
    std::fs::write(
        &main,
        "accounts: [accounts.d/*.yaml]\ndestinations: [{ name: out, stdout: {} }]\n",
    )
    .unwrap();
    let config = load(&main, &Fake::world()).unwrap_or_else(|p| panic!("{}", p.render(Look::Narrated)));
    assert_eq!(
        (config.aws.len(), config.azure.len(), config.gcp.len()),
        (1, 1, 1)
    );

    std::fs::write(
        accounts.join("bad.yaml"),
        "aws:\n  - name: staging\n    regions: [eu-wset-1]\n",
    )
    .unwrap();
    let problems = load(&main, &Fake::world()).unwrap_err();
    let places: Vec<_> = problems
        .list
        .iter()
        .map(|p| (p.file.ends_with("bad.yaml"), p.line))
        .collect();
    assert_eq!(places, [(true, 2), (true, 2), (true, 3)], "{problems}");
}

#[test]
fn what_is_left_out_comes_from_above() {
    let text = r"
destinations: [{ name: out, stdout: {} }]
defaults: { poll: { every: 10m }, budget: { usd_per_day: 5 } }
aws:
  - name: a
    regions: [eu-west-1]
    poll: { settle: 90s }
    metrics:
      - { namespace: AWS/EC2, poll: { every: 2m } }
      - { namespace: AWS/S3, period: 1d }
";
    let config = load_text(text).unwrap_or_else(|p| panic!("{p}"));
    let account = &config.aws[0];
    let seconds = |i: usize| account.metrics[i].poll.every.as_secs();
    assert_eq!(
        (account.poll.every.as_secs(), seconds(0), seconds(1)),
        (600, 120, 86_400)
    );
    assert_eq!(
        account.metrics[0].poll.settle,
        AutoOr::Fixed(std::time::Duration::from_secs(90))
    );
    assert_eq!(
        (account.usd_per_day, account.metrics[0].usd_per_day),
        (Some(5.0), None)
    );
}

#[test]
fn no_message_quotes_a_secret() {
    let text = r#"
destinations:
  - { name: out, otlp: { endpoint: "http://a:1", headers: { authorization: "hunter3\n" }, tiemout: 1s } }
aws:
  - name: a
    regions: [eu-west-1]
    credentials: { static: { access_key_id: x, secret_access_key: hunter4, session_toke: hunter5 } }
    metrics: [{ namespace: AWS/EC2 }]
"#;
    let shown = load_text(text).unwrap_err().render(Look::Graphical {
        color: false,
        width: 110,
    });
    assert!(
        shown.contains("timeout") && !shown.contains("hunter3") && !shown.contains("hunter4"),
        "{shown}"
    );
}

#[test]
fn the_schema_describes_every_property() {
    fn undescribed(path: &str, value: &serde_json::Value, out: &mut Vec<String>) {
        for (name, property) in value
            .get("properties")
            .and_then(|p| p.as_object())
            .into_iter()
            .flatten()
        {
            if property.get("description").is_none() {
                out.push(format!("{path}.{name}"));
            }
        }
        for (name, definition) in value
            .get("$defs")
            .and_then(|p| p.as_object())
            .into_iter()
            .flatten()
        {
            undescribed(name, definition, out);
        }
    }
    let mut out = vec![];
    undescribed("", &config_file::schema(), &mut out);
    assert!(out.is_empty(), "{out:?}");
}
