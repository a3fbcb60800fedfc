//! `mergewright pins`: everything from elsewhere that generated files use, and at which version.

use std::fmt::Write as _;

use serde_json::json;

use super::Answer;
use crate::generator::pins::{ACTIONS, IMAGES, PACKAGES};

/// The table, for people or for programs.
#[must_use]
pub fn pins(as_json: bool) -> Answer {
    if as_json {
        let all = json!({"actions": ACTIONS, "images": IMAGES, "packages": PACKAGES});
        return Answer::good(format!("{all:#}\n"));
    }
    let mut out = String::from("Actions, each at the commit that was tagged as this version:\n\n");
    for action in ACTIONS {
        let _infallible =
            writeln!(out, "  {}@{} # {}\n    {}", action.name, action.commit, action.version, action.purpose);
    }
    out.push_str(
        "\nImages of GitLab's jobs, where `toolchain` has no `image`; `version` replaces the number:\n\n",
    );
    for image in IMAGES {
        let _infallible = writeln!(out, "  {}\n    {}", image.with(image.version), image.purpose);
    }
    out.push_str("\nPackages that generated lines install:\n\n");
    for package in PACKAGES {
        let _infallible = writeln!(out, "  {}\n    {}", package.pin(), package.purpose);
    }
    Answer::good(out)
}
