//! The door for deliveries: proves where they come from, says where they belong, and keeps them
//! before they are answered.

mod route;
pub mod signature;
mod tolerant;
mod variables;
