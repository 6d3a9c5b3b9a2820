//! Random configurations, each a small step from the one before: accounts and destinations that come, go and change,
//! and mistakes. What is not to be touched is in all of them: the accounts `a`, `z` and `g` and the destination
//! `receiver`.

use crate::setup::{Clouds, general, local};
use export::receiver::Receiver;
use fastrand::Rng;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// What was written, and what the daemon has to make of it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) refused: bool,
    /// For a person who reads that the daemon did not.
    pub(super) what: String,
}

/// An account that comes, goes and changes: its file below `accounts.d`.
#[derive(Debug)]
struct Account {
    file: PathBuf,
    text: String,
    /// What may be edited in it: what is written, and what else could be.
    edits: Vec<(String, Vec<String>)>,
}

/// All that can be configured.
pub(super) struct Configurations {
    rng: Rng,
    folder: PathBuf,
    main: String,
    accounts: Vec<Account>,
    /// Of the destinations that come, go and change.
    destinations: [Option<String>; 3],
    second: Receiver,
    spool_max: &'static str,
    listen: &'static str,
    /// How often an account of Google may have got new credentials.
    pub(super) tokens: u64,
    /// A port that somebody else has.
    taken: TcpListener,
}

impl Configurations {
    pub(super) async fn new(seed: u64, folder: &Path, clouds: &Clouds, receiver: &Receiver) -> Self {
        let stays = [
            clouds.aws_account(),
            clouds.azure_account(folder),
            clouds.gcp_account(folder),
        ];
        let secret = folder.join("secret");
        std::fs::write(&secret, cloudsim::aws::SECRET_KEY).unwrap();
        std::fs::create_dir(folder.join("accounts.d")).unwrap();
        let key = folder.join("other-sa.json");
        std::fs::copy(folder.join("sa.json"), &key).unwrap();
        let account = |name: &str, text: String, edits: &[(&str, &[&str])]| Account {
            file: folder.join(format!("accounts.d/{name}.yaml")),
            text,
            edits: edits
                .iter()
                .map(|(from, to)| {
                    let to = to.iter().map(|to| (*to).to_owned()).collect();
                    ((*from).to_owned(), to)
                })
                .collect(),
        };
        let aws = stays[0].replace("name: a\n", "name: a2\n").replace(
            cloudsim::aws::SECRET_KEY,
            &format!("\"${{file:{}}}\"", secret.display()),
        );
        let azure = stays[1].replace("name: z\n", "name: z2\n");
        let gcp = stays[2]
            .replace("name: g\n", "name: g2\n")
            .replace("/sa.json", "/other-sa.json");
        let accounts = vec![
            account(
                "a2",
                aws,
                &[
                    ("[eu-west-1, us-east-1]", &["[eu-west-1]", "[us-east-1]"]),
                    ("period: 1m", &["period: 1m, poll: { every: 2m }", "period: 5m"]),
                ],
            ),
            account(
                "z2",
                azure,
                &[("period: 1m", &["period: 1m, top: 7", "period: 5m"])],
            ),
            account(
                "g2",
                gcp,
                &[("[sim-project, sim-other]", &["[sim-project]", "[sim-other]"])],
            ),
        ];
        let main = general(folder, receiver, "grpc") + &stays.concat();
        // So little memory for the page is full before memory is looked at.
        let main = format!("accounts: [\"accounts.d/*.yaml\"]\napi: {{ recent_max: 256KiB }}\n{main}");
        let all = Self {
            rng: Rng::with_seed(seed),
            folder: folder.to_owned(),
            main,
            accounts,
            destinations: [const { None }; 3],
            second: Receiver::start(local(), local()).await.unwrap(),
            spool_max: "2GiB",
            listen: "127.0.0.1:0",
            tokens: 0,
            taken: TcpListener::bind("127.0.0.1:0").unwrap(),
        };
        all.write_accounts();
        all
    }

    fn write_accounts(&self) {
        for account in &self.accounts {
            std::fs::write(&account.file, &account.text).unwrap();
        }
    }

    /// Writes what everything began with: every account, and one destination.
    pub(super) fn write_first(&mut self) {
        std::fs::write(self.folder.join("secret"), cloudsim::aws::SECRET_KEY).unwrap();
        self.write_accounts();
        self.tokens += 1;
        self.destinations = [const { None }; 3];
        self.write(&self.yaml());
    }

    /// Writes the next.
    pub(super) fn next(&mut self) -> Written {
        let what = match self.rng.u32(0..20) {
            0..=2 => self.change_an_account(),
            3..=6 => self.change_a_destination(),
            7 => self.change_a_file(),
            8..=9 => self.change_the_rest(),
            10..=13 => "nothing".to_owned(),
            _ => return self.write_a_mistake(),
        };
        self.write(&self.yaml());
        Written { refused: false, what }
    }

    fn write(&self, yaml: &str) {
        std::fs::write(self.folder.join("nephoscope.yaml"), yaml).unwrap();
    }

    pub(super) fn yaml(&self) -> String {
        let mut yaml = self
            .main
            .replace("/state }", &format!("/state, spool_max: {} }}", self.spool_max))
            .replace("listen: 127.0.0.1:0", &format!("listen: {}", self.listen));
        let more: String = self
            .destinations
            .iter()
            .flatten()
            .fold(String::new(), |mut all, d| {
                writeln!(all, "  - {d}").unwrap();
                all
            });
        let at = yaml.find("aws:\n").unwrap();
        yaml.insert_str(at, &more);
        yaml
    }

    fn change_an_account(&mut self) -> String {
        let which = self.rng.usize(0..self.accounts.len());
        let account = &self.accounts[which];
        self.tokens += u64::from(which == 2);
        if self.rng.u32(0..3) == 0 {
            std::fs::remove_file(&account.file).ok();
            return format!("without {}", account.file.display());
        }
        let mut text = account.text.clone();
        for (from, to) in &account.edits {
            if let Some(to) = to.get(self.rng.usize(0..=to.len())) {
                text = text.replace(from, to);
            }
        }
        std::fs::write(&account.file, text).unwrap();
        format!("{} edited", account.file.display())
    }

    fn change_a_destination(&mut self) -> String {
        let which = self.rng.usize(0..3);
        let rng = &mut self.rng;
        let mut one_of = |all: &[&'static str]| all[rng.usize(0..all.len())];
        let common = format!(
            "deltas: {}, on_full: {}, revisions: {}",
            one_of(&["keep", "cumulative", "gauge"]),
            one_of(&["pause", "drop_oldest"]),
            one_of(&["count", "resend"]),
        );
        let text = match which {
            0 => format!(
                "{{ name: second, otlp: {{ endpoint: \"{}\", compression: {} }}, {common} }}",
                self.second.grpc_endpoint(),
                one_of(&["gzip", "zstd", "none"]),
            ),
            1 => format!(
                "{{ name: local, file: {{ path: {}/out, format: otlp_json }}, {common} }}",
                self.folder.display()
            ),
            _ => format!(
                "{{ name: scrape, prometheus: {{}}, promote: [{}] }}",
                one_of(&["", "cloud.region"])
            ),
        };
        let there = one_of(&["yes", "yes", "no"]) == "yes";
        self.destinations[which] = there.then_some(text);
        format!("destination {which}: {:?}", self.destinations[which])
    }

    /// A file that the configuration only names.
    fn change_a_file(&mut self) -> String {
        let secret = if self.rng.bool() {
            cloudsim::aws::SECRET_KEY
        } else {
            "not-the-key"
        };
        std::fs::write(self.folder.join("secret"), secret).unwrap();
        let key = std::fs::read_to_string(self.folder.join("sa.json")).unwrap();
        self.tokens += 1;
        let spaces = " ".repeat(self.rng.usize(0..5));
        std::fs::write(self.folder.join("other-sa.json"), key + &spaces).unwrap();
        "secrets".to_owned()
    }

    fn change_the_rest(&mut self) -> String {
        self.spool_max = ["1GiB", "2GiB", "512MiB"][self.rng.usize(0..3)];
        self.listen = ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"][self.rng.usize(0..3)];
        format!("spool_max {}, listen {}", self.spool_max, self.listen)
    }

    /// Everything as it was but for one mistake.
    fn write_a_mistake(&mut self) -> Written {
        let good = self.yaml();
        let listen = format!("listen: {}", self.listen);
        let taken = format!("listen: {}", self.taken.local_addr().unwrap());
        let mistakes = [
            ("every: 1m", "every: soon"),
            ("destinations:", "destination:"),
            ("/state,", "/another-state,"),
            ("aws:\n", "aws: [\n"),
            ("accounts: [", "accounts: [\"no-such-file.yaml\", "),
            ("regions: [", "regions: [\"${env:NO_SUCH_VARIABLE}\", "),
            ("/sa.json", "/no-such-file.json"),
            (listen.as_str(), taken.as_str()),
        ];
        let (from, to) = mistakes[self.rng.usize(0..mistakes.len())];
        let bad = good.replace(from, to);
        assert_ne!(good, bad, "{from}");
        self.write(&bad);
        Written {
            refused: true,
            what: format!("{from} became {to}"),
        }
    }
}
