//! Conversations with the engine: what the forge says, what people say, what is asked for.

mod afterwards;
mod anew;
mod binding;
mod card;
mod checks;
mod commands;
mod configuration;
mod earned;
mod explaining;
mod forks;
mod history;
mod holding;
mod progress;
mod publishing;
mod queue;
mod regenerate;
mod rescoring;
mod review;
pub(super) mod scene;
mod showing;
mod target;
mod together;
mod waiving;
