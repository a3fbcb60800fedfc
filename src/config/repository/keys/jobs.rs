//! Keys of what runs: toolchain, runners, build, test, publish, deploy, schedules.

use super::notations::{AUDIENCE, CRON, DURATION, LINES, NAME, ONE_WORD, SECRETS, TOKEN_NAME, TOOL_VERSION};
use crate::config::repository::shape::{Key, Names, Object, Shape};
use crate::config::repository::words::DeployKind;
use crate::config::valid::{PublishTarget, PublishWhen, ScheduleTask, ToolchainKind};
use crate::domain::MergeMethod;

pub(super) static TOOLCHAIN: Object = Object {
    name: "toolchain",
    about: "What jobs run with.",
    keys: &[
        Key::required(
            "kind",
            Shape::choice::<ToolchainKind>(),
            "kind: python",
            "The family; `custom` is whatever the image or the runner brings.",
        ),
        Key::optional("version", Shape::Notation(TOOL_VERSION), "Its version, in quotes: `\"3.12\"`."),
        Key::optional(
            "image",
            Shape::Notation(ONE_WORD),
            "A container image in the place of the family's own.",
        ),
    ],
};

pub(super) static RUNNERS: Object = Object {
    name: "runners",
    about: "Which runners take the jobs.",
    keys: &[
        Key::or("gitlab", LINES, "[]", "Tags of GitLab's runners."),
        Key::or("github", LINES, "[]", "Labels of GitHub's runners."),
    ],
};

pub(super) static BUILD: Object = Object {
    name: "build",
    about: "The job that makes the model.",
    keys: &[
        Key::or("run", SCRIPTS, "[]", "Shell lines."),
        Key::or(
            "artifacts",
            Shape::Many(&Shape::Glob),
            "[]",
            "The files of the model, as globs from `root`: what is judged, tagged and published.",
        ),
        Key::or("timeout", TIMEOUT, r#""1h""#, "The longest that the job may take."),
        Key::or("secrets", SECRETS, "[]", "Names from the file's `secrets` that the job gets."),
    ],
};

pub(super) static TEST: Object = Object {
    name: "test",
    about: "The job that measures the model.",
    keys: &[
        Key::or("run", SCRIPTS, "[]", "Shell lines."),
        Key::required(
            "reports",
            Shape::Section(&REPORTS),
            "reports: {metrics: metrics.json}",
            "The files that it writes.",
        ),
        Key::optional(
            "dataset",
            Shape::Path,
            "The held-out data, a file or folder: numbers that were measured on other data are never compared.",
        ),
        Key::or(
            "protect",
            Shape::Many(&Shape::Glob),
            "[]",
            "What measures, as globs from `root`; the dataset always counts. A change there needs an owner's approval given after the report.",
        ),
        Key::or("timeout", TIMEOUT, r#""1h""#, "The longest that the job may take."),
        Key::or("secrets", SECRETS, "[]", "Names from the file's `secrets` that the job gets."),
    ],
};

static REPORTS: Object = Object {
    name: "reports",
    about: "The files that the test job writes.",
    keys: &[
        Key::or("junit", Shape::Many(&Shape::Glob), "[]", "JUnit files, as globs."),
        Key::required(
            "metrics",
            Shape::Many(&Shape::Path),
            "metrics: metrics.json",
            "Files with the numbers, JSON or YAML; nested keys are joined by a dot.",
        ),
    ],
};

pub(super) static SCAN: Object = Object {
    name: "scan",
    about: "The job that scans the code. Empty (`scan: {}`), it is Semgrep with its default rules.",
    keys: &[
        Key::optional("run", SCRIPTS, "Shell lines with a tool of your own, in the toolchain's image."),
        Key::or("timeout", TIMEOUT, r#""1h""#, "The longest that the job may take."),
    ],
};

pub(super) static PUBLISH: Object = Object {
    name: "publish",
    about: "How a version gets out.",
    keys: &[
        Key::or(
            "when",
            Shape::choice::<PublishWhen>(),
            r#""merge""#,
            "`merge`: merging publishes; `command`: merging does not, `/model publish` does.",
        ),
        Key::or(
            "merge",
            Shape::choice::<MergeMethod>(),
            r#""auto""#,
            "How the bot merges; `auto` is the first way that the forge allows.",
        ),
        Key::or("run", SCRIPTS, "[]", "Shell lines of the publish job, beside the judged files."),
        Key::or(
            "to",
            Shape::List(&Shape::Section(&TARGET)),
            r#"[{"kind": "release"}]"#,
            "Where the forge keeps the version.",
        ),
        Key::or("secrets", SECRETS, "[]", "Names from the file's `secrets` that the job gets."),
        Key::or("id_tokens", ID_TOKENS, "{}", TOKENS_OF_LINES),
        Key::or("timeout", TIMEOUT, r#""1h""#, "The longest that the job may take."),
    ],
};

static TARGET: Object = Object {
    name: "target",
    about: "One place where the forge keeps a version.",
    keys: &[Key::required(
        "kind",
        Shape::choice::<PublishTarget>(),
        "kind: release",
        "The forge's release, or GitLab's generic package registry.",
    )],
};

pub(super) static DEPLOY: Object = Object {
    name: "deploy",
    about: "How a version is brought to an environment: by scripts (`run` is required) or by a manifest of KServe.",
    keys: &[
        Key::or("kind", Shape::choice::<DeployKind>(), r#""scripts""#, "By own scripts, or by `kserve`."),
        Key::optional("run", SCRIPTS, "Shell lines that bring the version to `$MERGEWRIGHT_ENVIRONMENT`."),
        Key::or("rollback", SCRIPTS, "[]", "Shell lines that go back to a version; `run` where empty."),
        Key::or("verify", SCRIPTS, "[]", "Shell lines that look at the result."),
        Key::or("secrets", SECRETS, "[]", "Names from the file's `secrets` that the job gets."),
        Key::or("id_tokens", ID_TOKENS, "{}", TOKENS_OF_LINES),
        Key::or("timeout", TIMEOUT, r#""1h""#, "The longest that the job may take."),
        Key::optional("manifest", Shape::Path, "For `kserve`: the manifest, from `root`."),
    ],
};

pub(super) static SCHEDULES: Names =
    Names { of: "schedule", notation: NAME, reserved: &[TAKEN_BY_JOBS], value: Shape::Section(&SCHEDULE) };

static SCHEDULE: Object = Object {
    name: "schedule",
    about: "Work at fixed times.",
    keys: &[
        Key::required(
            "cron",
            Shape::Notation(CRON),
            "cron: \"17 9 * * *\"",
            "Minute, hour, day of the month, month, day of the week.",
        ),
        Key::or(
            "timezone",
            Shape::Line,
            r#""UTC""#,
            "The time zone in which `cron` counts, as the IANA list names it.",
        ),
        Key::required(
            "task",
            Shape::choice::<ScheduleTask>(),
            "task: retrain",
            "What is done; `run` does the shell lines of `run`.",
        ),
        Key::or("run", SCRIPTS, "[]", "Shell lines, for `task: run` alone."),
    ],
};

/// The audience of each identity token, by the variable that holds it.
static TOKENS: Names =
    Names { of: "token", notation: TOKEN_NAME, reserved: &[], value: Shape::Notation(AUDIENCE) };
const ID_TOKENS: Shape = Shape::Named(&TOKENS);
const TOKENS_OF_LINES: &str = "OIDC identity tokens that the lines get, as name of the variable and audience: `SIGSTORE_ID_TOKEN: sigstore`.";

const SCRIPTS: Shape = Shape::Many(&Shape::Script);
const TIMEOUT: Shape = Shape::Notation(DURATION);

/// What a schedule cannot be called, because the word already starts another job.
const TAKEN_BY_JOBS: &[&str] = &["run", "build", "test", "publish", "deploy", "rollback", "evaluate"];
