//! `mergewright connect`: introduces the bot and a forge to each other.

mod github;
mod gitlab;
mod keep;
mod page;

use std::path::Path;

use super::Answer;
use super::arguments::{Connect, ConnectTo};

/// Does it.
pub(super) fn run(arguments: &Connect) -> Answer {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Answer::no(format!("mergewright: cannot start: {error}")),
    };
    match &arguments.to {
        ConnectTo::Github(arguments) => runtime.block_on(github::connect(arguments)),
        ConnectTo::Gitlab(arguments) => runtime.block_on(gitlab::connect(arguments)),
    }
}

/// Without it no forge knows where to send anything.
fn no_public_url(config: &Path) -> Answer {
    Answer::usage(format!(
        "{}: `public_url` is missing: write how the forge reaches the bot, `public_url: https://mergewright.example.com`",
        config.display()
    ))
}
