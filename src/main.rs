//! The `mergewright` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mergewright::cli::run()
}
