//! Checks: those of others may make a merge possible, and ours have buttons.

use serde::Deserialize;

use super::ci::{Named, said_of, the_only};
use super::{Account, Numbered, lenient, merge_request, read};
use crate::domain::{Button, CheckId, CheckMark, Press, User};
use crate::event::Incoming;
use crate::event::reading::{Stop, pressed, refresh, sha};

/// GitHub takes no longer identifier, so that none of ours is cut.
const LONGEST_IDENTIFIER: usize = 20;

#[derive(Deserialize)]
struct Hook {
    action: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sender: Account,
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient", alias = "check_suite")]
    check_run: Check,
    #[serde(default, deserialize_with = "lenient")]
    requested_action: Requested,
}

#[derive(Default, Deserialize)]
struct Check {
    id: Option<u64>,
    name: Option<String>,
    head_sha: Option<String>,
    external_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    app: App,
    #[serde(default, deserialize_with = "lenient")]
    pull_requests: Vec<Named>,
}

#[derive(Default, Deserialize)]
struct App {
    slug: Option<String>,
}

#[derive(Default, Deserialize)]
struct Requested {
    identifier: Option<String>,
}

/// `check_run`.
pub(super) fn check_run(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: Hook = read(event, body)?;
    if !hook.check_run.app.slug.as_deref().is_some_and(|slug| us.is_app(slug)) {
        return looked_at(hook, us, "check_run.head_sha");
    }
    let button = match hook.action.as_deref() {
        Some("requested_action") => {
            let told = hook.requested_action.identifier.as_deref();
            told.map(|told| told.chars().take(LONGEST_IDENTIFIER).collect())
        }
        // The forge's own button on each check.
        Some("rerequested") => Some(Button::Retry.identifier().to_owned()),
        _ => return looked_at(hook, us, "check_run.head_sha"),
    };
    let button = button.ok_or_else(|| Stop::missing("requested_action.identifier"))?;
    if hook.sender.is(us) {
        return Err(Stop::because("own-check"));
    }
    let by = hook.sender.user().ok_or_else(|| Stop::missing("sender.id"))?;
    if by.bot {
        return Err(Stop::because("bot-press"));
    }
    let (repo, check) = (hook.repository.repo()?, hook.check_run);
    let mark: Option<CheckMark> = check.external_id.and_then(|text| text.parse().ok());
    let mark = mark.filter(|mark| mark.merge_request.repo == repo);
    let mark = mark.ok_or_else(|| Stop::because("not-our-check"))?;
    let id = check.id.ok_or_else(|| Stop::missing("check_run.id"))?;
    let name = check.name.ok_or_else(|| Stop::missing("check_run.name"))?;
    let head = sha(check.head_sha).ok_or_else(|| Stop::missing("check_run.head_sha"))?;
    Ok(pressed(Press { check: CheckId(id), name, head, mark, button, by }))
}

/// `check_suite`.
pub(super) fn check_suite(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    looked_at(read(event, body)?, us, "check_suite.head_sha")
}

fn looked_at(hook: Hook, us: &User, path: &str) -> Result<Incoming, Stop> {
    if hook.sender.is(us) {
        return Err(Stop::because("own-check"));
    }
    let repo = hook.repository.repo()?;
    match the_only(&hook.check_run.pull_requests, repo) {
        Some(number) => Ok(refresh(merge_request(repo, number))),
        None => said_of(repo, hook.check_run.head_sha, path),
    }
}
