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
    let better = iris::params(300, "0.5", ALL_FEATURES);
    let first = open(stage, narrator, "train-longer", "Train longer, with a larger step", &better)?;
    publish(stage, narrator, first).await?;
    promote(stage, narrator, first, "v1").await?;
    if scenario == Scenario::Publish {
        return Ok(());
    }
    refuse_a_worse_model(stage, narrator).await?;
    let second = change_their_minds(stage, narrator).await?;
    publish(stage, narrator, second).await?;
    promote(stage, narrator, second, "v2").await?;
    ask(stage, narrator, second, "/model rollback production").await
}

/// From a green merge request to its release.
async fn publish(stage: &Stage, narrator: &Narrator, number: u64) -> anyhow::Result<()> {
    label(stage, narrator, number, "model::review").await?;
    show_report(stage, narrator, number);

    say(stage, narrator, OWNER, number, "/model approve")?;
    label(stage, narrator, number, "model::ready").await?;

    say(stage, narrator, OWNER, number, "/model publish")?;
    label(stage, narrator, number, "model::published").await?;
    show_report(stage, narrator, number);
    Ok(())
}

/// To staging, and from there to production.
async fn promote(stage: &Stage, narrator: &Narrator, number: u64, version: &str) -> anyhow::Result<()> {
    for environment in ["staging", "production"] {
        ask(stage, narrator, number, &format!("/model promote {version} {environment}")).await?;
    }
    Ok(())
}

/// The owner asks for a rollout and waits until the reply says that it is live.
async fn ask(stage: &Stage, narrator: &Narrator, number: u64, line: &str) -> anyhow::Result<()> {
    let comment = stage.project.comment(OWNER, number, line)?.context("the comment was not kept")?;
    narrator.scene(&format!("    {OWNER:8} {line}"));
    narrator.waiting_for(line);
    let told = async {
        loop {
            match narrator::reply(&stage.project, number, stage.bot_account(), comment) {
                Some(text) if text.starts_with('✓') => return Ok(text),
                Some(text) if text.starts_with("✗") || text.contains("Refused") => bail!("{line}: {text}"),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    };
    let text = tokio::time::timeout(STEP_LIMIT, told)
        .await
        .with_context(|| format!("{line}: nothing is live after {STEP_LIMIT:?}"))??;
    narrator.scene(&format!("    bot      replies: {}", text.lines().next().unwrap_or_default()));
    Ok(())
}

async fn refuse_a_worse_model(stage: &Stage, narrator: &Narrator) -> anyhow::Result<()> {
    let worse = iris::params(300, "0.5", &["sepal_length_cm", "sepal_width_cm"]);
    let number = open(stage, narrator, "two-features", "Use only the two measurements of the sepal", &worse)?;
    label(stage, narrator, number, "model::failed").await?;
    show_report(stage, narrator, number);
    question(stage, narrator, number, "/model explain test").await
}

/// A model that misses one rule is let through by a waiver and approved; then the author pushes a better
/// one, for which neither counts.
async fn change_their_minds(stage: &Stage, narrator: &Narrator) -> anyhow::Result<u64> {
    let branch = "train-less";
    let quick = iris::params(120, "0.5", ALL_FEATURES);
    let number = open(stage, narrator, branch, "Train in less than half the time", &quick)?;
    label(stage, narrator, number, "model::failed").await?;
    show_report(stage, narrator, number);

    say(stage, narrator, OWNER, number, "/model waive log_loss half the training time is worth it")?;
    label_from(stage, narrator, number, "model::review", Some("model::failed")).await?;
    show_report(stage, narrator, number);
    say(stage, narrator, OWNER, number, "/model approve")?;
    label(stage, narrator, number, "model::ready").await?;

    let longest = iris::params(1000, "0.5", ALL_FEATURES);
    let files = [File::write(iris::PARAMS, longest)];
    let head = stage.project.push(AUTHOR, branch, &files, "Train until nothing changes")?;
    narrator.scene(&format!("    {AUTHOR:8} pushed {} to {branch}: until nothing changes", head.short()));
    Ok(number)
}

/// Somebody asks, and the bot's whole answer is shown.
async fn question(stage: &Stage, narrator: &Narrator, number: u64, line: &str) -> anyhow::Result<()> {
    let comment = stage.project.comment(AUTHOR, number, line)?.context("the comment was not kept")?;
    narrator.scene(&format!("    {AUTHOR:8} {line}"));
    narrator.waiting_for(line);
    let told = async {
        loop {
            match narrator::reply(&stage.project, number, stage.bot_account(), comment) {
                Some(text) => return text,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    };
    let text = tokio::time::timeout(STEP_LIMIT, told)
        .await
        .with_context(|| format!("{line}: not answered after {STEP_LIMIT:?}"))?;
    narrator.scene("    bot      replies:");
    quote(narrator, &text);
    Ok(())
}

/// The author pushes a branch with other parameters and opens a merge request.
fn open(stage: &Stage, narrator: &Narrator, branch: &str, title: &str, params: &str) -> anyhow::Result<u64> {
    let main = stage.project.branch("main")?;
    let files = [File::write(iris::PARAMS, params)];
    let head = stage.project.branch_off(AUTHOR, branch, &main, &files, title)?;
    let number = stage.project.open_merge_request(AUTHOR, branch, title)?;
    let address = stage.project.merge_request_url(number)?;
    narrator.scene(&format!("\n{} {title}  {address}", stage.forge.number(number)));
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
    label_from(stage, narrator, number, wanted, None).await
}

/// The same, where it carries the label `before` until then.
async fn label_from(
    stage: &Stage,
    narrator: &Narrator,
    number: u64,
    wanted: &str,
    before: Option<&str>,
) -> anyhow::Result<()> {
    const FAILED: &str = "model::failed";
    let called = stage.forge.number(number);
    narrator.waiting_for(&format!("{called} on its way to {wanted}"));
    let seen = async {
        loop {
            let labels = stage.project.merge_request(number)?.labels;
            if labels.contains(wanted) {
                return Ok(());
            }
            if labels.contains(FAILED) && before != Some(FAILED) {
                let report = narrator::report(&stage.project, number, stage.bot_account());
                bail!("{called} failed instead of reaching {wanted}:\n{}", report.unwrap_or_default());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(STEP_LIMIT, seen)
        .await
        .with_context(|| format!("{called} has not reached {wanted} after {STEP_LIMIT:?}"))?
}

/// Prints the sticky comment as it stands now.
fn show_report(stage: &Stage, narrator: &Narrator, number: u64) {
    if let Some(text) = narrator::report(&stage.project, number, stage.bot_account()) {
        narrator.scene("    bot      says in its comment:");
        quote(narrator, &text);
    }
}

fn quote(narrator: &Narrator, text: &str) {
    for line in text.lines() {
        narrator.scene(&format!("      │ {line}"));
    }
}
