//! The local forge: what it answers over HTTP, what it does to git, what its CI and its hooks do.

mod api;
mod ci;
mod deployments;
mod forks;
mod github;
mod hooks;
mod identity;
mod page;
mod redelivery;
mod runner;
mod scene;
mod switches;
