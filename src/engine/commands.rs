//! Commands in comments: each comment acts once, as it stands now, by the rights read now.

mod asked;
mod publish;
mod questions;
mod review;
mod runs;

use std::collections::BTreeMap;

use crate::command::{self, Command, Parsed, Verb};
use crate::domain::{Answer, Comment, Effect, ModelName, Reply};

use super::ToldComment;
use super::setting::Rules;
use super::turn::Turn;

pub(super) use asked::Refusal;
use asked::{Asked, Done};

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
}

/// Every model that a command may name, touched or not: a wrong one is refused, not misunderstood.
fn known(turn: &Turn<'_>) -> impl Iterator<Item = ModelName> {
    let sides = [&turn.facts.policy, &turn.facts.proposal];
    sides.into_iter().filter_map(|side| side.valid()).flat_map(|config| config.models.keys().cloned())
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
    let mut answers = Vec::new();
    for parsed in parsed {
        if answers.iter().any(|answer: &Answer| !answer.lets_others_run()) {
            answers.push(Answer::NotRun { command: parsed.line.clone() });
            continue;
        }
        answers.extend(line(turn, ground, told, now, parsed));
        settle(turn);
    }
    if !answers.is_empty() {
        turn.want(Effect::Reply { to: told.id, reply: Box::new(Reply { answers }) });
    }
}

/// One command line: done without a word, answered, or refused.
fn line(
    turn: &mut Turn<'_>,
    ground: &Ground<'_, '_>,
    told: &ToldComment,
    now: &Comment,
    parsed: &Parsed,
) -> Option<Answer> {
    let command = match &parsed.command {
        Ok(command) => command,
        Err(error) => {
            return Some(Answer::Misunderstood {
                command: parsed.line.clone(),
                message: error.message.clone(),
                usage: error.usage.clone(),
            });
        }
    };
    let done = unchanged(told, now).and_then(|()| {
        let asked = Asked { by: &told.author, at: now.created_at, seen: told.seen.as_ref() };
        act(turn, ground, &asked, command)
    });
    match done {
        Ok(text) => {
            turn.record(
                "command",
                Some(&told.author.login),
                format!("`{}` was done", parsed.line),
                serde_json::json!({ "comment": told.id, "command": command }),
            );
            text.map(|markdown| Answer::Text { markdown })
        }
        Err(refusal) => {
            audit_refusal(turn, told, refusal.rule, &refusal.message);
            Some(Answer::Refused {
                command: parsed.line.clone(),
                rule: refusal.rule.to_owned(),
                message: refusal.message,
                remedy: refusal.remedy,
            })
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

fn act(turn: &mut Turn<'_>, ground: &Ground<'_, '_>, asked: &Asked<'_>, command: &Command) -> Done {
    let verb = &command.verb;
    match verb {
        Verb::Help => return Ok(Some(command::help(&turn.facts.bot.addressing))),
        Verb::Status if ground.barred.is_none() => {
            return questions::status(turn, ground, command.model.as_ref());
        }
        Verb::Status => {}
        _ if !verb.entry().live => return Err(unavailable(turn)),
        _ => {}
    }
    if let Some(barred) = &ground.barred {
        return Err(barred.clone());
    }
    let (name, rules) = asked::model(turn, ground.rules, command.model.as_ref())?;
    asked::permitted(turn, asked, rules, verb.entry().who)?;
    match verb {
        Verb::Run { stage, sha } => runs::run(turn, name, stage.as_deref(), sha.as_deref()),
        Verb::Retry { sha } => runs::retry(turn, asked, name, sha.as_deref()),
        Verb::Cancel => runs::cancel(turn, name),
        Verb::Approve { sha } => review::approve(turn, asked, name, sha.as_deref()),
        Verb::Unapprove => review::unapprove(turn, asked, name),
        Verb::Publish { sha, dry_run, when_ready } => {
            let wish = publish::Wish { sha: sha.as_deref(), dry_run: *dry_run, when_ready: *when_ready };
            publish::publish(turn, asked, name, rules, wish)
        }
        _ => Err(unavailable(turn)),
    }
}

fn unavailable(turn: &Turn<'_>) -> Refusal {
    Refusal::new(
        "not-available",
        "This command is understood, but this build cannot do it yet.",
        format!("`{} help` lists the commands and which of them work.", turn.facts.bot.addressing.prefix),
    )
}

fn audit_refusal(turn: &mut Turn<'_>, told: &ToldComment, rule: &str, why: &str) {
    turn.record(
        "refusal",
        Some(&told.author.login),
        format!("{rule}: {why}"),
        serde_json::json!({ "comment": told.id, "rule": rule }),
    );
}
