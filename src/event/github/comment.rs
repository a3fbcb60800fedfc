//! `issue_comment`: issues and pull requests share it; only a new comment on the latter counts.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Account, Numbered, lenient, merge_request, read};
use crate::domain::{CommentId, User};
use crate::event::Incoming;
use crate::event::reading::{self, Moment, Stop};

#[derive(Deserialize)]
struct Hook {
    action: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sender: Account,
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    issue: Issue,
    #[serde(default, deserialize_with = "lenient")]
    comment: Comment,
}

#[derive(Default, Deserialize)]
struct Issue {
    number: Option<u64>,
    pull_request: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Comment {
    id: Option<u64>,
    user: Option<Account>,
    body: Option<String>,
    #[serde(default)]
    updated_at: Moment,
}

pub(super) fn parse(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: Hook = read(event, body)?;
    if hook.issue.pull_request.is_none() {
        return Err(Stop::because("issue"));
    }
    match hook.action.as_deref() {
        Some("created") => {}
        Some("edited") => return edited(hook, us),
        Some("deleted") => return Err(Stop::because("deleted-comment")),
        _ => return Err(Stop::because("unknown-action")),
    }
    let comment = hook.comment;
    let account = comment.user.ok_or_else(|| Stop::because("deleted-user"))?;
    let author = account.user().ok_or_else(|| Stop::missing("comment.user.id"))?;
    if author.id == us.id {
        return Err(Stop::because("own-comment"));
    }
    if author.bot {
        return Err(Stop::because("bot-comment"));
    }
    let number = hook.issue.number.ok_or_else(|| Stop::missing("issue.number"))?;
    let id = comment.id.ok_or_else(|| Stop::missing("comment.id"))?;
    let text = comment.body.ok_or_else(|| Stop::missing("comment.body"))?;
    let on = merge_request(hook.repository.repo()?, number);
    Ok(reading::comment(on, CommentId(id), author, text, comment.updated_at))
}

/// An edit never runs a command; one of our own words by somebody else is put right again.
fn edited(hook: Hook, us: &User) -> Result<Incoming, Stop> {
    let ours = hook.comment.user.as_ref().is_some_and(|author| author.is(us));
    let by = hook.sender.user().filter(|by| ours && by.id != us.id);
    let by = by.ok_or_else(|| Stop::because("edited-comment"))?;
    let number = hook.issue.number.ok_or_else(|| Stop::missing("issue.number"))?;
    let id = hook.comment.id.ok_or_else(|| Stop::missing("comment.id"))?;
    let on = merge_request(hook.repository.repo()?, number);
    let left = (hook.comment.updated_at, hook.comment.body.as_deref());
    Ok(reading::tampered(on, CommentId(id), by, left))
}
