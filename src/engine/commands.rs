//! Commands in comments and by buttons: each acts once, as it stands now, by the rights read now.

mod asked;
mod decisions;
mod environments;
mod press;
mod publish;
mod questions;
mod regenerate;
mod reply;
mod review;
mod runs;

use std::collections::BTreeMap;

use crate::command::{self, Command, Parsed, Verb};
use crate::domain::{Answer, Comment, Effect, ModelName, Refused, ReplyPart};

use super::ToldComment;
use super::present::explain;
use super::setting::Rules;
use super::turn::Turn;

pub(super) use asked::Refusal;
use asked::{Asked, Done};
pub(super) use regenerate::hear as hear_commit;
pub(super) use reply::follow as follow_replies;

/// How many refused commands are remembered.
const REMEMBERED: usize = 20;
/// The longest beginning of a refused command that is remembered, in characters.
const LONGEST_REMEMBERED: usize = 200;

/// What a comment may be answered on: the rules of the models, or why there are none.
pub(super) struct Ground<'a, 'r> {
    /// The touched models.
    pub(super) rules: &'r BTreeMap<ModelName, Rules<'a>>,
    /// Nothing may act, and why.
    pub(super) barred: Option<Refusal>,
}

/// Answers every comment that was not answered yet; `settle` is called after each command, so that
/// the next one sees what it did.
pub(super) fn answer(turn: &mut Turn<'_>, ground: &Ground<'_, '_>, settle: &mut dyn FnMut(&mut Turn<'_>)) {
    let known = ground.rules.keys().cloned().chain(known(turn)).collect();
    for told in &turn.facts.comments {
        let by_machine = told.author.bot || told.author.id == turn.facts.bot.user.id;
        if by_machine || turn.state.answered.contains(&told.id) {
            continue;
        }
        let parsed = command::parse(&told.body, &turn.facts.bot.addressing, &known);
        if !parsed.is_empty() {
            turn.state.answered.insert(told.id);
            comment(turn, ground, told, &parsed, settle);
        }
    }
    if let Some(pressed) = &turn.facts.press {
        press::answer(turn, ground, pressed);
        settle(turn);
    }
}

/// Every model that a command may name, touched or not: a wrong one is refused, not misunderstood.
fn known(turn: &Turn<'_>) -> impl Iterator<Item = ModelName> {
    let sides = [Some(&turn.facts.policy), Some(&turn.facts.proposal), turn.facts.current.as_ref()];
    sides
        .into_iter()
        .flatten()
        .filter_map(|side| side.valid())
        .flat_map(|config| config.models.keys().cloned())
}

fn comment(
    turn: &mut Turn<'_>,
    ground: &Ground<'_, '_>,
    told: &ToldComment,
    parsed: &[Parsed],
    settle: &mut dyn FnMut(&mut Turn<'_>),
) {
    let Some(now) = &told.now else {
        audit_refusal(turn, told, "comment-changed", "the comment is gone");
        return;
    };
    turn.want(Effect::Acknowledge { comment: told.id });
    let mut parts = Vec::new();
    for parsed in parsed {
        if parts.iter().any(stops) {
            parts.push(ReplyPart::Said(Answer::NotRun { command: parsed.line.clone() }));
            continue;
        }
        parts.extend(line(turn, ground, told, now, parsed));
        settle(turn);
    }
    reply::give(turn, told.id, parts);
}

/// Whether the commands after this one are not run.
fn stops(part: &ReplyPart) -> bool {
    match part {
        ReplyPart::Said(answer) => !answer.lets_others_run(),
        ReplyPart::Rollout { .. } | ReplyPart::Commit { .. } => false,
    }
}

/// Something said in our own words.
fn said(markdown: String) -> ReplyPart {
    ReplyPart::Said(Answer::Text { markdown })
}

/// One command line: done without a word, answered, or refused.
fn line(
    turn: &mut Turn<'_>,
    ground: &Ground<'_, '_>,
    told: &ToldComment,
    now: &Comment,
    parsed: &Parsed,
) -> Option<ReplyPart> {
    let command = match &parsed.command {
        Ok(command) => command,
        Err(error) => {
            return Some(ReplyPart::Said(Answer::Misunderstood {
                command: parsed.line.clone(),
                message: error.message.clone(),
                usage: error.usage.clone(),
            }));
        }
    };
    let done = unchanged(told, now).and_then(|()| {
        let asked = Asked { by: &told.author, at: now.created_at, seen: told.seen.as_ref() };
        act(turn, ground, &asked, command, &parsed.line)
    });
    match done {
        Ok(part) => {
            turn.record(
                "command",
                Some(&told.author.login),
                format!("`{}` was done", parsed.line),
                serde_json::json!({ "comment": told.id, "command": command }),
            );
            part
        }
        Err(refusal) => {
            audit_refusal(turn, told, refusal.rule, &refusal.message);
            remember(turn, &told.author.login, command.model.as_ref(), &parsed.line, refusal.rule);
            Some(ReplyPart::Said(Answer::Refused {
                command: parsed.line.clone(),
                rule: refusal.rule.to_owned(),
                message: refusal.message,
                remedy: refusal.remedy,
            }))
        }
    }
}

/// A comment acts only as it was delivered: not after somebody else, or its author, changed it.
fn unchanged(told: &ToldComment, now: &Comment) -> Result<(), Refusal> {
    if now.author.id == told.author.id && now.body == told.body && !now.system {
        return Ok(());
    }
    Err(Refusal::new(
        "comment-changed",
        "The comment is not as it was delivered any more.",
        "Write the command in a new comment.",
    ))
}

fn act(
    turn: &mut Turn<'_>,
    ground: &Ground<'_, '_>,
    asked: &Asked<'_>,
    command: &Command,
    line: &str,
) -> Result<Option<ReplyPart>, Refusal> {
    let verb = &command.verb;
    match verb {
        Verb::Help => return Ok(Some(said(command::help(&turn.facts.bot.addressing)))),
        Verb::Status if ground.barred.is_none() => {
            return Ok(questions::status(turn, ground, command.model.as_ref())?.map(said));
        }
        Verb::Status => {}
        _ => {}
    }
    if let Some(barred) = &ground.barred {
        return Err(barred.clone());
    }
    if *verb == Verb::Regenerate {
        // The files are those of the head, whichever models it changes.
        return regenerate::regenerate(turn, asked, line);
    }
    if verb.is_about_versions() {
        let name = asked::any_model(turn, ground.rules, command.model.as_ref())?;
        return match verb {
            Verb::Versions | Verb::Describe { .. } | Verb::Blame { .. } => {
                questions::registry(turn, name, verb).map(Some)
            }
            _ => environments::act(turn, asked, name, verb),
        };
    }
    let (name, rules) = asked::model(turn, ground.rules, command.model.as_ref())?;
    match verb {
        Verb::Explain { stage } => {
            let sheet = explain(turn, name, rules, stage.as_deref());
            return Ok(Some(ReplyPart::Said(Answer::Sheet { sheet: Box::new(sheet) })));
        }
        // Who gave a hold may end it, owner or not.
        Verb::Unhold => return Ok(decisions::unhold(turn, asked, name, rules, verb.entry().who)?.map(said)),
        _ => {}
    }
    asked::permitted(turn, asked, Some(rules), verb.entry().who)?;
    let done: Done = match verb {
        Verb::Run { stage, sha } => runs::run(turn, asked, name, rules, (stage.as_deref(), sha.as_deref())),
        Verb::Retry { sha } => runs::retry(turn, asked, name, sha.as_deref()),
        Verb::Cancel => runs::cancel(turn, name),
        Verb::Approve { sha } => review::approve(turn, asked, name, sha.as_deref()),
        Verb::Unapprove => review::unapprove(turn, asked, name),
        Verb::Hold { reason } => decisions::hold(turn, asked, name, reason.as_deref()),
        Verb::Waive { rule, reason } => decisions::waive(turn, asked, name, rules, (rule, reason)),
        Verb::Publish { sha, dry_run, when_ready } => {
            let wish = publish::Wish { sha: sha.as_deref(), dry_run: *dry_run, when_ready: *when_ready };
            publish::publish(turn, asked, name, rules, wish)
        }
        // Answered above.
        _ => Ok(None),
    };
    Ok(done?.map(said))
}

/// Remembers a refusal for those who ask later why nothing happened.
fn remember(turn: &mut Turn<'_>, by: &str, model: Option<&ModelName>, line: &str, rule: &str) {
    turn.state.refused.push(Refused {
        at: turn.now,
        by: by.to_owned(),
        command: line.chars().take(LONGEST_REMEMBERED).collect(),
        model: model.cloned(),
        rule: rule.to_owned(),
    });
    let surplus = turn.state.refused.len().saturating_sub(REMEMBERED);
    turn.state.refused.drain(..surplus);
}

fn audit_refusal(turn: &mut Turn<'_>, told: &ToldComment, rule: &str, why: &str) {
    turn.record(
        "refusal",
        Some(&told.author.login),
        format!("{rule}: {why}"),
        serde_json::json!({ "comment": told.id, "rule": rule }),
    );
}
