//! What follows when a job could not be worked.

use std::time::Duration;

use crate::domain::{Backoff, ForgeKind};
use crate::forge::{ErrorKind, ForgeError};
use crate::storage::StoreError;

/// Waits between two tries of one job. A lane waits with its oldest job, so they stay short.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300) };

/// Waits while the forge does not accept our credential: asking more often only locks us out.
const UNAUTHORIZED: Backoff = Backoff { first: Duration::from_secs(60), most: Duration::from_secs(900) };

/// Tries of one job before it becomes a dead letter.
pub(crate) const MOST_TRIES: u32 = 8;

/// Tries while the forge is away: with [`BACKOFF`] about four hours. A comment, a review or the outcome
/// of a call is told once, so that it must outlive an outage.
const PATIENT_TRIES: u32 = 60;

/// Why a job could not be worked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The forge could not be read.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The database could not be used, or somebody was faster.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nobody to ask about this forge.
    #[error("{0} is not configured, so nothing of it can be read; configure it or drop what waits")]
    Unconfigured(ForgeKind),
    /// The forge may be slow to show what it told us of.
    #[error("the forge does not show the comment yet that it told us of")]
    NotShownYet,
    /// Our own event cannot be read.
    #[error("an event of our own is damaged: {0}")]
    Damaged(String),
    /// A defect of ours.
    #[error("the job panicked: {0}")]
    Panicked(String),
    /// What ends every process that takes it up must not be taken up for ever.
    #[error("{0} processes ended while they worked on this")]
    Interrupted(u32),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this time.
    Again(Duration),
    /// A dead letter.
    Never,
    /// The database cannot even be told: the lease runs out by itself.
    Wait,
}

impl Failure {
    /// Why the forge does not accept our credential, where that is what failed.
    pub(crate) fn unauthorized(&self) -> Option<&str> {
        match self {
            Self::Forge(ForgeError { kind: ErrorKind::Unauthorized, external, .. }) => Some(external),
            _ => None,
        }
    }

    /// Judges it; `tries` counts earlier tries of the same job, `chance` spreads the waits.
    pub(crate) fn after(&self, tries: u32, chance: f64) -> Next {
        let wait = match self {
            // Somebody else decided about the merge request meanwhile: read again at once.
            Self::Store(StoreError::Stale) => return Next::Again(Duration::ZERO),
            // Every credential is renewed some day, and what waits for that is not the job's fault.
            Self::Forge(ForgeError { kind: ErrorKind::Unauthorized, .. }) => {
                return Next::Again(UNAUTHORIZED.wait(tries, chance));
            }
            Self::Store(StoreError::Damaged(_)) | Self::Forge(_) | Self::NotShownYet | Self::Panicked(_) => {
                BACKOFF.wait(tries, chance)
            }
            Self::Store(_) => return Next::Wait,
            Self::Unconfigured(_) | Self::Damaged(_) | Self::Interrupted(_) => return Next::Never,
        };
        let (wish, most) = match self {
            Self::Forge(ForgeError { kind: ErrorKind::Retry { after }, .. }) => {
                (after.unwrap_or_default(), PATIENT_TRIES)
            }
            _ => (Duration::ZERO, MOST_TRIES),
        };
        if tries.saturating_add(1) < most { Next::Again(wait.max(wish)) } else { Next::Never }
    }
}

/// Counts an alarm; the log line beside it says what happened.
pub(crate) fn alarm(kind: &'static str) {
    metrics::counter!("mergewright_alarms_total", "kind" => kind).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forge(kind: ErrorKind) -> Failure {
        Failure::Forge(ForgeError { kind, external: "no".into(), internal: "no".into() })
    }

    fn again(seconds: u64) -> Next {
        Next::Again(Duration::from_secs(seconds))
    }

    #[test]
    fn a_job_is_tried_again_with_growing_waits_and_then_given_up() {
        let failure = forge(ErrorKind::Refused);
        let waits: Vec<_> = (0..8).map(|tries| failure.after(tries, 0.0)).collect();
        assert_eq!(
            waits,
            [again(1), again(2), again(4), again(8), again(16), again(32), again(64), Next::Never]
        );
        assert_eq!(Failure::Panicked("x".into()).after(0, 0.0), again(1));
        assert_eq!(Failure::Panicked("x".into()).after(7, 0.0), Next::Never);
    }

    #[test]
    fn an_outage_of_hours_is_outlasted_and_a_credential_is_waited_for_without_end() {
        let away = forge(ErrorKind::Retry { after: None });
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        while let Next::Again(wait) = away.after(tries, 0.5) {
            waited += wait;
            tries += 1;
        }
        assert_eq!(tries + 1, PATIENT_TRIES);
        assert!(waited > Duration::from_secs(3 * 3600), "{waited:?}");
        let refused = forge(ErrorKind::Unauthorized);
        assert_eq!(refused.after(0, 0.0), again(60));
        assert_eq!(refused.after(1_000_000, 0.0), again(900));
    }

    #[test]
    fn the_forges_own_wish_is_the_least_wait() {
        let wish = forge(ErrorKind::Retry { after: Some(Duration::from_secs(900)) });
        assert_eq!(wish.after(0, 0.0), Next::Again(Duration::from_secs(900)));
    }

    #[test]
    fn a_lost_race_is_no_failure_of_the_job() {
        assert_eq!(Failure::Store(StoreError::Stale).after(100, 0.5), Next::Again(Duration::ZERO));
    }

    #[test]
    fn what_nobody_can_read_is_given_up_at_once() {
        assert_eq!(Failure::Damaged("x".into()).after(0, 0.0), Next::Never);
        assert_eq!(Failure::Unconfigured(ForgeKind::GitHub).after(0, 0.0), Next::Never);
        assert_eq!(Failure::Store(StoreError::LeaseLost).after(0, 0.0), Next::Wait);
    }
}
