//! One model's section, made ready for the template: counted, cut and put into words.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::Serialize;

use super::Detail;
use super::policy::{self, PolicyRow};
use crate::domain::{Judged, Mark, ModelSection, Phase, StageMark, Verdict};
use crate::outbox::render::budget;
use crate::outbox::render::chart::Drawing;
use crate::outbox::render::log::{Log, web_address};

/// So many rows of rules stand open to the eye, the worst ones; the others are folded away.
const MOST_OPEN: usize = 30;
/// The most remarks on a model card.
const MOST_PROBLEMS: usize = 20;

/// What a number that is not there looks like.
const NONE: &str = "–";

#[derive(Debug, Serialize)]
pub(super) struct Section {
    sign: &'static str,
    model: String,
    headline: String,
    stages: String,
    candidate: String,
    head: String,
    next_step: String,
    gates: Vec<Gate>,
    /// Further rules, folded away, and how many of them are not met.
    folded: Vec<Gate>,
    folded_unmet: usize,
    gates_cut: usize,
    baseline: String,
    reasons: Vec<Reason>,
    reasons_cut: usize,
    charts: Vec<Drawing>,
    tests_failed: usize,
    tests: Vec<Test>,
    tests_cut: usize,
    logs: Vec<Log>,
    logs_left_out: bool,
    card: Option<ModelCard>,
    approvals: String,
    approved_by: Vec<String>,
    policy: Vec<PolicyRow>,
    policy_cut: usize,
    evaluation: Vec<String>,
    evaluation_cut: usize,
    notices: Vec<String>,
    notices_cut: usize,
    others: Vec<Entry>,
    others_cut: usize,
    lineage: Vec<Entry>,
    /// Where everything is to be seen; empty where nothing was left out.
    whole_report: String,
}

#[derive(Debug, Serialize)]
struct Gate {
    metric: String,
    candidate: String,
    baseline: String,
    change: String,
    verdict: String,
    rule: String,
}

#[derive(Debug, Serialize)]
struct ModelCard {
    path: String,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Reason {
    rule: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Test {
    name: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    value: String,
}

impl Section {
    pub(super) fn new(model: &ModelSection, detail: &Detail) -> Self {
        let words = |text: &str| budget::head(text, detail.words).0;
        let mut judged: Vec<&Judged> = model.gates.iter().collect();
        judged.sort_by_key(|judged| Reverse((judged.blocks(), judged.verdict)));
        let mut gates: Vec<_> =
            judged.iter().take(detail.gates).map(|judged| Gate::new(judged, detail)).collect();
        let gates_cut = judged.len() - gates.len();
        let bad = judged.iter().filter(|judged| judged.verdict != Verdict::Pass);
        let (told, reasons_cut) =
            (bad.clone().take(detail.reasons), bad.count().saturating_sub(detail.reasons));
        let reasons = told.map(|judged| Reason { rule: words(&judged.rule), text: words(&reason(judged)) });
        let folded = gates.split_off(gates.len().min(MOST_OPEN));
        let folded_unmet = judged.iter().take(MOST_OPEN + folded.len()).skip(MOST_OPEN);
        let folded_unmet = folded_unmet.filter(|judged| judged.blocks()).count();
        let charts: Vec<_> = model
            .charts
            .iter()
            .take(detail.charts)
            .filter_map(|chart| Drawing::new(chart, detail.words))
            .collect();
        let tests = model.failing_tests.iter().take(detail.tests);
        let tests: Vec<_> =
            tests.map(|test| Test { name: words(&test.name), message: words(&test.message) }).collect();
        let logs: Vec<_> = match detail.log {
            0 => Vec::new(),
            most => model
                .logs
                .iter()
                .map(|log| Log::new(log, most))
                .filter(|log| !log.text.trim().is_empty() || !log.url.is_empty())
                .collect(),
        };
        let others_cut = model.other_metrics.len().saturating_sub(detail.others);
        let tests_cut = model.failing_tests.len() - tests.len() + model.more_failing;
        let left_out = gates_cut + reasons_cut + tests_cut + others_cut > 0;
        let whole_report = model.whole_report.as_deref().filter(|_| left_out).map(web_address);
        let entry = |(name, value): &(String, String)| Entry { name: words(name), value: words(value) };
        let other = |(name, value): &(String, Decimal)| Entry { name: words(name), value: number(*value) };
        let (sign, headline) = verdict(model);
        Self {
            sign,
            model: model.model.to_string(),
            headline,
            stages: stages(&model.stages),
            candidate: model.candidate.clone(),
            head: model.head.short().to_owned(),
            next_step: words(&model.next_step),
            gates_cut,
            gates,
            folded,
            folded_unmet,
            baseline: words(&model.baseline),
            reasons: reasons.collect(),
            reasons_cut,
            charts,
            card: model.card.as_ref().map(|card| ModelCard {
                path: words(&card.path),
                problems: card.problems.iter().take(MOST_PROBLEMS).map(|problem| words(problem)).collect(),
            }),
            tests_failed: model.failing_tests.len() + model.more_failing,
            tests_cut,
            tests,
            logs_left_out: logs.is_empty() && !model.logs.is_empty() && detail.log == 0,
            logs,
            approvals: approvals(model),
            approved_by: model.approved_by.iter().take(50).map(|login| words(login)).collect(),
            policy: policy::rows(&model.policy_changes, detail),
            policy_cut: model.policy_changes.len().saturating_sub(detail.policy),
            evaluation: model.evaluation_changes.iter().take(detail.policy).map(|name| words(name)).collect(),
            evaluation_cut: model.evaluation_changes.len().saturating_sub(detail.policy),
            notices: model.notices.iter().take(detail.notices).map(|notice| words(notice)).collect(),
            notices_cut: model.notices.len().saturating_sub(detail.notices),
            others: model.other_metrics.iter().take(detail.others).map(other).collect(),
            others_cut,
            lineage: model.lineage.iter().take(detail.lineage).map(entry).collect(),
            whole_report: whole_report.unwrap_or_default(),
        }
    }
}

impl Gate {
    fn new(judged: &Judged, detail: &Detail) -> Self {
        let words = |text: &str| budget::head(text, detail.words).0;
        let change = match (judged.candidate, judged.baseline) {
            // Measured on different data: the two are never subtracted.
            _ if judged.verdict == Verdict::Incomparable => None,
            (Some(candidate), Some(baseline)) => candidate.checked_sub(baseline),
            _ => None,
        };
        let rule = if judged.rule == judged.metric {
            judged.bounds.clone()
        } else {
            format!("{}: {}", judged.rule, judged.bounds)
        };
        Self {
            metric: words(&judged.metric),
            candidate: candidate(judged),
            baseline: judged.baseline.map_or_else(|| NONE.to_owned(), number),
            change: change.map_or_else(|| NONE.to_owned(), signed),
            verdict: match judged.verdict {
                _ if judged.waived.is_some() => format!("✗ {}, waived", judged.verdict),
                Verdict::Pass => "✓ pass".to_owned(),
                Verdict::Warn => "⚠ warn".to_owned(),
                Verdict::Inconclusive => "? inconclusive".to_owned(),
                Verdict::Incomparable => "✗ incomparable".to_owned(),
                Verdict::Missing => "✗ missing".to_owned(),
                Verdict::Fail => "✗ fail".to_owned(),
            },
            rule: words(&rule),
        }
    }
}

/// Why a rule is not met, after who waived it: that must not be cut away.
fn reason(judged: &Judged) -> String {
    match &judged.waived {
        Some(waived) => format!("{}. {}", waived.told(), judged.reason),
        None => judged.reason.clone(),
    }
}

fn candidate(judged: &Judged) -> String {
    match (judged.candidate, judged.runs, judged.slices) {
        (_, _, Some(1)) => "1 slice".to_owned(),
        (_, _, Some(slices)) => format!("{slices} slices"),
        (None, ..) => NONE.to_owned(),
        (Some(mean), Some(runs), _) => format!("{} (mean of {runs})", number(mean)),
        (Some(value), None, _) => number(value),
    }
}

fn number(value: Decimal) -> String {
    value.to_string().replace('-', "−")
}

fn signed(value: Decimal) -> String {
    let value = value.normalize();
    if value.is_zero() {
        "±0".to_owned()
    } else if value.is_sign_negative() {
        number(value)
    } else {
        format!("+{value}")
    }
}

fn stages(marks: &[StageMark]) -> String {
    let one = |mark: &StageMark| match mark.mark {
        Mark::Waiting => mark.stage.to_string(),
        Mark::Active => format!("{} …", mark.stage),
        Mark::Passed => format!("{} ✓", mark.stage),
        Mark::Failed => format!("{} ✗", mark.stage),
    };
    marks.iter().map(one).collect::<Vec<_>>().join(" · ")
}

fn approvals(model: &ModelSection) -> String {
    let given = model.approved_by.len();
    match (model.approvals_needed, given) {
        (0, 0) => String::new(),
        (0, _) => format!("Approvals: {given}, none is required"),
        (needed, _) => format!("Approvals: {given} of {needed}"),
    }
}

/// The sign and the verdict in a few words.
fn verdict(model: &ModelSection) -> (&'static str, String) {
    let blocking = model.gates.iter().filter(|judged| judged.blocks());
    let blocking = blocking.map(|judged| judged.rule.as_str()).collect::<BTreeSet<_>>().len();
    let (sign, words) = match model.phase {
        Phase::Untracked => ("…", "not judged yet"),
        Phase::Draft => ("…", "a draft, not judged"),
        Phase::AwaitingRun => ("…", "waits for a maintainer to start it"),
        Phase::Building => ("…", "building"),
        Phase::Testing => ("…", "testing"),
        Phase::GateFailed if blocking == 1 => ("✗", "1 rule is not met"),
        Phase::GateFailed if blocking > 1 => return ("✗", format!("{blocking} rules are not met")),
        Phase::GateFailed => ("✗", "failed"),
        Phase::Inconclusive => ("?", "the gates cannot decide"),
        Phase::InfraError => ("⚠", "the runner failed, not the model"),
        Phase::AwaitingApproval => ("…", "the gates are passed, people must approve"),
        Phase::Ready => ("✓", "ready to publish"),
        Phase::Held => ("⚠", "held"),
        Phase::Merging => ("…", "merging"),
        Phase::Merged => ("✓", "merged, not published"),
        Phase::Publishing => ("…", "publishing"),
        Phase::Published => ("✓", "published"),
        Phase::PublishFailed => ("✗", "publishing failed"),
        Phase::Unblessed => ("✗", "merged, but not published"),
        Phase::Closed => ("–", "closed"),
    };
    (sign, words.to_owned())
}
