//! Which phase may follow which: the whole life of a model in a merge request, as data.

use crate::domain::Phase;

/// Phases in which a head is being judged; deliveries may be lost, so each may follow each.
pub(super) const JUDGED: [Phase; 11] = [
    Phase::Untracked,
    Phase::Draft,
    Phase::AwaitingRun,
    Phase::Building,
    Phase::Testing,
    Phase::GateFailed,
    Phase::Inconclusive,
    Phase::InfraError,
    Phase::AwaitingApproval,
    Phase::Ready,
    Phase::Held,
];

/// Every other step, from and to.
pub(super) const STEPS: [(Phase, &[Phase]); 7] = [
    (Phase::Ready, &[Phase::Merging, Phase::Merged, Phase::Publishing]),
    (Phase::Merging, &[Phase::Merged, Phase::Publishing, Phase::Unblessed, Phase::Closed]),
    (Phase::Merged, &[Phase::Publishing]),
    (Phase::Publishing, &[Phase::Published, Phase::PublishFailed]),
    (Phase::PublishFailed, &[Phase::Publishing]),
    (Phase::Closed, &[Phase::Unblessed]),
    // Judged anew, when somebody asks for it.
    (Phase::Unblessed, &[Phase::Building]),
];

/// Whether a model may go from one phase to the other.
pub(super) fn allowed(from: Phase, to: Phase) -> bool {
    let judged = |phase| JUDGED.contains(&phase);
    let ends_judging = matches!(to, Phase::Closed | Phase::Unblessed);
    let begins_again = matches!(from, Phase::Merging | Phase::Closed);
    (judged(from) && (judged(to) || ends_judging))
        || (begins_again && judged(to))
        || STEPS.iter().any(|(origin, next)| *origin == from && next.contains(&to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_merged_or_published_that_was_not_ready() {
        for from in JUDGED.into_iter().filter(|phase| *phase != Phase::Ready) {
            for to in [Phase::Merging, Phase::Merged, Phase::Publishing, Phase::Published] {
                assert!(!allowed(from, to), "{from} → {to}");
            }
        }
        assert!(allowed(Phase::Ready, Phase::Publishing));
    }

    #[test]
    fn what_is_published_stays_so_and_what_is_unblessed_is_built_before_anything_else() {
        for from in [Phase::Published, Phase::Unblessed] {
            for to in JUDGED.into_iter().chain(STEPS.map(|(phase, _)| phase)) {
                let anew = (from, to) == (Phase::Unblessed, Phase::Building);
                assert_eq!(allowed(from, to), anew, "{from} → {to}");
            }
        }
    }
}
