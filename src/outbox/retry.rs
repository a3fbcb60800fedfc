//! What follows from a call that failed: another try, an outcome, or the end.

use std::time::Duration;

use crate::domain::{Backoff, Outcome};
use crate::forge::{ErrorKind, ForgeError};

/// Waits between two tries of one effect.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(600) };

/// Waits while the forge does not accept our credential: asking more often only locks us out.
const UNAUTHORIZED: Backoff = Backoff { first: Duration::from_secs(300), most: Duration::from_secs(900) };

/// Tries of one effect whose object is not there: a forge may not know everywhere yet what it has
/// just made.
const FEW_TRIES: u32 = 4;

/// Tries of one effect before it becomes a dead letter: with [`BACKOFF`] about three hours,
/// longer than most outages of a forge.
pub(crate) const MOST_TRIES: u32 = 30;

/// What follows from an error of the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this time.
    Again(Duration),
    /// Whoever decided it hears this and decides anew.
    Tell(Outcome),
    /// A dead letter.
    Dead,
}

/// Judges an error. `told` says whether somebody waits for the outcome, `tries` counts earlier
/// tries of the same effect, `chance` spreads the waits.
pub(crate) fn after(error: &ForgeError, told: bool, tries: u32, chance: f64) -> Next {
    let reason = || error.external.clone();
    let wait = match error.kind {
        ErrorKind::Gone if tries.saturating_add(1) < FEW_TRIES => BACKOFF.wait(tries, chance),
        ErrorKind::Refused | ErrorKind::Gone if told => {
            return Next::Tell(Outcome::Refused { reason: reason() });
        }
        ErrorKind::Refused | ErrorKind::Gone => return Next::Dead,
        ErrorKind::Conflict if told => return Next::Tell(Outcome::Conflict { reason: reason() }),
        ErrorKind::Conflict => BACKOFF.wait(tries, chance),
        ErrorKind::Retry { after } => BACKOFF.wait(tries, chance).max(after.unwrap_or_default()),
        // Every credential is renewed some day, and what waits for that is not the effect's fault.
        ErrorKind::Unauthorized => return Next::Again(UNAUTHORIZED.wait(tries, chance)),
    };
    if tries.saturating_add(1) < MOST_TRIES { Next::Again(wait) } else { Next::Dead }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> ForgeError {
        ForgeError { kind, external: "no".into(), internal: "no".into() }
    }

    #[test]
    fn the_forges_own_wish_is_the_least_wait() {
        let wish = |seconds| error(ErrorKind::Retry { after: Some(Duration::from_secs(seconds)) });
        assert_eq!(after(&wish(60), true, 0, 0.0), Next::Again(Duration::from_secs(60)));
        assert_eq!(after(&wish(60), true, 8, 0.0), Next::Again(Duration::from_secs(256)));
        let soon = error(ErrorKind::Retry { after: None });
        assert_eq!(after(&soon, true, 0, 0.0), Next::Again(Duration::from_secs(1)));
    }

    #[test]
    fn tries_end_after_hours_and_not_after_minutes() {
        let retry = error(ErrorKind::Retry { after: None });
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        while let Next::Again(wait) = after(&retry, true, tries, 0.5) {
            waited += wait;
            tries += 1;
        }
        assert_eq!(tries + 1, MOST_TRIES);
        assert!(waited > Duration::from_secs(2 * 3600), "{waited:?}");
    }

    #[test]
    fn what_repeating_cannot_change_is_told_or_ends() {
        let reason = || "no".to_owned();
        for (kind, tries) in [(ErrorKind::Refused, 0), (ErrorKind::Gone, FEW_TRIES - 1)] {
            assert_eq!(
                after(&error(kind), true, tries, 0.0),
                Next::Tell(Outcome::Refused { reason: reason() })
            );
            assert_eq!(after(&error(kind), false, tries, 0.0), Next::Dead);
        }
        assert_eq!(after(&error(ErrorKind::Gone), true, 0, 0.0), Next::Again(Duration::from_secs(1)));
        let moved = error(ErrorKind::Conflict);
        assert_eq!(after(&moved, true, 0, 0.0), Next::Tell(Outcome::Conflict { reason: reason() }));
        assert_eq!(after(&moved, false, 0, 0.0), Next::Again(Duration::from_secs(1)));
        assert_eq!(after(&moved, false, MOST_TRIES, 0.0), Next::Dead);
    }

    #[test]
    fn a_refused_credential_is_tried_seldom_and_without_end() {
        let Next::Again(wait) = after(&error(ErrorKind::Unauthorized), true, 0, 1.0) else {
            panic!("given up")
        };
        assert!(wait >= Duration::from_secs(150), "{wait:?}");
        let late = after(&error(ErrorKind::Unauthorized), true, 1_000_000, 0.0);
        assert_eq!(late, Next::Again(Duration::from_secs(900)));
    }
}
