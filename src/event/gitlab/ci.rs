//! Pipelines, jobs and pushes.

use serde::{Deserialize, Serialize};

use super::{Account, NamedMergeRequest, Numbered, lenient, merge_request, read, repo};
use crate::domain::{Digest, MergeRequestId, RunId, User};
use crate::event::reading::{Stop, about, refresh, sha};
use crate::event::{Incoming, Subject};

#[derive(Deserialize)]
struct PipelineHook {
    #[serde(default, deserialize_with = "lenient")]
    user: Account,
    #[serde(default, deserialize_with = "lenient")]
    project: Numbered,
    project_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    object_attributes: Pipeline,
    #[serde(default, deserialize_with = "lenient")]
    merge_request: NamedMergeRequest,
    #[serde(default, deserialize_with = "lenient")]
    builds: Vec<Build>,
}

/// A job of ours or of somebody else; a status that somebody posted is none.
#[derive(Default, Deserialize, Serialize)]
struct Build {
    id: Option<u64>,
    status: Option<String>,
}

#[derive(Default, Deserialize)]
struct Pipeline {
    id: Option<u64>,
    sha: Option<String>,
    source: Option<String>,
}

/// `Pipeline Hook`. Its commit may be a merge commit that only CI knows, so that the merge request
/// is taken by its number wherever one is named.
pub(super) fn pipeline(event: &str, body: &[u8], us: &User) -> Result<Incoming, Stop> {
    let hook: PipelineHook = read(event, body)?;
    let pipeline = hook.object_attributes;
    if pipeline.source.as_deref() == Some("external") && hook.user.is(us) {
        return Err(Stop::because("own-status"));
    }
    let project = hook.project.id.or(hook.project_id);
    if let Some(iid) = hook.merge_request.iid {
        // A fork's pipeline is told by the fork; the number counts in the project it wants into.
        let target = hook.merge_request.target_project_id.or(project);
        let on = merge_request(target.ok_or_else(|| Stop::missing("project.id"))?, iid);
        return Ok(Incoming { meaning: meaning(on, pipeline.id, &hook.builds), ..refresh(on) });
    }
    let run = pipeline.id.ok_or_else(|| Stop::missing("object_attributes.id"))?;
    let repo = repo(project.ok_or_else(|| Stop::missing("project.id"))?);
    Ok(about(Subject::Run { repo, run: RunId(run), sha: sha(pipeline.sha) }))
}

/// How the jobs stand is all that we read of a pipeline: every status that is posted to it, by us above
/// all, is told by another hook in which the jobs are as they were.
fn meaning(on: MergeRequestId, pipeline: Option<u64>, builds: &[Build]) -> Option<String> {
    let known = !builds.is_empty() && builds.iter().all(|build| build.id.is_some() && build.status.is_some());
    let jobs = known.then(|| Digest::of_json(&builds).ok()).flatten()?;
    Some(format!("{on}:pipeline:{}:{jobs}", pipeline?))
}

#[derive(Deserialize)]
struct JobHook {
    #[serde(default, deserialize_with = "lenient")]
    project: Numbered,
    project_id: Option<u64>,
    pipeline_id: Option<u64>,
    sha: Option<String>,
}

/// `Job Hook`, which calls itself `build`.
pub(super) fn job(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: JobHook = read(event, body)?;
    let project = hook.project_id.or(hook.project.id).ok_or_else(|| Stop::missing("project_id"))?;
    let run = hook.pipeline_id.ok_or_else(|| Stop::missing("pipeline_id"))?;
    Ok(about(Subject::Run { repo: repo(project), run: RunId(run), sha: sha(hook.sha) }))
}

#[derive(Deserialize)]
struct PushHook {
    #[serde(default, deserialize_with = "lenient")]
    project: Numbered,
    project_id: Option<u64>,
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// `Push Hook`. How far the branch moved and by which commits is read from the forge: the hook lists
/// only the newest few.
pub(super) fn push(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: PushHook = read(event, body)?;
    let reference = hook.reference.ok_or_else(|| Stop::missing("ref"))?;
    let branch = reference.strip_prefix("refs/heads/").ok_or_else(|| Stop::because("not-a-branch"))?;
    let project = hook.project.id.or(hook.project_id).ok_or_else(|| Stop::missing("project.id"))?;
    Ok(about(Subject::Branch { repo: repo(project), branch: branch.to_owned() }))
}

#[derive(Deserialize)]
struct DeploymentHook {
    #[serde(default, deserialize_with = "lenient")]
    project: Numbered,
    environment: Option<String>,
}

/// `Deployment Hook`. Which job made it is read from the forge.
pub(super) fn deployment(event: &str, body: &[u8]) -> Result<Incoming, Stop> {
    let hook: DeploymentHook = read(event, body)?;
    let environment = hook.environment.ok_or_else(|| Stop::missing("environment"))?;
    let project = hook.project.id.ok_or_else(|| Stop::missing("project.id"))?;
    Ok(about(Subject::Deployment { repo: repo(project), environment }))
}
