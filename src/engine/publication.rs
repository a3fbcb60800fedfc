//! From the merge to the release: blessing, number, publish run, release. One step at a time, each
//! asked of the forge once and believed when it is told or seen.

mod order;
mod record;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::valid::PublishWhen;
use crate::domain::{
    Bound, Digest, Done, Effect, MergeRequestStatus, ModelName, ModelState, Outcome, Phase, Publication,
    Report, Sha, Stage, User, Version,
};

use super::default_branch;
use super::holds;
use super::setting::Rules;
use super::turn::{Turn, note};
use super::versions::{self, Number};

pub(super) use record::candidate;

/// Decides whether a merged model may be published: green for exactly the merged head, and merged onto
/// the base that it was judged against.
pub(super) fn bless(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    commit: &Sha,
    by: Option<&User>,
) {
    if let Some(why) = curse(turn, name, model, rules) {
        return unbless(turn, name, model, commit, why);
    }
    if let Some(default) = default_branch::elsewhere(turn) {
        turn.record(
            "publication",
            None,
            format!("{name}: merged into another branch than `{default}`, so nothing is published"),
            serde_json::json!({ "model": name, "commit": commit }),
        );
        turn.enter(name, model, Phase::Merged, Stage::Publish);
        return;
    }
    let Some((bound, report)) = turn.state.bound.clone().zip(model.report.as_ref().map(Report::digest))
    else {
        // Ready without a report: the head removed the model.
        turn.enter(name, model, Phase::Merged, Stage::Publish);
        return;
    };
    let ours = by.is_none_or(|by| by.id == turn.facts.bot.user.id);
    let requested_by = turn.state.merging.as_ref().filter(|_| ours).map(|merging| merging.by.clone());
    // Who said `publish` before the merge said it for the publication too.
    let phase = match rules.policy.publish.when {
        PublishWhen::Command if requested_by.is_none() => Phase::Merged,
        PublishWhen::Merge | PublishWhen::Command => Phase::Publishing,
    };
    begin(model, bound, report, commit.clone(), requested_by);
    turn.enter(name, model, phase, Stage::Publish);
}

/// A publication at its beginning: what it was gated by, and the commit that gets the tag.
pub(super) fn begin(
    model: &mut ModelState,
    bound: Bound,
    report: Digest,
    commit: Sha,
    requested_by: Option<User>,
) {
    model.publication = Some(Publication {
        requested_by,
        bound,
        report,
        commit,
        version: None,
        occupied: BTreeSet::new(),
        lineage: None,
        tagged: false,
        run_attempt: 1,
        run: None,
        ran: false,
        released: None,
        asked: None,
        failure: None,
        given_up: false,
    });
    model.infra_retries = 0;
    model.retry_at = None;
}

/// Without a good configuration nobody can say that a merged head was good. True where the merge request
/// is merged and its models were not decided about before.
pub(super) fn unbless_all(turn: &mut Turn<'_>) -> bool {
    let MergeRequestStatus::Merged { commit, .. } = &turn.merge_request().status else { return false };
    if turn.state.models.is_empty() {
        return false;
    }
    turn.state.merging = None;
    for name in turn.state.models.keys().cloned().collect::<Vec<_>>() {
        turn.with(&name, |turn, model| {
            if !model.is_past_merge() {
                let why = "`.mergewright.yml` was invalid when it was merged".to_owned();
                unbless(turn, &name, model, commit, why);
            }
        });
    }
    true
}

fn unbless(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, commit: &Sha, why: String) {
    turn.record(
        "publication",
        None,
        format!("{name}: merged, but not published: {why}"),
        serde_json::json!({ "model": name, "commit": commit, "why": why }),
    );
    model.unblessed = Some(why);
    turn.enter(name, model, Phase::Unblessed, model.stage);
}

/// Why a merged model is not published, if so.
fn curse(turn: &Turn<'_>, name: &ModelName, model: &ModelState, rules: &Rules<'_>) -> Option<String> {
    let request = turn.merge_request();
    let bound = turn.state.bound.as_ref();
    if bound.is_none_or(|bound| bound.head != request.head) {
        return Some(format!("{} was merged before it was judged", request.head.short()));
    }
    if let Some(hold) = turn.state.holds.get(name) {
        return Some(format!("it was merged while it was held by {}", hold.told()));
    }
    if !matches!(model.phase, Phase::Ready | Phase::Merging) {
        return Some(format!(
            "it was merged while {}, before build, test and review were green",
            model.phase
        ));
    }
    if default_branch::elsewhere(turn).is_some() {
        // Nothing is published of it, whatever its branch was put upon.
        return None;
    }
    if model.policy != rules.digest {
        return Some(
            "the target branch changed the model's policy before the merge, after this head was judged"
                .to_owned(),
        );
    }
    let drift = turn.facts.merged.as_ref()?.drift.as_ref()?;
    let path = rules.made_from(turn.facts, drift)?;
    Some(format!("the target branch changed {path} before the merge, after this head was judged"))
}

/// Takes the next steps of every model that is being published; what others depend on goes first.
pub(super) fn advance(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    for name in order::upstream_first(rules) {
        let upstream = order::awaited(turn, name, rules);
        turn.with(name, |turn, model| {
            if model.phase == Phase::PublishFailed {
                run::show_failed(turn, name, model);
            }
            if model.phase == Phase::Publishing && turn.state.holds.contains_key(name) {
                let paused =
                    format!("Held: nothing more is published until `{}`.", holds::release(turn, name));
                turn.findings.entry(name.clone()).or_default().diagnosis = Some(paused);
            } else if model.phase == Phase::Publishing
                && let Some(mut publication) = model.publication.take()
            {
                let next = match upstream.filter(|_| publication.version.is_none()) {
                    Some(why) => Next::Wait(Some(why)),
                    None => step(turn, name, model, &mut publication),
                };
                model.publication = Some(publication);
                settle(turn, name, model, next);
            }
        });
    }
}

/// Starts over where it stopped, with the same number.
pub(super) fn resume(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, by: &User) {
    if let Some(publication) = &mut model.publication {
        publication.requested_by = Some(by.clone());
        if publication.failure.take().is_some() {
            publication.asked = None;
            model.infra_retries = 0;
            // What was found of the run that failed says nothing about the next one.
            turn.findings.remove(name);
            if publication.tagged && !publication.ran {
                publication.run = None;
                publication.run_attempt += 1;
            }
        }
        turn.enter(name, model, Phase::Publishing, Stage::Publish);
    }
}

/// An owner gives up a version whose publishing failed: its number stays taken, and nothing follows.
pub(super) fn give_up(model: &mut ModelState, by: &User) {
    if let Some(publication) = &mut model.publication {
        publication.given_up = true;
        publication.asked = None;
        publication.failure = Some(format!("given up by {}: the number is void", by.login));
    }
}

/// What one look at a publication comes to.
enum Next {
    /// Something is under way; perhaps it waits for a person.
    Wait(Option<String>),
    /// It stopped.
    Failed(String),
    /// The release was read back.
    Out,
    /// The same bytes are published already, as this version.
    Same(Version),
}

fn step(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    publication: &mut Publication,
) -> Next {
    if let Some(why) = publication.failure.clone() {
        return Next::Failed(why);
    }
    let Some(report) = model.report.clone() else {
        return Next::Failed("the judged report is lost; open a new merge request".to_owned());
    };
    if publication.version.is_none()
        && let Some(next) = number(turn, name, &report, publication)
    {
        return next;
    }
    let Some(version) = publication.version.clone() else { return Next::Wait(None) };
    let lineage = record::settled(turn, name, model, publication, &report, &version);
    if !publication.tagged && !record::is_tagged(turn, name, &lineage) {
        let effect = Effect::CreateTag { model: name.clone(), version, lineage: Box::new(lineage) };
        ask(turn, publication, effect);
        return Next::Wait(None);
    }
    publication.tagged = true;
    if !publication.ran
        && let Some(next) = run::follow(turn, name, model, publication, &report, &version)
    {
        return next;
    }
    publication.ran = true;
    if publication.released.is_none() {
        let manifest = report.manifest();
        let effect = Effect::Release { model: name.clone(), version, lineage: Box::new(lineage), manifest };
        ask(turn, publication, effect);
        return Next::Wait(None);
    }
    let published = record::version(turn, name, publication, &report, lineage);
    turn.publish(published);
    Next::Out
}

/// Takes the next free number; something else when there is none to take.
fn number(
    turn: &mut Turn<'_>,
    name: &ModelName,
    report: &Report,
    publication: &mut Publication,
) -> Option<Next> {
    // Without knowing what is published, no number is safe to take.
    let Some(registry) = turn.facts.registry.get(name) else { return Some(Next::Wait(None)) };
    let same = registry.versions.iter().rev().find(|record| record.model_digest == report.model_digest());
    if let Some(record) = same.filter(|_| !report.artifacts.is_empty()) {
        return Some(Next::Same(record.version.clone()));
    }
    match versions::next(name, registry, &publication.commit, &publication.occupied) {
        Number::Taken { version } => Some(Next::Failed(format!(
            "the commit {} already holds {version} of this model: one version a commit (commit-has-version)",
            publication.commit.short()
        ))),
        Number::Free { version, skipped } => {
            // Another merge request's number is no gap, also while it is still being published.
            let foreign = |version: &Version| !record::is_of_ours(registry, name, version);
            for other in skipped.into_iter().filter(foreign) {
                turn.record(
                    "publication",
                    None,
                    format!(
                        "{} is void: the name is taken by a tag that is no version of ours",
                        other.tag(name)
                    ),
                    serde_json::json!({ "model": name, "version": other, "void": true }),
                );
            }
            publication.version = Some(version);
            None
        }
    }
}

/// Asks the forge for a step, once.
fn ask(turn: &mut Turn<'_>, publication: &mut Publication, effect: Effect) {
    if publication.asked.is_none() {
        publication.asked = Some(effect.slot());
        turn.want(effect);
    }
}

fn settle(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, next: Next) {
    match next {
        Next::Wait(diagnosis) => {
            turn.findings.entry(name.clone()).or_default().diagnosis = diagnosis;
            return;
        }
        Next::Failed(why) => {
            turn.record(
                "publication",
                None,
                format!("{name}: publishing failed: {why}"),
                serde_json::json!({ "model": name, "why": why }),
            );
            if let Some(publication) = &mut model.publication {
                publication.failure = Some(why);
                publication.asked = None;
            }
            turn.enter(name, model, Phase::PublishFailed, Stage::Publish);
            return;
        }
        Next::Same(version) => {
            note(
                &mut model.notices,
                format!("No new version: the model's files are exactly those of {version}."),
            );
            if let Some(publication) = &mut model.publication {
                publication.version = Some(version);
            }
        }
        Next::Out => {}
    }
    let version = model.publication.as_ref().and_then(|publication| publication.version.clone());
    turn.record(
        "publication",
        None,
        format!("{name}: published"),
        serde_json::json!({ "model": name, "version": version }),
    );
    turn.enter(name, model, Phase::Published, Stage::Publish);
}

/// Hears what became of a step that was asked for.
pub(super) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    let publications = turn.state.models.values_mut().filter_map(|model| model.publication.as_mut());
    for publication in publications.filter(|publication| publication.asked.as_deref() == Some(slot)) {
        publication.asked = None;
        match outcome {
            Outcome::Done(Done::Tagged { tag }) if tag.commit != publication.commit => occupied(publication),
            Outcome::Done(Done::Tagged { .. }) => publication.tagged = true,
            Outcome::Done(Done::Run { run }) => publication.run = Some(*run),
            Outcome::Done(Done::Released { web_url }) => publication.released = Some(web_url.clone()),
            Outcome::Done(
                Done::Plain
                | Done::Merged { .. }
                | Done::Queued
                | Done::Committed { .. }
                | Done::Scheduled { .. }
                | Done::Proposed { .. },
            ) => {}
            Outcome::Conflict { .. } if !publication.tagged => occupied(publication),
            Outcome::Conflict { reason } | Outcome::Refused { reason } => {
                publication.failure = Some(reason.clone());
            }
        }
    }
}

/// Somebody else took the number: the next look takes another.
fn occupied(publication: &mut Publication) {
    publication.occupied.extend(publication.version.take());
}
