//! Conversations with the engine: what the forge says, what people say, what is asked for.

mod afterwards;
mod anew;
mod binding;
mod commands;
mod configuration;
mod history;
mod progress;
mod publishing;
mod review;
pub(super) mod scene;
mod showing;
