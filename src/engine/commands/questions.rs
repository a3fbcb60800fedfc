//! Questions: answered in our own words, nothing is changed.

use std::fmt::Write as _;

use crate::domain::ModelName;
use crate::engine::present::next_step;
use crate::engine::turn::Turn;

use super::Ground;
use super::asked::{self, Done};

/// Where each model stands, or the one named.
pub(super) fn status(turn: &Turn<'_>, ground: &Ground<'_, '_>, named: Option<&ModelName>) -> Done {
    if let Some(name) = named {
        asked::model(turn, ground.rules, Some(name))?;
    }
    let mut text = String::new();
    for (name, model) in turn.state.models.iter().filter(|(name, _)| named.is_none_or(|named| named == *name))
    {
        let approved = model.approved_by.len();
        let _infallible = writeln!(
            text,
            "- **{name}** is **{}** at `{}`, approved by {approved}. {}",
            model.phase,
            turn.merge_request().head.short(),
            next_step(turn, model.phase),
        );
    }
    if text.is_empty() {
        "This merge request changes no model.".clone_into(&mut text);
    }
    Ok(Some(text))
}
