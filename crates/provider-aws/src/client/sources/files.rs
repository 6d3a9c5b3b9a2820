//! The shared configuration files: where they are, and whether another tool has written them since.

use aws_runtime::fs_util::{Os, home_dir};
use aws_types::os_shim_internal::Env;
use provider_api::FileStamp;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Files are looked at no more often than this: a request costs two system calls less, and a tool that writes new keys
/// leaves the old ones in force for longer.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Files that are looked at.
#[derive(Debug)]
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    at: SystemTime,
    stamps: Vec<Option<FileStamp>>,
}

impl Files {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self::of(Vec::new())
    }

    /// `config` and `credentials`, where the environment says they are.
    pub(crate) fn shared(env: &Env) -> Self {
        let path =
            |variable: &str, usual: &str| expanded(env, &env.get(variable).unwrap_or_else(|_| usual.into()));
        Self::of(vec![
            path("AWS_CONFIG_FILE", "~/.aws/config"),
            path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ])
    }

    fn of(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            seen: Mutex::new(None),
        }
    }

    /// Whether any was written since they were last looked at; the first look only remembers.
    pub(crate) async fn changed(&self, now: SystemTime) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let mut seen = self.seen.lock().await;
        let recent = |seen: &Seen| now.duration_since(seen.at).is_ok_and(|ago| ago < LOOK_EVERY);
        if seen.as_ref().is_some_and(recent) {
            return false;
        }
        let stamps: Vec<_> = self.paths.iter().map(|path| FileStamp::of(path)).collect();
        let changed = seen.as_ref().is_some_and(|seen| seen.stamps != stamps);
        *seen = Some(Seen { at: now, stamps });
        changed
    }
}

fn expanded(env: &Env, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home_dir(env, Os::real())) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_replaced_or_removed_is_seen_at_the_next_look() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().to_str().expect("UTF-8");
        let file = dir.path().join("keys");
        let env = Env::from_slice(&[("HOME", home), ("AWS_SHARED_CREDENTIALS_FILE", "~/keys")]);
        let files = Files::shared(&env);
        let mut now = SystemTime::UNIX_EPOCH;
        let mut looks = async || {
            now += LOOK_EVERY;
            files.changed(now).await
        };
        assert!(!looks().await, "nothing is there");
        std::fs::write(&file, "a").expect("written");
        assert!(looks().await);
        assert!(!looks().await);
        let other = dir.path().join("other");
        std::fs::write(&other, "b").expect("written");
        std::fs::rename(&other, &file).expect("replaced");
        assert!(looks().await);
        std::fs::remove_file(&file).expect("removed");
        assert!(looks().await);
    }
}
