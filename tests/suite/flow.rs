//! Flows of a merge request through the whole bot: real router, database, adapter and git; the forge is
//! the sandbox, once as GitLab and once as GitHub ([`forges::on_both_forges`]). Nothing moves by itself:
//! time is the test's clock, webhooks go out and work is done in [`Play::settle`].

mod clock;
mod errors;
pub(crate) mod forges;
mod observer;
mod operator;
pub(crate) mod outcome;
mod outsiders;
pub(crate) mod play;

mod app;
mod app_faults;
mod audit;
mod authority;
mod believed;
mod broken;
mod checks;
mod corpus;
mod decisions;
mod dependencies;
mod disorder;
mod economy;
mod elsewhere;
mod environments;
mod faults;
mod forged;
mod forks;
mod gates;
mod generated;
mod hasty;
mod healed;
mod hostile;
mod let_out;
mod letters;
mod lifecycle;
mod live;
mod measurements;
mod missed;
mod moving;
mod objections;
mod observe;
mod onboarding;
mod owners;
pub(crate) mod queue;
mod queue_faults;
mod rebased;
mod replicas;
mod report;
mod rescoring;
mod retire;
mod review;
mod schedules;
mod several;
mod sharing;
mod spoken;
mod target;
mod unblessed;

pub(crate) use play::{IRIS, Play};
