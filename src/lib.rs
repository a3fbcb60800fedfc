//! mergewright: the bot between a merge request and production for machine-learning models.

pub mod app;
pub mod cli;
pub mod command;
pub mod config;
pub mod domain;
pub mod engine;
pub mod event;
pub mod forge;
pub mod generator;
pub mod http;
pub mod inbox;
pub mod outbox;
pub mod reconcile;
pub mod sandbox;
pub mod schedule;
pub mod storage;
pub mod telemetry;
pub mod worker;
