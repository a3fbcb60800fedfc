//! Logs and numbers about ourselves.

mod log;
mod numbers;

pub use log::{AlreadyInstalled, init};
pub use numbers::{install, recorder};
