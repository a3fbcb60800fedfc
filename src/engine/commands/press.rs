//! Buttons on checks: a press is a command of whoever presses, about exactly what the check showed.

use std::collections::BTreeMap;

use crate::command::{Command, Verb};
use crate::domain::{Answer, Button, Effect, ModelName, Press, Reply, ReplyPart, Report, model_of_check};
use crate::engine::Seen;
use crate::engine::turn::Turn;

use super::asked::{Asked, Refusal};
use super::{Ground, act, remember};

/// The longest identifier that is repeated in an answer, in characters.
const LONGEST_ECHO: usize = 40;

/// Does what the button says, or answers why not. Done without a word, the checks and the report tell it.
pub(super) fn answer(turn: &mut Turn<'_>, ground: &Ground<'_, '_>, press: &Press) {
    turn.state.presses = turn.state.presses.saturating_add(1);
    let line = line(press);
    let said = match pressed(turn, ground, press, &line) {
        Ok((command, part)) => {
            turn.record(
                "command",
                Some(&press.by.login),
                format!("{line} was done"),
                serde_json::json!({ "check": press.check, "command": command }),
            );
            part
        }
        Err(refusal) => {
            turn.record(
                "refusal",
                Some(&press.by.login),
                format!("{}: {}", refusal.rule, refusal.message),
                serde_json::json!({ "check": press.check, "rule": refusal.rule }),
            );
            let model = model_of_check(&press.name);
            remember(turn, &press.by.login, model.as_ref(), &line, refusal.rule);
            Some(ReplyPart::Said(Answer::Refused {
                command: line,
                rule: refusal.rule.to_owned(),
                message: refusal.message,
                remedy: refusal.remedy,
            }))
        }
    };
    // No command of a button tells of something still under way.
    if let Some(ReplyPart::Said(answer)) = said {
        turn.want(Effect::Answer { press: press.key(), reply: Box::new(Reply { answers: vec![answer] }) });
    }
}

/// What was pressed and by whom: an answer stands under no comment that says it.
fn line(press: &Press) -> String {
    let button = match press.button.parse::<Button>() {
        Ok(button) => button.label().to_owned(),
        Err(_unknown) => press.button.chars().take(LONGEST_ECHO).collect(),
    };
    format!("the button {button} on {}, pressed by {}", press.name, press.by.login)
}

fn pressed(
    turn: &mut Turn<'_>,
    ground: &Ground<'_, '_>,
    press: &Press,
    line: &str,
) -> Result<(Command, Option<ReplyPart>), Refusal> {
    let button = press.button.parse::<Button>().map_err(|_unknown| {
        Refusal::new(
            "button-unknown",
            "No check of ours has that button any more.",
            format!(
                "Reload the page, or comment: `{} help` lists the commands.",
                turn.facts.bot.addressing.prefix
            ),
        )
    })?;
    let head = &turn.merge_request().head;
    if press.head != *head {
        return Err(Refusal::new(
            "head-moved",
            format!("The check is of {}, but the head is {}.", press.head.short(), head.short()),
            format!("Look at the checks of the present head, {}, and press there.", head.short()),
        ));
    }
    let command = Command { verb: verb(button, press), model: model_of_check(&press.name) };
    let seen = seen(turn, button, &command, press)?;
    let asked = Asked { by: &press.by, at: turn.now, seen: Some(&seen) };
    let part = act(turn, ground, &asked, &command, line)?;
    Ok((command, part))
}

/// The command, bound to the commit that the check stands on.
fn verb(button: Button, press: &Press) -> Verb {
    let sha = Some(press.head.to_string());
    match button {
        Button::Run => Verb::Run { stage: None, sha },
        Button::Retry => Verb::Retry { sha },
        Button::Approve => Verb::Approve { sha },
        Button::Hold => Verb::Hold { reason: None },
        Button::Unhold => Verb::Unhold,
        Button::Publish => Verb::Publish { sha, dry_run: false, when_ready: false },
    }
}

/// What whoever pressed has seen of the models. What is approved or published must be what the check
/// showed: the numbers may be others by now.
fn seen(
    turn: &Turn<'_>,
    button: Button,
    command: &Command,
    press: &Press,
) -> Result<BTreeMap<ModelName, Seen>, Refusal> {
    let models = turn.state.models.iter();
    let meant = models.filter(|(name, _)| command.model.as_ref().is_none_or(|model| model == *name));
    let mut seen = BTreeMap::new();
    for (name, model) in meant {
        let report = model.report.as_ref().map(Report::digest);
        if matches!(button, Button::Approve | Button::Publish)
            && model.publication.is_none()
            && report != press.mark.measured
        {
            return Err(Refusal::new(
                "report-changed",
                format!("The check showed another report of `{name}` than there is now."),
                "Reload the page, look at what it says now, and press again.",
            ));
        }
        seen.insert(name.clone(), Seen { head: press.head.clone(), report: press.mark.measured });
    }
    Ok(seen)
}
