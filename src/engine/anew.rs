//! A merged model that was not published, judged anew: the merge commit is built and measured on the
//! target branch by a run that we ask for, people approve that, and an owner publishes it. What was
//! measured and said of the head does not count for it.

use std::collections::BTreeMap;

use crate::domain::{
    Anew, Bound, Done, Effect, ModelName, ModelState, Outcome, Phase, Report, Sha, Stage, User, WorkOrder,
};

use super::bind;
use super::setting::Rules;
use super::turn::{Turn, note};
use super::{judge, merging, publication, rescoring, waivers};

/// Asks for a run of the merge commit: the first one, or another one.
pub(super) fn begin(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    commit: &Sha,
    by: &User,
) {
    bind::stop(turn, model);
    rescoring::stop(turn, model);
    model.rescorings.retain(|known| known.scores.is_some());
    let mut anew = match model.anew.take() {
        Some(known) => known,
        None => leave_the_head(turn, name, model, rules, commit),
    };
    anew.attempt += 1;
    let effect = Effect::Dispatch {
        branch: turn.merge_request().target_branch.clone(),
        order: WorkOrder::run(name, commit),
        attempt: anew.attempt,
    };
    (anew.asked, anew.run, anew.refused) = (Some(effect.slot()), None, None);
    turn.want(effect);
    turn.record(
        "run",
        Some(&by.login),
        format!("{name}: a run of the merge commit {} was asked for", commit.short()),
        serde_json::json!({ "model": name, "commit": commit, "attempt": anew.attempt }),
    );
    model.anew = Some(anew);
    model.infra_retries = 0;
    turn.enter(name, model, Phase::Building, Stage::Build);
}

/// The merge commit is a candidate of its own: nothing of the head's is left but why it was not published.
fn leave_the_head(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    commit: &Sha,
) -> Anew {
    let request = turn.merge_request();
    let digest = |side: &super::Configuration| side.valid().map(|config| config.digest);
    let bound = Bound {
        head: commit.clone(),
        base: turn.facts.base.clone(),
        target: request.target_branch.clone(),
        policy: digest(&turn.facts.policy),
        proposal: digest(turn.facts.merged_configuration()),
    };
    let mut notices = Vec::new();
    let why = format!("it was given for {}, not for what the merge made of it", request.head.short());
    bind::void_approvals(turn, name, model, &mut notices, &why);
    waivers::void(turn, name, model, &mut notices, &why);
    let because = model.unblessed.take().unwrap_or_default();
    *model = ModelState {
        phase: model.phase,
        since: model.since,
        stage: model.stage,
        candidate: model.candidate + 1,
        policy: rules.digest,
        scrutiny: model.scrutiny,
        evaluation_changes: std::mem::take(&mut model.evaluation_changes),
        rebound_at: Some(turn.now),
        reported_before: model.reported_at.map(|_| request.head.clone()),
        notices,
        ..ModelState::default()
    };
    Anew { bound, because, attempt: 0, asked: None, run: None, refused: None }
}

/// Judges what is judged anew, and publishes what somebody armed.
pub(super) fn settle(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    for (name, rules) in rules {
        turn.with(name, |turn, model| {
            if model.judged_anew().is_none() {
                return;
            }
            judge::judge(turn, name, model, rules);
            if let Some(trouble) = trouble(turn, model) {
                turn.findings.entry(name.clone()).or_default().diagnosis = Some(trouble);
            }
            if model.phase == Phase::Ready
                && let Some(by) = merging::armed(turn, model, rules)
            {
                publish(turn, name, model, &by);
            }
        });
    }
}

/// Why no run is to be expected, if so.
fn trouble(turn: &Turn<'_>, model: &ModelState) -> Option<String> {
    let anew = model.judged_anew()?;
    let prefix = &turn.facts.bot.addressing.prefix;
    if let Some(reason) = &anew.refused {
        return Some(format!(
            "No run could be started: {reason}. Mend that, then comment `{prefix} run` again."
        ));
    }
    let gone = turn
        .facts
        .merged
        .as_ref()
        .is_some_and(|merged| anew.run.is_some_and(|run| merged.gone.contains(&run.0)));
    gone.then(|| {
        format!("The run was deleted before its end was seen. Comment `{prefix} run` to start another one.")
    })
}

/// Publishes the merge commit, which is ready for it.
pub(super) fn publish(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, by: &User) {
    let Some((anew, report)) = model.anew.as_ref().zip(model.report.as_ref().map(Report::digest)) else {
        return;
    };
    let (bound, commit) = (anew.bound.clone(), anew.bound.head.clone());
    turn.record(
        "publication",
        Some(&by.login),
        format!("{name}: the merge commit {} is published", commit.short()),
        serde_json::json!({ "model": name, "commit": commit, "report": report }),
    );
    model.armed = None;
    publication::begin(model, bound, report, commit, Some(by.clone()));
    turn.enter(name, model, Phase::Publishing, Stage::Publish);
}

/// Hears what became of a run that was asked for. One that began after another was asked for in its
/// place is stopped.
pub(super) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    let mut needless = None;
    for (name, model) in &mut turn.state.models {
        let Some(anew) = &mut model.anew else { continue };
        if anew.asked.as_deref() == Some(slot) {
            anew.asked = None;
            match outcome {
                Outcome::Done(Done::Run { run }) => anew.run = Some(*run),
                Outcome::Done(_) => {}
                Outcome::Refused { reason } | Outcome::Conflict { reason } => {
                    anew.refused = Some(reason.clone());
                    note(&mut model.notices, format!("A run could not be started: {reason}"));
                }
            }
        } else if slot.starts_with(&format!("dispatch:{name}:run:"))
            && let Outcome::Done(Done::Run { run }) = outcome
            && anew.run != Some(*run)
        {
            needless = Some(*run);
        }
    }
    if let Some(run) = needless {
        turn.cancel(run);
    }
}
