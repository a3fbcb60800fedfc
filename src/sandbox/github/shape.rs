//! GitHub's JSON for people, repositories, pull requests and what is said about them.

use serde_json::{Value, json};

use crate::domain::{Digest, Timestamp};
use crate::sandbox::world::{
    Comment, MergeRequest, MergeRequestState, Person, Project, Review, ReviewState, Role, State,
};

use super::{api, api_of};

/// Time as the API writes it.
pub(super) fn time(at: Timestamp) -> String {
    at.calendar().map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

pub(super) fn maybe(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

/// A name of the other kind that every object has.
pub(super) fn node(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}_{id}")
}

pub(super) fn user(state: &State, person: &Person) -> Value {
    let url = format!("{}/users/{}", api(state), person.login);
    json!({
        "login": person.login,
        "id": person.id,
        "node_id": node("U", person.id),
        "avatar_url": format!("{}/avatars/{}", state.url, person.id),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{}/{}", state.url, person.login),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following"),
        "gists_url": format!("{url}/gists"),
        "starred_url": format!("{url}/starred"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"),
        "received_events_url": format!("{url}/received_events"),
        "type": if person.bot { "Bot" } else { "User" },
        "site_admin": false,
    })
}

/// A user by number, or null when the account is gone.
pub(crate) fn user_of(state: &State, id: u64) -> Value {
    state.people.get(&id).map_or(Value::Null, |person| user(state, person))
}

/// The person who signed a commit, by e-mail address, or null when nobody is known by it.
pub(super) fn user_by_email(state: &State, email: &str) -> Value {
    let known = state.people.values().find(|person| person.email == email);
    known.map_or(Value::Null, |person| user(state, person))
}

/// What a role is called: the coarse permission and the role's own name.
pub(super) const fn role(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Guest => ("read", "read"),
        Role::Reporter => ("read", "triage"),
        Role::Developer => ("write", "write"),
        Role::Maintainer => ("write", "maintain"),
        Role::Owner => ("admin", "admin"),
    }
}

/// A repository as it stands within other objects.
pub(super) fn repository(state: &State, place: &Project) -> Value {
    let (url, page) = (api_of(state, place), state.project_url(place));
    let owner = place.namespace();
    let account = Person::organisation(owner, place.id);
    let mut owner = user(state, &account);
    if let Value::Object(fields) = &mut owner {
        fields.insert("type".to_owned(), json!("Organization"));
    }
    json!({
        "id": place.id,
        "node_id": node("R", place.id),
        "name": place.name(),
        "full_name": place.path,
        "owner": owner,
        "private": !place.public,
        "visibility": if place.public { "public" } else { "private" },
        "html_url": page,
        "description": null,
        "fork": place.forked_from.is_some(),
        "url": url,
        "hooks_url": format!("{url}/hooks"),
        "issue_comment_url": format!("{url}/issues/comments{{/number}}"),
        "contents_url": format!("{url}/contents/{{+path}}"),
        "pulls_url": format!("{url}/pulls{{/number}}"),
        "releases_url": format!("{url}/releases{{/id}}"),
        "statuses_url": format!("{url}/statuses/{{sha}}"),
        "deployments_url": format!("{url}/deployments"),
        "clone_url": format!("{page}.git"),
        "ssh_url": format!("git@sandbox.invalid:{}.git", place.path),
        "default_branch": place.default_branch,
        "archived": false,
        "disabled": false,
        "has_issues": true,
        "open_issues_count": place.merge_requests.values().filter(|one| one.is_open()).count(),
    })
}

pub(super) fn label(state: &State, place: &Project, name: &str) -> Value {
    let id = Digest::of(name).hex().get(..8).and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let id = id.unwrap_or_default();
    json!({
        "id": id,
        "node_id": node("LA", id),
        "url": format!("{}/labels/{}", api_of(state, place), super::paging::encode(name)),
        "name": name,
        "color": "ededed",
        "default": false,
        "description": null,
    })
}

/// A pull request as lists show it.
pub(super) fn pull(state: &State, place: &Project, one: &MergeRequest) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let url = format!("{api}/pulls/{}", one.number);
    let issue = format!("{api}/issues/{}", one.number);
    let base_sha = place.git.branch(&one.target_branch);
    let base_sha = match &one.state {
        MergeRequestState::Open => base_sha,
        _ => one.versions.last().and_then(|version| version.start.clone()),
    };
    let (closed, merged, commit) = match &one.state {
        MergeRequestState::Open => {
            (None, None, place.git.resolve(&format!("refs/pull/{}/merge", one.number)))
        }
        MergeRequestState::Closed => (Some(one.updated_at), None, None),
        MergeRequestState::Merged { commit, at, .. } => (Some(*at), Some(*at), Some(commit.clone())),
    };
    let side = |of: Option<&Project>, reference: &str, sha: Value| {
        json!({
            "label": of.map_or_else(|| reference.to_owned(), |of| format!("{}:{reference}", of.namespace())),
            "ref": reference,
            "sha": sha,
            "user": of.map(|_| user_of(state, one.author)),
            "repo": of.map(|of| repository(state, of)),
        })
    };
    let source = state.projects.get(&one.source_project);
    json!({
        "id": one.id,
        "node_id": node("PR", one.id),
        "number": one.number,
        "url": url,
        "html_url": format!("{page}/pull/{}", one.number),
        "diff_url": format!("{page}/pull/{}.diff", one.number),
        "patch_url": format!("{page}/pull/{}.patch", one.number),
        "issue_url": issue,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": format!("{api}/statuses/{}", one.head),
        "state": if one.is_open() { "open" } else { "closed" },
        "locked": false,
        "title": one.title,
        "user": user_of(state, one.author),
        "body": one.description,
        "labels": one.labels.iter().map(|name| label(state, place, name)).collect::<Vec<_>>(),
        "milestone": null,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": one.reviewers.iter().map(|id| user_of(state, *id)).collect::<Vec<_>>(),
        "requested_teams": [],
        "draft": one.is_draft(),
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "closed_at": maybe(closed),
        "merged_at": maybe(merged),
        "merge_commit_sha": commit,
        "head": side(source, &one.source_branch, json!(one.head)),
        "base": side(Some(place), &one.target_branch, json!(base_sha)),
        "author_association": if place.members.contains_key(&one.author) { "MEMBER" } else { "NONE" },
        "auto_merge": null,
        "active_lock_reason": null,
    })
}

/// A pull request by itself, with what has to be computed.
pub(super) fn single_pull(state: &State, place: &Project, one: &MergeRequest) -> Value {
    let obstacle = state.merge_obstacle(place.id, one.number).ok().flatten();
    let (mergeable, word) = match obstacle {
        None => (Some(true), "clean"),
        Some("conflict" | "broken_status") => (Some(false), "dirty"),
        Some("draft_status") => (Some(true), "draft"),
        Some("ci_must_pass") => (Some(true), "blocked"),
        Some(_) => (None, "unknown"),
    };
    let by = match &one.state {
        MergeRequestState::Merged { by, .. } => user_of(state, *by),
        _ => Value::Null,
    };
    let base = place.fork_point(one);
    let commits = base.as_ref().and_then(|base| place.git.commits(Some(base), &one.head).ok());
    let files = base.as_ref().and_then(|base| place.git.changed(base.as_str(), one.head.as_str()).ok());
    let comments = place.comments.values().filter(|it| it.merge_request == one.number && !it.system);
    let mut shown = pull(state, place, one);
    if let Value::Object(fields) = &mut shown {
        fields.extend([
            ("merged".to_owned(), json!(!by.is_null())),
            ("merged_by".to_owned(), by),
            ("mergeable".to_owned(), json!(mergeable)),
            ("rebaseable".to_owned(), json!(mergeable)),
            ("mergeable_state".to_owned(), json!(word)),
            ("comments".to_owned(), json!(comments.count())),
            ("review_comments".to_owned(), json!(0)),
            ("maintainer_can_modify".to_owned(), json!(false)),
            ("commits".to_owned(), json!(commits.map_or(0, |all| all.len()))),
            ("additions".to_owned(), json!(0)),
            ("deletions".to_owned(), json!(0)),
            ("changed_files".to_owned(), json!(files.map_or(0, |all| all.len()))),
        ]);
    }
    shown
}

/// A pull request as an issue.
pub(super) fn issue(state: &State, place: &Project, one: &MergeRequest) -> Value {
    let (api, page) = (api_of(state, place), state.project_url(place));
    let url = format!("{api}/issues/{}", one.number);
    let comments = place.comments.values().filter(|it| it.merge_request == one.number && !it.system);
    let closed = (!one.is_open()).then_some(one.updated_at);
    json!({
        "id": one.id,
        "node_id": node("PR", one.id),
        "number": one.number,
        "url": url,
        "repository_url": api,
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "html_url": format!("{page}/pull/{}", one.number),
        "title": one.title,
        "user": user_of(state, one.author),
        "labels": one.labels.iter().map(|name| label(state, place, name)).collect::<Vec<_>>(),
        "state": if one.is_open() { "open" } else { "closed" },
        "locked": false,
        "assignee": null,
        "assignees": [],
        "milestone": null,
        "comments": comments.count(),
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "closed_at": maybe(closed),
        "author_association": "MEMBER",
        "draft": one.is_draft(),
        "pull_request": {
            "url": format!("{api}/pulls/{}", one.number),
            "html_url": format!("{page}/pull/{}", one.number),
            "diff_url": format!("{page}/pull/{}.diff", one.number),
            "patch_url": format!("{page}/pull/{}.patch", one.number),
        },
        "body": one.description,
    })
}

pub(super) fn comment(state: &State, place: &Project, one: &Comment) -> Value {
    let api = api_of(state, place);
    let page = format!("{}/pull/{}", state.project_url(place), one.merge_request);
    json!({
        "id": one.id,
        "node_id": node("IC", one.id),
        "url": format!("{api}/issues/comments/{}", one.id),
        "html_url": format!("{page}#issuecomment-{}", one.id),
        "issue_url": format!("{api}/issues/{}", one.merge_request),
        "user": user_of(state, one.author),
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "author_association": "MEMBER",
        "body": one.body,
        "performed_via_github_app": null,
    })
}

/// A review; lists write its state in capitals.
pub(super) fn review(state: &State, place: &Project, one: &Review) -> Value {
    let word = match one.state {
        ReviewState::Approved => "APPROVED",
        ReviewState::ChangesRequested => "CHANGES_REQUESTED",
        ReviewState::Commented => "COMMENTED",
        ReviewState::Dismissed => "DISMISSED",
    };
    let page = format!("{}/pull/{}", state.project_url(place), one.merge_request);
    let pull = format!("{}/pulls/{}", api_of(state, place), one.merge_request);
    json!({
        "id": one.id,
        "node_id": node("PRR", one.id),
        "user": user_of(state, one.by),
        "body": one.body,
        "state": word,
        "html_url": format!("{page}#pullrequestreview-{}", one.id),
        "pull_request_url": pull,
        "submitted_at": time(one.at),
        "commit_id": one.commit,
        "author_association": "MEMBER",
    })
}
