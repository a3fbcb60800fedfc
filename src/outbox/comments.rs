//! Our comments: each carries its marker on the first line, and each is written once.

use crate::domain::{CommentId, MergeRequestId};
use crate::forge::{ErrorKind, Forge};
use crate::storage::Store;

use super::OutboxError;

/// What a second comment of ours with the same marker is turned into.
const SUPERSEDED: &str =
    "<!-- mergewright:superseded -->\nThis comment was written twice; the other one is kept up to date.";

/// Where one comment of ours stands.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) store: &'a Store,
    pub(crate) forge: &'a dyn Forge,
    pub(crate) merge_request: MergeRequestId,
    /// The exact first line.
    pub(crate) marker: &'a str,
}

impl Place<'_> {
    /// Makes the comment say `body`, wherever it is; its number, or none where people do not want it.
    pub(crate) async fn write(&self, body: &str) -> Result<Option<CommentId>, OutboxError> {
        if self.known(":unwanted").await?.is_some() {
            return Ok(None);
        }
        let stored = self.known("").await?;
        if let Some(comment) = stored {
            match self.forge.edit_comment(self.merge_request, comment, body).await {
                Ok(()) => return Ok(Some(comment)),
                Err(error) if error.kind == ErrorKind::Gone => {}
                Err(error) => return Err(error.into()),
            }
        }
        let found = self.find(stored).await?;
        if let Some(comment) = found {
            self.forge.edit_comment(self.merge_request, comment, body).await?;
            return Ok(Some(comment));
        }
        self.write_anew(stored, body).await
    }

    /// Writes a new comment. One that people deleted is written anew once; deleted again, it is left alone.
    async fn write_anew(
        &self,
        deleted: Option<CommentId>,
        body: &str,
    ) -> Result<Option<CommentId>, OutboxError> {
        if let Some(comment) = deleted
            && self.known(":again").await? == Some(comment)
        {
            self.remember(":unwanted", comment).await?;
            return Ok(None);
        }
        let comment = self.forge.create_comment(self.merge_request, body).await?;
        self.remember("", comment).await?;
        if deleted.is_some() {
            self.remember(":again", comment).await?;
        }
        Ok(Some(comment))
    }

    /// The oldest comment of ours that begins with the marker; younger twins are folded. It may be the
    /// one that seemed to be deleted: then the forge's word that it is gone was wrong.
    async fn find(&self, deleted: Option<CommentId>) -> Result<Option<CommentId>, OutboxError> {
        let us = self.forge.whoami().await?;
        let comments = self.forge.comments(self.merge_request).await?;
        let mut ours = comments
            .into_iter()
            .filter(|comment| comment.author.id == us.id)
            .filter(|comment| comment.body.lines().next().map(str::trim_end) == Some(self.marker));
        let oldest = ours.next();
        for twin in ours {
            self.forge.edit_comment(self.merge_request, twin.id, SUPERSEDED).await?;
        }
        let Some(oldest) = oldest else { return Ok(None) };
        self.remember("", oldest.id).await?;
        if deleted.is_some_and(|deleted| deleted != oldest.id) {
            // Found instead of one that was deleted: we wrote it anew, but the answer was lost.
            self.remember(":again", oldest.id).await?;
        }
        Ok(Some(oldest.id))
    }

    async fn known(&self, suffix: &str) -> Result<Option<CommentId>, OutboxError> {
        Ok(self.store.comment_with(self.merge_request, &format!("{}{suffix}", self.marker)).await?)
    }

    async fn remember(&self, suffix: &str, comment: CommentId) -> Result<(), OutboxError> {
        let marker = format!("{}{suffix}", self.marker);
        Ok(self.store.remember_comment(self.merge_request, &marker, comment).await?)
    }
}
