//! OTLP JSON lines: one `ExportMetricsServiceRequest` a line, appended to a file or written to standard output.
//!
//! The file is opened for each batch, so that whoever rotates it needs to tell us nothing.

use crate::encode::Encoded;
use crate::recode::{DecodeError, decode};
use crate::transport::{Transport, Verdict};
use async_trait::async_trait;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

const FILE_NAME: &str = "metrics.jsonl";

/// Appends to `metrics.jsonl` in a folder and flushes each batch.
#[derive(Debug)]
pub struct JsonFile {
    folder: PathBuf,
    /// One batch at a time: lines must not interleave.
    writing: Mutex<()>,
}

impl JsonFile {
    /// Touches nothing yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            writing: Mutex::new(()),
        }
    }

    /// Appends, or leaves the file as long as it was.
    async fn append(&self, line: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().await;
        let mut file = opened(&self.folder).await?;
        let before = file.metadata().await?.len();
        let written = write(&mut file, line).await;
        if written.is_err() {
            file.set_len(before).await?; // a half-written line would spoil the next
        }
        written
    }
}

async fn opened(folder: &Path) -> io::Result<fs::File> {
    fs::create_dir_all(folder).await?;
    let path = folder.join(FILE_NAME);
    fs::OpenOptions::new().create(true).append(true).open(path).await
}

/// Whether the file in `folder` can be written to; why not, and what to do.
pub(crate) async fn writable(folder: &Path) -> Result<(), String> {
    let opened = opened(folder).await;
    opened
        .map(drop)
        .map_err(|error| refusal(&error, &folder.display()))
}

async fn write(file: &mut fs::File, line: &[u8]) -> io::Result<()> {
    file.write_all(line).await?;
    file.flush().await
}

#[async_trait]
impl Transport for JsonFile {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        match json_line(batch) {
            Ok(line) => verdict(self.append(&line).await, &self.folder.display()),
            Err(why) => Verdict::Drop { why },
        }
    }
}

/// Writes to standard output.
#[derive(Clone, Copy, Debug)]
pub struct Stdout;

#[async_trait]
impl Transport for Stdout {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        let line = match json_line(batch) {
            Ok(line) => line,
            Err(why) => return Verdict::Drop { why },
        };
        let mut out = tokio::io::stdout();
        let written = async {
            out.write_all(&line).await?;
            out.flush().await
        };
        verdict(written.await, &"standard output")
    }
}

fn json_line(batch: &Encoded) -> Result<Vec<u8>, String> {
    let request = decode(batch).map_err(|e: DecodeError| e.to_string())?;
    let mut line = serde_json::to_vec(&request).map_err(|e| e.to_string())?;
    line.push(b'\n');
    Ok(line)
}

fn verdict(written: io::Result<()>, place: &dyn fmt::Display) -> Verdict {
    match written {
        Ok(()) => Verdict::Delivered {
            rejected: 0,
            message: String::new(),
        },
        Err(e) => Verdict::Retry {
            after: None,
            why: refusal(&e, place),
            answered: false,
        },
    }
}

fn refusal(error: &io::Error, place: &dyn fmt::Display) -> String {
    format!("writing to {place}: {error}{}", advice(error.kind()))
}

/// What to do about a place that may not be written to; the service's unit leaves it only its state.
fn advice(kind: io::ErrorKind) -> &'static str {
    if kind == io::ErrorKind::ReadOnlyFilesystem || kind == io::ErrorKind::PermissionDenied {
        "; choose a folder below `state.dir`, or give it to the service (`ReadWritePaths=` in its unit)"
    } else {
        ""
    }
}

/// Points as OTLP JSON lines, as the file destination writes them.
pub fn to_json_lines(points: &[provider_api::SeriesPoints]) -> String {
    let lines = crate::encode::encode(points, crate::encode::Limits::default());
    lines
        .iter()
        .filter_map(|batch| String::from_utf8(json_line(batch).ok()?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_may_not_be_written_to_is_named_with_what_to_do() {
        for (kind, advised) in [
            (io::ErrorKind::ReadOnlyFilesystem, true),
            (io::ErrorKind::PermissionDenied, true),
            (io::ErrorKind::StorageFull, false),
        ] {
            let Verdict::Retry { why, .. } = verdict(Err(kind.into()), &"/srv/out") else {
                panic!("{kind:?} is not tried again")
            };
            assert!(why.starts_with("writing to /srv/out: "), "{why}");
            assert_eq!(why.contains("state.dir"), advised, "{why}");
        }
    }
}
