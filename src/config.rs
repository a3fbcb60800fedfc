//! Configuration: what people write (`raw`, with places) becomes what the program may see (`valid`).

pub mod repository;
pub mod server;
pub mod valid;
