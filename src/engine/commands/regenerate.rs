//! `regenerate`: commits the CI files that the head's configuration generates to its branch.

use crate::command::Who;
use crate::domain::{Answer, Done as Ended, Effect, FileChange, NewCommit, Outcome, ReplyPart};
use crate::engine::turn::Turn;

use super::asked::{self, Asked, Refusal};
use super::said;

pub(super) fn regenerate(
    turn: &mut Turn<'_>,
    asked: &Asked<'_>,
    line: &str,
) -> Result<Option<ReplyPart>, Refusal> {
    asked::open(turn)?;
    if turn.merge_request().from_fork {
        return Err(Refusal::new(
            "fork",
            "The branch lies in a fork, and the bot does not push there.",
            "Run `mergewright generate` in the fork and push what it writes.",
        ));
    }
    asked::permitted(turn, asked, None, Who::Write)?;
    if turn.state.merging.is_some() {
        return Err(Refusal::new(
            "merging",
            "The merge is under way, and a new commit would stop it.",
            "Comment again if it does not come about.",
        ));
    }
    if let Some(slot) = turn.state.committing.clone() {
        return Ok(Some(ReplyPart::Commit { slot, command: line.to_owned() }));
    }
    let files = files(turn)?;
    if files.is_empty() {
        return Ok(Some(said(
            "Nothing to do: the CI files are those that `.mergewright.yml` of the head generates.".to_owned(),
        )));
    }
    let request = turn.merge_request();
    let commit = NewCommit {
        branch: request.source_branch.clone(),
        parent: request.head.clone(),
        begins: false,
        message: format!("Regenerate the CI files\n\nAsked for by {}.\n", asked.by.login),
        files,
    };
    turn.state.commits_asked += 1;
    let effect = Effect::CommitFiles { commit: Box::new(commit), attempt: turn.state.commits_asked };
    let slot = effect.slot();
    turn.state.committing = Some(slot.clone());
    turn.want(effect);
    Ok(Some(ReplyPart::Commit { slot, command: line.to_owned() }))
}

/// What has to be committed.
fn files(turn: &Turn<'_>) -> Result<Vec<FileChange>, Refusal> {
    let Some(wanted) = &turn.facts.regeneration else {
        return Err(Refusal::new(
            "no-configuration",
            "The head has no `.mergewright.yml`, so there is nothing to generate from.",
            "Write one (`mergewright init` does), push it and comment again.",
        ));
    };
    if let Some(trouble) = &wanted.trouble {
        return Err(Refusal::new("not-generated", trouble.clone(), "Mend that, push it and comment again."));
    }
    if !wanted.foreign.is_empty() {
        let names = wanted.foreign.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        return Err(Refusal::new(
            "foreign-files",
            format!("Not written by mergewright, and left as it is: {names}."),
            "Compare with `mergewright generate --diff`, move your own jobs between the keep marks, then run \
             `mergewright generate --force` and push.",
        ));
    }
    Ok(wanted.files.clone())
}

/// Hears what became of the commit: the new head shows a good one, who asked is told of any other end.
pub(in crate::engine) fn hear(turn: &mut Turn<'_>, slot: &str, outcome: &Outcome) {
    if turn.state.committing.as_deref() != Some(slot) {
        return;
    }
    turn.state.committing = None;
    let (what, refused) = match outcome {
        Outcome::Done(Ended::Committed { commit }) => {
            (format!("the CI files were committed as {}", commit.short()), None)
        }
        Outcome::Done(_) => ("the CI files were committed".to_owned(), None),
        Outcome::Conflict { reason } => {
            (format!("the CI files were not committed: {reason}"), Some(("head-moved", reason)))
        }
        Outcome::Refused { reason } => {
            (format!("the CI files were not committed: {reason}"), Some(("not-committed", reason)))
        }
    };
    turn.record("commit", None, what, serde_json::json!({ "slot": slot, "outcome": outcome }));
    for open in turn.state.replies.values_mut() {
        let parts = std::mem::take(&mut open.parts);
        open.parts = parts.into_iter().filter_map(|part| ended(part, slot, refused)).collect();
    }
}

/// A part of a reply after the commit that it waited for has ended; nothing where that shows by itself.
fn ended(part: ReplyPart, slot: &str, refused: Option<(&str, &String)>) -> Option<ReplyPart> {
    match part {
        ReplyPart::Commit { slot: of, command } if of == slot => refused.map(|(rule, reason)| {
            ReplyPart::Said(Answer::Refused {
                command,
                rule: rule.to_owned(),
                message: reason.clone(),
                remedy: "Look at the newest head, then comment again.".to_owned(),
            })
        }),
        other => Some(other),
    }
}
