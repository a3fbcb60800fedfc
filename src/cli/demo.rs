//! `mergewright demo`: a forge on this machine, the bot as `serve` runs it, and people who use it.

mod bot;
mod forge;
mod iris;
mod narrator;
mod play;
mod stage;

use std::sync::Arc;

use super::Answer;
use super::arguments::{Demo, DemoForge};
use super::output::say;
use crate::domain::ForgeKind;
use forge::Played;
use narrator::Narrator;
use stage::Stage;

/// Plays; good when the model was published and promoted.
pub(super) fn run(arguments: &Demo) -> Answer {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Answer::no(format!("mergewright: the demo cannot start its threads: {error}"));
        }
    };
    match runtime.block_on(perform(arguments)) {
        Ok(()) => Answer::good(""),
        Err(error) => Answer::no(format!("mergewright: the demo ended early: {error:#}")),
    }
}

async fn perform(arguments: &Demo) -> anyhow::Result<()> {
    // SIGTERM as well as Ctrl-C: a bot that is a process of its own would outlive us.
    let mut end = std::pin::pin!(crate::app::asked_to_end()?);
    say("mergewright demo: from a push to a published model, on this machine\n");
    let played = Played::new(match arguments.forge {
        DemoForge::Gitlab => ForgeKind::GitLab,
        DemoForge::Github => ForgeKind::GitHub,
    });
    let stage = Arc::new(Stage::set(played, arguments.listen).await?);
    stage.introduce();
    let narrator = Narrator::start(Arc::clone(&stage));
    let played = tokio::select! {
        played = play::perform(&stage, &narrator, arguments.scenario) => played,
        stopped = stage.bot_stopped() => stopped,
        () = &mut end => Err(anyhow::anyhow!("interrupted")),
    };
    narrator.end().await;
    if let Err(error) = played {
        say(format!("the bot's log: {}", stage.log_file().display()));
        stage.stop_bot().await;
        return Err(error);
    }
    stage.conclude()?;
    if !arguments.once {
        say("\nEverything stays up: comment on the merge requests in a browser, or push to the repository.");
        say("Ctrl-C ends it.");
        tokio::select! {
            stopped = stage.bot_stopped() => stopped?,
            () = &mut end => {}
        }
    }
    stage.stop_bot().await;
    Ok(())
}
