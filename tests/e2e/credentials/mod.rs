//! Credentials as people have them: one test per source, each the real binary in a process and a folder of its own, with
//! no environment but the test's, against identity services that are scripted over sockets. What a service saw is
//! compared, and that the cloud's requests carry what it gave.

mod aws;
mod azure;
mod destinations;
mod gcp;
pub mod stub;

use crate::setup::{PATIENCE, wait_for};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A home, its environment and a configuration.
pub struct Home {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Home {
    /// An empty home: nothing in it and nothing in its environment gives credentials.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().display().to_string();
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let mut home = Self {
            folder,
            env: vec![
                ("HOME".into(), home),
                ("PATH".into(), path),
                ("NO_COLOR".into(), "1".into()),
            ],
        };
        // The machine that runs the tests may have a metadata service, and its own network.
        home.set("AWS_EC2_METADATA_DISABLED", "true");
        home
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// Writes a file below the home.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `check` of these accounts.
    pub async fn check(&self, accounts: &str) -> Said {
        self.check_at("warn", accounts).await
    }

    pub async fn check_at(&self, level: &str, accounts: &str) -> Said {
        let config = self.write(
            "nephoscope.yaml",
            &format!(
                "state: {{ dir: state }}\ndestinations: [{{ name: scrape, prometheus: {{}} }}]\n{accounts}"
            ),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        command.env_clear().envs(self.env.iter().cloned());
        // One line for each message.
        command.env("COLUMNS", "2000");
        command
            .args(["--log-level", level, "check", "--config"])
            .arg(config);
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        Said::of(&tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap())
    }
}

impl Home {
    /// The daemon with these accounts, polled every few seconds.
    pub fn run(&self, accounts: &str) -> Running {
        self.start(&format!(
            "telemetry: {{ enabled: false }}\ndefaults: {{ poll: {{ every: 10s, settle: 1m, discover_every: 1m }} }}\n\
             destinations: [{{ name: scrape, prometheus: {{}} }}]\n{accounts}"
        ))
    }

    /// The daemon with this destination, which gets its own telemetry every second.
    pub fn deliver(&self, destination: &str) -> Running {
        self.start(&format!(
            "telemetry: {{ interval: 1s }}\ndestinations: [{destination}]\naws: [{{ name: a, regions: [eu-west-1], endpoint: \
             \"http://127.0.0.1:9\", credentials: {{ static: {{ access_key_id: a, secret_access_key: s }} }}, metrics: [{{ namespace: \
             AWS/EC2 }}] }}]\n"
        ))
    }

    fn start(&self, yaml: &str) -> Running {
        let state = self.folder.path().join("state");
        let general = format!("state: {{ dir: {} }}\nlisten: 127.0.0.1:0\n", state.display());
        let config = self.write("nephoscope.yaml", &(general + yaml));
        let log = self.folder.path().join("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        command.env_clear().envs(self.env.iter().cloned());
        command.args(["run", "--config"]).arg(config).stdin(Stdio::null());
        command
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        Running {
            child: command.spawn().unwrap(),
            log,
        }
    }
}

/// A daemon; killed when dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub async fn says(&self, words: &str) {
        wait_for(words, || self.log().contains(words).then_some(())).await;
    }
}

fn is_get(request: &stub::Seen) -> bool {
    request.method == "GET"
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub text: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        Self {
            code: output.status.code().unwrap(),
            text: String::from_utf8(text).unwrap(),
        }
    }

    pub fn good(self) {
        assert_eq!(self.code, 0, "{}", self.text);
    }

    /// Exit code 77, and each of these in what was said.
    pub fn refused(self, wanted: &[&str]) {
        assert_eq!(self.code, 77, "{}", self.text);
        for words in wanted {
            assert!(self.text.contains(words), "{words} is not in:\n{}", self.text);
        }
    }
}
