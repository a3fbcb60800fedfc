//! What became of calls that start a run and were not answered: a forge may take its time to show a run, and
//! a second one would publish or deploy twice.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::{Clock, RunId, Timestamp};
use crate::forge::{ErrorKind, ForgeError};
use crate::storage::ClaimedEffect;

/// How long after a call whose outcome is not known a run is only looked for.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// What is known of the last call for an effect.
#[derive(Clone, Copy, Debug)]
enum Last {
    /// There was none, or the forge said that it did nothing.
    Nothing,
    /// Nobody knows what came of the one at this time.
    Unknown(Timestamp),
    /// It started this run.
    Started(RunId),
}

/// The calls of this process. Of those of another one, which may have ended in the middle, it is only known
/// that they came before it was first looked at here.
#[derive(Debug, Default)]
pub(super) struct Starts {
    last: Mutex<BTreeMap<String, Last>>,
}

impl Starts {
    /// An effect is tried, for the first time or again.
    pub(super) fn begins(&self, claimed: &ClaimedEffect, now: Timestamp) {
        let mut known = self.known();
        match claimed.attempts {
            0 => _ = known.insert(key(claimed), Last::Nothing),
            _ => _ = known.entry(key(claimed)).or_insert(Last::Unknown(now)),
        }
    }

    /// The run that an earlier try is known to have started.
    pub(super) fn started(&self, claimed: &ClaimedEffect) -> Option<RunId> {
        match self.known().get(&key(claimed)) {
            Some(Last::Started(run)) => Some(*run),
            _ => None,
        }
    }

    /// Whether another run may be started, since none is there that could be an earlier try's.
    pub(super) fn may_start(&self, claimed: &ClaimedEffect, now: Timestamp) -> Result<(), ForgeError> {
        match self.known().get(&key(claimed)) {
            Some(Last::Unknown(at)) if now.since(*at) < SHOWN_WITHIN => Err(ForgeError {
                kind: ErrorKind::Retry { after: None },
                external: "it is not known yet whether the run was started; it is looked for again"
                    .to_owned(),
                internal: "nothing is started a second time before it would be shown".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Starts the run, and remembers what is known of that.
    pub(super) async fn start(
        &self,
        claimed: &ClaimedEffect,
        clock: &dyn Clock,
        call: impl Future<Output = Result<RunId, ForgeError>> + Send,
    ) -> Result<RunId, ForgeError> {
        self.may_start(claimed, clock.now())?;
        // Written down before, for a call that is broken off.
        self.known().insert(key(claimed), Last::Unknown(clock.now()));
        let result = call.await;
        let last = match &result {
            Ok(run) => Last::Started(*run),
            Err(ForgeError { kind: ErrorKind::Retry { .. }, .. }) => Last::Unknown(clock.now()),
            Err(_) => Last::Nothing,
        };
        self.known().insert(key(claimed), last);
        result
    }

    /// The effect came to its end.
    pub(super) fn ended(&self, claimed: &ClaimedEffect) {
        self.known().remove(&key(claimed));
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(claimed: &ClaimedEffect) -> String {
    format!("{} {}", claimed.owner, claimed.effect.slot())
}
