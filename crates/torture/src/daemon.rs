//! The real daemon as a child process: started, killed, asked for its metrics, told to end.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep};

/// How often a state is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A daemon that was told to end has ended by then.
const END_LIMIT: Duration = Duration::from_secs(60);
/// What precedes the address of the page in the log.
const PAGE: &str = "page=http://";

/// What is needed to start it again.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    binary: PathBuf,
    folder: PathBuf,
}

impl Program {
    pub(crate) fn new(binary: &Path, folder: &Path) -> Self {
        let (binary, folder) = (binary.to_owned(), folder.to_owned());
        Self { binary, folder }
    }

    fn log(&self) -> io::Result<File> {
        let path = self.folder.join("log");
        OpenOptions::new().create(true).append(true).open(path)
    }

    pub(crate) fn start(&self) -> io::Result<Daemon> {
        let log = self.log()?;
        let log_from = log.metadata()?.len();
        let child = Command::new(&self.binary)
            .args(["run", "--config"])
            .arg(self.folder.join("nephoscope.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let log_path = self.folder.join("log");
        Ok(Daemon {
            child,
            log_path,
            log_from,
        })
    }
}

/// One run; killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    log_path: PathBuf,
    log_from: u64,
}

impl Daemon {
    /// How it ended, if it did so by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// SIGTERM; how it ended, or nothing when it did not.
    pub(crate) async fn terminate(&mut self) -> io::Result<Option<ExitStatus>> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let limit = Instant::now() + END_LIMIT;
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    /// What it serves at `/metrics`; nothing when its log names no page yet.
    pub(crate) async fn metrics(&self) -> io::Result<Option<String>> {
        let log = std::fs::read(&self.log_path)?;
        let from = usize::try_from(self.log_from).unwrap_or(usize::MAX);
        let own = String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned();
        let Some((_, after)) = own.split_once(PAGE) else {
            return Ok(None);
        };
        let address = after.split(['/', ' ', '\n']).next().unwrap_or_default();
        get(address, "/metrics").await.map(Some)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.kill().ok();
    }
}

async fn get(address: &str, path: &str) -> io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer
        .split_once("\r\n\r\n")
        .map_or(String::new(), |(_, body)| body.to_owned()))
}
