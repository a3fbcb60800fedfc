//! What GitLab's hooks say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::{Sha, Timestamp};
use crate::sandbox::world::{
    Commit, Job, JobState, MergeRequest, MergeRequestState, Message, Occurrence, Pipeline, Project, State,
};

use super::deployments;

/// A push lists at most so many commits.
const LISTED: usize = 20;

/// What is sent for an occurrence; nothing when its object is gone.
pub(super) fn messages(state: &State, occurrence: &Occurrence) -> Vec<Message> {
    message(state, occurrence).into_iter().collect()
}

fn message(state: &State, occurrence: &Occurrence) -> Option<Message> {
    let place = state.project(occurrence.project()).ok()?;
    let (event, body) = match occurrence {
        Occurrence::Pushed { by, branch, before, after, .. } => {
            let commits = match (before, after) {
                (Some(before), Some(after)) => place.git.commits(Some(before), after).ok()?,
                (None, Some(after)) => place.git.commits(None, after).ok()?,
                _ => Vec::new(),
            };
            let reference = format!("refs/heads/{branch}");
            let ends = (before.as_ref(), after.as_ref());
            ("Push Hook", push(state, place, ("push", &reference), *by, ends, &commits)?)
        }
        Occurrence::Tagged { by, name, commit, .. } => {
            let commits = place.git.commits(None, commit).ok()?;
            let reference = format!("refs/tags/{name}");
            (
                "Tag Push Hook",
                push(state, place, ("tag_push", &reference), *by, (None, Some(commit)), &commits)?,
            )
        }
        Occurrence::MergeRequest { by, number, action, before, .. } => {
            let one = place.merge_requests.get(number)?;
            ("Merge Request Hook", merge_request(state, place, one, *by, action, before.as_ref())?)
        }
        Occurrence::Labelled { by, number, before, .. } => {
            let one = place.merge_requests.get(number)?;
            let mut body = merge_request(state, place, one, *by, "update", None)?;
            if let Some(changes) = body.get_mut("changes").and_then(Value::as_object_mut) {
                let change =
                    json!({ "previous": labels(place, before), "current": labels(place, &one.labels) });
                changes.insert("labels".to_owned(), change);
            }
            ("Merge Request Hook", body)
        }
        Occurrence::Commented { comment, edited, .. } => {
            let internal = place.comments.get(comment)?.internal;
            let event = if internal { "Confidential Note Hook" } else { "Note Hook" };
            (event, note(state, place, *comment, *edited)?)
        }
        Occurrence::Pipeline { pipeline, .. } => {
            ("Pipeline Hook", self::pipeline(state, place, place.pipelines.get(pipeline)?)?)
        }
        // Told in another form here, not played here, or not told at all.
        Occurrence::Deployment { begins: true, .. }
        | Occurrence::Uncommented { .. }
        | Occurrence::Reviewed { .. }
        | Occurrence::Status { .. }
        | Occurrence::Check { .. }
        | Occurrence::Tried { .. }
        | Occurrence::Released { .. }
        | Occurrence::Run { .. }
        | Occurrence::Hooked { .. } => return None,
        Occurrence::Deployment { deployment, .. } => {
            ("Deployment Hook", deployments::hook(state, place, *deployment)?)
        }
        Occurrence::Job { job, .. } => ("Job Hook", self::job(state, place, place.jobs.get(job)?)?),
    };
    Some(Message { event, body })
}

/// Time as hooks write it.
pub(super) fn time(at: Timestamp) -> String {
    at.calendar().map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn maybe(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

pub(super) fn user(state: &State, id: u64) -> Option<Value> {
    let person = state.people.get(&id)?;
    Some(json!({
        "id": person.id,
        "name": person.name,
        "username": person.login,
        "avatar_url": null,
        "email": "[REDACTED]",
    }))
}

pub(super) fn project(state: &State, place: &Project) -> Value {
    let url = state.project_url(place);
    json!({
        "id": place.id,
        "name": place.name(),
        "description": null,
        "web_url": url,
        "avatar_url": null,
        "git_ssh_url": format!("git@sandbox.invalid:{}.git", place.path),
        "git_http_url": format!("{url}.git"),
        "namespace": place.namespace(),
        "visibility_level": 0,
        "path_with_namespace": place.path,
        "default_branch": place.default_branch,
        "ci_config_path": null,
        "homepage": url,
        "url": format!("{url}.git"),
        "ssh_url": format!("git@sandbox.invalid:{}.git", place.path),
        "http_url": format!("{url}.git"),
    })
}

fn repository(state: &State, place: &Project) -> Value {
    let url = state.project_url(place);
    json!({"name": place.name(), "url": format!("{url}.git"), "description": null, "homepage": url})
}

fn commit(state: &State, place: &Project, one: &Commit) -> Value {
    json!({
        "id": one.sha,
        "message": one.message,
        "title": one.title(),
        "timestamp": one.at.to_string(),
        "url": format!("{}/-/commit/{}", state.project_url(place), one.sha),
        "author": {"name": one.author_name, "email": one.author_email},
    })
}

fn commit_at(state: &State, place: &Project, sha: &Sha) -> Option<Value> {
    Some(commit(state, place, &place.git.commit_named(sha).ok()?))
}

fn push(
    state: &State,
    place: &Project,
    (kind, reference): (&str, &str),
    by: u64,
    (before, after): (Option<&Sha>, Option<&Sha>),
    commits: &[Commit],
) -> Option<Value> {
    let person = state.people.get(&by)?;
    let zero = "0".repeat(40);
    let listed = commits.iter().take(LISTED).rev().map(|one| {
        let mut shown = commit(state, place, one);
        let parent = one.parents.first().map(Sha::as_str);
        let files =
            parent.and_then(|parent| place.git.changed(parent, one.sha.as_str()).ok()).unwrap_or_default();
        let named = |kinds: &[char]| -> Vec<&str> {
            files
                .iter()
                .filter(|file| kinds.contains(&file.kind))
                .map(|file| file.new_path.as_str())
                .collect()
        };
        if let Value::Object(fields) = &mut shown {
            fields.insert("added".to_owned(), json!(named(&['A'])));
            fields.insert("modified".to_owned(), json!(named(&['M', 'R'])));
            fields.insert("removed".to_owned(), json!(named(&['D'])));
        }
        shown
    });
    Some(json!({
        "object_kind": kind,
        "event_name": kind,
        "before": before.map_or(zero.as_str(), Sha::as_str),
        "after": after.map_or(zero.as_str(), Sha::as_str),
        "ref": reference,
        "ref_protected": reference.strip_prefix("refs/heads/").is_some_and(|branch| place.protected.contains(branch)),
        "checkout_sha": after,
        "message": null,
        "user_id": person.id,
        "user_name": person.name,
        "user_username": person.login,
        "user_email": "",
        "user_avatar": null,
        "project_id": place.id,
        "project": project(state, place),
        "repository": repository(state, place),
        "commits": listed.collect::<Vec<_>>(),
        "total_commits_count": commits.len(),
        "push_options": {},
    }))
}

/// The part that hooks of merge requests and notes share.
fn attributes(state: &State, place: &Project, one: &MergeRequest) -> Option<Value> {
    let (word, commit) = match &one.state {
        MergeRequestState::Open => ("opened", None),
        MergeRequestState::Closed => ("closed", None),
        MergeRequestState::Merged { merge_commit, .. } => ("merged", merge_commit.as_ref()),
    };
    let detailed = match &one.state {
        MergeRequestState::Open if one.is_draft() => "draft_status",
        MergeRequestState::Open => "mergeable",
        _ => "not_open",
    };
    let source = state.projects.get(&one.source_project);
    Some(json!({
        "id": one.id,
        "iid": one.number,
        "author_id": one.author,
        "assignee_id": null,
        "title": one.title,
        "description": one.description,
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "source_branch": one.source_branch,
        "source_project_id": source.map(|source| source.id),
        "target_branch": one.target_branch,
        "target_project_id": place.id,
        "state": word,
        "state_id": match word { "opened" => 1, "closed" => 2, _ => 3 },
        "draft": one.is_draft(),
        "work_in_progress": one.is_draft(),
        "merge_status": "unchecked",
        "detailed_merge_status": detailed,
        "merge_commit_sha": commit,
        "head_pipeline_id": place.head_pipeline(one.number).map(|run| run.id),
        "source": source.map(|source| project(state, source)),
        "target": project(state, place),
        "last_commit": commit_at(state, place, &one.head)?,
        "labels": labels(place, &one.labels),
        "url": format!("{}/-/merge_requests/{}", state.project_url(place), one.number),
    }))
}

fn labels(place: &Project, titles: &BTreeSet<String>) -> Value {
    titles
        .iter()
        .map(|title| json!({"title": title, "project_id": place.id, "type": "ProjectLabel"}))
        .collect()
}

fn merge_request(
    state: &State,
    place: &Project,
    one: &MergeRequest,
    by: u64,
    action: &str,
    before: Option<&Sha>,
) -> Option<Value> {
    let mut attributes = attributes(state, place, one)?;
    if let Value::Object(fields) = &mut attributes {
        fields.insert("action".to_owned(), json!(if action == "retarget" { "update" } else { action }));
        if let Some(before) = before {
            fields.insert("oldrev".to_owned(), json!(before));
        }
    }
    let mut changes = json!({"updated_at": {"previous": null, "current": time(one.updated_at)}});
    let aimed = one.aimed_before.as_ref().filter(|_| action == "retarget");
    if let (Some(before), Value::Object(fields)) = (aimed, &mut changes) {
        let change = json!({"previous": before, "current": one.target_branch});
        fields.insert("target_branch".to_owned(), change);
    }
    Some(json!({
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": user(state, by)?,
        "project": project(state, place),
        "object_attributes": attributes,
        "labels": labels(place, &one.labels),
        "changes": changes,
        "repository": repository(state, place),
        "reviewers": one.reviewers.iter().filter_map(|id| user(state, *id)).collect::<Vec<_>>(),
        "assignees": [],
    }))
}

fn note(state: &State, place: &Project, id: u64, edited: bool) -> Option<Value> {
    let comment = place.comments.get(&id)?;
    let one = place.merge_requests.get(&comment.merge_request)?;
    Some(json!({
        "object_kind": "note",
        "event_type": if comment.internal { "confidential_note" } else { "note" },
        "user": user(state, comment.edited_by.filter(|_| edited).unwrap_or(comment.author))?,
        "project_id": place.id,
        "project": project(state, place),
        "repository": repository(state, place),
        "object_attributes": {
            "id": comment.id,
            "note": comment.body,
            "description": comment.body,
            "noteable_type": "MergeRequest",
            "noteable_id": one.id,
            "author_id": comment.author,
            "updated_by_id": comment.edited_by,
            "created_at": time(comment.created_at),
            "updated_at": time(comment.updated_at),
            "project_id": place.id,
            "attachment": null,
            "line_code": null,
            "commit_id": "",
            "system": comment.system,
            "st_diff": null,
            "type": null,
            "internal": comment.internal,
            "action": if edited { "update" } else { "create" },
            "url": format!("{}/-/merge_requests/{}#note_{}", state.project_url(place), one.number, comment.id),
        },
        "merge_request": attributes(state, place, one)?,
    }))
}

fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.since(from?).as_secs_f64())
}

fn pipeline(state: &State, place: &Project, run: &Pipeline) -> Option<Value> {
    let standing = place.pipeline_state(run);
    let ended = standing.is_final().then_some(run.updated_at);
    // A fork tells of its own pipeline; the merge request is in the project that it goes into.
    let target = run.fork_of.map_or(Some(place), |target| state.projects.get(&target));
    let one = target.zip(run.merge_request).and_then(|(target, number)| target.merge_requests.get(&number));
    let builds: Vec<Value> = place.jobs_of(run.id).filter_map(|job| build(state, run, job)).collect();
    let variables = run.variables.iter().map(|(key, value)| json!({"key": key, "value": value}));
    Some(json!({
        "object_kind": "pipeline",
        "object_attributes": {
            "id": run.id,
            "iid": run.number,
            "name": null,
            "ref": one.map_or(run.reference.as_str(), |one| one.source_branch.as_str()),
            "tag": false,
            "sha": run.sha,
            "before_sha": "0".repeat(40),
            "source": run.source.word(),
            "status": standing.word(),
            "detailed_status": standing.word(),
            "stages": run.stages,
            "created_at": time(run.created_at),
            "finished_at": maybe(ended),
            "duration": seconds(Some(run.created_at), ended),
            "queued_duration": null,
            "variables": variables.collect::<Vec<_>>(),
            "url": format!("{}/-/pipelines/{}", state.project_url(place), run.id),
        },
        "merge_request": one.map(|one| json!({
            "id": one.id,
            "iid": one.number,
            "title": one.title,
            "source_branch": one.source_branch,
            "source_project_id": one.source_project,
            "target_branch": one.target_branch,
            "target_project_id": target.map(|target| target.id),
            "state": if one.is_open() { "opened" } else { "closed" },
            "merge_status": "unchecked",
            "url": target.map(|target| format!("{}/-/merge_requests/{}", state.project_url(target), one.number)),
        })),
        "user": user(state, run.by)?,
        "project": project(state, place),
        "commit": commit_at(state, place, &run.sha)?,
        "builds": builds,
    }))
}

fn build(state: &State, run: &Pipeline, job: &Job) -> Option<Value> {
    let size = job.artifacts.as_ref().map(Vec::len);
    Some(json!({
        "id": job.id,
        "stage": job.stage,
        "name": job.name,
        "status": job.state.word(),
        "created_at": time(job.created_at),
        "started_at": maybe(job.started_at),
        "finished_at": maybe(job.finished_at),
        "duration": seconds(job.started_at, job.finished_at),
        "queued_duration": seconds(Some(job.created_at), job.started_at),
        "failure_reason": reason(job),
        "when": "on_success",
        "manual": job.state == JobState::Manual,
        "allow_failure": job.allow_failure,
        "user": user(state, run.by)?,
        "runner": null,
        "artifacts_file": {"filename": size.map(|_size| "artifacts.zip"), "size": size},
        "environment": null,
    }))
}

fn reason(job: &Job) -> Option<&str> {
    match &job.state {
        JobState::Failed(reason) => Some(reason),
        _ => None,
    }
}

fn job(state: &State, place: &Project, job: &Job) -> Option<Value> {
    let run = place.pipelines.get(&job.pipeline)?;
    let commit = place.git.commit_named(&run.sha).ok()?;
    Some(json!({
        "object_kind": "build",
        "ref": run.reference,
        "tag": false,
        "before_sha": "0".repeat(40),
        "sha": run.sha,
        "build_id": job.id,
        "build_name": job.name,
        "build_stage": job.stage,
        "build_status": job.state.word(),
        "build_created_at": time(job.created_at),
        "build_started_at": maybe(job.started_at),
        "build_finished_at": maybe(job.finished_at),
        "build_duration": seconds(job.started_at, job.finished_at),
        "build_queued_duration": seconds(Some(job.created_at), job.started_at),
        "build_allow_failure": job.allow_failure,
        "build_failure_reason": reason(job).unwrap_or("unknown_failure"),
        "retries_count": 0,
        "pipeline_id": run.id,
        "project_id": place.id,
        "project_name": format!("{} / {}", place.namespace(), place.name()),
        "user": user(state, run.by)?,
        "runner": null,
        "commit": {
            "id": run.id,
            "name": null,
            "sha": run.sha,
            "message": commit.message,
            "author_name": commit.author_name,
            "author_email": commit.author_email,
            "status": place.pipeline_state(run).word(),
        },
        "repository": repository(state, place),
        "project": project(state, place),
        "environment": null,
    }))
}
