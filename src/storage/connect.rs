//! Where the database lies and how its connections are set up.

mod postgres;
mod readers;

pub(super) use postgres::{ANSWER_LIMIT, CHANNEL, GOODBYE, SWEEP_LOCK, Server, WRITING, announced};
pub(super) use readers::Readers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::StoreError;
use super::driver::{Connection, Opening, refused};
use crate::domain::database_file;

/// Bodies are a few KiB when compressed: one page holds one or more of them.
const PAGE_SIZE: u32 = 8192;
/// Pages in the write-ahead log before it is folded back; checkpoints own the slowest answers.
const CHECKPOINT_PAGES: &str = "2000";
/// Page cache of a connection in KiB, as SQLite writes it (negative = KiB, not pages).
const CACHE_KIB: &str = "-4096";
/// How long we wait for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 4;

/// A judged database address.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// In memory; gone with the last handle.
    Memory,
    /// A file.
    File(PathBuf),
    /// A server that several processes share.
    Server(Box<Server>),
}

impl Address {
    /// Reads `sqlite://PATH`, `sqlite::memory:` or `postgres://…`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let wrong = |why: &str| {
            StoreError::Address(format!("{why}; expected sqlite:// and a path, or postgres:// and a server"))
        };
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Server::parse(url).map(Box::new).map(Self::Server);
        }
        let Some(rest) = url.strip_prefix("sqlite:") else {
            // The text may hold a password, so only what stands before the first colon is named.
            let scheme: String = url.split(':').next().unwrap_or_default().chars().take(20).collect();
            return Err(wrong(&format!("`{scheme}` is not a kind of database that can be opened")));
        };
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            ":memory:" => Ok(Self::Memory),
            path => database_file(path).map(Self::File).map_err(wrong),
        }
    }

    /// The first connection of a process that works on the database; a server may still be starting.
    pub(super) async fn connect(&self) -> Result<(Connection, Opening), StoreError> {
        let opening = self.writer()?;
        let connection = match self {
            Self::Server(server) => server.connect(&opening).await?,
            Self::Memory | Self::File(_) => {
                opening.open().await.map_err(|error| self.told(unopened(error)))?
            }
        };
        Ok((connection, opening))
    }

    /// A connection to a database that is there and that another process works on: for reading only, or not.
    pub(super) async fn visit(&self, writes: bool) -> Result<Connection, StoreError> {
        let opening = if writes { self.writer()? } else { self.reader()? };
        match self {
            Self::Server(server) => opening.open().await.map_err(|error| server.told(refused(error))),
            Self::Memory | Self::File(_) => opening.open().await.map_err(|error| self.told(unopened(error))),
        }
    }

    /// The error with the place at which it was met.
    pub(super) fn told(&self, error: StoreError) -> StoreError {
        match self {
            Self::Memory => error,
            Self::File(path) => error.at(&path.display().to_string()),
            Self::Server(server) => server.told(error),
        }
    }

    /// How the one writing connection is opened; creates the file's folder.
    fn writer(&self) -> Result<Opening, StoreError> {
        let options = match self {
            Self::Server(server) => return Ok(server.writer()),
            Self::Memory => SqliteConnectOptions::new().in_memory(true),
            Self::File(path) => {
                create_folder(path)?;
                SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
            }
        };
        let options = options
            .page_size(PAGE_SIZE)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", CACHE_KIB);
        Ok(Opening::Sqlite(Box::new(options)))
    }

    /// How one connection is opened that only reads a database that must be there.
    fn reader(&self) -> Result<Opening, StoreError> {
        match self {
            Self::Server(server) => Ok(server.reader()),
            Self::Memory => Err(StoreError::Address("a database in memory is nobody else's".to_owned())),
            Self::File(path) if !path.is_file() => Err(StoreError::Address(format!(
                "there is no database at {}; `mergewright serve` makes it",
                path.display()
            ))),
            Self::File(path) => Ok(Opening::Sqlite(Box::new(read_only(path)))),
        }
    }

    /// Connections that only read; none in memory, where only the writing connection sees the data.
    pub(super) fn readers(&self) -> Option<Readers> {
        match self {
            Self::Memory => None,
            Self::File(path) => {
                let pool = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(BUSY_TIMEOUT);
                Some(Readers::Sqlite(pool.connect_lazy_with(read_only(path))))
            }
            Self::Server(server) => Some(Readers::Postgres(server.readers())),
        }
    }
}

fn read_only(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", CACHE_KIB)
}

/// What is wrong with a file that SQLite does not open.
pub(super) fn unopened(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    // The lowest byte says what, the others say more of it.
    match code.map(|code| code & 0xff) {
        Some(3 | 8 | 14) => StoreError::Unusable(format!(
            "{error}; it must be a file that we may read and write, in a folder where we may write: change whose \
             it is, or `database_url`"
        )),
        Some(26) => StoreError::Unusable(
            "it is no SQLite database; move the file away, or change `database_url`".to_owned(),
        ),
        _ => error.into(),
    }
}

fn create_folder(file: &Path) -> Result<(), StoreError> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| {
        StoreError::Address(format!(
            "the folder {} cannot be created ({error}); create it or change database_url",
            folder.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file_or_memory() {
        assert!(matches!(Address::parse("sqlite::memory:"), Ok(Address::Memory)));
        for (url, path) in [
            ("sqlite:///var/lib/m.db", "/var/lib/m.db"),
            ("sqlite://m.db", "m.db"),
            ("sqlite:m.db", "m.db"),
            ("sqlite:///a b/ü.db", "/a b/ü.db"),
        ] {
            let Ok(Address::File(found)) = Address::parse(url) else { panic!("{url}") };
            assert_eq!(found, PathBuf::from(path), "{url}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for url in ["", "m.db", "mysql://me:hunter2@db/m", "sqlite://", "sqlite:///a/", "sqlite://a?mode=ro"]
        {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains("sqlite:// and a path"), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
