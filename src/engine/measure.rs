//! Reads what jobs measured: numbers from JSON or YAML, test results from JUnit XML. The bytes come
//! from jobs that anybody may have written, so every reader has limits and none of them panics.

mod junit;
mod leaves;
mod numbers;

pub use junit::{UnreadableTests, junit};
pub use numbers::{Metrics, metrics};
