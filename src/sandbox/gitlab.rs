//! GitLab's REST API over the world: translation only, as far as the bot uses it.

mod ci;
mod code;
mod deliveries;
mod deployments;
mod hooks;
mod merge_requests;
mod notes;
mod paging;
mod people;
mod quick_actions;
mod releases;
mod schedules;
mod shape;
mod trains;

use serde_json::json;

use crate::domain::ForgeKind;

use super::Refusal;
use super::exchange::{Call, Reply};
use super::world::{Dialect, State};

/// What GitLab does otherwise than GitHub.
pub(crate) const DIALECT: Dialect = Dialect {
    forge: ForgeKind::GitLab,
    messages: hooks::messages,
    read_comment: quick_actions::take,
    deploys_from_start: false,
    merge_request_path,
};

fn merge_request_path(project: &str, number: u64) -> String {
    format!("/{project}/-/merge_requests/{number}")
}

type Answer = Result<Reply, Refusal>;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Person(u64),
    /// A job with its token, in this project.
    Job {
        project: u64,
        by: u64,
    },
}

/// Answers a call below `/api/v4`.
pub(crate) fn answer(state: &mut State, call: &Call) -> Reply {
    let Some(asker) = asker(state, call) else {
        return Reply::json(401, &json!({"message": "401 Unauthorized"}));
    };
    let segments: Vec<&str> = call.segments.iter().skip(2).map(String::as_str).collect();
    let answered = match (asker, segments.as_slice()) {
        (Asker::Job { project, by }, ["projects", named, "jobs", rest @ ..]) => {
            // A job's token reads artifacts of its own project, nothing else.
            match project_of(state, named, by) {
                Ok(found) if found == project && matches!(rest, [_, "artifacts", ..]) => ci::route(
                    state,
                    call,
                    found,
                    by,
                    &["jobs"].iter().chain(rest).copied().collect::<Vec<_>>(),
                ),
                _ => Err(missing("Project")),
            }
        }
        (Asker::Job { .. }, _) => Err(missing("Project")),
        (Asker::Person(by), ["projects", named, rest @ ..]) => {
            project_of(state, named, by).and_then(|project| in_project(state, call, project, by, rest))
        }
        (Asker::Person(by), rest) => people::route(state, call, by, rest),
    };
    answered.unwrap_or_else(|refusal| refused(&refusal))
}

fn asker(state: &State, call: &Call) -> Option<Asker> {
    if let Some(token) = call.header("job-token") {
        return job_with(state, token);
    }
    let token = call.header("private-token").or_else(|| call.bearer())?;
    state.person_with(token).map(|person| Asker::Person(person.id))
}

/// The running job that a token belongs to: the token dies with the job.
fn job_with(state: &State, token: &str) -> Option<Asker> {
    let all =
        state.projects.values().flat_map(|project| project.jobs.values().map(move |job| (project, job)));
    let mut alive = all.filter(|(_project, job)| job.state == super::world::JobState::Running);
    let (project, job) = alive.find(|(_project, job)| job.token() == token)?;
    let by = project.pipelines.get(&job.pipeline)?.by;
    Some(Asker::Job { project: project.id, by })
}

/// The project, unless it does not exist or the asker is no member: a stranger cannot tell which.
fn project_of(state: &State, named: &str, by: u64) -> Result<u64, Refusal> {
    let found = match named.parse::<u64>() {
        Ok(id) => state.projects.get(&id),
        Err(_path) => state.project_at(named),
    };
    let found = found.filter(|project| project.public || project.members.contains_key(&by));
    found.map(|project| project.id).ok_or_else(|| missing("Project"))
}

fn in_project(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str]) -> Answer {
    match rest {
        [] | ["members" | "hooks" | "labels", ..] => people::in_project(state, call, project, by, rest),
        ["merge_requests", iid, "notes", below @ ..] => {
            notes::route(state, call, project, by, number(iid)?, below)
        }
        ["merge_trains", ..] => trains::route(state, call, project, by, rest),
        ["merge_requests", ..] => merge_requests::route(state, call, project, by, rest),
        ["repository", ..] => code::route(state, call, project, by, rest),
        ["statuses" | "pipeline" | "pipelines" | "jobs", ..] => ci::route(state, call, project, by, rest),
        ["pipeline_schedules", ..] => schedules::route(state, call, project, by, rest),
        ["deployments" | "environments", ..] => deployments::route(state, call, project, rest),
        ["releases" | "packages", ..] => releases::route(state, call, project, by, rest),
        _ => unknown(),
    }
}

/// No such route: the answer of a forge, and a sign that the bot asks for what is not played here.
fn unknown() -> Answer {
    Ok(Reply::unknown(&json!({"error": "404 Not Found"})))
}

fn missing(what: &str) -> Refusal {
    Refusal::NotFound(format!("404 {what}"))
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_error| Refusal::Invalid(format!("{text} is invalid")))
}

fn required(call: &Call, name: &str) -> Result<String, Refusal> {
    let given = call.text(name).filter(|text| !text.is_empty());
    given.ok_or_else(|| Refusal::Invalid(format!("{name} is missing")))
}

fn refused(refusal: &Refusal) -> Reply {
    let (status, message) = match refusal {
        Refusal::NotFound(text) if text.ends_with("taken") => (404, text.clone()),
        Refusal::NotFound(text) => (404, format!("{text} Not Found")),
        Refusal::Forbidden(text) if text.starts_with("401") => (401, text.clone()),
        Refusal::Forbidden(text) => (403, text.clone()),
        Refusal::Invalid(text) => (400, text.clone()),
        Refusal::NotAllowed(text) => (405, text.clone()),
        Refusal::Conflict(text) => (409, text.clone()),
        Refusal::Unprocessable(text) => (422, text.clone()),
        Refusal::Git { .. } => (500, "500 Internal Server Error".to_owned()),
    };
    // Parameters that fail their own check are told in another field, as GitLab does.
    let field = if status == 400 && (message.ends_with("is missing") || message.ends_with("is invalid")) {
        "error"
    } else {
        "message"
    };
    Reply::json(status, &json!({ field: message }))
}
