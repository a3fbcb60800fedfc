//! `mergewright pins`: everything from elsewhere that generated files use, and at which version.

use std::fmt::Write as _;

use serde_json::json;

use super::Answer;
use crate::generator::pins::{ACTIONS, IMAGES};

/// The table, for people or for programs.
#[must_use]
pub fn pins(as_json: bool) -> Answer {
    if as_json {
        return Answer::good(format!("{:#}\n", json!({"actions": ACTIONS, "images": IMAGES})));
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
    Answer::good(out)
}
