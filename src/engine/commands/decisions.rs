//! `hold`, `unhold` and `waive`: what an owner decides beside the gates.

use crate::command::nearest;
use crate::config::valid::Rule;
use crate::domain::{Hold, MergeRequestStatus, ModelName, Report, Waived, Waiver};
use crate::engine::rights::Rights;
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;
use crate::engine::{holds, waivers};

use super::asked::{self, Asked, Done, Refusal};

/// An owner holds the model; another hold takes the place of the one before.
pub(super) fn hold(turn: &mut Turn<'_>, asked: &Asked<'_>, name: &ModelName, reason: Option<&str>) -> Done {
    if turn.merge_request().status == MergeRequestStatus::Closed {
        asked::open(turn)?;
    }
    let hold = Hold { by: asked.by.clone(), at: asked.at, reason: reason.map(str::to_owned) };
    holds::give(turn, name, hold);
    Ok(None)
}

/// Who gave the hold ends it, as long as they may write, or any owner.
pub(super) fn unhold(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    who: crate::command::Who,
) -> Done {
    let own = turn.state.holds.get(name).is_some_and(|hold| hold.by.id == asked.by.id);
    if !(own && Rights::of(turn.facts, asked.by).is_some_and(|rights| rights.may_write())) {
        asked::permitted(turn, asked, Some(rules), who)?;
    }
    if holds::end(turn, name, asked.by).is_some() {
        return Ok(None);
    }
    Err(Refusal::new(
        "not-held",
        format!("Nobody holds `{name}` here."),
        format!("There is nothing to do; `{} hold REASON` begins a hold.", turn.facts.bot.addressing.prefix),
    ))
}

/// An owner excuses one rule on what is judged now.
pub(super) fn waive(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    rules: &Rules<'_>,
    (rule, reason): (&str, &str),
) -> Done {
    asked::judged(turn, name)?;
    let rule = known(&rules.policy.gates.rules, name, rule)?;
    asked::meant(turn, asked, name, None).map_err(|refusal| Refusal {
        remedy: "Wait for the report of what is judged now and read it, then comment again.".to_owned(),
        ..refusal
    })?;
    if rule.required {
        return Err(Refusal::new(
            "required-rule",
            format!("The rule `{}` is required: nobody can waive it.", rule.id),
            "Push a commit that meets it; whether it is required stands in the target branch's policy.",
        ));
    }
    let author = Rights::of(turn.facts, asked.by).is_some_and(|rights| rights.authored(turn.facts));
    let Some(model) = turn.state.models.get(name) else { return Ok(None) };
    let already = model.judged.iter().filter(|row| row.rule == rule.id).find_map(|row| row.waived.as_ref());
    if let Some(waived) = already {
        return Err(Refusal::new(
            "waived-already",
            format!("The rule `{}` is {}", rule.id, waived.told()),
            "There is nothing to do: it holds until the head, the base, the policy or the report changes.",
        ));
    }
    let unmet = waivers::unmet(&model.judged, &rule.id);
    let Some(((verdict, bound), report)) =
        unmet.zip(turn.bound(model)).zip(model.report.as_ref().map(Report::digest))
    else {
        return Err(Refusal::new(
            "not-failing",
            format!("The rule `{}` keeps nothing from going on: there is nothing to waive.", rule.id),
            format!("`{} explain test` says what does.", turn.facts.bot.addressing.prefix),
        ));
    };
    let waived = Waived {
        at: asked.at,
        author,
        by: asked.by.login.clone(),
        reason: reason.to_owned(),
        rule: rule.id.clone(),
        verdict,
    };
    let waiver = Waiver {
        by: asked.by.clone(),
        waived,
        head: bound.head.clone(),
        base: bound.base.clone(),
        policy: model.policy,
        report,
    };
    turn.record(
        "waiver",
        Some(&asked.by.login),
        format!("{name}: {} ({verdict}) is waived", rule.id),
        serde_json::json!({ "model": name, "waiver": waiver }),
    );
    if let Some(model) = turn.state.models.get_mut(name) {
        model.waivers.push(waiver);
    }
    Ok(None)
}

/// The rule of the policy that is meant.
fn known<'r>(rules: &'r [Rule], name: &ModelName, id: &str) -> Result<&'r Rule, Refusal> {
    rules.iter().find(|rule| rule.id == id).ok_or_else(|| {
        let ids = || rules.iter().map(|rule| rule.id.as_str());
        let remedy = match (nearest(id, ids()), rules.len()) {
            (Some(near), _) => format!("Did you mean `{near}`?"),
            (None, 0) => "The policy on the target branch has no rules.".to_owned(),
            (None, _) => {
                let ids = ids().take(20).map(|id| format!("`{id}`")).collect::<Vec<_>>();
                format!("Name one of: {}.", ids.join(", "))
            }
        };
        Refusal::new("rule-unknown", format!("`{name}` is judged by no rule `{id}`."), remedy)
    })
}
