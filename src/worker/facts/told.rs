//! A comment that we were told of, as it stands now.

use std::collections::BTreeMap;

use crate::domain::{Comment, CommentId, Effect, ModelName, Timestamp};
use crate::engine::Seen;
use crate::worker::failure::Failure;

use super::Gatherer;

/// How many writings of a report are looked through for the one that a comment is about.
const REPORTS_LOOKED_THROUGH: u32 = 50;

/// The comment, where it still is, and what our report said when it was written.
type Now = (Option<Comment>, Option<BTreeMap<ModelName, Seen>>);

impl Gatherer<'_> {
    /// Reads the comment back; none where its answer would be public and the comment is not.
    pub(super) async fn now(&self, id: CommentId) -> Result<Option<Now>, Failure> {
        let Some(comment) = self.forge.comment(self.id, id).await? else {
            // What was told is there, even where it is not shown yet: a command is told only once.
            return if self.young { Err(Failure::NotShownYet) } else { Ok(Some((None, None))) };
        };
        if comment.internal {
            return Ok(None);
        }
        let seen = self.seen(comment.created_at).await?;
        Ok(Some((Some(comment), seen)))
    }

    /// What our sticky report said at a time; none where we never wrote one. A report may have been
    /// decided long before it could be written.
    async fn seen(&self, at: Timestamp) -> Result<Option<BTreeMap<ModelName, Seen>>, Failure> {
        let written = self.store.reports_written(self.id, REPORTS_LOOKED_THROUGH).await?;
        if written.is_empty() {
            return Ok(None);
        }
        // The forges' clocks tell seconds, ours milliseconds.
        let by_then = |time: &Timestamp| time.0.div_euclid(1000) <= at.0.div_euclid(1000);
        let newest = written.iter().find(|(time, _)| by_then(time));
        Ok(Some(match newest {
            Some((_, Effect::Report { report })) => Seen::of(report),
            _ => BTreeMap::new(),
        }))
    }
}
