//! Everything that is tested from outside, as one program: linking it once is most of the cost.
#![cfg(test)]

mod architecture;
mod cases;
mod comments;
mod configuration;
mod connect;
mod crash;
mod effects;
mod ending;
mod flow;
mod generate;
mod generate_equal;
mod generate_forges;
mod generate_hostile;
mod generate_iris;
mod generate_publish;
mod generate_rules;
mod generate_untrusted;
mod github_adapter;
mod gitlab_adapter;
mod init;
mod init_existing;
mod init_plain;
mod payloads;
mod program;
mod really_run;
mod really_run_plain;
mod receiver;
mod receiver_config;
mod refusals;
mod replay;
mod sandbox;
mod schema;
mod scripted;
mod stand;
mod worker;
