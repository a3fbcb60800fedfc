//! How small things are written, as regular expressions for JSON Schema. The reader may ask for more.

use crate::config::repository::shape::Shape;

/// The name of a model, an environment or a schedule.
pub(in crate::config::repository) const NAME: &str = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// The name of a CI variable.
pub(in crate::config::repository) const SECRET_NAME: &str = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$";
/// The name of a variable that holds an identity token: none of the bot's or of a forge's.
pub(super) const TOKEN_NAME: &str =
    r"^(?!MERGEWRIGHT_|CI_|GITLAB_|GITHUB_|ACTIONS_|RUNNER_)[A-Za-z_][A-Za-z0-9_]{0,127}$";
/// The audience of an identity token.
pub(super) const AUDIENCE: &str = r"^[!-#%-~]{1,255}$";
/// A length of time: `1h30m`.
pub(in crate::config::repository) const DURATION: &str =
    r"^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$";
/// The version of a tool: `3.12`.
pub(super) const TOOL_VERSION: &str = r"^[A-Za-z0-9._-]+$";
/// A text without white space.
pub(super) const ONE_WORD: &str = r"^\S+$";
/// A percentage: `95%`.
pub(super) const CONFIDENCE: &str = r"^[0-9][0-9.eE+-]*%$";
/// A login or a group: `@acme/ml-owners`.
pub(super) const OWNER: &str = r"^@?[^\s/@]+(/[^\s/@]+)*$";
/// A window of the week: `Fri 16:00 - Mon 08:00 Asia/Shanghai`.
pub(super) const WINDOW: &str =
    r"^\s*[A-Za-z]{3}\s+[0-9]{2}:[0-9]{2}\s+-\s+[A-Za-z]{3}\s+[0-9]{2}:[0-9]{2}\s+\S+\s*$";
/// Five fields.
pub(super) const CRON: &str = r"^\s*\S+(\s+\S+){4}\s*$";
/// A public key: 32 bytes.
pub(super) const PUBLIC_KEY: &str = r"^ed25519:[A-Za-z0-9+/]{43}=$";

/// Names of CI variables.
pub(super) const SECRETS: Shape = Shape::List(&Shape::Notation(SECRET_NAME));
/// Lines of text.
pub(super) const LINES: Shape = Shape::Many(&Shape::Line);

/// Words that a model cannot be called, because commands or jobs use them.
pub(in crate::config::repository) const RESERVED: &[&str] = &[
    "help",
    "status",
    "versions",
    "describe",
    "blame",
    "explain",
    "run",
    "retry",
    "cancel",
    "approve",
    "unapprove",
    "hold",
    "unhold",
    "waive",
    "publish",
    "promote",
    "rollback",
    "abort",
    "retire",
    "regenerate",
    "build",
    "test",
    "review",
    "deploy",
    "monitor",
    "all",
    "to",
];
