//! `mergewright schema`: prints the JSON Schema of `.mergewright.yml`.

use super::Answer;
use crate::config::repository;

/// The schema, as `docs/mergewright.schema.json` has it.
#[must_use]
pub fn schema() -> Answer {
    Answer::good(format!("{:#}\n", repository::schema()))
}
