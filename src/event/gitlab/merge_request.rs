//! `Merge Request Hook`: whatever happened, look; approvals are named.

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Commit, Numbered, lenient, merge_request, read};
use crate::domain::User;
use crate::event::reading::{Moment, Stop, refresh, retargeted, review, sha};
use crate::event::{Incoming, ReviewAct};

#[derive(Deserialize)]
struct Hook {
    #[serde(default, deserialize_with = "lenient")]
    user: Account,
    #[serde(default, deserialize_with = "lenient")]
    project: Numbered,
    project_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    object_attributes: Attributes,
    #[serde(default)]
    changes: Value,
}

#[derive(Default, Deserialize)]
struct Attributes {
    iid: Option<u64>,
    target_project_id: Option<u64>,
    action: Option<String>,
    oldrev: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    last_commit: Commit,
    #[serde(default)]
    updated_at: Moment,
}

pub(super) fn parse(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: Hook = read(event, body)?;
    let attributes = hook.object_attributes;
    let project = hook.project.id.or(hook.project_id).or(attributes.target_project_id);
    let project = project.ok_or_else(|| Stop::missing("project.id"))?;
    let iid = attributes.iid.ok_or_else(|| Stop::missing("object_attributes.iid"))?;
    let id = merge_request(project, iid);
    let word = attributes.action.unwrap_or_default();
    // `approved` and `unapproved` tell of one person's act too, by which the rules came to be met
    // or ceased to be.
    let act = match word.as_str() {
        "approved" | "approval" => ReviewAct::Approved,
        "unapproved" | "unapproval" => ReviewAct::Withdrawn,
        "update" if hook.user.is(us) && attributes.oldrev.is_none() && only_labels(&hook.changes) => {
            return Err(Stop::because("own-label"));
        }
        _ if hook.changes.get("target_branch").is_some() => {
            return Ok(retargeted(id, attributes.updated_at));
        }
        _ => return Ok(refresh(id)),
    };
    match hook.user.user(None) {
        Some(by) => Ok(review(id, by, act, &word, sha(attributes.last_commit.id), attributes.updated_at)),
        // Nobody is named, but the approvals can still be read.
        None => Ok(refresh(id)),
    }
}

/// Whether an update changed labels and nothing else that anybody cares for.
fn only_labels(changes: &Value) -> bool {
    const BOOKKEEPING: [&str; 5] =
        ["labels", "updated_at", "updated_by_id", "last_edited_at", "last_edited_by_id"];
    changes.as_object().is_some_and(|changes| {
        changes.contains_key("labels") && changes.keys().all(|key| BOOKKEEPING.contains(&key.as_str()))
    })
}
