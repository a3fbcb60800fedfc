//! `publish`: merges and publishes, says what would happen, or is armed until everything is green.

use std::fmt::Write as _;

use crate::domain::{MergeRequestStatus, Mergeability, ModelName, Phase};
use crate::engine::present::{held, next_step};
use crate::engine::setting::Rules;
use crate::engine::turn::{Turn, note};
use crate::engine::{anew, default_branch, holds, merging, publication};

use super::asked::{self, Asked, Done, Refusal};

/// The arguments of the command.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) sha: Option<&'a str>,
    pub(super) dry_run: bool,
    pub(super) when_ready: bool,
}

/// The forge's words for what no patience mends.
const CONFLICTS: [&str; 4] = ["conflict", "broken_status", "dirty", "need_rebase"];

pub(super) fn publish(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    wish: Wish<'_>,
) -> Done {
    let after = matches!(turn.merge_request().status, MergeRequestStatus::Merged { .. });
    if !after {
        asked::open(turn)?;
    }
    default_branch::refuse(turn)?;
    if after {
        return merged(turn, asked, name, rules, wish);
    }
    head(turn, asked, name, wish)?;
    let missing = missing(turn);
    if wish.dry_run {
        return Ok(Some(plan(turn, name, &missing)));
    }
    described(turn, None)?;
    if wish.when_ready && !missing.is_empty() {
        arm(turn, asked, name);
        return Ok(None);
    }
    // The merge brings all models: a hold of one holds them all.
    for held in turn.state.models.keys() {
        holds::refuse(turn, held)?;
    }
    if let Some(refusal) = objected(turn) {
        return Err(refusal);
    }
    if !missing.is_empty() {
        return Err(not_ready(turn, missing.join(" ")));
    }
    if turn.facts.target_gone {
        return Err(Refusal::new(
            "target-gone",
            format!("The target branch `{}` does not exist any more.", turn.merge_request().target_branch),
            "Restore the branch, or aim the merge request at another one.",
        ));
    }
    if let Mergeability::Blocked(word) = &turn.merge_request().mergeability
        && CONFLICTS.contains(&word.as_str())
    {
        return Err(Refusal::new(
            "not-mergeable",
            format!("The forge cannot merge this: {word}."),
            "Resolve the conflict with the target branch, then wait for the report of the new head.",
        ));
    }
    if turn.state.merging.is_none() {
        merging::begin(turn, asked.by);
    }
    Ok(None)
}

/// Arming waits for a report anyway: the head that was newest at the time of the comment is enough.
fn head(turn: &Turn<'_>, asked: &Asked<'_>, name: &ModelName, wish: Wish<'_>) -> Result<(), Refusal> {
    let newest = turn.merge_request().head_since.is_some_and(|since| since < asked.at);
    match asked::meant(turn, asked, name, wish.sha) {
        Err(_) if wish.sha.is_none() && wish.when_ready && newest => Ok(()),
        meant => meant,
    }
}

/// After the merge: starts what waits for the command, or goes on where publishing failed.
fn merged(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    wish: Wish<'_>,
) -> Done {
    if turn.state.models.get(name).is_some_and(|model| model.judged_anew().is_some()) {
        return judged_anew(turn, asked, name, wish);
    }
    asked::named(turn, name, wish.sha)?;
    asked::not_given_up(turn, name)?;
    let model = turn.state.models.get(name);
    let version = model.and_then(|model| model.publication.as_ref()?.version.clone());
    match asked::phase(turn, name) {
        Phase::Merged if rules.proposal.is_none() => Err(Refusal::new(
            "model-removed",
            "The merge request removed the model: there is nothing to publish.",
            "Publish a model from a merge request that changes it.",
        )),
        Phase::Merged if model.is_none_or(|model| model.publication.is_none()) => Err(Refusal::new(
            "not-default-branch",
            "It was merged into a branch that was not the default branch then, so nothing of it is published.",
            "Publish the model from a merge request into the default branch that changes it.",
        )),
        Phase::Merged | Phase::PublishFailed if wish.dry_run => Ok(Some(plan(turn, name, &[]))),
        Phase::Merged | Phase::PublishFailed => {
            holds::refuse(turn, name)?;
            turn.with(name, |turn, model| publication::resume(turn, name, model, asked.by));
            Ok(None)
        }
        Phase::Published => Err(Refusal::new(
            "commit-has-version",
            version.map_or_else(
                || "This commit is published already.".to_owned(),
                |version| format!("This commit is published already, as {version}."),
            ),
            "A commit has one version of a model; merge another change to publish another version.",
        )),
        Phase::Unblessed => Err(Refusal::new(
            "unblessed",
            "This was merged without being judged good, so it is not published.",
            format!(
                "Comment `{} run` to have the merge commit judged anew, then approve and publish that.",
                turn.facts.bot.addressing.prefix
            ),
        )),
        _ => {
            holds::refuse(turn, name)?;
            Ok(Some("It is being published.".to_owned()))
        }
    }
}

/// What was judged anew after the merge is published by an owner's new word.
fn judged_anew(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName, wish: Wish<'_>) -> Done {
    match asked::meant(turn, asked, name, wish.sha) {
        // The merge commit does not move: whoever arms it knows which one is meant.
        Err(_) if wish.sha.is_none() && wish.when_ready => {}
        meant => meant?,
    }
    let missing = lacks(turn, name);
    if wish.dry_run {
        return Ok(Some(plan(turn, name, missing.as_slice())));
    }
    described(turn, Some(name))?;
    let Some(missing) = missing.first() else {
        turn.with(name, |turn, model| anew::publish(turn, name, model, asked.by));
        return Ok(None);
    };
    if wish.when_ready {
        arm(turn, asked, name);
        return Ok(None);
    }
    holds::refuse(turn, name)?;
    Err(not_ready(turn, missing.clone()))
}

/// Every model (or the only one meant) has the card that its policy asks for. One that has not gets it by a
/// commit, after which nothing would be armed any more.
fn described(turn: &Turn<'_>, only: Option<&ModelName>) -> Result<(), Refusal> {
    let meant = turn.state.models.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
    let mut lacking = meant.filter_map(|(name, model)| Some((name, model.incomplete_card()?)));
    let Some((name, card)) = lacking.next() else { return Ok(()) };
    Err(Refusal::new(
        "card-incomplete",
        format!("The model card of `{name}` is incomplete: {}", card.problems.join(" ")),
        format!("Push a commit that completes `{}`, then wait for the report of the new head.", card.path),
    ))
}

/// Publishes as soon as it is ready.
fn arm(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName) {
    if let Some(model) = turn.state.models.get_mut(name) {
        model.armed = Some(asked.by.clone());
        note(&mut model.notices, format!("@{} asked to publish as soon as it is ready.", asked.by.login));
    }
}

/// Somebody asked for changes, and that stands.
fn objected(turn: &Turn<'_>) -> Option<Refusal> {
    let mut blocked = turn.findings.iter().filter(|(_, finding)| !finding.objections.is_empty());
    let (name, finding) = blocked.find(|(name, _)| asked::phase(turn, name) == Phase::AwaitingApproval)?;
    let names = finding.objections.iter().map(|login| format!("@{login}")).collect::<Vec<_>>().join(", ");
    Some(Refusal::new(
        "changes-requested",
        format!("Changes of `{name}` are requested by {names}."),
        "Whoever asked for them approves in the forge's own review, or that review is dismissed there; then \
         comment again.",
    ))
}

fn not_ready(turn: &Turn<'_>, missing: String) -> Refusal {
    let prefix = &turn.facts.bot.addressing.prefix;
    Refusal::new(
        "not-ready",
        missing,
        format!("Comment again when this is done, or `{prefix} publish --when-ready`."),
    )
}

/// What keeps one model from being published.
fn lacks(turn: &Turn<'_>, name: &ModelName) -> Vec<String> {
    let ready = |phase| matches!(phase, Phase::Ready | Phase::Merging | Phase::Held);
    let model = turn.state.models.get(name).filter(|model| !ready(model.phase));
    let unready = model.map(|model| format!("`{name}` is {}: {}", model.phase, next_step(turn, model)));
    let held = turn.state.holds.get(name).map(|_hold| held(turn, name));
    unready.into_iter().chain(held).collect()
}

/// What keeps the merge request from being published: the merge brings all its models.
fn missing(turn: &Turn<'_>) -> Vec<String> {
    turn.state.models.keys().flat_map(|name| lacks(turn, name)).collect()
}

/// What `publish` would do.
fn plan(turn: &Turn<'_>, name: &ModelName, missing: &[String]) -> String {
    let mut text = String::new();
    for line in missing {
        let _infallible = writeln!(text, "- not yet: {line}");
    }
    if turn.merge_request().status == MergeRequestStatus::Open {
        let _infallible = writeln!(text, "- merge at exactly `{}`", turn.merge_request().head);
    }
    let _infallible =
        writeln!(text, "- take the next free number of `{name}` with a tag on the merge commit");
    let _infallible = writeln!(text, "- run the publish job with the bytes that were judged");
    let _infallible = writeln!(text, "- make the release with `lineage.json` and the manifest");
    format!("`publish` would:\n\n{text}")
}
