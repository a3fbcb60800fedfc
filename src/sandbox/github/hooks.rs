//! What GitHub's hooks say.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::domain::Sha;
use crate::sandbox::world::{JobState, Message, Occurrence, Pipeline, Project, State};

use super::{api_of, checks, code, deployments, releases, repository, runs, shape, statuses};

/// A push lists at most so many commits.
const LISTED: usize = 2048;

/// What is sent for an occurrence; nothing when its object is gone.
pub(super) fn messages(state: &State, occurrence: &Occurrence) -> Vec<Message> {
    let Ok(place) = state.project(occurrence.project()) else { return Vec::new() };
    let told = Told { state, place };
    match occurrence {
        Occurrence::Pushed { by, branch, before, after, .. } => {
            told.branch(*by, branch, before.as_ref(), after.as_ref())
        }
        Occurrence::Tagged { by, name, .. } => told.tag(*by, name),
        Occurrence::Labelled { by, number, before, .. } => told.labels(*by, *number, before),
        other => told.single(other).into_iter().collect(),
    }
}

/// Where it happened.
#[derive(Clone, Copy)]
struct Told<'a> {
    state: &'a State,
    place: &'a Project,
}

impl Told<'_> {
    /// A body with what every hook carries.
    fn message(self, event: &'static str, by: u64, body: Value) -> Message {
        let mut fields = match body {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.insert("repository".to_owned(), shape::repository(self.state, self.place));
        fields.insert("sender".to_owned(), shape::user_of(self.state, by));
        Message { event, body: Value::Object(fields) }
    }

    /// What is told in one message.
    fn single(self, occurrence: &Occurrence) -> Option<Message> {
        let (state, place) = (self.state, self.place);
        Some(match occurrence {
            Occurrence::MergeRequest { by, number, action, before, .. } => {
                self.pull(*by, *number, action, before.as_ref())?
            }
            Occurrence::Commented { comment, edited, .. } => {
                let one = place.comments.get(comment).filter(|one| !one.system)?;
                let action = if *edited { "edited" } else { "created" };
                self.comment(one.edited_by.filter(|_| *edited).unwrap_or(one.author), action, one)?
            }
            Occurrence::Uncommented { by, comment, .. } => self.comment(*by, "deleted", comment)?,
            Occurrence::Reviewed { by, review, .. } => self.review(*by, *review)?,
            Occurrence::Status { status, .. } => self.status(*status)?,
            Occurrence::Check { by, action, check, button, .. } => {
                let mut body = json!({"action": action, "check_run": checks::check(state, place, check)});
                if let (Value::Object(fields), Some(button)) = (&mut body, button) {
                    fields.insert("requested_action".to_owned(), json!({"identifier": button}));
                }
                self.message("check_run", *by, body)
            }
            Occurrence::Tried { by, target, trial, .. } => {
                let group = json!({
                    "head_sha": trial.commit,
                    "head_ref": trial.reference,
                    "base_sha": trial.base,
                    "base_ref": format!("refs/heads/{target}"),
                });
                self.message("merge_group", *by, json!({"action": "checks_requested", "merge_group": group}))
            }
            Occurrence::Released { tag, .. } => {
                let one = place.releases.get(tag)?;
                let body = json!({"action": "published", "release": releases::release(state, place, one)});
                self.message("release", one.by, body)
            }
            Occurrence::Run { pipeline, action, .. } => {
                let run = place.pipelines.get(pipeline)?;
                let body = json!({
                    "action": action,
                    "workflow_run": runs::run(state, place, run),
                    "workflow": self.workflow(run),
                });
                self.message("workflow_run", run.by, body)
            }
            Occurrence::Job { job, .. } => self.job(*job)?,
            Occurrence::Deployment { deployment, begins, .. } => self.deployment(*deployment, *begins)?,
            Occurrence::Hooked { hook, .. } => {
                let one = place.hooks.get(hook)?;
                let owner = place.members.keys().next().copied().unwrap_or_default();
                let body = json!({
                    "zen": "Approachable is better than simple.",
                    "hook_id": one.id,
                    "hook": repository::hook(state, place, one),
                });
                self.message("ping", owner, body)
            }
            // Told by `messages` itself, or in GitLab's form only.
            Occurrence::Pushed { .. }
            | Occurrence::Tagged { .. }
            | Occurrence::Labelled { .. }
            | Occurrence::Pipeline { .. } => return None,
        })
    }

    fn pull(self, by: u64, number: u64, action: &str, before: Option<&Sha>) -> Option<Message> {
        let one = self.place.merge_requests.get(&number)?;
        let word = match (action, before) {
            ("open", _) => "opened",
            ("update", Some(_)) => "synchronize",
            ("update", None) | ("retarget", _) => "edited",
            ("close" | "merge", _) => "closed",
            ("reopen", _) => "reopened",
            ("draft", _) => "converted_to_draft",
            ("ready", _) => "ready_for_review",
            ("review_requested", _) => "review_requested",
            ("enqueued", _) => "enqueued",
            ("dequeued", _) => "dequeued",
            _ => return None,
        };
        let mut body = json!({
            "action": word,
            "number": number,
            "pull_request": shape::single_pull(self.state, self.place, one),
        });
        if let (Value::Object(fields), Some(before)) = (&mut body, before) {
            fields.insert("before".to_owned(), json!(before));
            fields.insert("after".to_owned(), json!(one.head));
        }
        if let (Value::Object(fields), "edited") = (&mut body, word) {
            let from = one.aimed_before.as_ref().filter(|_| action == "retarget");
            let changes = from.map_or_else(|| json!({}), |from| json!({"base": {"ref": {"from": from}}}));
            fields.insert("changes".to_owned(), changes);
        }
        Some(self.message("pull_request", by, body))
    }

    /// One message for each label that came or went.
    fn labels(self, by: u64, number: u64, before: &BTreeSet<String>) -> Vec<Message> {
        let Some(one) = self.place.merge_requests.get(&number) else { return Vec::new() };
        let gone = before.difference(&one.labels).map(|name| ("unlabeled", name));
        let came = one.labels.difference(before).map(|name| ("labeled", name));
        let told = gone.chain(came).map(|(action, name)| {
            let body = json!({
                "action": action,
                "number": number,
                "pull_request": shape::single_pull(self.state, self.place, one),
                "label": shape::label(self.state, self.place, name),
            });
            self.message("pull_request", by, body)
        });
        told.collect()
    }

    fn comment(self, by: u64, action: &str, one: &crate::sandbox::world::Comment) -> Option<Message> {
        let pull = self.place.merge_requests.get(&one.merge_request)?;
        let mut body = json!({
            "action": action,
            "issue": shape::issue(self.state, self.place, pull),
            "comment": shape::comment(self.state, self.place, one),
        });
        if let (Value::Object(fields), "edited") = (&mut body, action) {
            fields.insert("changes".to_owned(), json!({}));
        }
        Some(self.message("issue_comment", by, body))
    }

    fn review(self, by: u64, id: u64) -> Option<Message> {
        let one = self.place.reviews.get(&id)?;
        let pull = self.place.merge_requests.get(&one.merge_request)?;
        let mut review = shape::review(self.state, self.place, one);
        // Hooks write it in small letters, lists in capitals.
        let word = review.get("state").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let action = if word == "dismissed" { "dismissed" } else { "submitted" };
        if let Value::Object(fields) = &mut review {
            fields.insert("state".to_owned(), json!(word));
        }
        let body = json!({
            "action": action,
            "review": review,
            "pull_request": shape::pull(self.state, self.place, pull),
        });
        Some(self.message("pull_request_review", by, body))
    }

    fn status(self, id: u64) -> Option<Message> {
        let (state, place) = (self.state, self.place);
        let one = place.statuses.iter().find(|one| one.id == id)?;
        let commit = place.git.commit_named(&one.sha).ok()?;
        let body = json!({
            "id": one.id,
            "sha": one.sha,
            "name": place.path,
            "target_url": one.target_url,
            "context": one.name,
            "description": one.description,
            "state": statuses::word(&one.state),
            "commit": code::commit(state, place, &commit),
            "branches": [],
            "created_at": shape::time(one.at),
            "updated_at": shape::time(one.at),
        });
        Some(self.message("status", one.by, body))
    }

    fn workflow(self, run: &Pipeline) -> Value {
        let path = run.workflow.as_deref().unwrap_or_default();
        runs::workflow(self.state, self.place, path, &run.name)
    }

    fn job(self, id: u64) -> Option<Message> {
        let one = self.place.jobs.get(&id)?;
        let run = self.place.pipelines.get(&one.pipeline)?;
        let (status, _conclusion) = runs::of_job(one);
        if !runs::is_there(self.place, run, one) || one.state == JobState::Created {
            return None;
        }
        let body = json!({"action": status, "workflow_job": runs::job(self.state, self.place, one)});
        Some(self.message("workflow_job", run.by, body))
    }

    fn deployment(self, id: u64, begins: bool) -> Option<Message> {
        let (state, place) = (self.state, self.place);
        let one = place.deployments.get(&id)?;
        let run = place.jobs.get(&one.job).and_then(|job| place.pipelines.get(&job.pipeline))?;
        let mut body = json!({
            "action": "created",
            "deployment": deployments::deployment(state, place, one),
            "workflow": self.workflow(run),
            "workflow_run": runs::run(state, place, run),
        });
        if begins {
            return Some(self.message("deployment", one.by, body));
        }
        if let Value::Object(fields) = &mut body {
            let newest = one.history.len().checked_sub(1)?;
            fields.insert("deployment_status".to_owned(), deployments::status(state, place, one, newest)?);
            fields.insert("check_run".to_owned(), Value::Null);
        }
        Some(self.message("deployment_status", one.by, body))
    }

    fn branch(self, by: u64, name: &str, before: Option<&Sha>, after: Option<&Sha>) -> Vec<Message> {
        let reference = format!("refs/heads/{name}");
        let push = self.push(by, &reference, before.map(Sha::as_str), after.map(Sha::as_str));
        let first = match (before, after) {
            (None, Some(_)) => Some(self.created(by, "create", name, "branch")),
            (Some(_), None) => Some(self.created(by, "delete", name, "branch")),
            _ => None,
        };
        push.into_iter().chain(first).collect()
    }

    fn tag(self, by: u64, name: &str) -> Vec<Message> {
        let Ok(tag) = self.state.tag(self.place.id, name) else { return Vec::new() };
        let push = self.push(by, &format!("refs/tags/{name}"), None, Some(&tag.object));
        push.into_iter().chain([self.created(by, "create", name, "tag")]).collect()
    }

    fn created(self, by: u64, event: &'static str, name: &str, kind: &str) -> Message {
        let body = json!({
            "ref": name,
            "ref_type": kind,
            "master_branch": self.place.default_branch,
            "description": null,
            "pusher_type": "user",
        });
        self.message(event, by, body)
    }

    fn push(self, by: u64, reference: &str, before: Option<&str>, after: Option<&str>) -> Option<Message> {
        let (state, place) = (self.state, self.place);
        let zero = "0".repeat(40);
        let end = after.and_then(|after| place.git.resolve(after));
        let begin = before.and_then(|before| before.parse::<Sha>().ok());
        let head = end.as_ref().and_then(|end| place.git.commit_named(end).ok());
        let commits = match (&begin, &end) {
            (Some(begin), Some(end)) => place.git.commits(Some(begin), end).ok()?,
            _ => head.clone().into_iter().collect(),
        };
        let listed = |one: &crate::sandbox::world::Commit| {
            let person = json!({"name": one.author_name, "email": one.author_email});
            let parent = one.parents.first().map(Sha::as_str);
            let files = parent
                .and_then(|parent| place.git.changed(parent, one.sha.as_str()).ok())
                .unwrap_or_default();
            let named = |kinds: &[char]| -> Vec<&str> {
                let fits = files.iter().filter(|file| kinds.contains(&file.kind));
                fits.map(|file| file.new_path.as_str()).collect()
            };
            json!({
                "id": one.sha,
                "tree_id": code::tree_of(place, &one.sha),
                "distinct": true,
                "message": one.message,
                "timestamp": shape::time(one.at),
                "url": format!("{}/commit/{}", state.project_url(place), one.sha),
                "author": person,
                "committer": person,
                "added": named(&['A']),
                "modified": named(&['M', 'R']),
                "removed": named(&['D']),
            })
        };
        let person = state.people.get(&by)?;
        let forced = match (&begin, &end) {
            (Some(begin), Some(end)) => !place.git.is_ancestor(begin, end),
            _ => false,
        };
        let body = json!({
            "ref": reference,
            "before": before.unwrap_or(&zero),
            "after": after.unwrap_or(&zero),
            "created": before.is_none(),
            "deleted": after.is_none(),
            "forced": forced,
            "base_ref": null,
            "compare": format!("{}/compare", api_of(state, place)),
            "commits": commits.iter().take(LISTED).rev().map(listed).collect::<Vec<_>>(),
            "head_commit": head.as_ref().map(listed),
            "pusher": {"name": person.login, "email": person.email},
        });
        Some(self.message("push", by, body))
    }
}
