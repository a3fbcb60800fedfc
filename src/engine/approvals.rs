//! Who approved what: an approval counts only for exactly what it was given for.

use crate::domain::{
    Approval, Bound, Digest, ForgeApproval, ModelName, ModelState, Report, Sha, Timestamp, User, UserId,
};

use super::objections;
use super::rights::{Rights, unmatched};
use super::setting::Rules;
use super::turn::{Finding, Turn, note};

/// An approval that counts.
struct Counted {
    by: User,
    maintainer: bool,
    after_report: bool,
}

/// Counts the approvals of a head, remembers them, and says what is still missing; none = enough.
pub(super) fn missing(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    finding: &mut Finding,
) -> Option<String> {
    if let Some(why) = rules.code_owners.and_then(|named| named.unusable.as_ref()) {
        let text = format!("CODEOWNERS cannot be used: {why}. Only maintainers count as owners meanwhile.");
        note(&mut finding.notices, text);
    }
    let counted = count(turn, name, model, rules, finding);
    remember(turn, name, model, &counted);
    for email in unmatched(turn.facts) {
        note(&mut finding.notices, format!("A commit's author belongs to no account that we know: {email}"));
    }
    finding.objections = objections::standing(turn, rules).iter().map(|by| by.login.clone()).collect();
    if !finding.objections.is_empty() {
        let names = finding.objections.iter().map(|login| format!("@{login}")).collect::<Vec<_>>().join(", ");
        return Some(format!(
            "Changes requested by {names}: this stands until whoever asked for them approves in the forge's own \
             review, or until that review is dismissed there."
        ));
    }
    let needed = needed(rules);
    let missing = usize::try_from(needed).unwrap_or(usize::MAX).saturating_sub(counted.len());
    let scrutiny = rules.scrutiny;
    if scrutiny.new_model && !counted.iter().any(|counted| counted.maintainer) {
        return Some("The target branch does not know this model: a maintainer must approve it.".to_owned());
    }
    if scrutiny.evaluation_changed && !counted.iter().any(|counted| counted.after_report) {
        return Some(
            "Evaluation changed: an owner must approve after having seen this head's report.".to_owned(),
        );
    }
    match missing {
        0 => None,
        1 => Some("One more approval by an owner is needed.".to_owned()),
        more => Some(format!("{more} more approvals by owners are needed.")),
    }
}

/// How many approvals are asked for: what is configured, and one where somebody must look harder.
pub(super) fn needed(rules: &Rules<'_>) -> u32 {
    let scrutiny = rules.scrutiny;
    let harder = scrutiny.new_model || scrutiny.policy_changed || scrutiny.evaluation_changed;
    rules.policy.review.approvals.max(u32::from(harder))
}

/// An approval given at this time: for the report only by somebody who could see it.
pub(super) fn give(model: &mut ModelState, bound: &Bound, by: &User, at: Timestamp, saw_report: bool) {
    let report = model.report.as_ref().filter(|_| saw_report);
    let (digest, dataset) = (report.map(Report::digest), report.and_then(|report| report.dataset.clone()));
    model.approvals.retain(|approval| approval.by.id != by.id);
    model.approvals.push(Approval {
        by: by.clone(),
        at,
        head: bound.head.clone(),
        base: bound.base.clone(),
        policy: model.policy,
        report: digest,
        blind: digest.is_none(),
        dataset,
    });
}

/// What was approved before there was a report is approved as the first one has it, and no other.
pub(super) fn bind_to_first(model: &mut ModelState) {
    let Some(report) = &model.report else { return };
    for approval in model.approvals.iter_mut().filter(|approval| approval.report.is_none()) {
        approval.report = Some(report.digest());
        approval.dataset.clone_from(&report.dataset);
        // Documents of before do not say it.
        approval.blind = true;
    }
}

/// The first report of a head that has the content of one before: if it says the same, what was approved
/// of that counts for it; else nothing of it does.
pub(super) fn carry_over(turn: &Turn<'_>, model: &mut ModelState, report: &Report) {
    let Some((head, before)) = model.kept_report.take() else { return };
    if (Report { head, ..report.clone() }).digest() != before {
        // The forge's own approvals do not say which report they saw.
        model.rebound_at = Some(turn.now);
        return;
    }
    for approval in model.approvals.iter_mut().filter(|approval| approval.report == Some(before)) {
        approval.report = Some(report.digest());
    }
}

/// Takes away every approval given by command for something else than what is judged now. What comes back
/// later is not what was approved: somebody must look again.
pub(super) fn drop_broken(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState) {
    let digest = model.report.as_ref().map(Report::digest);
    for approval in std::mem::take(&mut model.approvals) {
        match broken(turn, model, &approval, digest) {
            Some(why) => void(turn, name, model, &approval.by.login, why),
            None => model.approvals.push(approval),
        }
    }
}

fn count(
    turn: &mut Turn<'_>,
    name: &ModelName,
    model: &mut ModelState,
    rules: &Rules<'_>,
    finding: &mut Finding,
) -> Vec<Counted> {
    let mut counted: Vec<Counted> = Vec::new();
    let facts = turn.facts;
    drop_broken(turn, name, model);
    for approval in &model.approvals {
        // Rights were read when it was given; it falls only when they are known to be gone.
        let rights = Rights::of(facts, &approval.by);
        if rights.is_none_or(|rights| rights.owns(rules) && !rights.authored(facts)) {
            counted.push(Counted {
                by: approval.by.clone(),
                maintainer: rights.is_some_and(|rights| rights.maintains()),
                after_report: approval.report.is_some() && !approval.blind,
            });
        }
    }
    for approval in turn.open().into_iter().flat_map(|open| &open.approvals) {
        if counted.iter().any(|counted| counted.by.id == approval.by.id) {
            continue;
        }
        match forge_approval(turn, model, rules, approval) {
            Ok(approval) => counted.push(approval),
            Err(why) => note(
                &mut finding.notices,
                format!("The approval of @{} does not count: {why}.", approval.by.login),
            ),
        }
    }
    counted
}

/// What broke an approval given by command, if something did.
fn broken(
    turn: &Turn<'_>,
    model: &ModelState,
    approval: &Approval,
    digest: Option<Digest>,
) -> Option<&'static str> {
    let bound = turn.bound(model)?;
    let dataset = model.report.as_ref().and_then(|report| report.dataset.as_ref());
    let judged = approval.report.is_some() && digest.is_some();
    if objections::of(turn, &approval.by) {
        Some("its giver asked for changes")
    } else if approval.head != bound.head {
        Some("the head moved")
    } else if approval.base != bound.base {
        Some("the base moved")
    } else if approval.policy != model.policy {
        Some("the policy changed")
    } else if judged && approval.dataset.as_ref() != dataset {
        Some("the dataset changed")
    } else if judged && approval.report != digest {
        Some("the report changed")
    } else {
        None
    }
}

fn void(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, login: &str, why: &str) {
    note(&mut model.notices, format!("The approval of @{login} is void: {why}."));
    turn.record(
        "approval",
        Some(login),
        format!("{name}: the approval of {login} is void: {why}"),
        serde_json::json!({ "model": name, "void": why }),
    );
}

/// The forge's own approval, where it is for this head and by somebody who may give it.
fn forge_approval(
    turn: &Turn<'_>,
    model: &ModelState,
    rules: &Rules<'_>,
    approval: &ForgeApproval,
) -> Result<Counted, &'static str> {
    if approval.by.bot || approval.by.id == turn.facts.bot.user.id {
        return Err("a bot approves nothing");
    }
    let Some(rights) = Rights::of(turn.facts, &approval.by) else {
        return Err("the rights of that account could not be read");
    };
    if !rights.owns(rules) {
        return Err("that account is no owner of the model");
    }
    if rights.authored(turn.facts) {
        return Err("authors do not approve their own work");
    }
    if !is_for_head(turn, model, approval) {
        return Err("it was not given for this head as it is judged now; approve again");
    }
    Ok(Counted {
        by: approval.by.clone(),
        maintainer: rights.maintains(),
        after_report: approval.at.zip(model.reported_at).is_some_and(|(at, reported)| at > reported),
    })
}

/// By the commit that the forge names, else by the head in the hook, else by the time.
fn is_for_head(turn: &Turn<'_>, model: &ModelState, approval: &ForgeApproval) -> bool {
    let request = turn.merge_request();
    let heard = heard_at(turn, model, approval.by.id);
    let of_head = match &approval.sha {
        Some(sha) => *sha == request.head || model.same_content.contains(sha),
        None => {
            let later = approval.at.zip(request.head_since).is_some_and(|(at, since)| at > since);
            heard.is_some() || later
        }
    };
    let of_binding =
        model.rebound_at.is_none_or(|rebound| approval.at.or(heard).is_some_and(|at| at > rebound));
    of_head && of_binding
}

/// When a hook told of an approval of the present head, or of one with its content.
fn heard_at(turn: &Turn<'_>, model: &ModelState, by: UserId) -> Option<Timestamp> {
    let head = &turn.merge_request().head;
    let is = |told: &Sha| told == head || model.same_content.contains(told);
    let ours = turn.state.reviews.iter().filter(|review| review.by.id == by && is(&review.head));
    ours.map(|review| review.heard_at).max()
}

/// Remembers whose approvals count, and writes down what changed.
fn remember(turn: &mut Turn<'_>, name: &ModelName, model: &mut ModelState, counted: &[Counted]) {
    let logins = counted.iter().map(|counted| counted.by.login.clone()).collect::<Vec<_>>();
    for login in logins.iter().filter(|login| !model.approved_by.contains(login)) {
        turn.record(
            "approval",
            Some(login),
            format!("{name}: approved by {login}"),
            serde_json::json!({ "model": name, "head": turn.judged(model), "policy": model.policy,
                "report": model.report.as_ref().map(Report::digest) }),
        );
    }
    for login in model.approved_by.iter().filter(|login| !logins.contains(login)) {
        turn.record(
            "approval",
            Some(login),
            format!("{name}: the approval of {login} no longer counts"),
            serde_json::json!({ "model": name, "head": turn.judged(model) }),
        );
    }
    model.approved_by = logins;
}
