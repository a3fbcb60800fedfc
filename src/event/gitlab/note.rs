//! `Note Hook`: a new comment on a merge request may hold commands; nothing else does.

use serde::Deserialize;

use super::{Account, NamedMergeRequest, Numbered, lenient, merge_request, read};
use crate::domain::{CommentId, User, UserId};
use crate::event::Incoming;
use crate::event::reading::{Moment, Stop, comment, tampered};

#[derive(Deserialize)]
struct Hook {
    event_type: Option<String>,
    user: Option<Account>,
    #[serde(default, deserialize_with = "lenient")]
    project: Numbered,
    project_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    object_attributes: Attributes,
    #[serde(default, deserialize_with = "lenient")]
    merge_request: NamedMergeRequest,
}

#[derive(Default, Deserialize)]
struct Attributes {
    id: Option<u64>,
    note: Option<String>,
    noteable_type: Option<String>,
    /// Absent before GitLab 16.11, which told of new comments only.
    action: Option<String>,
    author_id: Option<u64>,
    updated_by_id: Option<u64>,
    system: Option<bool>,
    internal: Option<bool>,
    confidential: Option<bool>,
    #[serde(default)]
    updated_at: Moment,
}

pub(super) fn parse(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: Hook = read(event, body)?;
    let note = hook.object_attributes;
    match note.noteable_type.as_deref() {
        Some("MergeRequest") => {}
        Some("Issue") => return Err(Stop::because("issue")),
        _ => return Err(Stop::because("not-a-merge-request")),
    }
    if note.system == Some(true) {
        return Err(Stop::because("system-note"));
    }
    match note.action.as_deref() {
        None | Some("create") => {}
        Some("update") => {
            return edited(hook.user, hook.project.id.or(hook.project_id), hook.merge_request, &note, us);
        }
        Some(_) => return Err(Stop::because("unknown-action")),
    }
    // An answer to a confidential question would be public.
    let confidential = note.internal == Some(true)
        || note.confidential == Some(true)
        || hook.event_type.as_deref() == Some("confidential_note")
        || event == "Confidential Note Hook";
    if confidential {
        return Err(Stop::because("internal-note"));
    }
    let account = hook.user.ok_or_else(|| Stop::because("deleted-user"))?;
    let author = account.user(note.author_id).ok_or_else(|| Stop::missing("user.id"))?;
    if author.id == us.id {
        return Err(Stop::because("own-comment"));
    }
    if author.bot {
        return Err(Stop::because("bot-comment"));
    }
    let project = hook.project.id.or(hook.project_id).or(hook.merge_request.target_project_id);
    let project = project.ok_or_else(|| Stop::missing("project.id"))?;
    let iid = hook.merge_request.iid.ok_or_else(|| Stop::missing("merge_request.iid"))?;
    let id = note.id.ok_or_else(|| Stop::missing("object_attributes.id"))?;
    let text = note.note.ok_or_else(|| Stop::missing("object_attributes.note"))?;
    Ok(comment(merge_request(project, iid), CommentId(id), author, text, note.updated_at))
}

/// An edit never runs a command; one of our own words by somebody else is put right again. The hook's
/// user may be the author, so that the note's own word about its last editor goes first.
fn edited(
    user: Option<Account>,
    project: Option<u64>,
    on: NamedMergeRequest,
    note: &Attributes,
    us: &User,
) -> Result<Incoming, Stop> {
    let other = Stop::because("edited-comment");
    let told = user.and_then(|user| user.user(None));
    let editor = note.updated_by_id.map(UserId).or_else(|| told.as_ref().map(|user| user.id));
    let editor = editor.filter(|editor| note.author_id == Some(us.id.0) && *editor != us.id).ok_or(other)?;
    let by = told.filter(|user| user.id == editor);
    let by = by.unwrap_or_else(|| User { id: editor, login: format!("user {editor}"), bot: false });
    let project = project.or(on.target_project_id).ok_or_else(|| Stop::missing("project.id"))?;
    let iid = on.iid.ok_or_else(|| Stop::missing("merge_request.iid"))?;
    let id = note.id.ok_or_else(|| Stop::missing("object_attributes.id"))?;
    Ok(tampered(merge_request(project, iid), CommentId(id), by, (note.updated_at, note.note.as_deref())))
}
