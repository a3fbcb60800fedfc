//! Every key of the file, with its form, its default and what it means.
//!
//! A new key is one line here and one line in the reader; the schema, `docs/configuration.md` and the
//! tests follow from this table.

mod jobs;
mod notations;
mod policy;

use super::shape::{Key, Names, Object, Shape};
use jobs::{BUILD, DEPLOY, PUBLISH, RUNNERS, SCAN, SCHEDULES, TEST, TOOLCHAIN};
pub(super) use notations::{DURATION, NAME, RESERVED, SECRET_NAME};
use notations::{PUBLIC_KEY, SECRETS};
use policy::{ENVIRONMENTS, GATES, RETENTION, REVIEW, VERSION};

/// The whole file.
pub(super) static FILE: Shape = Shape::Section(&FILE_KEYS);

/// Keys of the file itself.
pub(super) static FILE_KEYS: Object = Object {
    name: "file",
    about: "The whole file.",
    keys: &[
        Key::required("version", Shape::FormatVersion, "version: 1", "The version of this format: 1."),
        Key::or(
            "secrets",
            SECRETS,
            "[]",
            "Names of CI variables that hold secrets; a job gets those that it lists itself. Never the values.",
        ),
        Key::or(
            "defaults",
            Shape::Section(&MODEL),
            "{}",
            "Any key of a model; merged into each of them, key by key, and what a model writes itself wins.",
        ),
        Key::required("models", Shape::Named(&MODELS), "models: {iris: …}", "The models by name."),
        Key::optional(
            "registry_key",
            Shape::Notation(PUBLIC_KEY),
            "Public half of the key that signs version and stage tags; read from the default branch.",
        ),
    ],
};

static MODELS: Names =
    Names { of: "model", notation: NAME, reserved: &[RESERVED], value: Shape::Section(&MODEL) };

/// Keys of a model.
pub(super) static MODEL: Object = Object {
    name: "model",
    about: "One model.",
    keys: &[
        Key::or(
            "paths",
            Shape::Many(&Shape::Glob),
            r#"["**"]"#,
            "What belongs to the model, as globs from the repository's root: a change there concerns it. `*` stays in a folder, `**` crosses folders.",
        ),
        Key::or(
            "root",
            Shape::Path,
            r#"".""#,
            "Working folder of its jobs; paths of artifacts, reports and data start there.",
        ),
        Key::or("toolchain", Shape::Section(&TOOLCHAIN), r#"{"kind": "custom"}"#, "What its jobs run with."),
        Key::optional("runners", Shape::Section(&RUNNERS), "Which of the forge's runners take its jobs."),
        Key::optional("build", Shape::Section(&BUILD), "The job that makes the model."),
        Key::required(
            "test",
            Shape::Section(&TEST),
            "test: {reports: {metrics: metrics.json}}",
            "The job that measures it.",
        ),
        Key::optional(
            "scan",
            Shape::Section(&SCAN),
            "A job that scans the code beside build and test; what it finds is no matter of the gates.",
        ),
        Key::optional("gates", Shape::Section(&GATES), "What its numbers must be."),
        Key::optional("review", Shape::Section(&REVIEW), "Who must approve."),
        Key::required(
            "version",
            Shape::Section(&VERSION),
            "version: {strategy: sequence}",
            "How its versions are numbered.",
        ),
        Key::optional("publish", Shape::Section(&PUBLISH), "How a version gets out."),
        Key::or("environments", Shape::Named(&ENVIRONMENTS), "{}", "Where published versions go, by name."),
        Key::optional("deploy", Shape::Section(&DEPLOY), "How a version is brought to an environment."),
        Key::or("schedules", Shape::Named(&SCHEDULES), "{}", "Work at fixed times, by name."),
        Key::or(
            "depends_on",
            Shape::Many(&Shape::Notation(NAME)),
            "[]",
            "Models of this file that this one is made from: a change of theirs has it built, judged and published after them.",
        ),
        Key::optional("retention", Shape::Section(&RETENTION), "What is kept."),
    ],
};
