//! Reviews of pull requests, and who was asked for one.

use serde_json::{Value, json};

use crate::sandbox::Refusal;
use crate::sandbox::exchange::{Call, Reply};
use crate::sandbox::world::{Review, ReviewState, State};

use super::paging::page;
use super::{Answer, missing, number, required, shape, unknown};

/// `rest` is what stands behind the pull request's number.
pub(super) fn route(
    state: &mut State,
    call: &Call,
    project: u64,
    by: u64,
    pull: u64,
    rest: &[&str],
) -> Answer {
    match (call.method.as_str(), rest) {
        ("GET", ["reviews"]) => {
            let place = state.project(project)?;
            let own = place.reviews.values().filter(|one| one.merge_request == pull);
            Ok(page(state, call, own.map(|one| shape::review(state, place, one)).collect()))
        }
        ("POST", ["reviews"]) => {
            let text = call.text("body").unwrap_or_default();
            let verdict = match call.text("event").as_deref() {
                Some("APPROVE") => ReviewState::Approved,
                Some("REQUEST_CHANGES") => ReviewState::ChangesRequested,
                Some("COMMENT") => ReviewState::Commented,
                _ => return Err(Refusal::Unprocessable("the sandbox keeps no pending reviews".to_owned())),
            };
            if verdict != ReviewState::Approved && text.is_empty() {
                return Err(Refusal::Unprocessable("body wasn't supplied.".to_owned()));
            }
            let sha = call.text("commit_id");
            let made = state.review(project, by, pull, verdict, sha.as_deref(), &text)?;
            Ok(Reply::json(200, &shape::review(state, state.project(project)?, &made)))
        }
        ("GET", ["reviews", id]) => {
            let found = review(state, project, pull, id)?;
            Ok(Reply::json(200, &shape::review(state, state.project(project)?, found)))
        }
        ("PUT", ["reviews", id, "dismissals"]) => {
            required(call, "message")?;
            let id = review(state, project, pull, id)?.id;
            let gone = state.dismiss(project, by, id)?;
            Ok(Reply::json(200, &shape::review(state, state.project(project)?, &gone)))
        }
        ("GET", ["requested_reviewers"]) => {
            let asked = &state.project(project)?.merge_request(pull)?.reviewers;
            let users: Vec<Value> = asked.iter().map(|id| shape::user_of(state, *id)).collect();
            Ok(Reply::json(200, &json!({"users": users, "teams": []})))
        }
        ("POST", ["requested_reviewers"]) => {
            let mut asked = people(state, call)?;
            let owner = state.project(project)?.namespace().to_owned();
            for team in call.words("team_reviewers").unwrap_or_default() {
                let members = state.groups.get(&format!("{owner}/{team}"));
                let unknown = || Refusal::Unprocessable(format!("Could not resolve to a node: team {team}"));
                asked.extend(members.ok_or_else(unknown)?);
            }
            state.request_reviews(project, by, pull, &asked)?;
            let place = state.project(project)?;
            Ok(Reply::json(201, &shape::pull(state, place, place.merge_request(pull)?)))
        }
        ("DELETE", ["requested_reviewers"]) => {
            let gone = people(state, call)?;
            state.project_mut(project)?.merge_request_mut(pull)?.reviewers.retain(|id| !gone.contains(id));
            let place = state.project(project)?;
            Ok(Reply::json(200, &shape::pull(state, place, place.merge_request(pull)?)))
        }
        _ => unknown(),
    }
}

fn review<'s>(state: &'s State, project: u64, pull: u64, id: &str) -> Result<&'s Review, Refusal> {
    let found = state.project(project)?.reviews.get(&number(id)?);
    found.filter(|one| one.merge_request == pull).ok_or_else(missing)
}

fn people(state: &State, call: &Call) -> Result<Vec<u64>, Refusal> {
    let text = "Reviews may only be requested from collaborators.";
    let id = |login: String| {
        state.named(&login).map(|person| person.id).map_err(|_error| Refusal::Unprocessable(text.to_owned()))
    };
    call.words("reviewers").unwrap_or_default().into_iter().map(id).collect()
}
