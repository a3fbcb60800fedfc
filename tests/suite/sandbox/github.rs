//! The same world behind GitHub's API.

mod adapter;
mod apps;
mod both;
mod checks;
mod code;
mod hooks;
mod models;
mod pulls;
mod releases;
mod runs;
