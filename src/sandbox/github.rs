//! GitHub's REST API over the world: translation only, as far as the bot uses it.
//!
//! It is served at the root, as `api.github.com` does, and below `/api/v3`, as an Enterprise Server
//! does; uploads also below `/uploads` and `/api/uploads`. Logs and archives come from another origin.

mod actions;
pub(crate) mod apps;
mod asker;
mod checks;
mod code;
mod contents;
mod deliveries;
mod deployments;
mod git;
mod hooks;
pub(crate) mod identity;
mod issues;
mod manifest;
mod paging;
mod people;
mod pulls;
mod queue;
mod releases;
mod repository;
mod reviews;
mod runs;
mod shape;
mod statuses;
mod storage;

use serde_json::{Value, json};

use crate::domain::{Digest, ForgeKind};

use super::Refusal;
use super::exchange::{Call, Reply};
use super::world::{Dialect, Project, State};
use asker::Asker;

pub(crate) use asker::login;
pub(crate) use manifest::page;
pub(super) use paging::encode;
pub(crate) use shape::user_of;
pub(crate) use storage::answer as storage;

/// What GitHub does otherwise than GitLab.
pub(crate) const DIALECT: Dialect = Dialect {
    forge: ForgeKind::GitHub,
    messages: hooks::messages,
    // No word in a comment is the forge's own.
    read_comment: |text| (text.to_owned(), Vec::new()),
    deploys_from_start: true,
    merge_request_path,
};

/// What begins a path of the API at the root; everything else is a page.
const ROOTS: [&str; 11] = [
    "repos",
    "repositories",
    "user",
    "users",
    "orgs",
    "uploads",
    "rate_limit",
    "api",
    "app",
    "app-manifests",
    "graphql",
];

fn merge_request_path(project: &str, number: u64) -> String {
    format!("/{project}/pull/{number}")
}

type Answer = Result<Reply, Refusal>;

/// Whether a call is one of the API.
pub(crate) fn is_api(call: &Call) -> bool {
    call.segments.first().is_some_and(|first| ROOTS.contains(&first.as_str()))
}

/// Answers a call of the API.
pub(crate) fn answer(state: &mut State, call: &Call) -> Reply {
    let reply = if is_broken_json(call) {
        Reply::json(400, &json!({"message": "Problems parsing JSON", "documentation_url": DOCS}))
    } else {
        routed(state, call).unwrap_or_else(|refusal| refused(&refusal))
    };
    finish(state, call, reply)
}

/// Where the real forge explains itself.
const DOCS: &str = "https://docs.github.com/rest";

fn routed(state: &mut State, call: &Call) -> Answer {
    let all: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let (rest, upload) = match all.as_slice() {
        ["api", "v3", rest @ ..] => (rest, false),
        ["api", "uploads", rest @ ..] | ["uploads", rest @ ..] => (rest, true),
        rest => (rest, false),
    };
    if let ("POST", ["app-manifests", code, "conversions"]) = (call.method.as_str(), rest) {
        return manifest::convert(state, code);
    }
    let asker = match asker::of(state, call) {
        Ok(asker) => asker,
        Err(reply) => return Ok(reply),
    };
    if let ("POST", ["graphql"] | ["api", "graphql"]) = (call.method.as_str(), rest) {
        return Ok(queue::graphql(state, call, &asker));
    }
    let (by, token) = match &asker {
        Asker::App(app) => return apps::route(state, call, *app, rest),
        Asker::Job(_) if call.method != "GET" => return Err(asker::lacking()),
        Asker::Person(by) | Asker::Job(by) => (*by, None),
        Asker::Installation(by, token) => (*by, Some(token)),
    };
    let (project, below) = match rest {
        ["repos", owner, name, below @ ..] => {
            let path = format!("{owner}/{name}");
            match state.project_at(&path).map(|place| place.id) {
                Some(project) => (project, below),
                None => return moved(state, call, &path, below),
            }
        }
        ["repositories", id, below @ ..] => (number(id)?, below),
        rest => return people::route(state, call, by, token, rest),
    };
    match token {
        None => in_project(state, call, member(state, project, by)?, by, below, upload),
        Some(token) => {
            asker::within(state, token, project, &call.method, below)?;
            if asker::touches_workflows(below, call) && !token.grants("workflows", true) {
                return Err(asker::lacking());
            }
            in_project(state, call, project, by, below, upload)
        }
    }
}

/// The project, unless the asker does not belong to it: a stranger cannot tell that it exists.
fn member(state: &State, project: u64, by: u64) -> Result<u64, Refusal> {
    let seen = |place: &&Project| place.public || place.members.contains_key(&by);
    let found = state.projects.get(&project).filter(seen);
    found.map(|place| place.id).ok_or_else(missing)
}

/// A repository that has another path now is pointed to.
fn moved(state: &State, call: &Call, path: &str, below: &[&str]) -> Answer {
    let id = state.renamed.get(&path.to_lowercase()).ok_or_else(missing)?;
    let tail: String = below.iter().map(|part| format!("/{}", encode(part))).collect();
    let query = call.target.split_once('?').map_or(String::new(), |(_path, query)| format!("?{query}"));
    let place = format!("{}/repositories/{id}{tail}{query}", api(state));
    let (status, message) =
        if call.method == "GET" { (301, "Moved Permanently") } else { (307, "Temporary Redirect") };
    let body = json!({"message": message, "url": place, "documentation_url": DOCS});
    Ok(Reply::json(status, &body).with("location", place))
}

fn in_project(state: &mut State, call: &Call, project: u64, by: u64, rest: &[&str], upload: bool) -> Answer {
    match rest {
        ["releases", ..] => releases::route(state, call, project, by, rest),
        _ if upload => unknown(),
        [] | ["collaborators" | "labels" | "hooks", ..] => repository::route(state, call, project, by, rest),
        ["pulls", number, "reviews" | "requested_reviewers", ..] => {
            let number = self::number(number)?;
            state.project(project)?.merge_request(number)?;
            reviews::route(state, call, project, by, number, rest.get(2..).unwrap_or_default())
        }
        ["pulls", ..] => pulls::route(state, call, project, by, rest),
        ["issues", ..] => issues::route(state, call, project, by, rest),
        ["statuses", ..] | ["commits", _, "status" | "statuses"] => {
            statuses::route(state, call, project, by, rest)
        }
        ["check-runs", ..] | ["commits", _, "check-runs"] => checks::route(state, call, project, by, rest),
        ["commits" | "compare" | "branches" | "tags", ..] => code::route(state, call, project, rest),
        ["rules", "branches", branch] if call.method == "GET" => queue::rules(state, call, project, branch),
        ["contents", path @ ..] => contents::route(state, call, project, by, &path.join("/")),
        ["git", below @ ..] => git::route(state, call, project, by, below),
        ["actions", below @ ..] => actions::route(state, call, project, by, below),
        ["deployments" | "environments", ..] => deployments::route(state, call, project, rest),
        _ => unknown(),
    }
}

/// The API's own address.
fn api(state: &State) -> String {
    if state.enterprise { format!("{}/api/v3", state.url) } else { state.url.clone() }
}

/// A repository's address in the API.
fn api_of(state: &State, place: &Project) -> String {
    format!("{}/repos/{}", api(state), place.path)
}

/// No such route: the answer of a forge, and a sign that the bot asks for what is not played here.
fn unknown() -> Answer {
    Ok(Reply::unknown(&json!({"message": "Not Found", "documentation_url": DOCS, "status": "404"})))
}

fn missing() -> Refusal {
    Refusal::NotFound("Not Found".to_owned())
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_error| missing())
}

fn required(call: &Call, name: &str) -> Result<String, Refusal> {
    let given = call.text(name).filter(|text| !text.is_empty());
    given.ok_or_else(|| Refusal::Invalid(format!("{name} wasn't supplied.")))
}

/// What exists already is no conflict here but wrong input.
fn taken(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Conflict(text) => Refusal::Unprocessable(text),
        other => other,
    }
}

fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"message": message, "documentation_url": DOCS, "status": status.to_string()}))
}

fn refused(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::NotFound(_) => error(404, "Not Found"),
        Refusal::Forbidden(text) if text.starts_with("403") => {
            error(403, "Resource not accessible by personal access token")
        }
        Refusal::Forbidden(text) => error(403, text),
        Refusal::NotAllowed(text) if text.starts_with("405") => error(405, "Pull Request is not mergeable"),
        Refusal::NotAllowed(text) => error(405, text),
        Refusal::Conflict(text) => error(409, text),
        Refusal::Invalid(text) | Refusal::Unprocessable(text) => {
            let code = if text.contains("already") { "already_exists" } else { "custom" };
            let body = json!({
                "message": if text.contains("already_exists") { "Validation Failed" } else { text },
                "errors": [{"resource": "Resource", "code": code, "message": text}],
                "documentation_url": DOCS,
                "status": "422",
            });
            Reply::json(422, &body)
        }
        Refusal::Git { .. } => error(500, "Server Error"),
    }
}

fn is_broken_json(call: &Call) -> bool {
    let json = call.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    json && !call.body.is_empty() && serde_json::from_slice::<Value>(&call.body).is_err()
}

/// The headers of every answer; what the asker has already is not sent again.
fn finish(state: &State, call: &Call, reply: Reply) -> Reply {
    let hour = state.now().0.div_euclid(3_600_000).saturating_add(1).saturating_mul(3600);
    let limits = |reply: Reply| {
        reply
            .with("x-ratelimit-limit", "5000")
            .with("x-ratelimit-remaining", "4999")
            .with("x-ratelimit-used", "1")
            .with("x-ratelimit-reset", hour.to_string())
            .with("x-ratelimit-resource", "core")
            .with("x-github-media-type", "github.v3; format=json")
    };
    if call.method != "GET" || reply.status != 200 {
        return limits(reply);
    }
    let tag = format!("W/\"{}\"", Digest::of(&reply.body).hex());
    if call.header("if-none-match") == Some(tag.as_str()) {
        return limits(Reply::empty(304)).with("etag", tag);
    }
    limits(reply).with("etag", tag)
}
