//! Opening the file: everything that can be wrong with it is found before anything is changed.

use super::schema::{self, APPLICATION_ID, FORMAT};
use crate::error::{is_corrupt, is_full};
use crate::options::LOG_BYTES;
use crate::{OpenError, Options};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};
use std::fs::{create_dir_all, remove_file, rename};
use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "nephoscope.db";

/// `SQLite`'s default, and the file systems' own.
const PAGE_BYTES: u64 = 4096;

/// Statements kept ready; more than we have.
const STATEMENTS: usize = 64;

/// Page cache of each connection, in KiB (`SQLite` counts them as negative).
const CACHE_KIB: i64 = -8192;

pub(crate) fn file(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Makes the directory if it is missing.
pub(crate) fn directory(dir: &Path) -> Result<(), OpenError> {
    create_dir_all(dir).map_err(|source| OpenError::Directory {
        dir: dir.to_owned(),
        source,
    })
}

/// The writer's connection to the checked file of today's format.
pub(crate) fn writer(options: &Options) -> Result<Connection, OpenError> {
    let path = file(&options.dir);
    let failed = |error| failure(&path, error);
    if !path.exists() {
        create(options, &path)?;
    }
    let mut conn = connect(&path).map_err(failed)?;
    let found = check(&conn, &path)?;
    schema::migrate(&mut conn, found).map_err(failed)?;
    limit(&conn, options.max_bytes, options.ledger_bytes).map_err(failed)?;
    Ok(conn)
}

/// Everything could be read: from here on the file is in use, and closing it may change it.
pub(crate) fn accept(conn: &Connection, options: &Options) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    schema::mark(conn, &options.version, false)
}

/// The same tables without a file.
pub(crate) fn in_memory(options: &Options) -> Result<Connection, OpenError> {
    let failed = |error| failure(Path::new(":memory:"), error);
    let mut conn = Connection::open_in_memory().map_err(failed)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::migrate(&mut conn, 0).map_err(failed)?;
    limit(&conn, options.max_bytes, options.ledger_bytes).map_err(failed)?;
    Ok(conn)
}

/// The connection that deliveries read from.
pub(crate) fn reader(dir: &Path) -> Result<Connection, OpenError> {
    let path = file(dir);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&path, flags).map_err(|error| failure(&path, error))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// A new file gets its name only when it is whole, so that an empty file of that name is a damaged one.
fn create(options: &Options, path: &Path) -> Result<(), OpenError> {
    let failed = |error| failure(path, error);
    let unfinished = path.with_extension("db.new");
    for suffix in ["", "-wal", "-shm"] {
        let left = PathBuf::from(format!("{}{suffix}", unfinished.display()));
        if left.exists() {
            remove_file(left).map_err(|source| unwritable(&options.dir, source))?;
        }
    }
    let mut conn = Connection::open(&unfinished).map_err(failed)?;
    configure(&conn).map_err(failed)?;
    schema::migrate(&mut conn, 0).map_err(failed)?;
    schema::mark(&conn, &options.version, true).map_err(failed)?;
    conn.close().map_err(|(_, error)| failed(error))?;
    rename(&unfinished, path).map_err(|source| unwritable(&options.dir, source))?;
    sync_directory(&options.dir).map_err(|source| unwritable(&options.dir, source))
}

fn sync_directory(dir: &Path) -> io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

/// Opened so that closing it without further ado leaves the file as it was.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(conn)
}

fn configure(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(mode, "the file system does not carry a write-ahead log");
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", false)?;
    conn.pragma_update(None, "cache_size", CACHE_KIB)?;
    conn.pragma_update(None, "journal_size_limit", LOG_BYTES.cast_signed())
}

/// Never below what the file has already, else nothing could be written until it has shrunk.
pub(crate) fn limit(conn: &Connection, max_bytes: u64, ledger_bytes: u64) -> rusqlite::Result<()> {
    let pages = max_bytes.saturating_add(ledger_bytes) / PAGE_BYTES;
    let pages = i64::try_from(pages.clamp(1, u64::from(u32::MAX - 1))).unwrap_or(i64::MAX);
    conn.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
    Ok(())
}

/// The file's format, if it is ours, sound and not from the future.
fn check(conn: &Connection, path: &Path) -> Result<i64, OpenError> {
    let failed = |error| failure(path, error);
    if path.metadata().is_ok_and(|meta| meta.len() == 0) {
        return Err(corrupted(path, "it is empty"));
    }
    let application: i64 = pragma(conn, "application_id").map_err(failed)?;
    let found: i64 = pragma(conn, "user_version").map_err(failed)?;
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    let ours = u32::try_from(application).unwrap_or_default();
    if tables == 0 {
        return Err(corrupted(path, "it holds no tables"));
    }
    let before_the_mark = ours == 0 && found == 0 && has_settings(conn);
    if ours != APPLICATION_ID && !before_the_mark {
        return Err(OpenError::NotOurs {
            file: path.to_owned(),
            application_id: ours,
        });
    }
    if found > FORMAT {
        return Err(OpenError::Newer {
            file: path.to_owned(),
            found,
            known: FORMAT,
            written_by: meta_text(conn).unwrap_or_else(|| "unknown".to_owned()),
        });
    }
    if found == FORMAT {
        if !was_clean(conn).map_err(failed)? {
            quick_check(conn, path)?;
        } else if path.metadata().is_ok_and(|meta| meta.len() % PAGE_BYTES != 0) {
            return Err(corrupted(path, "it ends within a page"));
        }
    }
    configure(conn).map_err(failed)?;
    Ok(found)
}

fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, name, |row| row.get(0))
}

fn has_settings(conn: &Connection) -> bool {
    conn.prepare("SELECT key, value FROM settings").is_ok()
}

fn meta_text(conn: &Connection) -> Option<String> {
    conn.query_row("SELECT value FROM meta WHERE key='written_by'", [], |row| {
        row.get(0)
    })
    .ok()
}

fn was_clean(conn: &Connection) -> rusqlite::Result<bool> {
    let clean: Option<i64> = conn
        .query_row("SELECT value FROM meta WHERE key='clean'", [], |row| row.get(0))
        .optional()?;
    Ok(clean == Some(1))
}

fn quick_check(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let verdict: String = conn
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| failure(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(corrupted(path, &verdict))
}

pub(crate) fn corrupted(path: &Path, detail: &str) -> OpenError {
    OpenError::Corrupted {
        file: path.to_owned(),
        detail: detail.to_owned(),
    }
}

fn unwritable(dir: &Path, source: io::Error) -> OpenError {
    if source.kind() == io::ErrorKind::StorageFull {
        return OpenError::Full {
            file: file(dir),
            source: Some(source.into()),
        };
    }
    OpenError::ReadOnly {
        dir: dir.to_owned(),
        source,
    }
}

/// A value of another type than the one that was written, or tables whose definition has changed under our statements.
fn is_misread(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::InvalidColumnType(..)
            | E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::Utf8Error(..)
            | E::QueryReturnedNoRows
            | E::SqlInputError { .. }
    )
}

/// What `SQLite`'s error means for whoever opens the file.
pub(crate) fn failure(path: &Path, error: rusqlite::Error) -> OpenError {
    let file = path.to_owned();
    if is_full(&error) {
        return OpenError::Full {
            file,
            source: Some(error.into()),
        };
    }
    if is_corrupt(&error) || is_misread(&error) {
        return corrupted(path, &error.to_string());
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::ReadOnly {
                dir: path.parent().unwrap_or(path).to_owned(),
                source: io::Error::other(error),
            }
        }
        _ => OpenError::Other {
            file,
            source: error.into(),
        },
    }
}
