//! The one label of ours on a pull request.

use reqwest::Method;
use serde_json::json;

use super::{GitHub, answers};
use crate::domain::{Label, MergeRequestId};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::Payload;

const LABEL: Operation = Operation {
    name: "set_label",
    does: "set the label of the pull request",
    needs: "write access to pull requests and issues",
};

impl GitHub {
    /// Takes off what is ours and not wanted, then puts on what is missing. Setting all labels at once
    /// would undo what somebody else set meanwhile.
    pub(super) async fn put_label(&self, id: MergeRequestId, label: Option<Label>) -> Result<(), ForgeError> {
        let rest = format!("/issues/{}/labels", id.number);
        let found: Vec<answers::LabelOfIssue> = self.list(&LABEL, id.repo, &rest).await?;
        let is = |known: &answers::LabelOfIssue, one: Label| known.name.eq_ignore_ascii_case(one.name());
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
