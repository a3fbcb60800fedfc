//! Comments, which GitLab calls notes, and the reaction that acknowledges them.

use reqwest::Method;
use serde_json::json;

use super::answers::{self, time};
use super::{GitLab, merge_request};
use crate::domain::{Comment, CommentId, MergeRequestId};
use crate::forge::classify::Operation;
use crate::forge::transport::Payload;
use crate::forge::{ErrorKind, ForgeError};

const READ: Operation =
    Operation { name: "comment", does: "read the comment", needs: "the scope `api` and at least Reporter" };
const LIST: Operation =
    Operation { name: "comments", does: "list the comments", needs: "the scope `api` and at least Reporter" };
const CREATE: Operation = Operation {
    name: "create_comment",
    does: "write a comment",
    needs: "the scope `api` and at least Reporter",
};
const EDIT: Operation = Operation {
    name: "edit_comment",
    does: "edit its comment",
    needs: "the scope `api` and at least Reporter",
};
const AWARD: Operation = Operation {
    name: "acknowledge",
    does: "react to the comment",
    needs: "the scope `api` and at least Reporter",
};

/// GitLab's answer to a text that was carried out instead of kept.
const ONLY_ACTIONS: u16 = 202;

impl GitLab {
    pub(super) async fn read_note(
        &self,
        id: MergeRequestId,
        comment: CommentId,
    ) -> Result<Option<Comment>, ForgeError> {
        let path = merge_request(id, &format!("/notes/{comment}"));
        match self.http.get::<answers::Note>(&READ, &path).await {
            Ok(note) => Ok(Some(note.into())),
            Err(failure) if failure.error.kind == ErrorKind::Gone => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) async fn list_notes(&self, id: MergeRequestId) -> Result<Vec<Comment>, ForgeError> {
        let path = merge_request(id, "/notes?sort=asc&order_by=created_at&activity_filter=only_comments");
        let notes: Vec<answers::Note> = self.http.list(&LIST, &path).await?;
        Ok(notes.into_iter().map(Comment::from).filter(|comment| !comment.system).collect())
    }

    pub(super) async fn create_note(&self, id: MergeRequestId, body: &str) -> Result<CommentId, ForgeError> {
        let path = merge_request(id, "/notes");
        let payload = Payload::Json(json!({ "body": body }));
        // What a carried-out text is answered with has another shape than a note.
        let (status, answer): (_, serde_json::Value) =
            self.http.write(&CREATE, Method::POST, &path, payload).await?;
        if status == ONLY_ACTIONS {
            return Err(self.carried_out(&CREATE));
        }
        match answer.get("id").and_then(serde_json::Value::as_u64) {
            Some(number) => Ok(CommentId(number)),
            None => Err(self.http.refused(&CREATE, "its answer names no comment").into()),
        }
    }

    pub(super) async fn edit_note(
        &self,
        id: MergeRequestId,
        comment: CommentId,
        body: &str,
    ) -> Result<(), ForgeError> {
        let path = merge_request(id, &format!("/notes/{comment}"));
        let payload = Payload::Json(json!({ "body": body }));
        match self.http.write_only(&EDIT, Method::PUT, &path, payload).await? {
            ONLY_ACTIONS => Err(self.carried_out(&EDIT)),
            _ => Ok(()),
        }
    }

    pub(super) async fn award_eyes(&self, id: MergeRequestId, comment: CommentId) -> Result<(), ForgeError> {
        let path = merge_request(id, &format!("/notes/{comment}/award_emoji"));
        let payload = Payload::Json(json!({ "name": "eyes" }));
        match self.http.write_only(&AWARD, Method::POST, &path, payload).await {
            Ok(_) => Ok(()),
            // GitLab says it with 404, which elsewhere means that there is no such comment.
            Err(failure) if failure.says("already been taken") => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    fn carried_out(&self, operation: &Operation) -> ForgeError {
        self.http
            .refused(
                operation,
                "the text was taken for quick actions, so no comment was kept; this is a fault of the bot",
            )
            .into()
    }
}

impl From<answers::Note> for Comment {
    fn from(note: answers::Note) -> Self {
        let created_at = time(note.created_at.as_deref());
        let updated_at = note.updated_at.as_deref().map_or(created_at, |text| time(Some(text)));
        Self {
            id: CommentId(note.id),
            author: note.author.into(),
            body: note.body,
            created_at,
            updated_at,
            system: note.system,
            internal: note.internal == Some(true) || note.confidential == Some(true),
        }
    }
}
