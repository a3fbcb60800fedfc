//! GitLab's JSON for the world's objects.

use serde_json::{Value, json};

use crate::domain::{Sha, Timestamp};
use crate::sandbox::world::{
    Comment, Commit, Hook, Job, JobState, MergeRequest, MergeRequestState, MergeStyle, Person, Pipeline,
    Project, Release, State, Tag,
};

/// Time as the API writes it.
pub(super) fn time(at: Timestamp) -> String {
    at.calendar().map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

fn maybe(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

pub(super) fn user(state: &State, person: &Person) -> Value {
    json!({
        "id": person.id,
        "username": person.login,
        "name": person.name,
        "state": if person.blocked { "blocked" } else { "active" },
        "locked": person.blocked,
        "avatar_url": null,
        "web_url": format!("{}/{}", state.url, person.login),
    })
}

/// A user by number, or null when the account is gone.
pub(super) fn user_of(state: &State, id: u64) -> Value {
    state.people.get(&id).map_or(Value::Null, |person| user(state, person))
}

pub(super) fn project(state: &State, project: &Project, by: u64) -> Value {
    let style = match project.merge_style {
        MergeStyle::Merge => "merge",
        MergeStyle::RebaseMerge => "rebase_merge",
        MergeStyle::FastForward => "ff",
    };
    let access = project.members.get(&by).map(|role| json!({"access_level": role.level()}));
    let origin = project.forked_from.and_then(|id| state.projects.get(&id));
    let forked_from = origin.map(|origin| json!({"id": origin.id, "path_with_namespace": origin.path}));
    json!({
        "id": project.id,
        "name": project.name(),
        "path": project.name(),
        "path_with_namespace": project.path,
        "namespace": {"full_path": project.namespace(), "kind": "group"},
        "default_branch": project.default_branch,
        "visibility": if project.public { "public" } else { "private" },
        "forked_from_project": forked_from,
        "web_url": state.project_url(project),
        "http_url_to_repo": format!("{}.git", state.project_url(project)),
        "merge_method": style,
        "squash_option": "default_off",
        "merge_pipelines_enabled": project.queue.is_some(),
        "merge_trains_enabled": project.queue.is_some(),
        "only_allow_merge_if_pipeline_succeeds": project.merge_needs_pipeline,
        "ci_pipeline_variables_minimum_override_role": "developer",
        "archived": false,
        "permissions": {"project_access": access, "group_access": null},
    })
}

pub(super) fn merge_request(state: &State, place: &Project, one: &MergeRequest) -> Value {
    let obstacle = state.merge_obstacle(place.id, one.number).ok().flatten();
    let detailed = obstacle.unwrap_or("mergeable");
    let coarse = match obstacle {
        Some("checking") => "checking",
        Some("conflict" | "broken_status") => "cannot_be_merged",
        _ => "can_be_merged",
    };
    let (word, merged_by, merged_at, merge_commit, squash) = match &one.state {
        MergeRequestState::Open => ("opened", Value::Null, None, None, None),
        MergeRequestState::Closed => ("closed", Value::Null, None, None, None),
        MergeRequestState::Merged { squash, merge_commit, by, at, .. } => {
            ("merged", user_of(state, *by), Some(*at), merge_commit.as_ref(), squash.as_ref())
        }
    };
    let version = one.versions.last();
    let base = version.and_then(|version| version.base.as_ref()).map(Sha::as_str);
    let start = version.and_then(|version| version.start.as_ref()).map(Sha::as_str);
    let closed = (one.state == MergeRequestState::Closed).then_some(one.updated_at);
    json!({
        "id": one.id,
        "iid": one.number,
        "project_id": place.id,
        "title": one.title,
        "description": one.description,
        "state": word,
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "merged_by": merged_by,
        "merge_user": merged_by,
        "merged_at": maybe(merged_at),
        "closed_at": maybe(closed),
        "source_branch": one.source_branch,
        "target_branch": one.target_branch,
        "source_project_id": state.projects.get(&one.source_project).map(|source| source.id),
        "target_project_id": place.id,
        "author": user_of(state, one.author),
        "assignees": [],
        "reviewers": one.reviewers.iter().map(|id| user_of(state, *id)).collect::<Vec<_>>(),
        "labels": one.labels,
        "draft": one.is_draft(),
        "work_in_progress": one.is_draft(),
        "merge_when_pipeline_succeeds": false,
        "merge_status": coarse,
        "detailed_merge_status": detailed,
        "has_conflicts": obstacle == Some("conflict"),
        "sha": one.head,
        "merge_commit_sha": merge_commit,
        "squash_commit_sha": squash,
        "squash": false,
        "user_notes_count": place.comments.values().filter(|c| c.merge_request == one.number && !c.system).count(),
        "diff_refs": {"base_sha": base, "head_sha": one.head, "start_sha": start},
        "references": {"short": format!("!{}", one.number), "full": format!("{}!{}", place.path, one.number)},
        "web_url": format!("{}/-/merge_requests/{}", state.project_url(place), one.number),
    })
}

pub(super) fn note(state: &State, project: u64, id: u64, comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "type": null,
        "body": comment.body,
        "author": user_of(state, comment.author),
        "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at),
        "system": comment.system,
        "noteable_id": id,
        "noteable_type": "MergeRequest",
        "noteable_iid": comment.merge_request,
        "project_id": project,
        "resolvable": false,
        "confidential": comment.internal,
        "internal": comment.internal,
    })
}

pub(super) fn pipeline(state: &State, place: &Project, one: &Pipeline) -> Value {
    let standing = place.pipeline_state(one);
    let ended = standing.is_final().then_some(one.updated_at);
    json!({
        "id": one.id,
        "iid": one.number,
        "project_id": place.id,
        "sha": one.sha,
        "ref": one.reference,
        "status": standing.word(),
        "source": one.source.word(),
        "name": null,
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "finished_at": maybe(ended),
        "yaml_errors": one.error,
        "user": user_of(state, one.by),
        "web_url": format!("{}/-/pipelines/{}", state.project_url(place), one.id),
    })
}

pub(super) fn job(state: &State, place: &Project, one: &Job) -> Value {
    let reason = match &one.state {
        JobState::Failed(reason) => Some(reason),
        _ => None,
    };
    let runs = place.pipelines.get(&one.pipeline);
    let files = one.artifacts.as_ref();
    let commit = runs.and_then(|run| place.git.commit_named(&run.sha).ok());
    json!({
        "id": one.id,
        "name": one.name,
        "stage": one.stage,
        "status": one.state.word(),
        "allow_failure": one.allow_failure,
        "failure_reason": reason,
        "created_at": time(one.created_at),
        "started_at": maybe(one.started_at),
        "finished_at": maybe(one.finished_at),
        "tag": false,
        "ref": runs.map(|run| &run.reference),
        "tag_list": one.plan.tags,
        "user": runs.map(|run| user_of(state, run.by)),
        "commit": commit.map(|commit| self::commit(state, place, &commit)),
        "pipeline": runs.map(|run| json!({
            "id": run.id, "project_id": place.id, "ref": run.reference, "sha": run.sha,
            "status": place.pipeline_state(run).word(),
        })),
        "artifacts_file": files.map(|zip| json!({"filename": "artifacts.zip", "size": zip.len()})),
        "artifacts": files.map(|zip| json!([{
            "file_type": "archive", "size": zip.len(), "filename": "artifacts.zip", "file_format": "zip",
        }])).unwrap_or_else(|| json!([])),
        "runner": one.started_at.map(|_at| json!({"id": 1, "description": "sandbox", "active": true, "is_shared": true})),
        "web_url": format!("{}/-/jobs/{}", state.project_url(place), one.id),
    })
}

pub(super) fn commit(state: &State, place: &Project, one: &Commit) -> Value {
    json!({
        "id": one.sha,
        "short_id": one.sha.short(),
        "parent_ids": one.parents,
        "title": one.title(),
        "message": one.message,
        "author_name": one.author_name,
        "author_email": one.author_email,
        "authored_date": time(one.at),
        "committer_name": one.author_name,
        "committer_email": one.author_email,
        "committed_date": time(one.at),
        "created_at": time(one.at),
        "web_url": format!("{}/-/commit/{}", state.project_url(place), one.sha),
    })
}

pub(super) fn tag(state: &State, place: &Project, one: &Tag) -> Value {
    let commit = place.git.commit_named(&one.commit).ok();
    json!({
        "name": one.name,
        "message": one.message.as_deref().unwrap_or(""),
        "target": one.object,
        "commit": commit.map(|commit| self::commit(state, place, &commit)),
        "release": place.releases.get(&one.name).map(|release| {
            json!({"tag_name": release.tag, "description": release.description})
        }),
        "protected": false,
    })
}

pub(super) fn release(state: &State, place: &Project, one: &Release) -> Value {
    let links: Vec<Value> = one.links.iter().map(link).collect();
    let tag = state.tag(place.id, &one.tag).ok();
    let commit = tag.and_then(|tag| place.git.commit_named(&tag.commit).ok());
    json!({
        "tag_name": one.tag,
        "name": one.name,
        "description": one.description,
        "created_at": time(one.at),
        "released_at": time(one.at),
        "upcoming_release": false,
        "author": user_of(state, one.by),
        "commit": commit.map(|commit| self::commit(state, place, &commit)),
        "assets": {"count": links.len(), "sources": [], "links": links},
        "_links": {"self": format!("{}/-/releases/{}", state.project_url(place), one.tag)},
    })
}

pub(super) fn link(one: &crate::sandbox::world::AssetLink) -> Value {
    json!({"id": one.id, "name": one.name, "url": one.url, "direct_asset_url": one.url, "link_type": one.kind})
}

pub(super) fn hook(project: u64, one: &Hook) -> Value {
    json!({
        "id": one.id,
        "url": one.url,
        "project_id": project,
        "push_events": one.wants.pushes,
        "tag_push_events": one.wants.tags,
        "merge_requests_events": one.wants.merge_requests,
        "note_events": one.wants.comments,
        "pipeline_events": one.wants.pipelines,
        "job_events": one.wants.jobs,
        "deployment_events": one.wants.deployments,
        "releases_events": one.wants.releases,
        "emoji_events": one.wants.emoji,
        "enable_ssl_verification": true,
        "alert_status": "executable",
        "disabled_until": null,
        "token_present": one.token.is_some(),
        "signing_token_present": one.signing_key.is_some(),
    })
}
