//! The command line: words in, exit status out. 0 good, 1 the answer is no, 2 wrong usage or configuration.

mod arguments;
mod audit;
pub mod check;
mod connect;
mod database;
mod deliveries;
mod demo;
pub mod generate;
pub mod init;
mod output;
pub mod pins;
mod registry;
pub mod replay;
pub mod schema;
mod serve;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Subcommand};

/// What a command answers: printed as it is, and the exit status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 0 good; 1 the answer is no; 2 wrong usage.
    pub status: u8,
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
}

impl Answer {
    /// All is well.
    #[must_use]
    pub fn good(out: impl Into<String>) -> Self {
        Self { status: 0, out: out.into(), err: String::new() }
    }

    /// The answer is no.
    #[must_use]
    pub fn no(err: impl Into<String>) -> Self {
        Self { status: 1, out: String::new(), err: err.into() }
    }

    /// The question was wrong.
    #[must_use]
    pub fn usage(err: impl Into<String>) -> Self {
        Self { status: 2, out: String::new(), err: err.into() }
    }
}

/// Reads the process's arguments and does what they say.
#[must_use]
pub fn run() -> ExitCode {
    let answer = match Arguments::parse().subcommand {
        Subcommand::Demo(arguments) => demo::run(&arguments),
        Subcommand::Serve(arguments) => serve::run(&arguments),
        Subcommand::Init(arguments) => init::init(&arguments.into()),
        Subcommand::Generate(arguments) => generate::generate(&arguments.into()),
        Subcommand::Versions(arguments) => registry::versions(&arguments),
        Subcommand::Describe(arguments) => registry::describe(&arguments),
        Subcommand::Blame(arguments) => registry::blame(&arguments),
        Subcommand::Deliveries(arguments) => deliveries::run(&arguments),
        Subcommand::Audit(arguments) => audit::run(&arguments),
        Subcommand::Replay(arguments) => replay::replay(&arguments.into()),
        Subcommand::Check(arguments) => check::check(&arguments.path, arguments.json),
        Subcommand::Schema(_) => schema::schema(),
        Subcommand::Connect(arguments) => connect::run(&arguments),
        Subcommand::Pins(arguments) => pins::pins(arguments.json),
    };
    if let Err(error) = output::print(&answer) {
        output::tell(format_args!("mergewright: the answer cannot be written: {error}"));
        return ExitCode::from(answer.status.max(1));
    }
    ExitCode::from(answer.status)
}
