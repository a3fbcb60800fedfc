//! Environments: what people ask for, what follows, and what holds whatever happens.

mod asking;
mod chance;
mod retiring;
mod rolling;
mod scene;
