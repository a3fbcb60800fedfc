//! Commits that we make for people, and the merge requests that propose them: each once, though an
//! answer may be lost.

use crate::domain::{Done, NewCommit, Outcome, Proposal, RepoId, Sha};
use crate::forge::{ErrorKind, Forge, ForgeError, NewMergeRequest};
use crate::storage::ClaimedEffect;

use super::OutboxError;
use super::perform::Performed;

/// The largest file that is compared, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Commits, or finds that it was done before.
pub(crate) async fn files(
    forge: &dyn Forge,
    claimed: &ClaimedEffect,
    commit: &NewCommit,
) -> Result<Performed, OutboxError> {
    let commit = made(forge, claimed, commit).await?;
    Ok(Performed::done(Done::Committed { commit }))
}

/// Opens the merge request, or finds it open; what it proposes is committed first.
pub(crate) async fn propose(
    forge: &dyn Forge,
    claimed: &ClaimedEffect,
    proposal: &Proposal,
    description: String,
) -> Result<Performed, OutboxError> {
    let repo = claimed.owner.repo();
    if let Some(commit) = &proposal.commit {
        made(forge, claimed, commit).await?;
    }
    if let Some(found) = open(forge, repo, &proposal.branch).await? {
        return Ok(found);
    }
    let new = NewMergeRequest {
        source: proposal.branch.clone(),
        target: proposal.target.clone(),
        title: proposal.title.clone(),
        description,
    };
    match forge.open_merge_request(repo, &new).await {
        Ok(id) => Ok(Performed::done(Done::Proposed { number: id.number })),
        Err(error) if error.kind == ErrorKind::Conflict => {
            open(forge, repo, &proposal.branch).await?.ok_or(OutboxError::Forge(error))
        }
        Err(error) => Err(error.into()),
    }
}

async fn open(forge: &dyn Forge, repo: RepoId, branch: &str) -> Result<Option<Performed>, ForgeError> {
    let found = forge.merge_requests_from(repo, branch).await?;
    let open = found.into_iter().find(|one| one.open);
    Ok(open.map(|one| Performed {
        outcome: Outcome::Done(Done::Proposed { number: one.id.number }),
        comment: None,
    }))
}

async fn made(forge: &dyn Forge, claimed: &ClaimedEffect, commit: &NewCommit) -> Result<Sha, ForgeError> {
    let repo = claimed.owner.repo();
    if claimed.attempts > 0
        && let Some(found) = already(forge, repo, commit).await?
    {
        return Ok(found);
    }
    match forge.commit_files(repo, commit).await {
        Ok(made) => Ok(made),
        Err(error) if error.kind == ErrorKind::Unauthorized => Err(error),
        // Whatever the forge says, the commit may have been made: by this call or by a person.
        Err(error) => match already(forge, repo, commit).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(error),
        },
    }
}

/// The branch's newest commit, where it is not the parent any more and has the very files.
async fn already(forge: &dyn Forge, repo: RepoId, commit: &NewCommit) -> Result<Option<Sha>, ForgeError> {
    let now = match forge.branch_head(repo, &commit.branch).await {
        Ok(now) => now,
        Err(error) if error.kind == ErrorKind::Gone => return Ok(None),
        Err(error) => return Err(error),
    };
    if now == commit.parent {
        return Ok(None);
    }
    for file in &commit.files {
        let found = forge.file(repo, &file.path, &now, LARGEST).await?;
        if found.as_deref() != file.content.as_deref().map(str::as_bytes) {
            return Ok(None);
        }
    }
    Ok(Some(now))
}
