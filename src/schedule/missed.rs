//! What is done about a tick of which the forge ran nothing.

use std::time::Duration;

use super::Ticks;
use crate::domain::{Scheduled, Timestamp};

/// How long a forge may take to run what is due. Both are late by minutes when many schedules are due at once.
pub const GRACE: Duration = Duration::from_secs(3600);

/// How many ticks ahead are looked at for one that would be made up for.
const AHEAD: usize = 64;

/// The tick for which the forge must have run something by now, where it was not looked at yet.
///
/// It is the newest one: an older one that was missed is nothing that could be caught up with. It is left to the
/// next one where that is nearer than the grace, and it counts only while the schedule stood in this form.
#[must_use]
pub fn overdue(ticks: &Ticks, standing: &Scheduled, now: Timestamp) -> Option<Timestamp> {
    let tick = ticks.upto(now)?;
    let stood = tick >= standing.since && standing.settled.is_none_or(|settled| settled < tick);
    (stood && now.since(tick) >= GRACE && is_worth_it(ticks, now)).then_some(tick)
}

/// When to look whether there was a run for a tick that has come or will come; none where the next tick always
/// is near enough.
#[must_use]
pub fn look_at(ticks: &Ticks, standing: &Scheduled, now: Timestamp) -> Option<Timestamp> {
    let first = ticks.upto(now).filter(|tick| tick.after(GRACE) > now && *tick >= standing.since);
    let first = first.or_else(|| ticks.after(now))?;
    let mut coming = std::iter::successors(Some(first), |tick| ticks.after(*tick)).take(AHEAD);
    let found = coming.find(|tick| is_worth_it(ticks, tick.after(GRACE)))?;
    Some(found.after(GRACE))
}

/// Whether the next tick is so far away that a run now is not two for one.
fn is_worth_it(ticks: &Ticks, now: Timestamp) -> bool {
    ticks.after(now).is_none_or(|next| next.since(now) > GRACE)
}
