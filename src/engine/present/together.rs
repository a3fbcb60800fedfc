//! A status stands on a commit, and several merge requests may have it as their head: it says the worst of
//! what they all say.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{ForgeKind, MergeRequestStatus, Said, Sharing, Status, StatusState};
use crate::engine::turn::Turn;

/// Nothing is said of a head that has no place for it yet.
pub(super) fn says_nothing(turn: &mut Turn<'_>) {
    let head = &turn.merge_request().head;
    if turn.state.shown.statuses_on.as_ref().is_some_and(|(sha, _)| sha != head) {
        turn.state.shown.said = Said::default();
    }
}

/// Makes what is wanted what all merge requests with this head come to, and names what must be sent again
/// although its value is the one that was sent last: another one's write may have taken its place.
pub(super) fn agree(turn: &mut Turn<'_>, wanted: &mut BTreeMap<String, Status>) -> BTreeSet<String> {
    let open = turn.merge_request().status == MergeRequestStatus::Open;
    let own = if open { states(wanted) } else { BTreeMap::new() };
    let others = others(turn).cloned().collect::<Vec<_>>();
    if !open {
        // What is over leaves the commit to those that are not.
        wanted.retain(|name, _| !others.iter().any(|other| other.said.own.contains_key(name)));
    }
    for other in &others {
        for (name, state) in &other.said.own {
            if let Some(status) = wanted.get_mut(name)
                && status.state < *state
            {
                status.state = *state;
                status.description = because(turn, other.number, *state);
            }
        }
    }
    let together = states(wanted);
    let others: BTreeMap<_, _> = others.into_iter().map(|other| (other.number, other.said)).collect();
    let before = std::mem::replace(&mut turn.state.shown.others, others);
    let now = &turn.state.shown.others;
    let again = together
        .iter()
        .filter(|(name, state)| {
            before.keys().chain(now.keys()).any(|number| {
                let [before, now] = [&before, now].map(|said| said.get(number).and_then(|one| of(one, name)));
                // Who left may have written last; who stays and says the same did no harm.
                before != now && now.is_none_or(|(_, written)| written != Some(**state))
            })
        })
        .map(|(name, _)| name.clone())
        .collect();
    turn.state.shown.said = Said { own, together };
    again
}

/// Whether the head is that of another open merge request too.
pub(super) fn is_shared(turn: &Turn<'_>) -> bool {
    others(turn).next().is_some()
}

/// Whether another merge request with this head has a status of this name.
pub(super) fn is_said_by_others(turn: &Turn<'_>, name: &str) -> bool {
    others(turn).any(|other| other.said.own.contains_key(name))
}

/// Those whose statuses stand in the same place; at GitLab that is the run.
fn others<'a>(turn: &Turn<'a>) -> impl Iterator<Item = &'a Sharing> {
    let here = turn.state.shown.statuses_on.clone();
    let speaking = turn.facts.sharing.iter().filter(|other| !other.said.own.is_empty());
    speaking.filter(move |other| here.is_some() && other.on == here)
}

/// What one says of a name: by itself, and as it wrote it.
fn of(said: &Said, name: &str) -> Option<(Option<StatusState>, Option<StatusState>)> {
    let found = (said.own.get(name).copied(), said.together.get(name).copied());
    (found != (None, None)).then_some(found)
}

fn states(statuses: &BTreeMap<String, Status>) -> BTreeMap<String, StatusState> {
    statuses.iter().map(|(name, status)| (name.clone(), status.state)).collect()
}

/// Why it is not as good as this merge request alone would have it.
fn because(turn: &Turn<'_>, number: u64, state: StatusState) -> String {
    let sign = match turn.facts.repository.id.forge {
        ForgeKind::GitHub => '#',
        ForgeKind::GitLab => '!',
    };
    let stands = match state {
        StatusState::Success => "is good",
        StatusState::Pending => "is not decided yet",
        StatusState::Failure => "failed",
        StatusState::Error => "cannot be judged",
    };
    format!("{sign}{number} has the same head and {stands}")
}
