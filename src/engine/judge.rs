//! Where one model of a head stands, from the facts alone.

use std::time::Duration;

use crate::domain::{Job, LogTail, ModelName, ModelState, Phase, Report, Sha, Stage, Timestamp, Verdict};

use super::facts::{Registry, ReportFact, TargetFact};
use super::gates::{Earlier, Sides};
use super::progress::{self, Progress};
use super::setting::Rules;
use super::turn::{Finding, Turn, note};
use super::{approvals, baseline, card, fork, gates, infra, rescoring, waivers};

/// When to look again for a run of the target branch, of whose end no hook tells us.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Judges a model anew and moves it to where it stands.
pub(super) fn judge(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, rules: &Rules<'_>) {
    let mut finding = Finding::default();
    scrutinise(rules, &mut finding);
    dependency(turn, rules, &mut finding);
    if turn.facts.target_gone {
        let target = &turn.merge_request().target_branch;
        note(&mut finding.notices, format!("The target branch `{target}` does not exist any more."));
        finding.target_gone = true;
    }
    let (phase, stage) = stands(turn, name, model, rules, &mut finding);
    // A merge that was asked for goes on as long as the model stays ready for it.
    let merging = model.phase == Phase::Merging && turn.state.merging.is_some();
    if !(merging && phase == Phase::Ready) {
        turn.enter(name, model, phase, stage);
    }
    turn.findings.insert(name.clone(), finding);
}

fn stands(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    finding: &mut Finding,
) -> (Phase, Stage) {
    if let Some(why) = rules.unserved() {
        finding.error = Some(why);
        return (Phase::Untracked, Stage::Build);
    }
    if turn.merge_request().draft && model.anew.is_none() {
        return (Phase::Draft, Stage::Build);
    }
    if rules.proposal.is_none() {
        model.card = None;
        // All there is to see stands in the report from the first.
        model.reported_at.get_or_insert(turn.now);
        return review(turn, name, model, rules, finding);
    }
    card::check(turn, name, model, rules);
    let progress = progress::read(turn, name, model);
    let stalled = progress::stalled(turn, model, &progress);
    match progress {
        Progress::AwaitingRun => match fork::secrets_withheld(turn, rules) {
            None => (Phase::AwaitingRun, Stage::Build),
            Some(why) => {
                finding.withheld = true;
                finding.diagnosis = Some(format!("{why} {}", fork::WITH_SECRETS));
                (Phase::GateFailed, Stage::Build)
            }
        },
        Progress::Pending { stage, diagnosis, by_hand, .. } => {
            finding.logs.extend(by_hand.map(shown));
            finding.diagnosis = diagnosis.or(stalled);
            (if stage == Stage::Build { Phase::Building } else { Phase::Testing }, stage)
        }
        Progress::ScriptFailed { stage, job } => {
            finding.logs.push(shown(job));
            if let Some(ReportFact::Read(report)) = turn.open().and_then(|open| open.reports.get(name))
                && is_of(report, turn.judged(model), job)
            {
                name_failing_tests(report, finding);
            }
            finding.diagnosis =
                fork::secrets_withheld(turn, rules).map(|why| format!("{why} {}", fork::WITH_SECRETS));
            (Phase::GateFailed, stage)
        }
        Progress::Fault { stage, run, job, word } => {
            finding.logs.push(shown(job));
            finding.diagnosis = Some(infra::retry(turn, model, run, job, word));
            (Phase::InfraError, stage)
        }
        Progress::Outrun { run, test } => {
            finding.diagnosis = Some(infra::outrun(turn, model, run, test));
            (Phase::Testing, Stage::Test)
        }
        Progress::Tested { job } => tested(turn, name, model, rules, job, finding),
    }
}

/// The jobs are done: the report of exactly this head and job decides.
fn tested(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    job: &Job,
    finding: &mut Finding,
) -> (Phase, Stage) {
    match turn.open().and_then(|open| open.reports.get(name)) {
        Some(ReportFact::Read(report)) if is_of(report, turn.judged(model), job) => {
            model.report = Some((**report).clone());
        }
        Some(ReportFact::Unreadable { why }) => {
            forget_report(model);
            finding.diagnosis = Some(format!("The report cannot be used: {why}"));
            return (Phase::GateFailed, Stage::Test);
        }
        Some(ReportFact::Read(_)) | None => {}
    }
    let judged = turn.judged(model).clone();
    let Some(report) = model.report.take_if(|report| is_of(report, &judged, job)) else {
        forget_report(model);
        return (Phase::Testing, Stage::Test);
    };
    name_failing_tests(&report, finding);
    rescoring::learn(turn, name, model);
    gate(turn, name, model, rules, &report);
    let digest = report.digest();
    approvals::carry_over(turn, model, &report);
    let another = model.reported.replace(digest).is_some_and(|before| before != digest);
    let failing = !finding.failing_tests.is_empty();
    let waits = !failing
        && (target_awaited(turn, name, rules, finding)
            || rescoring::awaited(turn, name, model, rules, &report, finding));
    model.report = Some(report);
    model.report_page = Some(job.web_url.clone());
    if another {
        // Nobody has seen this one yet; the forge's own approvals do not say which report they saw.
        model.rebound_at = Some(turn.now);
        model.reported_at = None;
        approvals::drop_broken(turn, name, model);
    }
    approvals::bind_to_first(model);
    model.reported_at.get_or_insert(turn.now);
    if failing {
        return (Phase::GateFailed, Stage::Test);
    }
    if waits {
        return (Phase::Testing, Stage::Test);
    }
    match gates::worst(&model.judged) {
        Verdict::Pass | Verdict::Warn => {
            // What could not be compared only warns: it is told, and is no step of anybody's.
            let told = finding.diagnosis.take();
            told.into_iter().for_each(|text| note(&mut finding.notices, text));
            review(turn, name, model, rules, finding)
        }
        Verdict::Inconclusive | Verdict::Incomparable => (Phase::Inconclusive, Stage::Test),
        Verdict::Missing | Verdict::Fail => (Phase::GateFailed, Stage::Test),
    }
}

/// Without its numbers nothing stays that was made of them.
fn forget_report(model: &mut ModelState) {
    model.report = None;
    model.judged.clear();
    model.charts.clear();
}

/// Whether the report is of this commit and was left by this very job.
fn is_of(report: &Report, judged: &Sha, job: &Job) -> bool {
    report.head == *judged && report.job == job.id
}

/// Judges the report by the rules, and writes the verdicts down when they are new.
fn gate(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, rules: &Rules<'_>, report: &Report) {
    let registry = turn.facts.registry.get(name);
    let versions = registry.map(Registry::in_use).unwrap_or_default();
    let versions = rescoring::applied(versions, model, report);
    let production = registry.and_then(|registry| registry.production.as_ref());
    let target = turn.open().and_then(|open| open.targets.get(name));
    let target = target.map(|fact| rescoring::applied_to_target(fact, model, report));
    let target = target.as_deref().map(|fact| (turn.merge_request().target_branch.as_str(), fact));
    let mut chosen = baseline::choose(rules.policy.gates.baseline, &versions, production, target);
    if let Some(chosen) = &mut chosen {
        chosen.name.rescored = rescoring::scored_on(&chosen.name, model, report);
    }
    let called = chosen.as_ref().map(|chosen| chosen.name.to_string()).unwrap_or_default();
    let baseline = chosen.as_ref();
    let baseline = baseline.map(|one| Earlier { name: &called, metrics: one.metrics, dataset: one.dataset });
    let sides = Sides { report, baseline, versions: &versions };
    let mut judged = gates::judge(&rules.policy.gates.rules, &sides);
    model.charts = gates::history(&rules.policy.gates.rules, &judged, &sides);
    waivers::apply(turn, name, model, rules, report, &mut judged);
    if judged != model.judged {
        turn.record(
            "gate",
            None,
            format!("{name}: {} at {}", gates::worst(&judged), report.head.short()),
            serde_json::json!({ "model": name, "report": report.digest(), "judged": judged }),
        );
    }
    model.judged = judged;
    model.baseline = chosen.map(|chosen| chosen.name);
}

/// Whether the first report of the target branch is waited for, and says so.
fn target_awaited(turn: &mut Turn<'_>, name: &ModelName, rules: &Rules<'_>, finding: &mut Finding) -> bool {
    let target = turn.open().and_then(|open| open.targets.get(name));
    let Some(TargetFact::UnderWay { commit, page }) = target else { return false };
    if !rules.policy.gates.rules.iter().any(|rule| rule.max_regression.is_some() || rule.slice.is_some()) {
        return false;
    }
    let branch = &turn.merge_request().target_branch;
    finding.diagnosis = Some(format!(
        "The run of the target branch `{branch}` at {} is awaited: it leaves the first report to compare with.",
        commit.short()
    ));
    let run = LogTail { job: "target branch's".to_owned(), web_url: page.clone(), text: String::new() };
    finding.logs.push(run);
    turn.wake_in(LOOK_AGAIN);
    true
}

/// The gates are passed: people decide, about what the model card describes.
fn review(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    finding: &mut Finding,
) -> (Phase, Stage) {
    let missing = approvals::missing(turn, name, model, rules, finding);
    let remedy = model.incomplete_card().map(card::remedy);
    let diagnosis = remedy.into_iter().chain(missing).collect::<Vec<_>>().join(" ");
    if diagnosis.is_empty() {
        let held = turn.state.holds.contains_key(name);
        return (if held { Phase::Held } else { Phase::Ready }, Stage::Publish);
    }
    finding.diagnosis = Some(diagnosis);
    (Phase::AwaitingApproval, Stage::Review)
}

/// Says which of the models that it depends on this merge request changes too.
fn dependency(turn: &Turn<'_>, rules: &Rules<'_>, finding: &mut Finding) {
    for upstream in rules.upstream().filter(|name| turn.state.models.contains_key(*name)) {
        note(
            &mut finding.notices,
            format!("`{upstream}`, which it depends on, is changed here too: this model is judged with it."),
        );
    }
}

/// Says what makes people look harder.
fn scrutinise(rules: &Rules<'_>, finding: &mut Finding) {
    let scrutiny = rules.scrutiny;
    let said = [
        (
            scrutiny.new_model,
            "The target branch does not know this model: it is judged by the head's policy.",
        ),
        (scrutiny.removed, "This merge request removes the model: nothing will be published."),
        (
            scrutiny.policy_changed && !scrutiny.removed,
            "This merge request changes the policy that it is judged by: the target branch's policy rules, \
             and an owner must approve.",
        ),
        (
            scrutiny.evaluation_changed,
            "Evaluation changed: this merge request changes what measures the model. An owner must approve \
             after the report.",
        ),
    ];
    for (_, text) in said.iter().filter(|(holds, _)| *holds) {
        note(&mut finding.notices, *text);
    }
}

/// Names the failing tests of a report, as far as it names them.
fn name_failing_tests(report: &Report, finding: &mut Finding) {
    if let Some(tests) = &report.tests {
        finding.failing_tests.clone_from(&tests.failed);
        finding.more_failing = tests.failed_more;
    }
}

/// A job to look at, with the end of its log where that was read.
pub(super) fn shown(job: &Job) -> LogTail {
    let text = job.log_tail.clone().unwrap_or_default();
    LogTail { job: job.task.clone(), web_url: job.web_url.clone(), text }
}

/// Whether a comment of this time was written after the report was shown. The forges' clocks tell
/// seconds, ours milliseconds.
pub(super) fn written_after_report(model: &ModelState, at: Timestamp) -> bool {
    model.reported_at.is_some_and(|reported| at.0.div_euclid(1000) >= reported.0.div_euclid(1000))
}
