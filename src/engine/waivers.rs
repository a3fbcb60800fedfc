//! Waivers: a rule that an owner excuses, for exactly what was judged then and nothing after it.

use crate::domain::{Judged, ModelName, ModelState, Report, Verdict, Waiver};

use super::rights::Rights;
use super::setting::Rules;
use super::turn::{Turn, note};

/// Lets go of waivers that something moved under, and marks the rows that the others excuse.
pub(super) fn apply(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    report: &Report,
    judged: &mut [Judged],
) {
    let mut kept = Vec::new();
    for waiver in std::mem::take(&mut model.waivers) {
        match broken(turn, model, rules, &waiver, report, judged) {
            Some(why) => fall(turn, name, &waiver, &mut model.notices, why),
            None => kept.push(waiver),
        }
    }
    for row in judged.iter_mut().filter(|row| row.verdict.blocks() && !row.required) {
        let waiver = kept.iter().find(|waiver| waiver.waived.rule == row.rule);
        row.waived = waiver.map(|waiver| waiver.waived.clone());
    }
    model.waivers = kept;
}

/// The worst that a rule says where it is not met; a rule over slices has several rows.
pub(super) fn unmet(judged: &[Judged], rule: &str) -> Option<Verdict> {
    let rows = judged.iter().filter(|row| row.rule == rule && row.verdict.blocks());
    rows.map(|row| row.verdict).max()
}

/// What a waiver no longer fits, if so.
fn broken(
    turn: &Turn<'_>,
    model: &ModelState,
    rules: &Rules<'_>,
    waiver: &Waiver,
    report: &Report,
    judged: &[Judged],
) -> Option<&'static str> {
    let bound = turn.bound(model)?;
    let worse = unmet(judged, &waiver.waived.rule).is_some_and(|now| now > waiver.waived.verdict);
    if waiver.head != bound.head {
        Some("the head moved")
    } else if waiver.base != bound.base {
        Some("the base moved")
    } else if waiver.policy != model.policy {
        Some("the policy changed")
    } else if waiver.report != report.digest() {
        Some("the report changed")
    } else if worse {
        Some("the rule is met even less since")
    } else if Rights::of(turn.facts, &waiver.by).is_some_and(|rights| !rights.owns(rules)) {
        Some("who gave it is no owner any more")
    } else {
        None
    }
}

/// Says which waivers are gone with everything else that was bound to what moved.
pub(super) fn void(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &ModelState,
    notices: &mut Vec<String>,
    why: &str,
) {
    for waiver in &model.waivers {
        fall(turn, name, waiver, notices, why);
    }
}

fn fall(turn: &mut Turn<'_>, name: &ModelName, waiver: &Waiver, notices: &mut Vec<String>, why: &str) {
    let (rule, by) = (&waiver.waived.rule, &waiver.by.login);
    note(notices, format!("The waiver of `{rule}` by @{by} is void: {why}."));
    turn.record(
        "waiver",
        Some(by),
        format!("{name}: the waiver of {rule} by {by} is void: {why}"),
        serde_json::json!({ "model": name, "waiver": waiver, "void": why }),
    );
}
