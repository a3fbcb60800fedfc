//! Who asked for changes by the forge's own review: that stands, whatever head it was said of, until the
//! same person approves there or the forge says that it is gone.

use crate::domain::User;

use super::rights::Rights;
use super::setting::Rules;
use super::turn::Turn;

/// The people whose request for changes blocks the model. What somebody says who could not push here is
/// advice; whoever's rights could not be read blocks, since not knowing denies.
pub(super) fn standing<'a>(turn: &Turn<'a>, rules: &Rules<'_>) -> Vec<&'a User> {
    let facts = turn.facts;
    let said = turn.open().into_iter().flat_map(|open| &open.changes_requested);
    let counts = |by: &&User| {
        let machine = by.bot || by.id == facts.bot.user.id;
        let rights = Rights::of(facts, by);
        !machine && rights.is_none_or(|rights| rights.may_write() || rights.owns(rules))
    };
    said.filter(counts).collect()
}

/// Whether this person is among them.
pub(super) fn of(turn: &Turn<'_>, by: &User) -> bool {
    turn.open().is_some_and(|open| open.changes_requested.iter().any(|one| one.id == by.id))
}
