//! The pages for people: merge requests, their jobs, and a form to comment.

use std::collections::BTreeMap;

use minijinja::{Environment, context};
use serde_json::{Value, json};

use crate::domain::Sha;

use super::Refusal;
use super::exchange::{Call, Reply};
use super::github::encode;
use super::world::{CheckRun, MergeRequestState, Project, Role, State};

const TEMPLATE: &str = include_str!("../../templates/sandbox/page.html");

/// Answers everything that is not the API.
pub(crate) fn answer(state: &mut State, call: &Call) -> Reply {
    match route(state, call) {
        Ok(reply) => reply,
        Err(Refusal::NotFound(what)) => {
            render(404, json!({"title": "Not found", "refusal": format!("{what} not found")}))
        }
        Err(refusal) => render(403, json!({"title": "Refused", "refusal": refusal.to_string()})),
    }
}

fn route(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let path = call.segments.join("/");
    if path.is_empty() {
        return Ok(render(200, overview(state)));
    }
    let nothing = || Refusal::NotFound(format!("/{path}"));
    let (project, below) = place(state, &path).ok_or_else(nothing)?;
    let (project, id) = (project.as_str(), state.project_at(&project).ok_or_else(nothing)?.id);
    let parts: Vec<&str> = below.split('/').collect();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["merge_requests", number]) => {
            let number = number.parse().map_err(|_error| nothing())?;
            Ok(render(200, merge_request(state, id, number)?))
        }
        ("POST", ["merge_requests", number, "comments"]) => {
            let number = number.parse().map_err(|_error| nothing())?;
            comment(state, call, id, number)?;
            let place = (state.dialect.merge_request_path)(&state.project(id)?.path, number);
            Ok(Reply::empty(303).with("location", place))
        }
        ("GET", ["jobs", job]) => {
            let job = state.project(id)?.job(job.parse().map_err(|_error| nothing())?)?;
            Ok(Reply::of(200, "text/plain; charset=utf-8", job.log.clone()))
        }
        ("GET", ["pipelines", run]) => {
            let run = state.project(id)?.pipeline(run.parse().map_err(|_error| nothing())?)?;
            let number = run.merge_request.ok_or_else(nothing)?;
            let place = (state.dialect.merge_request_path)(project, number);
            Ok(Reply::empty(303).with("location", place))
        }
        ("GET", ["releases", tag]) => {
            let release = state.release(id, tag)?;
            // GitLab links to its packages; GitHub keeps the files itself.
            let links = release.links.iter().map(|link| json!({"name": link.name, "url": link.url}));
            let assets = release.assets.iter().map(|asset| {
                json!({"name": asset.name, "url": format!("../download/{}/{}", encode(tag), encode(&asset.name))})
            });
            let links: Vec<Value> = links.chain(assets).collect();
            let shown = json!({"name": release.name, "description": release.description, "links": links});
            Ok(render(200, json!({"title": release.name, "release": shown})))
        }
        ("GET", ["releases", tag, file]) => {
            let release = state.release(id, tag)?;
            let asset = release.assets.iter().find(|asset| asset.name == *file).ok_or_else(nothing)?;
            Ok(Reply::of(200, &asset.kind, asset.content.clone()))
        }
        _ => Err(nothing()),
    }
}

/// The project's path, and what is asked for below it in GitLab's words.
fn place(state: &State, path: &str) -> Option<(String, String)> {
    if !state.dialect.is_github() {
        let (project, below) = path.split_once("/-/")?;
        return Some((project.to_owned(), below.to_owned()));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let (owner, name, below) = match parts.as_slice() {
        [owner, name, "pull", number] => (owner, name, format!("merge_requests/{number}")),
        [owner, name, "pull", number, "comments"] => {
            (owner, name, format!("merge_requests/{number}/comments"))
        }
        [owner, name, "actions", "runs", _run, "job", job] => (owner, name, format!("jobs/{job}")),
        [owner, name, "actions", "runs", run] => (owner, name, format!("pipelines/{run}")),
        [owner, name, "releases", "tag", tag] => (owner, name, format!("releases/{tag}")),
        [owner, name, "releases", "download", tag, file] => (owner, name, format!("releases/{tag}/{file}")),
        _ => return None,
    };
    Some((format!("{owner}/{name}"), below))
}

/// How people write the number of a merge request.
fn reference(state: &State, place: &Project, number: u64) -> String {
    let sign = if state.dialect.is_github() { '#' } else { '!' };
    format!("{}{sign}{number}", place.path)
}

fn render(status: u16, content: Value) -> Reply {
    let mut environment = Environment::new();
    let added = environment.add_template("page.html", TEMPLATE);
    let page = added.and_then(|()| {
        environment.get_template("page.html")?.render(context! { page => minijinja::value::Serde(content) })
    });
    match page {
        Ok(html) => Reply::of(status, "text/html; charset=utf-8", html).with(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
        ),
        Err(error) => Reply::of(500, "text/plain", error.to_string()),
    }
}

fn login(state: &State, id: u64) -> String {
    state.people.get(&id).map_or_else(|| "ghost".to_owned(), |person| person.login.clone())
}

fn word(state: &MergeRequestState) -> &'static str {
    match state {
        MergeRequestState::Open => "open",
        MergeRequestState::Closed => "closed",
        MergeRequestState::Merged { .. } => "merged",
    }
}

fn overview(state: &State) -> Value {
    let all =
        state.projects.values().flat_map(|place| place.merge_requests.values().map(move |one| (place, one)));
    let shown: Vec<Value> = all
        .map(|(place, one)| {
            json!({
                "url": (state.dialect.merge_request_path)(&place.path, one.number),
                "title": one.title,
                "reference": reference(state, place, one.number),
                "state": word(&one.state),
                "labels": one.labels,
            })
        })
        .collect();
    json!({"title": "Merge requests", "merge_requests": shown})
}

/// The newest check run of each name on a commit, as statuses are listed.
fn checks<'p>(place: &'p Project, head: &Sha) -> impl Iterator<Item = Value> + use<'p> {
    let on_it = place.checks.values().filter(|check| check.sha == *head);
    let newest: BTreeMap<&str, &CheckRun> = on_it.map(|check| (check.name.as_str(), check)).collect();
    newest.into_values().map(|check| {
        let state = check.conclusion.as_ref().unwrap_or(&check.status);
        json!({"name": check.name, "state": state, "description": check.title})
    })
}

fn merge_request(state: &State, project: u64, number: u64) -> Result<Value, Refusal> {
    let place = state.project(project)?;
    let one = place.merge_request(number)?;
    let statuses: Vec<Value> = place
        .statuses
        .iter()
        .filter(|status| status.sha == one.head)
        .map(|status| json!({"name": status.name, "state": status.state, "description": status.description}))
        .chain(checks(place, &one.head))
        .collect();
    let comments = place.comments.values().filter(|comment| comment.merge_request == number);
    let comments: Vec<Value> = comments
        .map(|comment| {
            json!({
                "author": login(state, comment.author),
                "at": comment.updated_at.to_string(),
                "body": comment.body,
                "system": comment.system,
                "reactions": comment.reactions.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(json!({
        "title": one.title,
        "merge_request": {
            "reference": reference(state, place, number),
            "url": (state.dialect.merge_request_path)(&place.path, number),
            "state": word(&one.state),
            "author": login(state, one.author),
            "source": one.source_branch,
            "target": one.target_branch,
            "head": one.head,
            "labels": one.labels,
            "description": one.description,
            "statuses": statuses,
            "comments": comments,
            "pipelines": pipelines(place, number),
            "speakers": speakers(state, place, one.author),
        },
    }))
}

/// The merge request's pipelines, and after a merge those that publish on the target branch.
fn pipelines(place: &Project, number: u64) -> Vec<Value> {
    let merged = match place.merge_requests.get(&number).map(|one| &one.state) {
        Some(MergeRequestState::Merged { commit, .. }) => Some(commit),
        _ => None,
    };
    let own = place.pipelines.values().rev().filter(|run| {
        run.merge_request == Some(number) || (run.merge_request.is_none() && Some(&run.sha) == merged)
    });
    let shown = own.map(|run| {
        let jobs = place.jobs.values().filter(|job| job.pipeline == run.id);
        let jobs: Vec<Value> =
            jobs.map(|job| json!({"name": job.name, "state": job.state.word(), "log": job.log})).collect();
        json!({
            "id": run.id, "sha": run.sha.short(), "state": place.pipeline_state(run).word(),
            "error": run.error, "jobs": jobs,
        })
    });
    shown.collect()
}

/// People in whose name the form may comment: the author, and whoever runs the project.
fn speakers(state: &State, place: &Project, author: u64) -> Vec<String> {
    let human = |id: &u64| state.people.get(id).is_some_and(|person| !person.bot);
    let owners = place.members.iter().filter(|(_id, role)| **role >= Role::Maintainer).map(|(id, _role)| *id);
    let mut all: Vec<u64> = std::iter::once(author).chain(owners).filter(human).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|id| seen.insert(*id));
    all.into_iter().map(|id| login(state, id)).collect()
}

fn comment(state: &mut State, call: &Call, project: u64, number: u64) -> Result<(), Refusal> {
    // A page of another origin must not speak in a member's name.
    if call.header("origin").is_some_and(|origin| origin != state.url) {
        return Err(Refusal::Forbidden("this form belongs to another page".to_owned()));
    }
    let speaker = call.text("as").unwrap_or_default();
    let place = state.project(project)?;
    let author = place.merge_request(number)?.author;
    if !speakers(state, place, author).contains(&speaker) {
        return Err(Refusal::Forbidden(format!("nobody called {speaker} may comment here")));
    }
    let person = state.named(&speaker)?.id;
    state.comment(project, person, number, &call.text("body").unwrap_or_default()).map(drop)
}
