//! The bot on a Postgres server, alone and with others. `.ci/run` starts a server and plays these.

mod outage;
mod processes;
mod proxy;

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A database of its own on the server that `MERGEWRIGHT_POSTGRES` names; gone with this.
struct Database {
    name: String,
}

impl Database {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("suite_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        administer(format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        Self { name }
    }

    /// Its address.
    fn url(&self) -> String {
        address(&self.name)
    }

    /// Its address by way of another place.
    fn url_by(&self, place: std::net::SocketAddr) -> String {
        self.url().replace(&server().to_string(), &place.to_string())
    }

    /// One number.
    async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Not waited for: the server may wait for a connection that this test's runtime was just making. What
        // is left goes with the server's folder.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(administer(drop));
        });
    }
}

async fn administer(sql: String) {
    let mut connection = PgConnection::connect(&address("postgres")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// The address of a database on the server.
fn address(database: &str) -> String {
    let server = std::env::var("MERGEWRIGHT_POSTGRES")
        .expect("MERGEWRIGHT_POSTGRES holds the address of a server: `.ci/postgres start` tells one");
    let (server, _) = server.rsplit_once('/').expect("an address ends with the name of a database");
    format!("{server}/{database}")
}

/// Where the server listens.
fn server() -> std::net::SocketAddr {
    let url = address("");
    let (_, place) = url.trim_end_matches('/').rsplit_once('@').expect("an address names who signs in");
    place.parse().expect("the server listens on an address and a port")
}
