//! Commands that ask the bot's database, or change it, beside the running bot.

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::Answer;
use super::arguments::Database;
use crate::config::server::ServerConfig;
use crate::storage::{Store, StoreError};

/// Opens the database that the configuration names, for reading only, and lets `question` answer.
pub(super) fn ask(
    database: &Database,
    question: impl AsyncFnOnce(Store) -> Result<Answer, StoreError>,
) -> Answer {
    with(database, async |url| question(Store::inspect(url).await?).await)
}

/// The same for one short write of `work`.
pub(super) fn change(
    database: &Database,
    work: impl AsyncFnOnce(&Store) -> Result<Answer, StoreError>,
) -> Answer {
    with(database, async |url| {
        let store = Store::beside(url).await?;
        let answer = work(&store).await;
        store.close().await;
        answer
    })
}

fn with(database: &Database, work: impl AsyncFnOnce(&str) -> Result<Answer, StoreError>) -> Answer {
    let config = match ServerConfig::load(&database.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => return Answer::usage(problems.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Answer::no(format!("mergewright: cannot start: {error}")),
    };
    let answered = runtime.block_on(work(config.database_url.expose_secret()));
    answered.unwrap_or_else(|error| Answer::usage(format!("mergewright: {error}")))
}

/// An answer of `--json`.
pub(super) fn as_json(value: &Value) -> Answer {
    // Every map key is a string, so the JSON form always exists.
    Answer::good(serde_json::to_string_pretty(value).unwrap_or_default())
}
