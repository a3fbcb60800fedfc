//! What the people of the demo do, and what they wait for.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::iris::{self, ALL_FEATURES};
use super::narrator::{self, Narrator};
use super::stage::{AUTHOR, OWNER, Stage};
use crate::cli::arguments::Scenario;
use crate::sandbox::File;

/// The longest that one step may take; the slowest is a training of a few seconds.
const STEP_LIMIT: Duration = Duration::from_secs(120);
/// How often we look whether it happened.
const LOOK: Duration = Duration::from_millis(50);

/// Plays the scenario to its end.
pub(super) async fn perform(stage: &Stage, narrator: &Narrator, scenario: Scenario) -> anyhow::Result<()> {
    publish_a_better_model(stage, narrator).await?;
    match scenario {
        Scenario::Publish => Ok(()),
        Scenario::Tour => refuse_a_worse_model(stage, narrator).await,
    }
}

async fn publish_a_better_model(stage: &Stage, narrator: &Narrator) -> anyhow::Result<()> {
    let better = iris::params(300, "0.5", ALL_FEATURES);
    let number = open(stage, narrator, "train-longer", "Train longer, with a larger step", &better)?;
    label(stage, narrator, number, "model::review").await?;
    show_report(stage, narrator, number);

    say(stage, narrator, OWNER, number, "/model approve")?;
    label(stage, narrator, number, "model::ready").await?;

    say(stage, narrator, OWNER, number, "/model publish")?;
    label(stage, narrator, number, "model::published").await?;
    show_report(stage, narrator, number);
    Ok(())
}

async fn refuse_a_worse_model(stage: &Stage, narrator: &Narrator) -> anyhow::Result<()> {
    let worse = iris::params(300, "0.5", &["sepal_length_cm", "sepal_width_cm"]);
    let number = open(stage, narrator, "two-features", "Use only the two measurements of the sepal", &worse)?;
    label(stage, narrator, number, "model::failed").await?;
    show_report(stage, narrator, number);
    Ok(())
}

/// The author pushes a branch with other parameters and opens a merge request.
fn open(stage: &Stage, narrator: &Narrator, branch: &str, title: &str, params: &str) -> anyhow::Result<u64> {
    let main = stage.project.branch("main")?;
    let files = [File::write(iris::PARAMS, params)];
    let head = stage.project.branch_off(AUTHOR, branch, &main, &files, title)?;
    let number = stage.project.open_merge_request(AUTHOR, branch, title)?;
    let address = stage.project.merge_request_url(number)?;
    narrator.scene(&format!("\n!{number} {title}  {address}"));
    narrator.scene(&format!("    {AUTHOR:8} pushed {} to {branch}", head.short()));
    Ok(number)
}

fn say(stage: &Stage, narrator: &Narrator, login: &str, number: u64, text: &str) -> anyhow::Result<()> {
    stage.project.comment(login, number, text)?;
    narrator.scene(&format!("    {login:8} {text}"));
    Ok(())
}

/// Waits until the merge request carries this label of the bot.
async fn label(stage: &Stage, narrator: &Narrator, number: u64, wanted: &str) -> anyhow::Result<()> {
    narrator.waiting_for(&format!("!{number} on its way to {wanted}"));
    let seen = async {
        loop {
            let labels = stage.project.merge_request(number)?.labels;
            if labels.contains(wanted) {
                return Ok(());
            }
            if labels.contains("model::failed") {
                let report = narrator::report(&stage.project, number, stage.bot_account());
                bail!("!{number} failed instead of reaching {wanted}:\n{}", report.unwrap_or_default());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(STEP_LIMIT, seen)
        .await
        .with_context(|| format!("!{number} has not reached {wanted} after {STEP_LIMIT:?}"))?
}

/// Prints the sticky comment as it stands now.
fn show_report(stage: &Stage, narrator: &Narrator, number: u64) {
    if let Some(text) = narrator::report(&stage.project, number, stage.bot_account()) {
        narrator.scene("    bot      says in its comment:");
        for line in text.lines() {
            narrator.scene(&format!("      │ {line}"));
        }
    }
}
