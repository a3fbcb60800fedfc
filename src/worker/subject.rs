//! Whom an event concerns: decided here, or handed to the lanes of the merge requests concerned.

use crate::domain::{InternalEvent, Lane, MergeRequestId, Owner};
use crate::event::{Event, Incoming, Subject};
use crate::storage::{NewJob, Store, StoreError};

/// How an event came to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// In a webhook's body.
    AsDelivery,
    /// As an event of our own, in its merge request's lane.
    AsLook,
}

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// It is decided now.
    Decide(MergeRequestId, Event),
    /// These merge requests or models are to be read again, each in its own lane.
    Others(Vec<NewJob>),
    /// Nobody; the word says why.
    Nobody(String),
}

/// Finds whom `incoming` concerns.
///
/// A delivery that only says "look there" is not decided at once: it leaves one look at the end of the
/// merge request's lane, so that a burst of hooks costs the forge one reading and not one each. A look
/// that waited in its own lane is decided.
pub(crate) async fn concern(
    store: &Store,
    waited: Waited,
    incoming: Incoming,
) -> Result<Concern, StoreError> {
    let found = match incoming.subject {
        Subject::Nothing { why } => return Ok(Concern::Nobody(why)),
        // What says more than "look there" is decided here: a refresh would lose it, and the version
        // of the state keeps two lanes from overwriting each other.
        Subject::MergeRequest(id) if waited == Waited::AsLook || incoming.event != Event::Refresh => {
            return Ok(Concern::Decide(id, incoming.event));
        }
        Subject::MergeRequest(id) => vec![Owner::MergeRequest(id)],
        Subject::Run { repo, run, sha } => match (store.run_owner(repo, run).await?, sha) {
            (Some(owner), _) => vec![owner],
            (None, Some(sha)) => owners(store.with_head(repo, &sha).await?),
            (None, None) => Vec::new(),
        },
        Subject::Commit { repo, sha } => owners(store.with_head(repo, &sha).await?),
        Subject::Branch { repo, branch } => {
            let found = owners(store.into_branch(repo, &branch).await?);
            let mut jobs: Vec<_> = found.iter().map(refresh).collect();
            let event = InternalEvent::Pushed { branch }.to_json();
            jobs.push(NewJob { lane: Lane::Repository(repo), event });
            return Ok(Concern::Others(jobs));
        }
        Subject::Deployment { repo, environment } => {
            let models = store.rolling_out(repo, &environment).await?;
            models.into_iter().map(Owner::Model).collect()
        }
    };
    if found.is_empty() {
        return Ok(Concern::Nobody("no-merge-request".to_owned()));
    }
    let look = match incoming.event {
        Event::StatusForged => InternalEvent::StatusForged,
        _ => InternalEvent::Refresh,
    };
    let look = |owner: Owner| NewJob { lane: owner.lane(), event: look.to_json() };
    Ok(Concern::Others(found.into_iter().map(look).collect()))
}

fn refresh(owner: &Owner) -> NewJob {
    NewJob { lane: owner.lane(), event: InternalEvent::Refresh.to_json() }
}

fn owners(found: Vec<MergeRequestId>) -> Vec<Owner> {
    found.into_iter().map(Owner::MergeRequest).collect()
}
