//! Deployments, which GitHub makes of jobs that name an environment.

use super::{GitHub, answers};
use crate::domain::{Deployment, DeploymentState, Job, RepoId, Run};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::segment;

const FIND: Operation = Operation {
    name: "deployment",
    does: "list the deployments of the environment",
    needs: "read access to deployments",
};

/// How many of the newest deployments of an environment are looked through for the one of a job.
const NEWEST: usize = 20;

impl GitHub {
    /// Looks through the environment's deployments, newest first, for the one whose states name `job`'s
    /// own page: GitHub links them in no other way.
    pub(super) async fn find_deployment(
        &self,
        repo: RepoId,
        environment: &str,
        run: &Run,
        job: &Job,
    ) -> Result<Option<Deployment>, ForgeError> {
        let rest = format!("/deployments?environment={}&per_page={NEWEST}", segment(environment));
        let newest: Vec<answers::Deployment> = self.get(&FIND, repo, &rest).await?;
        let page = format!("/actions/runs/{}/job/{}", run.id, job.id);
        for deployment in newest {
            let rest = format!("/deployments/{}/statuses?per_page=100", deployment.id);
            let states: Vec<answers::DeploymentStatus> = self.get(&FIND, repo, &rest).await?;
            if states.iter().any(|state| state.is_of(&page)) {
                return Ok(Some(read(deployment.id, &states)));
            }
        }
        Ok(None)
    }
}

/// The newest state decides. `inactive` only says that a later deployment took the place of one that
/// was in effect, so that what was said before it counts.
fn read(id: u64, newest_first: &[answers::DeploymentStatus]) -> Deployment {
    let said = newest_first.iter().find(|status| status.state != "inactive");
    let state = match said.map(|status| status.state.as_str()) {
        Some("success") => DeploymentState::Succeeded,
        Some("failure" | "error") => DeploymentState::Failed,
        _ => DeploymentState::UnderWay,
    };
    let at = said.map(|status| answers::time(status.created_at.as_deref())).unwrap_or_default();
    Deployment { id, state, at }
}
