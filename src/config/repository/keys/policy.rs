//! Keys of what decides: gates, review, version, environments, retention.

use super::notations::{CONFIDENCE, DURATION, LINES, NAME, ONE_WORD, OWNER, RESERVED, WINDOW};
use crate::config::repository::shape::{Key, Names, Object, Shape};
use crate::config::repository::words::DirectionWord;
use crate::config::valid::{BaselineChoice, Level, VersionStrategy};

pub(super) static GATES: Object = Object {
    name: "gates",
    about: "What the numbers must be.",
    keys: &[
        Key::or(
            "baseline",
            Shape::choice::<BaselineChoice>(),
            r#""production""#,
            "What a candidate is compared with: the version live in `production`, the last published one (`previous`), or the newest commit of the `target_branch` whose run left a report (a push there then runs build and test). `production` and `target_branch` fall back to `previous`, then to no comparison. A version with numbers of other data is scored anew on the candidate's.",
        ),
        Key::or(
            "rules",
            Shape::List(&Shape::Section(&RULE)),
            "[]",
            "The rules, in the order in which they are shown.",
        ),
    ],
};

static RULE: Object = Object {
    name: "rule",
    about: "One rule about one metric. A metric that is missing fails, whatever the bounds.",
    keys: &[
        Key::optional(
            "id",
            Shape::Notation(ONE_WORD),
            "The word by which commands call the rule; the metric's name unless written.",
        ),
        Key::required("metric", Shape::Line, "metric: accuracy", "The metric, as the report calls it."),
        Key::required(
            "direction",
            Shape::choice::<DirectionWord>(),
            "direction: higher",
            "Which way is better; `target`: the nearer to the value of `target`, from either side.",
        ),
        Key::optional("target", Shape::Number, "The best value there is; only with `direction: target`."),
        Key::optional("min", Shape::Number, "The smallest value that passes."),
        Key::optional("max", Shape::Number, "The largest value that passes."),
        Key::optional(
            "max_regression",
            Shape::Tolerance,
            "How much may be lost against the baseline: `0.01`, `10%` of it, or `2pp` percentage points. With a target, how much farther from it, in percent of the baseline's own distance.",
        ),
        Key::or(
            "level",
            Shape::choice::<Level>(),
            r#""block""#,
            "`warn` only shows that the rule is broken.",
        ),
        Key::or("required", Shape::Truth, "false", "Nobody can waive the rule."),
        Key::optional("slice", Shape::Line, "Judges each value of this slice by itself."),
        Key::optional(
            "min_samples",
            Shape::Integer(1, 1_000_000_000),
            "Fewer samples than this say nothing.",
        ),
        Key::optional(
            "cumulative",
            Shape::Tolerance,
            "How much may be lost against the best version ever, written like `max_regression`.",
        ),
        Key::optional(
            "confidence",
            Shape::Notation(CONFIDENCE),
            "For repeated measurements: how sure it must be that a bound holds, from `50%` to below `100%`.",
        ),
    ],
};

pub(super) static REVIEW: Object = Object {
    name: "review",
    about: "Who must approve.",
    keys: &[
        Key::or("approvals", APPROVALS, "1", "How many owners who wrote none of it."),
        Key::or(
            "owners",
            Shape::Many(&Shape::Notation(OWNER)),
            "[]",
            "Logins (`\"@alice\"`) and groups (`\"@acme/ml-owners\"`); empty means the maintainers of the repository and whoever CODEOWNERS names for every changed path. A written list rules alone.",
        ),
        Key::optional("card", Shape::Path, "The model card, from `root`."),
        Key::or("card_sections", LINES, "[]", "Headings that the card must have."),
    ],
};

pub(super) static VERSION: Object = Object {
    name: "version",
    about: "How versions are numbered.",
    keys: &[Key::required(
        "strategy",
        Shape::choice::<VersionStrategy>(),
        "strategy: sequence",
        "`sequence`: v1, v2, v3; `timestamp`: second and commit; `semver`: from conventional commits; `calver`: year, month, counter.",
    )],
};

pub(super) static ENVIRONMENTS: Names = Names {
    of: "environment",
    notation: NAME,
    reserved: &[RESERVED, &[PUBLISH_PLACE]],
    value: Shape::Section(&ENVIRONMENT),
};

static ENVIRONMENT: Object = Object {
    name: "environment",
    about: "One environment.",
    keys: &[
        Key::optional(
            "requires",
            Shape::Notation(NAME),
            "The environment where a version must have been live before.",
        ),
        Key::or(
            "approvals",
            APPROVALS,
            "0",
            "How many other owners must ask for the same promotion; from 2 on, none of them is the author.",
        ),
        Key::optional("canary", Shape::Section(&CANARY), "Traffic in steps; all at once unless written."),
        Key::or(
            "freeze",
            Shape::Many(&Shape::Notation(WINDOW)),
            "[]",
            "Windows of the week in which nothing is promoted, such as `\"Fri 16:00 - Mon 08:00 Asia/Shanghai\"`.",
        ),
    ],
};

static CANARY: Object = Object {
    name: "canary",
    about: "Traffic in steps.",
    keys: &[
        Key::required(
            "steps",
            Shape::List(&Shape::Integer(1, 100)),
            "steps: [10, 50, 100]",
            "Percentages of traffic, each larger than the one before, the last one 100.",
        ),
        Key::or("hold", Shape::Notation(DURATION), r#""30m""#, "How long each step is watched."),
    ],
};

pub(super) static RETENTION: Object = Object {
    name: "retention",
    about: "What is kept.",
    keys: &[
        Key::or("last", Shape::Integer(1, 100_000), "10", "How many of the last versions keep their files."),
        Key::or(
            "candidates",
            Shape::Notation(DURATION),
            r#""14d""#,
            "How long files of candidates are kept.",
        ),
    ],
};

const APPROVALS: Shape = Shape::Integer(0, 100);
/// The environment of publish jobs that use secrets.
const PUBLISH_PLACE: &str = "mergewright-publish";
