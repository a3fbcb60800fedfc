//! Comments, which GitHub keeps for pull requests and issues alike, and the reaction to them.

use reqwest::Method;
use serde_json::json;

use super::GitHub;
use super::answers::{self, time};
use crate::domain::{Comment, CommentId, MergeRequestId};
use crate::forge::classify::Operation;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const READ: Operation =
    Operation { name: "comment", does: "read the comment", needs: "read access to pull requests" };
const LIST: Operation =
    Operation { name: "comments", does: "list the comments", needs: "read access to pull requests" };
const CREATE: Operation = Operation {
    name: "create_comment",
    does: "write a comment",
    needs: "write access to pull requests and issues",
};
const EDIT: Operation = Operation {
    name: "edit_comment",
    does: "edit its comment",
    needs: "write access to pull requests and issues",
};
const REACT: Operation = Operation {
    name: "acknowledge",
    does: "react to the comment",
    needs: "write access to pull requests and issues",
};

impl GitHub {
    /// A comment's number says nothing about where it stands: one of another place is not there.
    pub(super) async fn read_comment(
        &self,
        id: MergeRequestId,
        comment: CommentId,
    ) -> Result<Option<Comment>, ForgeError> {
        let rest = format!("/issues/comments/{comment}");
        match self.get::<answers::Comment>(&READ, id.repo, &rest).await {
            Ok(found) => {
                let here = found.issue_url.ends_with(&format!("/issues/{}", id.number));
                Ok(here.then(|| found.into()))
            }
            Err(failure) if failure.error.kind == ErrorKind::Gone => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn list_comments(&self, id: MergeRequestId) -> Result<Vec<Comment>, ForgeError> {
        let rest = format!("/issues/{}/comments", id.number);
        let found: Vec<answers::Comment> = self.list(&LIST, id.repo, &rest).await?;
        Ok(found.into_iter().map(Comment::from).collect())
    }

    pub(super) async fn post_comment(&self, id: MergeRequestId, body: &str) -> Result<CommentId, ForgeError> {
        let rest = format!("/issues/{}/comments", id.number);
        let payload = Payload::Json(json!({ "body": body }));
        let (_, made): (_, answers::Numbered) =
            self.write(&CREATE, Method::POST, id.repo, &rest, payload).await?;
        Ok(CommentId(made.id))
    }

    pub(super) async fn patch_comment(
        &self,
        id: MergeRequestId,
        comment: CommentId,
        body: &str,
    ) -> Result<(), ForgeError> {
        let rest = format!("/issues/comments/{comment}");
        let payload = Payload::Json(json!({ "body": body }));
        self.write_only(&EDIT, Method::PATCH, id.repo, &rest, payload).await?;
        Ok(())
    }

    /// Answered with 200 instead of 201 where the eyes are there already.
    pub(super) async fn react_with_eyes(
        &self,
        id: MergeRequestId,
        comment: CommentId,
    ) -> Result<(), ForgeError> {
        let rest = format!("/issues/comments/{comment}/reactions");
        let payload = Payload::Json(json!({ "content": "eyes" }));
        self.write_only(&REACT, Method::POST, id.repo, &rest, payload).await?;
        Ok(())
    }
}

impl From<answers::Comment> for Comment {
    fn from(found: answers::Comment) -> Self {
        let created_at = time(found.created_at.as_deref());
        let updated_at = found.updated_at.as_deref().map_or(created_at, |text| time(Some(text)));
        Self {
            id: CommentId(found.id),
            author: answers::person(found.user),
            body: found.body.unwrap_or_default(),
            created_at,
            updated_at,
            system: false,
            internal: false,
        }
    }
}
