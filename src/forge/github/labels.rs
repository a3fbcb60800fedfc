//! The one label of ours on a pull request.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{Label, MergeRequestId};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::{Payload, Transport};

const LABEL: Operation = Operation {
    name: "set_label",
    does: "set the label of the pull request",
    needs: "write access to pull requests and issues",
};

impl GitHub {
    /// Takes off what is ours and not wanted, then puts on what is missing: setting all labels at once would
    /// undo what somebody else set meanwhile. Where nothing but one of ours stands there, it is exchanged by
    /// one write right after the reading.
    pub(super) async fn put_label(&self, id: MergeRequestId, label: Option<Label>) -> Result<(), ForgeError> {
        let rest = format!("/issues/{}/labels", id.number);
        let path = self.path(id.repo, &rest).await?;
        let http = self.at(id.repo).await?;
        let turn = http.turn().await;
        let found: Vec<answers::LabelOfIssue> = self.list(&LABEL, id.repo, &rest).await?;
        let ours = |known: &answers::LabelOfIssue| Label::ALL.into_iter().any(|one| is(known, one));
        if let (Some(label), false, true) = (label, found.is_empty(), found.iter().all(ours))
            && !found.iter().any(|known| is(known, label))
        {
            let payload = Payload::Json(json!({ "labels": [label.name()] }));
            let (turn, path, payload) = (&turn, &path, &payload);
            let exchange = |http: Arc<Transport>| async move {
                http.write_within(turn, &LABEL, Method::PUT, path, payload.clone()).await
            };
            self.signed(id.repo, exchange).await?;
            return Ok(());
        }
        // Each of the writes below waits for a turn of its own.
        drop(turn);
        self.exchange_labels(id, label, &found).await
    }

    async fn exchange_labels(
        &self,
        id: MergeRequestId,
        label: Option<Label>,
        found: &[answers::LabelOfIssue],
    ) -> Result<(), ForgeError> {
        let rest = format!("/issues/{}/labels", id.number);
        let others = Label::ALL.into_iter().filter(|other| Some(*other) != label);
        for other in others.filter(|other| found.iter().any(|known| is(known, *other))) {
            let one = format!("{rest}/{}", segment(other.name()));
            match self.write_only(&LABEL, Method::DELETE, id.repo, &one, Payload::Nothing).await {
                Ok(_) => {}
                // Somebody was faster.
                Err(failure) if failure.is(404) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        if let Some(label) = label.filter(|label| !found.iter().any(|known| is(known, *label))) {
            let payload = Payload::Json(json!({ "labels": [label.name()] }));
            self.write_only(&LABEL, Method::POST, id.repo, &rest, payload).await?;
        }
        Ok(())
    }
}

fn is(known: &answers::LabelOfIssue, one: Label) -> bool {
    known.name.eq_ignore_ascii_case(one.name())
}
