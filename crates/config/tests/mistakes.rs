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
            ("/run/secrets/name", "s3cret\n"),
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
fn what_is_merged_is_as_if_it_were_written() {
    let text = r"
destinations: [{ name: out, stdout: {} }]
aws:
  - &base { name: prod, regions: [eu-west-1], metrics: [{ namespace: AWS/EC2 }] }
  - { <<: *base, name: staging }
  - <<: [{ name: third }, *base]
    regions: [us-east-1]
";
    let config = load_text(text).unwrap_or_else(|p| panic!("{p}"));
    let of = |i: usize| (config.aws[i].name.as_str(), config.aws[i].regions[0].as_str());
    assert_eq!(
        [of(0), of(1), of(2)],
        [
            ("prod", "eu-west-1"),
            ("staging", "eu-west-1"),
            ("third", "us-east-1")
        ]
    );
}

#[test]
fn a_url_that_lets_in_is_not_shown_by_a_loaded_configuration() {
    let text = "destinations: [{ name: out, otlp: { endpoint: 'https://a/v1/metrics?key=hunter2' } }]\naws: \
                [{ name: a, regions: [eu-west-1], metrics: [{ namespace: AWS/Lambda, dimensions: { Version: $LATEST } }] }]\n";
    let config = load_text(text).unwrap_or_else(|p| panic!("{p}"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn no_message_quotes_a_secret() {
    let account = |more: &str| {
        format!("aws: [{{ name: a, regions: [eu-west-1], metrics: [{{ namespace: AWS/EC2 }}] }}]\n{more}")
    };
    let out = "destinations: [{ name: out, stdout: {} }]\n";
    let otlp = |more: &str| {
        account(&format!(
            "destinations:\n  - name: out\n    otlp:\n      endpoint: http://a:1\n{more}"
        ))
    };
    for text in [
        otlp("      headers: { authorization: \"hunter2\\n\" }\n      tiemout: 1s\n"),
        otlp("      headers: [\"api-key=hunter2\", { name: x, value: hunter2 }]\n"),
        otlp("      headers: { Bearer hunter2: x }\n"),
        otlp("      headers: { hunter2 }\n"),
        otlp("      headers: hunter2\n"),
        otlp("      # headers: hunter2\n      nope: 1   # hunter2\n"),
        otlp("      Headers: { x: hunter2 }\n"),
        otlp("      bearer: [hunter2, { a: [hunter2] }]\n"),
        otlp("      headers: &h { x: hunter2 }\n      extra: *h\n"),
        otlp("      headers: { x: hunter2 }\n      headers: { x: hunter2 }\n"),
        otlp("      headers:\n        x: |\n          line\n          hunter2\n      nope: 1\n"),
        otlp("      headers:\n        x: 'it''s\n          hunter2'\n      nope: 1\n"),
        otlp("      tls: { key_file: \"-----BEGIN PRIVATE KEY-----\\nhunter2\" }\n"),
        otlp("      tls: { key: hunter2, ca_pem: hunter2 }\n"),
        otlp("      headers: { x: \"${hunter2}\", y: \"$HUNTER hunter2\" }\n"),
        otlp("      headers: { x: hunter2\n      nope: hunter2\n"),
        otlp("      headers: { x: \"hunter2 }\n      nope: 1\n"),
        otlp("\theaders: { x: hunter2 }\n"),
        otlp("      headers: { x: *hunter2 }\n"),
        otlp("      headers: { x: @hunter2 }\n"),
        account(&format!(
            "{out}azure:\n  - name: z\n    client_secret: hunter2\n    metrics: [{{ resource_type: a/b }}]\n"
        )),
        account(&format!(
            "{out}azure:\n  - name: z\n    credentials: {{ client_secret: hunter2, password: hunter2 }}\n    metrics: [{{ resource_type: a/b }}]\n"
        )),
        account(&format!(
            "{out}api: {{ tokens: [hunter2, {{ name: ci, token: hunter2 }}], token: hunter2, password: 1 }}\n"
        )),
        account(&format!("{out}secrets: {{ a: hunter2 }}\n? hunter2\n")),
        account(&format!(
            "{out}listen: \"postgres://a:hunter2@host\"\nstate: {{ spool_max: \"token=hunter2\" }}\n"
        )),
        format!(
            "{out}aws: [{{ name: \"key: hunter2\", regions: [], metrics: [] }}, {{ name: \"key: hunter2\", regions: [\"Bearer hunter2\"] }}]\n"
        ),
        "{\"aws\": [{\"secret_access_key\": \"hunter2\", }], \"x\": \"hunter2\" \"y\"}".to_owned(),
        "hunter2".to_owned(),
        "- hunter2\n- x: hunter2\n".to_owned(),
        "[default]\naws_access_key_id = AKIA\naws_secret_access_key = hunter2\n".to_owned(),
        "export SECRET=hunter2\n%hunter2\n".to_owned(),
    ] {
        let problems = load_text(&text).expect_err(&text);
        let look = Look::Graphical {
            color: false,
            width: 110,
        };
        let shown = format!("{}{problems}{problems:?}", problems.render(look));
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
    }
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
