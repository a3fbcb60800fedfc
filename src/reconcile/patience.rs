//! When a sweep gives a forge up.

use crate::forge::{ErrorKind, Forge, ForgeError};

/// So many that could not be read one after the other are taken for a forge that is away: one of them may be
/// broken by itself, and the others are not to wait for it.
const MOST_IN_A_ROW: u32 = 3;

/// How much of it is left.
#[derive(Debug, Default)]
pub(super) struct Patience {
    in_a_row: u32,
}

impl Patience {
    /// The forge answered.
    pub(super) fn renewed(&mut self) {
        self.in_a_row = 0;
    }

    /// It did not. Whether the next one is not asked for any more: who may not speak now is not let on for
    /// another repository either, unless he is let into each apart.
    pub(super) fn ends(&mut self, forge: &dyn Forge, error: &ForgeError) -> bool {
        match error.kind {
            ErrorKind::Retry { after: None } => {
                self.in_a_row += 1;
                self.in_a_row >= MOST_IN_A_ROW
            }
            // While a credential is paused nothing is sent, so that it costs nothing to find that out; where
            // it is a single answer that asks for time, the others are read.
            ErrorKind::Retry { after: Some(_) } => {
                self.in_a_row += u32::from(!forge.admits_apart());
                self.in_a_row >= MOST_IN_A_ROW
            }
            ErrorKind::Unauthorized => !forge.admits_apart(),
            ErrorKind::Refused | ErrorKind::Conflict | ErrorKind::Gone => {
                self.renewed();
                false
            }
        }
    }
}
