//! Pipelines, jobs and pushes.

use serde::Deserialize;

use super::{Account, NamedMergeRequest, Numbered, lenient, merge_request, read, repo};
use crate::domain::{RunId, User};
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
        return Ok(refresh(merge_request(target.ok_or_else(|| Stop::missing("project.id"))?, iid)));
    }
    let run = pipeline.id.ok_or_else(|| Stop::missing("object_attributes.id"))?;
    let repo = repo(project.ok_or_else(|| Stop::missing("project.id"))?);
    Ok(about(Subject::Run { repo, run: RunId(run), sha: sha(pipeline.sha) }))
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
