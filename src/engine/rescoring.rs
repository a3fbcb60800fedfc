//! A baseline measured anew: numbers of different data are never subtracted, so a baseline that has numbers of
//! other data is measured once more, by the code and on the data of the head. That is code which nobody
//! approved yet: it runs on the merge request's own branch, and of a fork not at all. What a merge made is on
//! the target branch already, and measures there.

mod standing;

use std::borrow::Cow;

use crate::domain::{
    BaselineName, Done, Effect, LogTail, MergeRequestStatus, ModelName, ModelState, Outcome, Report,
    Rescoring, Sha, Subject, Verdict, VersionRecord, WorkOrder,
};

use super::facts::{ScoresFact, TargetFact};
use super::setting::Rules;
use super::turn::{Finding, Turn};
use super::{gates, infra};
use standing::Standing;

pub(super) use standing::evaluation;

/// Takes in what the runs came to that measured for this head.
pub(super) fn learn(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState) {
    let Some(open) = turn.open() else { return };
    for known in model.rescorings.iter_mut().filter(|known| known.scores.is_none()) {
        let Some(fact) = known.run.and_then(|run| open.rescorings.get(&run.0)) else { continue };
        let Some(ScoresFact::Read(scores)) = &fact.scores else { continue };
        let ours = fact.run.as_ref().filter(|run| run.sha == known.head);
        if ours.and_then(|run| evaluation(run, name)).is_none_or(|job| job.id != scores.job) {
            continue;
        }
        known.scores = Some((**scores).clone());
        turn.record(
            "rescoring",
            None,
            format!("{name}: {} was scored anew on dataset {}", known.subject.title(), known.dataset.short()),
            serde_json::json!({ "model": name, "version": known.subject, "head": known.head,
                "dataset": known.dataset, "scores": scores }),
        );
    }
}

/// The versions with the numbers that they have on the report's data, where they were measured anew on it.
pub(super) fn applied<'v>(
    mut versions: Cow<'v, [VersionRecord]>,
    model: &ModelState,
    report: &Report,
) -> Cow<'v, [VersionRecord]> {
    for known in model.rescorings.iter().filter(|known| counts(known, report)) {
        let Some(scores) = &known.scores else { continue };
        let Subject::Version(version) = &known.subject else { continue };
        let place = versions.iter().position(|record| record.version == *version);
        if let Some(record) = place.and_then(|place| versions.to_mut().get_mut(place)) {
            record.metrics.clone_from(&scores.metrics);
            record.dataset = Some(known.dataset.clone());
        }
    }
    versions
}

/// What stands on the target branch with the numbers that it has on the report's data, where it was measured
/// anew on it.
pub(super) fn applied_to_target<'f>(
    fact: &'f TargetFact,
    model: &ModelState,
    report: &Report,
) -> Cow<'f, TargetFact> {
    let TargetFact::Measured(theirs) = fact else { return Cow::Borrowed(fact) };
    let subject = Subject::Bytes(theirs.model_digest());
    let known = model.rescorings.iter().find(|known| counts(known, report) && known.subject == subject);
    let Some((known, scores)) = known.and_then(|known| Some((known, known.scores.as_ref()?))) else {
        return Cow::Borrowed(fact);
    };
    let (metrics, dataset) = (scores.metrics.clone(), Some(known.dataset.clone()));
    Cow::Owned(TargetFact::Measured(Box::new(Report { metrics, dataset, ..(**theirs).clone() })))
}

/// The data that the baseline was measured anew on, if its numbers count for the report.
pub(super) fn scored_on(baseline: &BaselineName, model: &ModelState, report: &Report) -> Option<Sha> {
    let subject = baseline.subject()?;
    let mut known = model.rescorings.iter().filter(|known| counts(known, report) && known.scores.is_some());
    known.find(|known| known.subject == subject).map(|known| known.dataset.clone())
}

fn counts(known: &Rescoring, report: &Report) -> bool {
    known.head == report.head && report.dataset.as_ref() == Some(&known.dataset)
}

/// Has the baseline measured anew where that is of use, and says how it stands. Whether it is waited for.
pub(super) fn awaited(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    report: &Report,
    finding: &mut Finding,
) -> bool {
    let Some((dataset, baseline)) = report.dataset.as_ref().zip(model.baseline.clone()) else {
        return false;
    };
    if !is_of_use(rules, model) || baseline.rescored.is_some() {
        return false;
    }
    let Some((subject, source)) = measured_elsewhere(turn, name, &baseline, dataset) else { return false };
    let known = model.rescorings.iter().position(|known| known.subject == subject && counts(known, report));
    let standing = match known.and_then(|place| model.rescorings.get(place).cloned()) {
        Some(known) => standing::of(turn, name, model, &known),
        None => match forbidden(turn, model) {
            Some(why) => Standing::Forbidden(why),
            None => {
                begin(turn, model, (subject, &source), report, dataset);
                Standing::Awaited { said: "it is about to begin".to_owned(), page: None }
            }
        },
    };
    let log = |page: String, text: String| LogTail { job: "evaluate".to_owned(), web_url: page, text };
    match standing {
        Standing::Awaited { said, page } => {
            finding.logs.extend(page.map(|page| log(page, String::new())));
            let has = if baseline.version.is_some() { "was published with" } else { "has" };
            finding.diagnosis = Some(format!(
                "{baseline} {has} numbers of other data, so it is scored anew on this head's dataset {} before \
                 anything is compared: {said}.",
                dataset.short()
            ));
            true
        }
        Standing::Forbidden(why) => {
            finding.diagnosis = Some(impossible(turn, &baseline, dataset, why, ""));
            false
        }
        Standing::Failed { why, page, text } => {
            finding.logs.extend(page.map(|page| log(page, text)));
            let again = format!(" `{} retry` tries once more.", turn.facts.bot.addressing.prefix);
            finding.diagnosis = Some(impossible(turn, &baseline, dataset, &why, &again));
            false
        }
    }
}

/// Whose bytes the baseline is and which job or run built them, where its numbers are of other data.
fn measured_elsewhere(
    turn: &Turn<'_>,
    name: &ModelName,
    baseline: &BaselineName,
    dataset: &Sha,
) -> Option<(Subject, String)> {
    let (theirs, source) = match &baseline.version {
        Some(version) => {
            let registry = turn.facts.registry.get(name)?;
            let record = registry.versions.iter().find(|record| record.version == *version)?;
            (record.dataset.as_ref(), &record.lineage.source)
        }
        None => match turn.open()?.targets.get(name)? {
            TargetFact::Measured(report) => (report.dataset.as_ref(), &report.source),
            TargetFact::UnderWay { .. } | TargetFact::Nothing => return None,
        },
    };
    let subject = baseline.subject()?;
    (theirs != Some(dataset)).then(|| (subject, source.clone()))
}

/// Whether any rule that is not excused compares with what was before, and nothing is bad already that no
/// comparison would mend.
fn is_of_use(rules: &Rules<'_>, model: &ModelState) -> bool {
    let compares = |id: &str| {
        let mut of_row = rules.policy.gates.rules.iter().filter(|rule| rule.id == id);
        of_row.any(|rule| rule.max_regression.is_some() || rule.slice.is_some())
    };
    let open = model.judged.iter().any(|row| row.waived.is_none() && compares(&row.rule));
    open && !matches!(gates::worst(&model.judged), Verdict::Missing | Verdict::Fail)
}

/// Why the head's code is not run for it.
fn forbidden(turn: &Turn<'_>, model: &ModelState) -> Option<&'static str> {
    let request = turn.merge_request();
    if model.anew.is_some() {
        None
    } else if request.status != MergeRequestStatus::Open {
        Some("that runs on a merge request's own branch, and this one is not open any more")
    } else if request.from_fork {
        Some("code from a fork is never run for that")
    } else if request.source_branch == turn.facts.repository.default_branch {
        Some("that never runs on the default branch, which is where this merge request comes from")
    } else {
        None
    }
}

fn impossible(turn: &Turn<'_>, baseline: &BaselineName, dataset: &Sha, why: &str, again: &str) -> String {
    let prefix = &turn.facts.bot.addressing.prefix;
    format!(
        "{baseline} has numbers of other data and could not be scored anew on this head's dataset {}: {why}. What says \
         *incomparable* stays so; an owner may waive the rule on this head: `{prefix} waive RULE REASON`.{again}",
        dataset.short()
    )
}

fn begin(
    turn: &mut Turn<'_>,
    model: &mut ModelState,
    (subject, source): (Subject, &str),
    report: &Report,
    dataset: &Sha,
) {
    turn.state.rescorings_asked += 1;
    let request = turn.merge_request();
    let branch = if model.anew.is_some() { &request.target_branch } else { &request.source_branch };
    let name = &report.model;
    let effect = Effect::Evaluate {
        branch: branch.clone(),
        order: WorkOrder::evaluate(name, subject.clone(), source, &report.head),
        attempt: turn.state.rescorings_asked,
    };
    turn.record(
        "rescoring",
        None,
        format!("{name}: {} is to be scored anew on dataset {}", subject.title(), dataset.short()),
        serde_json::json!({ "model": name, "version": subject, "head": report.head, "dataset": dataset }),
    );
    model.rescorings.push(Rescoring {
        subject,
        head: report.head.clone(),
        dataset: dataset.clone(),
        asked: Some(effect.slot()),
        run: None,
        refused: None,
        scores: None,
    });
    turn.want(effect);
}

/// Tries again what came to nothing of the baseline that is compared with. Whether there was anything to try
/// again.
pub(super) fn again(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState) -> bool {
    let Some(subject) = model.baseline.as_ref().and_then(BaselineName::subject) else { return false };
    let open = |known: &Rescoring| known.scores.is_none() && known.subject == subject;
    let Some(place) = model.rescorings.iter().rposition(open) else { return false };
    let Some(known) = model.rescorings.get(place).cloned() else { return false };
    if known.refused.is_none() {
        let Some(fact) = known.run.and_then(|run| turn.open()?.rescorings.get(&run.0)) else { return false };
        let job = fact.run.as_ref().and_then(|run| Some((run, evaluation(run, name)?)));
        match job {
            Some((_, job)) if !job.status.is_final() => return false,
            Some((run, job)) if standing::may_run_again(job) => {
                model.infra_retries = 0;
                infra::again(turn, model, run, job);
                return true;
            }
            _ => {}
        }
    }
    model.rescorings.remove(place);
    true
}

/// Stops what may still be at work for a head that is gone.
pub(super) fn stop(turn: &mut Turn<'_>, model: &ModelState) {
    let open = model.rescorings.iter().filter(|known| known.scores.is_none());
    let runs = open.filter_map(|known| known.run).collect::<Vec<_>>();
    runs.iter().for_each(|run| turn.cancel(*run));
}

/// Stops the run that is at work for this head, if there is one.
pub(super) fn stop_live(turn: &mut Turn<'_>, name: &ModelName, model: &ModelState) -> bool {
    let Some(open) = turn.open() else { return false };
    let mut live =
        model.rescorings.iter().filter_map(|known| open.rescorings.get(&known.run?.0)?.run.as_ref());
    let live = live.find(|run| evaluation(run, name).is_some_and(|job| !job.status.is_final()));
    live.inspect(|run| turn.cancel(run.id)).is_some()
}

/// Hears what became of a run that was asked for. One that nobody waits for any more is stopped.
pub(super) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    if !slot.starts_with("evaluate:") {
        return;
    }
    let mut all = turn.state.models.values_mut().flat_map(|model| &mut model.rescorings);
    let known = all.find(|known| known.asked.as_deref() == Some(slot));
    match (known, outcome) {
        (Some(known), Outcome::Done(done)) => {
            known.asked = None;
            if let Done::Run { run } = done {
                known.run = Some(*run);
            }
        }
        (None, Outcome::Done(Done::Run { run })) => turn.cancel(*run),
        (None, Outcome::Done(_)) => {}
        (known, Outcome::Refused { reason } | Outcome::Conflict { reason }) => {
            if let Some(known) = known {
                known.asked = None;
                known.refused = Some(reason.clone());
            }
            // Also of a head that is gone: a run that began on another commit was cancelled.
            let detail = serde_json::json!({ "slot": slot, "reason": reason });
            turn.record("rescoring", None, format!("a baseline was not scored anew: {reason}"), detail);
        }
    }
}
