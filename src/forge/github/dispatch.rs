//! Starting a generated workflow with an order, and finding again what an order started.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::GitHub;
use super::answers::{self, time};
use crate::domain::{ModelName, RepoId, RunId, Sha, Timestamp, WorkOrder};
use crate::forge::classify::{Failure, Operation};
use crate::forge::text::segment;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const DISPATCH: Operation = Operation {
    name: "dispatch",
    does: "start the workflow",
    needs: "write access to actions, and the workflow's file on the default branch",
};
const FIND: Operation = Operation {
    name: "dispatched",
    does: "look for a run that was started before",
    needs: "read access to actions",
};

/// GitHub's answer where it names no run.
const NO_CONTENT: u16 = 204;
/// How much earlier than our own clock says a run may seem to have been created.
const SKEW: Duration = Duration::from_secs(5);
/// When to look again for a run that a dispatch must have started.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The inputs of a dispatch; what is open is left out.
#[derive(Debug)]
pub(super) struct Wish {
    model: ModelName,
    inputs: BTreeMap<&'static str, String>,
}

/// The inputs in the order in which the run's title names them.
const INPUTS: [&str; 6] = ["action", "version", "commit", "environment", "traffic", "source"];

impl Wish {
    /// Judge this head.
    pub(super) fn run(model: &ModelName, head: &Sha) -> Self {
        Self::of(&WorkOrder::run(model, head))
    }

    fn of(order: &WorkOrder) -> Self {
        let mut inputs = BTreeMap::from([
            ("action", order.action.clone()),
            ("commit", order.commit.to_string()),
            ("source", order.source.clone()),
        ]);
        inputs.extend(order.version.as_ref().map(|version| ("version", version.to_string())));
        inputs.extend(order.environment.clone().map(|name| ("environment", name)));
        inputs.extend(order.traffic.map(|percent| ("traffic", percent.to_string())));
        inputs.retain(|_, value| !value.is_empty());
        Self { model: order.model.clone(), inputs }
    }

    /// What the generated workflow calls a run with these inputs (`run-name`). No input has a space in it, so
    /// that no others give the same title; one that was left out reads as `-`, and so does an input `-`:
    /// a commit is always named.
    pub(super) fn title(&self) -> String {
        let words = INPUTS.map(|name| self.inputs.get(name).map_or("-", String::as_str));
        format!("mergewright {}", words.join(" "))
    }

    fn file(&self) -> String {
        format!("model-{}.yml", self.model)
    }
}

impl GitHub {
    pub(super) async fn dispatch_order(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
    ) -> Result<RunId, ForgeError> {
        self.dispatch_wish(&DISPATCH, repo, branch, &Wish::of(order)).await
    }

    /// Starts a workflow and names its run. A GitHub that cannot tell is asked for its list; where the run
    /// is not there yet, the caller looks again before anything is started a second time.
    pub(super) async fn dispatch_wish(
        &self,
        operation: &Operation,
        repo: RepoId,
        branch: &str,
        wish: &Wish,
    ) -> Result<RunId, ForgeError> {
        let sent = self.http.now();
        let told = !self.silent_dispatch.load(Ordering::Relaxed);
        let answer = match self.post_dispatch(operation, repo, branch, wish, told).await {
            // An older Enterprise Server does not know the question.
            Err(failure) if told && failure.is(422) && failure.says("return_run_details") => {
                self.silent_dispatch.store(true, Ordering::Relaxed);
                self.post_dispatch(operation, repo, branch, wish, false).await
            }
            answer => answer,
        };
        match answer {
            Ok(Some(run)) => Ok(run),
            Ok(None) => match self.find_wish(repo, branch, wish, sent.before(SKEW)).await? {
                Some(run) => Ok(run),
                None => Err(ForgeError {
                    kind: ErrorKind::Retry { after: Some(LOOK_AGAIN) },
                    external: "GitHub started a run but does not show it yet; it is looked for again"
                        .to_owned(),
                    internal: format!("{}: no run of the title", operation.name),
                }),
            },
            Err(failure) if failure.is(404) => {
                let text = format!(
                    "GitHub has no workflow `{}` on the default branch; run `mergewright generate` and merge what it writes",
                    wish.file()
                );
                Err(failure.meaning(ErrorKind::Gone, text))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// None where GitHub took the dispatch without naming the run.
    async fn post_dispatch(
        &self,
        operation: &Operation,
        repo: RepoId,
        branch: &str,
        wish: &Wish,
        told: bool,
    ) -> Result<Option<RunId>, Failure> {
        let mut body = json!({ "ref": branch, "inputs": wish.inputs });
        if let (true, Some(fields)) = (told, body.as_object_mut()) {
            fields.insert("return_run_details".to_owned(), true.into());
        }
        let rest = format!("/actions/workflows/{}/dispatches", segment(&wish.file()));
        let payload = Payload::Json(body);
        let (status, run): (_, Option<answers::Dispatched>) =
            self.write_maybe(operation, Method::POST, repo, &rest, payload).await?;
        if status == NO_CONTENT {
            return Ok(None);
        }
        Ok(run.map(|run| RunId(run.workflow_run_id)))
    }

    pub(super) async fn find_order(
        &self,
        repo: RepoId,
        branch: &str,
        order: &WorkOrder,
        since: Timestamp,
    ) -> Result<Option<RunId>, ForgeError> {
        Ok(self.find_wish(repo, branch, &Wish::of(order), since).await?)
    }

    /// The newest run of the model's workflow that the branch was asked for with exactly these inputs.
    async fn find_wish(
        &self,
        repo: RepoId,
        branch: &str,
        wish: &Wish,
        since: Timestamp,
    ) -> Result<Option<RunId>, Failure> {
        let created = segment(&format!(">={since}"));
        let rest =
            format!("/actions/runs?event=workflow_dispatch&branch={}&created={created}", segment(branch));
        let open = |page: answers::Runs| page.workflow_runs;
        let runs: Vec<answers::WorkflowRun> = self.list_in(&FIND, repo, &rest, open).await?;
        let title = wish.title();
        let ours = runs.into_iter().filter(|run| {
            run.model().as_ref() == Some(&wish.model)
                && run.display_title == title
                && run.event == "workflow_dispatch"
                && run.head_branch.as_deref().is_none_or(|on| on == branch)
                && time(run.created_at.as_deref()).0 / 1000 >= since.0 / 1000
        });
        Ok(ours.map(|run| RunId(run.id)).max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Version;

    #[test]
    fn a_title_names_every_input_in_its_place() {
        let order = WorkOrder {
            action: "deploy".to_owned(),
            model: "iris".parse().unwrap(),
            version: Some(Version::sequence(42).into()),
            commit: "c".repeat(40).parse().unwrap(),
            environment: Some("production".to_owned()),
            traffic: Some(10),
            source: "43".to_owned(),
        };
        let commit = "c".repeat(40);
        assert_eq!(Wish::of(&order).title(), format!("mergewright deploy v42 {commit} production 10 43"));
        let publish = WorkOrder { environment: None, traffic: None, ..order.clone() };
        assert_eq!(Wish::of(&publish).title(), format!("mergewright deploy v42 {commit} - - 43"));
        let run = Wish::run(&order.model, &order.commit);
        assert_eq!(run.title(), format!("mergewright run - {commit} - - -"));
    }
}
