//! A database of its own for each test: a file, or one on the server that `MERGEWRIGHT_POSTGRES` names.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::storage::connect::Address;
use crate::storage::driver::Connection;

thread_local! {
    static ON_POSTGRES: Cell<bool> = const { Cell::new(false) };
}

/// Plays a test of SQLite on Postgres.
pub(super) fn play_on_postgres(test: fn()) {
    ON_POSTGRES.set(true);
    test();
}

/// How many cases of a property are drawn: each makes a database, which takes a server longer.
pub(super) fn cases(on_a_file: u32) -> u32 {
    if ON_POSTGRES.get() { on_a_file / 4 } else { on_a_file }
}

/// The same bodies on Postgres. `.ci/run` starts a server and plays them.
macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {
        mod on_postgres {
            $(
                #[test]
                #[ignore = "needs a Postgres server: .ci/postgres starts one"]
                fn $name() {
                    crate::storage::tests::base::play_on_postgres(super::$name);
                }
            )+
        }
    };
}
pub(super) use on_postgres;

/// Where a test's database is; gone with this.
#[derive(Debug)]
pub(super) enum Base {
    File(TempDir),
    Server { name: String },
}

impl Base {
    /// On the database that this test is about.
    pub(super) async fn new() -> Self {
        if !ON_POSTGRES.get() {
            return Self::File(tempfile::tempdir().unwrap());
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        administer(&format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        Self::Server { name }
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite://{}/m.db", folder.path().display()),
            Self::Server { name } => address(name),
        }
    }

    /// A connection past the store, as somebody with the database in his hands has one.
    pub(super) async fn by_hand(&self) -> Connection {
        Address::parse(&self.url()).unwrap().visit(true).await.unwrap()
    }

    /// A statement of a test in the database's own words, where the two have different ones.
    pub(super) fn words(&self, sql: &str) -> String {
        match self {
            Self::File(_) => sql.to_owned(),
            Self::Server { .. } => sql
                .replace("GROUP_CONCAT(", "STRING_AGG(")
                .replace(" x'", " '\\x")
                .replace("DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_changed ON audit")
                .replace("DROP TRIGGER audit_is_not_deleted", "DROP TRIGGER audit_is_not_deleted ON audit"),
        }
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let Self::Server { name } = self else { return };
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // Not waited for: the server may wait for a connection that this test's runtime was just making. What
        // is left goes with the server's folder.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(administer(&drop));
        });
    }
}

async fn administer(sql: &str) {
    let mut connection = Address::parse(&address("postgres")).unwrap().visit(true).await.unwrap();
    connection.control(sql).await.unwrap();
}

/// The address of a database on the server.
fn address(database: &str) -> String {
    let server = std::env::var("MERGEWRIGHT_POSTGRES")
        .expect("MERGEWRIGHT_POSTGRES holds the address of a server: `.ci/postgres start` tells one");
    let (server, _) = server.rsplit_once('/').expect("an address ends with the name of a database");
    format!("{server}/{database}")
}
