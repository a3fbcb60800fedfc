//! `mergewright serve`: judge the configuration, then run the bot until it is asked to end.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::Answer;
use super::arguments::{Role, Serve};
use crate::app::{self, App, Ended};
use crate::config::server::ServerConfig;
use crate::domain::SystemClock;
use crate::storage::StoreError;
use crate::telemetry;

/// How long threads that cannot be stopped are waited for in the end.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// Runs; good when it ended because it was asked to, and well.
pub(super) fn run(arguments: &Serve) -> Answer {
    let config = match ServerConfig::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            return Answer::usage(problems.to_string());
        }
    };
    let role = match arguments.role {
        Role::All => app::Role::All,
        Role::Web => app::Role::Web,
        Role::Worker => app::Role::Worker,
    };
    let shared = !config.database_url.expose_secret().starts_with("sqlite:");
    if role != app::Role::All && !shared {
        return Answer::usage(
            "mergewright: --role web and --role worker share one database between processes, which SQLite cannot do; \
             run one process with --role all, or set `database_url` to the address of a Postgres server",
        );
    }
    if arguments.check_config {
        return Answer::good(format!("{}: good", arguments.config.display()));
    }
    let told = telemetry::init(&config.log, config.redactor()).map_err(anyhow::Error::from);
    let metrics = match told.and_then(|()| Ok(telemetry::install()?)) {
        Ok(metrics) => metrics,
        Err(error) => {
            return Answer::usage(format!("mergewright: {error:#}"));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Answer::no(format!("mergewright: cannot start its threads: {error}"));
        }
    };
    let served = runtime.block_on(async {
        let mut end = std::pin::pin!(app::asked_to_end()?);
        let begin = async {
            let app = App::assemble_as(role, &config, Arc::new(SystemClock), metrics).await?;
            app.listen(config.listen).await
        };
        // To begin may take long: another process works on the file, or the server is not there yet. Nothing
        // is claimed before it is done, so there is nothing to finish.
        tokio::select! {
            biased;
            () = &mut end => {
                tracing::info!("asked to end before everything ran");
                Ok(Ok(()))
            }
            running = Box::pin(begin) => anyhow::Ok(running?.until(end).await),
        }
    });
    // A name that is being looked up would hold us up for as long as that takes.
    runtime.shutdown_timeout(LAST_THREADS);
    answer(served, shared)
}

/// A bot that cannot start says what is wrong with its configuration; one that broke is to be started
/// again, so its status is another.
fn answer(served: anyhow::Result<Result<(), Ended>>, shared: bool) -> Answer {
    match served {
        Ok(Ok(())) => Answer::good(""),
        Ok(Err(ended)) => Answer::no(format!("mergewright: {ended}")),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the bot cannot run");
            let said = format!("mergewright: {error:#}");
            match error.downcast_ref() {
                // Nothing is wrong with what was written: the next start may find the server there.
                Some(StoreError::Unavailable(_)) if shared => Answer::no(said),
                _ => Answer::usage(said),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::How;

    #[test]
    fn one_that_broke_is_started_again_and_one_that_cannot_start_is_not() {
        let internal = "not for everybody".to_owned();
        let broken = answer(Ok(Err(Ended { task: "the outbox", how: How::Panicked, internal })), false);
        assert_eq!(
            (broken.status, broken.err.as_str()),
            (
                1,
                "mergewright: the outbox panicked, and nothing does its work: start again; the log says more"
            )
        );
        assert_eq!(
            answer(Err(anyhow::anyhow!("the port is taken")), true).status,
            2,
            "deploy/systemd keeps to this"
        );
        assert_eq!(answer(Ok(Ok(())), true).status, 0);
        let away = || {
            let error = StoreError::Unavailable("no answer".to_owned());
            Err(anyhow::Error::from(error).context("opening the database"))
        };
        assert_eq!(answer(away(), true).status, 1, "a server may come back by itself");
        assert_eq!(answer(away(), false).status, 2, "a file does not");
    }
}
