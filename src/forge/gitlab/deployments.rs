//! Deployments, which GitLab makes of jobs that name an environment; and what such a job would fetch.

use super::answers::{self, time};
use super::{GitLab, project};
use crate::domain::{Deployment, DeploymentState, Job, RepoId};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::segment;

const FIND: Operation = Operation {
    name: "deployment",
    does: "list the deployments of the environment",
    needs: "the scope `api` and at least Reporter",
};
const KEPT: Operation = Operation {
    name: "kept",
    does: "read the job that made the model",
    needs: "the scope `api` and at least Reporter",
};

impl GitLab {
    /// Looks through the environment's deployments, newest first, for the one that `job` made. Numbers
    /// of jobs only grow, so that one of an older job ends the search.
    pub(super) async fn find_deployment(
        &self,
        repo: RepoId,
        environment: &str,
        job: &Job,
    ) -> Result<Option<Deployment>, ForgeError> {
        let rest =
            format!("/deployments?environment={}&order_by=id&sort=desc&per_page=50", segment(environment));
        let by = |deployment: &answers::Deployment| deployment.deployable.as_ref().map(|job| job.id);
        let enough = |page: &[answers::Deployment]| {
            page.iter().any(|deployment| by(deployment).is_some_and(|id| id <= job.id.0))
        };
        let found: Vec<answers::Deployment> =
            self.http.list_until(&FIND, &project(repo, &rest), enough).await?;
        let ours = found.into_iter().find(|deployment| by(deployment) == Some(job.id.0));
        Ok(ours.map(Deployment::from))
    }

    /// Whether the job that `source` names still has its artifacts.
    pub(super) async fn has_artifacts(&self, repo: RepoId, source: &str) -> Result<bool, ForgeError> {
        let path = project(repo, &format!("/jobs/{}", segment(source)));
        match self.http.get::<answers::Kept>(&KEPT, &path).await {
            Ok(job) => Ok(job.artifacts_file.is_some_and(|file| file.filename.is_some())),
            Err(failure) if failure.is(404) && !failure.says("project not found") => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl From<answers::Deployment> for Deployment {
    fn from(deployment: answers::Deployment) -> Self {
        let state = match deployment.status.as_str() {
            "success" => DeploymentState::Succeeded,
            "failed" | "canceled" | "skipped" => DeploymentState::Failed,
            _ => DeploymentState::UnderWay,
        };
        let at = time(deployment.updated_at.as_deref().or(deployment.created_at.as_deref()));
        Self { id: deployment.id, state, at }
    }
}
