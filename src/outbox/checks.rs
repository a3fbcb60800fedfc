//! Checks: the report in words, within the forge's limit, without secrets.

use crate::domain::{Check, MergeRequestId, Sha};

use super::perform::Means;
use super::render::Renderer;
use super::{OutboxError, clean};

/// Makes the commit carry the check.
pub(crate) async fn show(
    means: &Means<'_>,
    id: MergeRequestId,
    sha: &Sha,
    check: &Check,
) -> Result<(), OutboxError> {
    if !means.forge.shows_checks() {
        // Decided under another credential; under this one the same is shown as a status.
        tracing::info!(check.name, "checks are not shown under the present credential");
        return Ok(());
    }
    // GitHub takes one character less than as a comment.
    let limit = means.forge.comment_limit().saturating_sub(1);
    let summary = match &check.report {
        Some(report) => {
            let summary = means.renderer.summary(report, limit)?;
            clean::text(means.redactor, &summary, limit)
        }
        None => String::new(),
    };
    let summary = if summary.trim().is_empty() { Renderer::sentence(&check.title) } else { summary };
    Ok(means.forge.show_check(sha, &check.mark(id), check, &summary).await?)
}
