//! What every command asks first: by whom, when, about which model, about which head, with what right.

use std::collections::BTreeMap;

use crate::domain::{MergeRequestStatus, ModelName, ModelState, Phase, Sha, Timestamp, User};
use crate::engine::judge::written_after_report;
use crate::engine::rights::Rights;
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;

/// Who asked, and when the comment was written.
pub(super) struct Asked<'a> {
    pub(super) by: &'a User,
    pub(super) at: Timestamp,
}

/// Done, perhaps with an answer in Markdown of our own words; or refused.
pub(super) type Done = Result<Option<String>, Refusal>;

/// Why a command was not done, and what would make it succeed.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Refusal {
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Refusal {
    pub(in crate::engine) fn new(
        rule: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { rule, message: message.into(), remedy: remedy.into() }
    }
}

/// The model that is meant: the one named, or the only one.
pub(super) fn model<'r, 'a>(
    rules: &'r BTreeMap<ModelName, Rules<'a>>,
    named: Option<&ModelName>,
    prefix: &str,
) -> Result<(&'r ModelName, &'r Rules<'a>), Refusal> {
    let touched = rules.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (named, rules.len()) {
        (_, 0) => Err(Refusal::new(
            "no-model",
            "This merge request changes no model.",
            "Commands act on models that the merge request changes.",
        )),
        (None, 1) => rules.first_key_value().ok_or_else(|| model_required(&touched, prefix)),
        (None, _) => Err(model_required(&touched, prefix)),
        (Some(name), _) => rules.get_key_value(name).ok_or_else(|| {
            Refusal::new(
                "model-unknown",
                format!("This merge request does not change `{name}`."),
                format!("Name one of: {touched}."),
            )
        }),
    }
}

fn model_required(touched: &str, prefix: &str) -> Refusal {
    Refusal::new(
        "model-required",
        format!("This merge request changes several models: {touched}."),
        format!("Name one after the verb, such as `{prefix} approve NAME`."),
    )
}

/// The rights of the person who asked.
pub(super) fn rights<'a>(turn: &Turn<'a>, asked: &'a Asked<'_>) -> Result<Rights<'a>, Refusal> {
    Rights::of(turn.facts, asked.by).ok_or_else(|| {
        Refusal::new(
            "rights-unknown",
            "Your rights in this repository could not be read, so nothing was done.",
            "Comment again in a while; if it stays so, an operator should look at the bot's token.",
        )
    })
}

/// May push.
pub(super) fn developer(turn: &Turn<'_>, asked: &Asked<'_>) -> Result<(), Refusal> {
    if rights(turn, asked)?.may_write() {
        return Ok(());
    }
    Err(Refusal::new(
        "not-developer",
        "Only people who may push to this repository can do that.",
        "Ask somebody with the Developer role (GitHub: write) or above to comment it.",
    ))
}

/// Owns the model.
pub(super) fn owner(turn: &Turn<'_>, asked: &Asked<'_>, rules: &Rules<'_>) -> Result<(), Refusal> {
    if rights(turn, asked)?.owns(rules) {
        return Ok(());
    }
    let owners = &rules.policy.review.owners;
    let who =
        if owners.is_empty() { "the maintainers of the repository".to_owned() } else { owners.join(", ") };
    Err(Refusal::new("not-owner", "Only an owner of the model can do that.", format!("Ask one of: {who}.")))
}

/// The merge request is open.
pub(super) fn open(turn: &Turn<'_>) -> Result<(), Refusal> {
    match turn.merge_request().status {
        MergeRequestStatus::Open => Ok(()),
        MergeRequestStatus::Closed => {
            Err(Refusal::new("closed", "The merge request is closed.", "Reopen it, then comment again."))
        }
        MergeRequestStatus::Merged { .. } => Err(Refusal::new(
            "merged",
            "The merge request is merged already; nothing of it is judged any more.",
            "Open a new merge request to have something judged anew.",
        )),
    }
}

/// The SHA that was named begins the present head.
pub(super) fn named(turn: &Turn<'_>, sha: &str) -> Result<(), Refusal> {
    let head = &turn.merge_request().head;
    if head.has_prefix(sha) {
        return Ok(());
    }
    Err(Refusal::new(
        "head-moved",
        format!("The command names {sha}, but the head is {}.", head.short()),
        format!("Look at the present head, then name it: {}.", head.short()),
    ))
}

/// The head that is meant is the present one: by the SHA given, or by the newest report that was
/// written before the comment.
pub(super) fn meant(
    turn: &Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    sha: Option<&str>,
) -> Result<(), Refusal> {
    if let Some(sha) = sha {
        return named(turn, sha);
    }
    let head = &turn.merge_request().head;
    let model = turn.state.models.get(name);
    if model.is_some_and(|model| written_after_report(model, asked.at) || model.phase.is_past_merge()) {
        return Ok(());
    }
    match model.and_then(|model| seen_before(model)) {
        Some(seen) => Err(Refusal::new(
            "head-moved",
            format!(
                "The newest report before the comment is of {}, but the head is {} now.",
                seen.short(),
                head.short()
            ),
            format!("Read the report of {0}, then comment again, or name the head: {0}.", head.short()),
        )),
        None => Err(Refusal::new(
            "no-report",
            format!("No report of {} was written before the comment.", head.short()),
            format!("Wait for the report, or name the head that you mean: {}.", head.short()),
        )),
    }
}

fn seen_before(model: &ModelState) -> Option<&Sha> {
    model.reported_before.as_ref()
}

/// Whether the model is being published or was.
pub(super) fn phase(turn: &Turn<'_>, name: &ModelName) -> Phase {
    turn.state.models.get(name).map(|model| model.phase).unwrap_or_default()
}
