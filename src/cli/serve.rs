//! `mergewright serve`: judge the configuration, then run the bot until it is asked to end.

use std::sync::Arc;
use std::time::Duration;

use super::Answer;
use super::arguments::{Role, Serve};
use crate::app::App;
use crate::config::server::ServerConfig;
use crate::domain::SystemClock;
use crate::telemetry;

/// How long threads that cannot be stopped are waited for in the end.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// Runs; good when it ended because it was asked to.
pub(super) fn run(arguments: &Serve) -> Answer {
    let config = match ServerConfig::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            return Answer::usage(problems.to_string());
        }
    };
    if arguments.role != Role::All {
        return Answer::usage(
            "mergewright: --role web and --role worker share one database between processes, which SQLite cannot do; \
             run one process with --role all",
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
        let end = crate::app::asked_to_end()?;
        let app = App::assemble(&config, Arc::new(SystemClock), metrics).await?;
        app.serve(config.listen, end).await
    });
    // A name that is being looked up would hold us up for as long as that takes.
    runtime.shutdown_timeout(LAST_THREADS);
    match served {
        Ok(()) => Answer::good(""),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the bot cannot run");
            Answer::usage(format!("mergewright: {error:#}"))
        }
    }
}
