//! Everything that is tested from outside, as one program: linking it once is most of the cost.
#![cfg(test)]

mod architecture;
mod payloads;
mod receiver_config;
mod sandbox;
