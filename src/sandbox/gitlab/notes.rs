//! Comments and reactions.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Comment, Commented, Reaction, Role, State};

use super::paging::page;
use super::{Answer, number, required, shape, unknown};

/// GitLab stores at most so many characters.
const LIMIT: usize = 1_000_000;

pub(super) fn route(
    state: &mut State,
    call: &Call,
    project: u64,
    by: u64,
    iid: u64,
    rest: &[&str],
) -> Answer {
    let id = state.project(project)?.merge_request(iid)?.id;
    match (call.method.as_str(), rest) {
        ("GET", []) => list(state, call, project, iid, id),
        ("POST", []) => {
            let body = required(call, "body")?;
            if body.chars().count() > LIMIT {
                let text = format!("note is too long (maximum is {LIMIT} characters)");
                return Err(Refusal::Invalid(text));
            }
            let internal = call.flag("internal");
            match state.comment_for(project, by, iid, &body, internal)? {
                Commented::Comment(note) => {
                    let note = state.comment_of(project, iid, note)?;
                    Ok(Reply::json(201, &shape::note(state, project, id, note)))
                }
                Commented::OnlyCommands(commands) => {
                    let summary: Vec<String> =
                        commands.iter().map(|line| format!("Applied {line}.")).collect();
                    Ok(Reply::json(202, &json!({"commands_changes": {}, "summary": summary})))
                }
            }
        }
        ("GET", [note]) => {
            let note = state.comment_of(project, iid, number(note)?)?;
            Ok(Reply::json(200, &shape::note(state, project, id, note)))
        }
        ("PUT", [note]) => {
            let note = number(note)?;
            state.edit_comment(project, by, iid, note, &required(call, "body")?)?;
            Ok(Reply::json(200, &shape::note(state, project, id, state.comment_of(project, iid, note)?)))
        }
        ("DELETE", [note]) => {
            state.delete_comment(project, by, iid, number(note)?)?;
            Ok(Reply::empty(204))
        }
        ("GET", [note, "award_emoji"]) => {
            let note = state.comment_of(project, iid, number(note)?)?;
            Ok(page(state, call, note.reactions.iter().map(|one| award(state, note, one)).collect()))
        }
        ("POST", [note, "award_emoji"]) => {
            let (note, name) = (number(note)?, required(call, "name")?);
            let reaction = state.react(project, by, iid, note, &name)?;
            Ok(Reply::json(201, &award(state, state.comment_of(project, iid, note)?, &reaction)))
        }
        ("DELETE", [note, "award_emoji", reaction]) => {
            let (note, reaction) = (number(note)?, number(reaction)?);
            let found = state.comment_of(project, iid, note)?.reactions.iter().find(|one| one.id == reaction);
            let owner = found.ok_or_else(|| Refusal::NotFound("404 Award Emoji".to_owned()))?.by;
            if owner != by {
                state.require(project, by, Role::Owner)?;
            }
            if let Some(comment) = state.project_mut(project)?.comments.get_mut(&note) {
                comment.reactions.retain(|one| one.id != reaction);
            }
            Ok(Reply::empty(204))
        }
        _ => unknown(),
    }
}

fn list(state: &State, call: &Call, project: u64, iid: u64, id: u64) -> Answer {
    let only_comments = call.text("activity_filter").as_deref() == Some("only_comments");
    let all = state.project(project)?.comments.values();
    let mut notes: Vec<&Comment> =
        all.filter(|note| note.merge_request == iid && !(only_comments && note.system)).collect();
    if call.text("order_by").as_deref() == Some("updated_at") {
        notes.sort_by_key(|note| (note.updated_at, note.id));
    }
    if call.text("sort").as_deref() != Some("asc") {
        notes.reverse();
    }
    Ok(page(state, call, notes.into_iter().map(|note| shape::note(state, project, id, note)).collect()))
}

fn award(state: &State, note: &Comment, reaction: &Reaction) -> Value {
    json!({
        "id": reaction.id,
        "name": reaction.name,
        "user": shape::user_of(state, reaction.by),
        "created_at": shape::time(reaction.at),
        "awardable_id": note.id,
        "awardable_type": "Note",
    })
}
