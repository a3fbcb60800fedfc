//! Workflow runs, statuses, the merge queue and pushes.

use serde::Deserialize;

use super::{Account, Numbered, lenient, merge_request, read};
use crate::domain::{RepoId, RunId, Status, User};
use crate::event::reading::{Stop, about, refresh, sha};
use crate::event::{Event, Incoming, Subject};

/// A pull request as runs and checks name it. The list is empty for forks.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Named {
    number: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    base: Base,
}

#[derive(Debug, Default, Deserialize)]
struct Base {
    #[serde(default, deserialize_with = "lenient")]
    repo: Numbered,
}

/// The one pull request into `repo` that is named, if it is one.
pub(super) fn the_only(named: &[Named], repo: RepoId) -> Option<u64> {
    let mut ours = named.iter().filter(|one| one.base.repo.id.is_none_or(|id| id == repo.number));
    match (ours.next(), ours.next()) {
        (Some(one), None) => one.number,
        _ => None,
    }
}

#[derive(Deserialize)]
struct RunHook {
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    workflow_run: WorkflowRun,
}

#[derive(Default, Deserialize)]
struct WorkflowRun {
    id: Option<u64>,
    head_sha: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pull_requests: Vec<Named>,
}

/// `workflow_run`.
pub(super) fn workflow_run(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: RunHook = read(event, body)?;
    let repo = hook.repository.repo()?;
    if let Some(number) = the_only(&hook.workflow_run.pull_requests, repo) {
        return Ok(refresh(merge_request(repo, number)));
    }
    let run = hook.workflow_run.id.ok_or_else(|| Stop::missing("workflow_run.id"))?;
    Ok(about(Subject::Run { repo, run: RunId(run), sha: sha(hook.workflow_run.head_sha) }))
}

#[derive(Deserialize)]
struct JobHook {
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    workflow_job: WorkflowJob,
}

#[derive(Default, Deserialize)]
struct WorkflowJob {
    run_id: Option<u64>,
    head_sha: Option<String>,
}

/// `workflow_job`, which never names a pull request.
pub(super) fn workflow_job(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: JobHook = read(event, body)?;
    let repo = hook.repository.repo()?;
    let run = hook.workflow_job.run_id.ok_or_else(|| Stop::missing("workflow_job.run_id"))?;
    Ok(about(Subject::Run { repo, run: RunId(run), sha: sha(hook.workflow_job.head_sha) }))
}

#[derive(Deserialize)]
struct StatusHook {
    context: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sender: Account,
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    sha: Option<String>,
}

/// `status`: somebody else's verdict may make a merge possible.
pub(super) fn status(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: StatusHook = read(event, body)?;
    if hook.sender.is(us) {
        return Err(Stop::because("own-status"));
    }
    let forged = hook.context.as_deref().is_some_and(Status::is_ours);
    let event = if forged { Event::StatusForged } else { Event::Refresh };
    Ok(Incoming { event, ..said_of(hook.repository.repo()?, hook.sha, "sha")? })
}

/// Something was said of a commit.
pub(super) fn said_of(repo: RepoId, text: Option<String>, path: &str) -> Result<Incoming, Stop> {
    let sha = sha(text).ok_or_else(|| Stop::missing(path))?;
    Ok(about(Subject::Commit { repo, sha }))
}

#[derive(Deserialize)]
struct GroupHook {
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    merge_group: Group,
}

#[derive(Default, Deserialize)]
struct Group {
    head_ref: Option<String>,
}

/// `merge_group`. Of those that a group holds the last one is named, each by a group of its own.
pub(super) fn merge_group(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: GroupHook = read(event, body)?;
    let reference = hook.merge_group.head_ref.ok_or_else(|| Stop::missing("merge_group.head_ref"))?;
    let number = tried_in(&reference).ok_or_else(|| Stop::because("unknown-group"))?;
    let tried = about(Subject::MergeRequest(merge_request(hook.repository.repo()?, number)));
    Ok(Incoming { event: Event::Tried, ..tried })
}

/// The pull request of `refs/heads/gh-readonly-queue/<branch>/pr-<number>-<commit>`.
fn tried_in(reference: &str) -> Option<u64> {
    let (_branch, last) = reference.strip_prefix("refs/heads/gh-readonly-queue/")?.rsplit_once('/')?;
    last.strip_prefix("pr-")?.split_once('-')?.0.parse().ok()
}

#[derive(Deserialize)]
struct PushHook {
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// `push`.
pub(super) fn push(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: PushHook = read(event, body)?;
    let reference = hook.reference.ok_or_else(|| Stop::missing("ref"))?;
    match reference.strip_prefix("refs/heads/") {
        Some(name) => branch(hook.repository, name),
        None => Err(Stop::because("tag")),
    }
}

fn branch(repository: Numbered, name: &str) -> Result<Incoming, Stop> {
    Ok(about(Subject::Branch { repo: repository.repo()?, branch: name.to_owned() }))
}

#[derive(Deserialize)]
struct DeploymentHook {
    #[serde(default, deserialize_with = "lenient")]
    repository: Numbered,
    #[serde(default, deserialize_with = "lenient")]
    deployment: Deployment,
}

#[derive(Default, Deserialize)]
struct Deployment {
    environment: Option<String>,
}

/// `deployment_status`. Which run made it is read from the forge.
pub(super) fn deployment_status(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: DeploymentHook = read(event, body)?;
    let repo = hook.repository.repo()?;
    let environment = hook.deployment.environment.ok_or_else(|| Stop::missing("deployment.environment"))?;
    Ok(about(Subject::Deployment { repo, environment }))
}
