//! The sections of the sticky comment.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::domain::{
    Anew, Hold, Mark, ModelName, ModelSection, ModelState, Phase, Report, Stage, StageMark, StickyReport,
};
use crate::engine::facts::REPORT_ROW;
use crate::engine::setting::Rules;
use crate::engine::turn::{Finding, Turn, note};
use crate::engine::{approvals, baseline, card, difference, publication};

use super::{NOTHING_LEFT, next_step};

/// One section a model that has rules.
pub(super) fn all(turn: &Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) -> StickyReport {
    let nothing = Finding::default();
    let sections = turn.state.models.iter().filter_map(|(name, model)| {
        let finding = turn.findings.get(name).unwrap_or(&nothing);
        Some(section(turn, name, model, rules.get(name)?, finding))
    });
    StickyReport { invalid_configuration: None, models: sections.collect() }
}

fn section(
    turn: &Turn<'_>,
    name: &ModelName,
    model: &ModelState,
    rules: &Rules<'_>,
    finding: &Finding,
) -> ModelSection {
    let head = turn.bound(model).map_or(&turn.merge_request().head, |bound| &bound.head);
    let mut gates = model.judged.clone();
    gates.sort_by_key(|judged| std::cmp::Reverse((judged.blocks(), judged.verdict)));
    ModelSection {
        model: name.clone(),
        phase: model.phase,
        head: head.clone(),
        candidate: publication::candidate(turn, model, head),
        stages: Stage::ALL.map(|stage| StageMark { stage, mark: mark(model, stage) }).to_vec(),
        gates,
        baseline: match model.report {
            Some(_) => baseline::says(model.baseline.as_ref(), rules.policy.gates.baseline),
            None => String::new(),
        },
        charts: model.charts.clone(),
        other_metrics: other_metrics(model),
        whole_report: model.report.as_ref().and(model.report_page.clone()),
        failing_tests: finding.failing_tests.clone(),
        more_failing: finding.more_failing,
        logs: finding.logs.clone(),
        card: model.card.clone(),
        approvals_needed: approvals::needed(rules),
        approved_by: model.approved_by.clone(),
        policy_changes: match (rules.scrutiny.policy_changed, rules.proposal) {
            (true, Some(proposal)) => difference::policy(rules.policy, proposal),
            _ => Vec::new(),
        },
        evaluation_changes: model.evaluation_changes.clone(),
        notices: notices(turn.state.holds.get(name), model, finding),
        next_step: finding.diagnosis.clone().unwrap_or_else(|| match (model.phase, rules.proposal) {
            (Phase::Merged, None) => NOTHING_LEFT.to_owned(),
            (Phase::Ready | Phase::AwaitingApproval, _) if finding.target_gone => {
                "Restore the target branch, or aim the merge request at another one.".to_owned()
            }
            _ => next_step(turn, model),
        }),
        lineage: lineage(turn, model),
    }
}

/// How a stage stands, given the phase and the stage that is at work or where it stopped.
pub(super) fn mark(model: &ModelState, stage: Stage) -> Mark {
    let (phase, at) = (model.phase, model.stage);
    if card::fails_review(model, stage) {
        return Mark::Failed;
    }
    let stopped = matches!(phase, Phase::GateFailed | Phase::PublishFailed);
    let over = matches!(
        phase,
        Phase::Closed | Phase::Draft | Phase::AwaitingRun | Phase::Ready | Phase::Held | Phase::Untracked
    );
    match (phase, stage) {
        (Phase::Published, _) => Mark::Passed,
        (Phase::Unblessed, Stage::Publish) => Mark::Failed,
        (Phase::Unblessed, _) if stage == at => Mark::Waiting,
        _ if stage < at => Mark::Passed,
        _ if stage > at => Mark::Waiting,
        _ if stopped => Mark::Failed,
        _ if over => Mark::Waiting,
        _ => Mark::Active,
    }
}

/// Metrics that no row of the table shows.
fn other_metrics(model: &ModelState) -> Vec<(String, Decimal)> {
    let shown: BTreeSet<_> = model.judged.iter().map(|judged| judged.metric.as_str()).collect();
    let read = |metric: &String| {
        let whole = metric.strip_suffix(".value").or_else(|| metric.strip_suffix(".samples"));
        shown.contains(metric.as_str()) || whole.is_some_and(|whole| shown.contains(whole))
    };
    let metrics = model.report.iter().flat_map(|report| &report.metrics);
    metrics.filter(|(metric, _)| !read(metric)).map(|(metric, value)| (metric.clone(), *value)).collect()
}

pub(super) fn notices(hold: Option<&Hold>, model: &ModelState, finding: &Finding) -> Vec<String> {
    let mut notices: Vec<_> = hold.map(|hold| format!("Held by {}", hold.told())).into_iter().collect();
    notices.extend(model.anew.iter().map(judged_anew));
    notices.extend(model.notices.iter().cloned());
    let unusable = model.report.iter().flat_map(|report| &report.unusable);
    let unusable = unusable.map(|(metric, why)| format!("`{metric}` in the report is unusable: {why}."));
    let failure = model.publication.iter().filter_map(|publication| publication.failure.as_ref());
    let stopped = model.unblessed.iter().map(|why| format!("Not published: {why}."));
    let failed = failure.map(|why| format!("Publishing failed: {why}."));
    let texts = finding.notices.iter().cloned().chain(finding.error.clone());
    for text in texts.chain(unusable).chain(stopped).chain(failed) {
        note(&mut notices, text);
    }
    notices
}

/// Why the section is of another commit than the head.
fn judged_anew(anew: &Anew) -> String {
    format!(
        "The merge was not published: {}. What is said here is of the merge commit {}, judged anew on the target \
         branch: what was measured and approved before does not count for it.",
        anew.because,
        anew.bound.head.short()
    )
}

/// What everything above is bound to.
pub(super) fn lineage(turn: &Turn<'_>, model: &ModelState) -> Vec<(String, String)> {
    let Some(bound) = turn.bound(model) else { return Vec::new() };
    let publication = model.publication.as_ref();
    let rows = [
        ("head", Some(bound.head.to_string())),
        ("base", Some(bound.base.to_string())),
        ("policy", bound.policy.map(|digest| digest.to_string())),
        (REPORT_ROW, model.report.as_ref().map(|report| report.digest().to_string())),
        ("model digest", model.report.as_ref().map(|report| report.model_digest().to_string())),
        (
            "dataset",
            model.report.as_ref().and_then(|report| report.dataset.as_ref()).map(ToString::to_string),
        ),
        ("source", model.report.as_ref().map(|report: &Report| report.source.clone())),
        ("baseline", baseline::scored_anew(model)),
        ("commit", publication.map(|publication| publication.commit.to_string())),
        (
            "version",
            publication.and_then(|publication| publication.version.as_ref()).map(ToString::to_string),
        ),
        ("release", publication.and_then(|publication| publication.released.clone())),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
