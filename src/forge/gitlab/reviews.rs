//! What people say of a merge request by GitLab's own review.

use reqwest::Method;
use serde_json::json;

use super::{GitLab, answers, merge_request};
use crate::domain::{ForgeApproval, MergeRequestId, Reviews, Timestamp, User};
use crate::forge::ForgeError;
use crate::forge::classify::Operation;
use crate::forge::text::segment;
use crate::forge::transport::Payload;

const APPROVALS: Operation = Operation {
    name: "approvals",
    does: "read the approvals of the merge request",
    needs: "the scope `api` and at least Reporter",
};
const REQUEST: Operation = Operation {
    name: "request_reviews",
    does: "ask for a review",
    needs: "the scope `api` and at least Developer",
};
const REVIEWERS: Operation = Operation {
    name: "reviewers",
    does: "read what the reviewers of the merge request say",
    needs: "the scope `api` and at least Reporter",
};

/// A reviewer's state whose meaning is "not like this".
const NOT_LIKE_THIS: &str = "requested_changes";

impl GitLab {
    /// Who asks for changes is a reviewer: where there is none, nobody does. Every edition keeps that state;
    /// that it blocks the merge in GitLab itself is a matter of its paid ones.
    pub(super) async fn read_reviews(
        &self,
        id: MergeRequestId,
        reviewers: &[User],
    ) -> Result<Reviews, ForgeError> {
        let found: answers::Approvals = self.http.get(&APPROVALS, &merge_request(id, "/approvals")).await?;
        let approval = |one: answers::Approval| ForgeApproval {
            at: one.approved_at.as_deref().and_then(Timestamp::parse),
            by: one.user.into(),
            sha: None,
        };
        let approvals = found.approved_by.into_iter().map(approval).collect();
        if reviewers.is_empty() {
            return Ok(Reviews { approvals, changes_requested: Vec::new() });
        }
        let reviewers: Vec<answers::Reviewer> =
            self.http.get(&REVIEWERS, &merge_request(id, "/reviewers")).await?;
        let against = reviewers.into_iter().filter(|one| one.state.as_deref() == Some(NOT_LIKE_THIS));
        Ok(Reviews { approvals, changes_requested: against.map(|one| one.user.into()).collect() })
    }

    /// GitLab takes the whole list of reviewers: those who stand there come first, since an edition that
    /// knows only one keeps the first. Groups cannot be asked.
    pub(super) async fn ask_for_reviews(
        &self,
        id: MergeRequestId,
        people: &[String],
        _teams: &[String],
    ) -> Result<(), ForgeError> {
        let standing = self.raw_merge_request(id).await?.reviewers;
        let mut wanted: Vec<u64> = standing.into_iter().map(|user| user.id).collect();
        let before = wanted.len();
        for login in people {
            let path = format!("/users?username={}", segment(login));
            let found: Vec<answers::User> = self.http.get(&REQUEST, &path).await?;
            let user = found.into_iter().find(|user| user.username.eq_ignore_ascii_case(login));
            wanted.extend(user.map(|user| user.id).filter(|id| !wanted.contains(id)));
        }
        if wanted.len() > before {
            let body = Payload::Json(json!({ "reviewer_ids": wanted }));
            self.http.write_only(&REQUEST, Method::PUT, &merge_request(id, ""), body).await?;
        }
        Ok(())
    }
}
