//! Work at fixed times: when it is due, what the forge's clock shall be set to, and what is made up for.
//!
//! The forge fires: GitHub by the generated workflow, GitLab by the pipeline schedules that we keep there. We look
//! whether it did. Nothing here reads a clock or asks a forge.

mod cron;
mod decide;
mod missed;
mod standing;
mod ticks;

#[cfg(test)]
mod tests;

pub use decide::{Answer, Answered, Decided, Question, decide};
pub use missed::{GRACE, look_at, overdue};
pub use standing::{Schedules, Wanted, wanted};
pub use ticks::Ticks;
