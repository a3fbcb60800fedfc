//! GitLab's merge trains.

use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{GitLab, answers, merge_request, project};
use crate::domain::{MergeRequestId, Queued, RunId, Trial};
use crate::forge::classify::Operation;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError, Merge};

const QUEUED: Operation =
    Operation { name: "queued", does: "look the merge request up on the merge train", needs: "Developer" };
const ENQUEUE: Operation = Operation {
    name: "enqueue",
    does: "put the merge request on the merge train",
    needs: "Developer, or on a protected target branch what `Allowed to merge` says there",
};
const DEQUEUE: Operation = Operation {
    name: "dequeue",
    does: "take the merge request off the merge train",
    needs: "Developer, or on a protected target branch what `Allowed to merge` says there",
};

/// A merge request on a train.
#[derive(Deserialize)]
struct Car {
    #[serde(default)]
    pipeline: Option<answers::Pipeline>,
    #[serde(default)]
    status: Option<String>,
}

impl GitLab {
    pub(super) async fn find_queued(&self, id: MergeRequestId) -> Result<Option<Queued>, ForgeError> {
        let car = match self.http.get::<Car>(&QUEUED, &car(id)).await {
            Ok(car) => car,
            // Without trains the whole route is forbidden.
            Err(failure) if matches!(failure.error.kind, ErrorKind::Gone | ErrorKind::Refused) => {
                return Ok(None);
            }
            Err(failure) => return Err(failure.into()),
        };
        if car.status.as_deref().is_some_and(|status| matches!(status, "merged" | "skip_merged")) {
            return Ok(None);
        }
        let Some(pipeline) = car.pipeline else { return Ok(Some(Queued { trial: None })) };
        // Of such a merge commit the target branch is the first parent.
        let base = self.read_parents(id.repo, &pipeline.sha).await?.into_iter().next();
        let trial = base.map(|base| Trial { commit: pipeline.sha, base, run: Some(RunId(pipeline.id)) });
        Ok(Some(Queued { trial }))
    }

    /// Puts it on the train as `body` says, which names the head; one that is on it already stays there.
    pub(super) async fn enqueue(&self, id: MergeRequestId, body: Value) -> Result<Merge, ForgeError> {
        let payload = Payload::Json(body);
        let failure = match self.http.write::<IgnoredAny>(&ENQUEUE, Method::POST, &car(id), payload).await {
            Ok(_) => return Ok(Merge::Queued),
            Err(failure) => failure,
        };
        // An earlier call whose answer was lost may have done it.
        if matches!(failure.status, Some(400 | 409)) && self.find_queued(id).await?.is_some() {
            return Ok(Merge::Queued);
        }
        let said = if failure.words.is_empty() { String::new() } else { format!(": {}", failure.words) };
        Err(match failure.status {
            Some(400) => failure.meaning(
                ErrorKind::Conflict,
                format!("GitLab cannot put the merge request on the merge train now{said}"),
            ),
            Some(409) if failure.error.kind == ErrorKind::Conflict => failure.meaning(
                ErrorKind::Conflict,
                "the head of the merge request moved, so it was not put on the merge train".to_owned(),
            ),
            _ => failure.into(),
        })
    }

    pub(super) async fn dequeue(&self, id: MergeRequestId) -> Result<(), ForgeError> {
        if self.find_queued(id).await?.is_none() {
            return Ok(());
        }
        let path = merge_request(id, "/cancel_merge_when_pipeline_succeeds");
        match self.http.write_only(&DEQUEUE, Method::POST, &path, Payload::Nothing).await {
            // It left by itself meanwhile.
            Err(failure) if matches!(failure.status, Some(405 | 406)) => Ok(()),
            done => Ok(done.map(drop)?),
        }
    }
}

fn car(id: MergeRequestId) -> String {
    project(id.repo, &format!("/merge_trains/merge_requests/{}", id.number))
}
