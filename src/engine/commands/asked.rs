//! What every command asks first: by whom, when, about which model, about which head, with what right.

use std::collections::BTreeMap;

use crate::command::Who;
use crate::domain::{CodeOwners, MergeRequestStatus, ModelName, Phase, Report, Sha, Timestamp, User};
use crate::engine::Seen;
use crate::engine::default_branch;
use crate::engine::judge::written_after_report;
use crate::engine::rights::Rights;
use crate::engine::setting::Rules;
use crate::engine::turn::Turn;

/// The most owners by CODEOWNERS that a refusal names.
const MOST_NAMED: usize = 10;

/// Who asked, when the comment was written, and what could be seen then.
pub(super) struct Asked<'a> {
    pub(super) by: &'a User,
    pub(super) at: Timestamp,
    /// What the sticky report said then, where that is known.
    pub(super) seen: Option<&'a BTreeMap<ModelName, Seen>>,
}

/// Done, perhaps with an answer in Markdown of our own words; or refused.
pub(super) type Done = Result<Option<String>, Refusal>;

/// Why a command was not done, and what would make it succeed.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Refusal {
    pub(in crate::engine) rule: &'static str,
    pub(in crate::engine) message: String,
    pub(in crate::engine) remedy: String,
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
    turn: &Turn<'_>,
    rules: &'r BTreeMap<ModelName, Rules<'a>>,
    named: Option<&ModelName>,
) -> Result<(&'r ModelName, &'r Rules<'a>), Refusal> {
    let Some(only) = rules.first_key_value() else {
        return Err(Refusal::new(
            "no-model",
            "This merge request changes no model.",
            format!(
                "Commands act on models that the merge request changes; versions of another are asked for by its \
                 name, such as `{} versions NAME`.",
                turn.facts.bot.addressing.prefix
            ),
        ));
    };
    let touched = || rules.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match named {
        Some(name) => rules.get_key_value(name).ok_or_else(|| {
            Refusal::new(
                "model-unknown",
                format!("This merge request does not change `{name}`."),
                format!("Name one of: {}.", touched()),
            )
        }),
        None if rules.len() == 1 => Ok(only),
        None => Err(Refusal::new(
            "model-required",
            format!("This merge request changes several models: {}.", touched()),
            format!("Name one after the verb, such as `{} approve NAME`.", turn.facts.bot.addressing.prefix),
        )),
    }
}

/// The model whose versions are meant. Those of one that is named are no matter of this merge request: it may be
/// any of which the versions are known.
pub(super) fn any_model<'n>(
    turn: &Turn<'_>,
    rules: &'n BTreeMap<ModelName, Rules<'_>>,
    named: Option<&'n ModelName>,
) -> Result<&'n ModelName, Refusal> {
    match named {
        Some(name) if turn.facts.registry.contains_key(name) => Ok(name),
        _ => Ok(model(turn, rules, named)?.0),
    }
}

/// The person who asked may give this command, by the rights read now; who owns a model is said by its
/// rules, and without them by what the forge calls a maintainer.
pub(super) fn permitted(
    turn: &Turn<'_>,
    asked: &Asked<'_>,
    rules: Option<&Rules<'_>>,
    who: Who,
) -> Result<(), Refusal> {
    if who == Who::Anyone {
        return Ok(());
    }
    let rights = Rights::of(turn.facts, asked.by).ok_or_else(|| {
        Refusal::new(
            "rights-unknown",
            "Your rights in this repository could not be read, so nothing was done.",
            "Comment again in a while; if it stays so, an operator should look at the bot's token.",
        )
    })?;
    match who {
        Who::Anyone => Ok(()),
        Who::Write if turn.merge_request().from_fork && !rights.maintains() => Err(Refusal::new(
            "not-maintainer",
            "A merge request from a fork runs only when a maintainer of this repository says so.",
            "Ask a maintainer to read the change and comment it.",
        )),
        Who::Write if !rights.may_write() => Err(Refusal::new(
            "not-developer",
            "Only people who may push to this repository can do that.",
            "Ask somebody with the Developer role (GitHub: write) or above to comment it.",
        )),
        Who::Owner | Who::IndependentOwner
            if !rules.map_or_else(|| rights.maintains(), |rules| rights.owns(rules)) =>
        {
            Err(not_owner(rules))
        }
        Who::IndependentOwner if rights.authored(turn.facts) => Err(Refusal::new(
            "own-work",
            "Authors of a merge request, or of a commit in it, do not approve it.",
            "Ask another owner of the model to approve.",
        )),
        Who::Write | Who::Owner | Who::IndependentOwner => Ok(()),
    }
}

fn not_owner(rules: Option<&Rules<'_>>) -> Refusal {
    let owners = rules.map_or(&[][..], |rules| rules.policy.review.owners.as_slice());
    let code_owners = rules.and_then(|rules| rules.code_owners);
    let named = code_owners.into_iter().flat_map(CodeOwners::everywhere).take(MOST_NAMED);
    let named = named.map(|owner| format!(", {owner}")).collect::<String>();
    let who = if owners.is_empty() {
        format!("the maintainers of the repository{named}")
    } else {
        owners.join(", ")
    };
    Refusal::new("not-owner", "Only an owner of the model can do that.", format!("Ask one of: {who}."))
}

/// Something of the model is being judged: the head of an open merge request, or what the merge made of it.
pub(super) fn judged(turn: &Turn<'_>, name: &ModelName) -> Result<(), Refusal> {
    let model = turn.state.models.get(name);
    match model {
        Some(model) if model.judged_anew().is_some() => Ok(()),
        Some(model) if model.phase == Phase::Unblessed => Err(Refusal::new(
            "merged",
            "The merge request is merged and was not published; nothing of it is judged now.",
            match default_branch::elsewhere(turn) {
                Some(default) => default_branch::brings(turn, default),
                None => format!(
                    "Comment `{} run` to have the merge commit judged anew.",
                    turn.facts.bot.addressing.prefix
                ),
            },
        )),
        _ => open(turn),
    }
}

/// Nobody gave the version up that this merge request was to publish.
pub(super) fn not_given_up(turn: &Turn<'_>, name: &ModelName) -> Result<(), Refusal> {
    let publication = turn.state.models.get(name).and_then(|model| model.publication.as_ref());
    let Some(version) = publication.filter(|one| one.given_up).and_then(|one| one.version.as_ref()) else {
        return Ok(());
    };
    Err(Refusal::new(
        "version-void",
        format!("{version} was given up, so nothing more of this merge request is published."),
        "Publish another version from another merge request.",
    ))
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

/// The SHA that was named, if one was, begins the commit that the model is judged at.
pub(super) fn named(turn: &Turn<'_>, name: &ModelName, sha: Option<&str>) -> Result<(), Refusal> {
    begins(turn, turn.judged_of(name), sha)
}

/// The SHA that was named, if one was, begins this commit: the head or the merge commit.
pub(super) fn begins(turn: &Turn<'_>, commit: &Sha, sha: Option<&str>) -> Result<(), Refusal> {
    let Some(sha) = sha else { return Ok(()) };
    if commit.has_prefix(sha) {
        return unambiguous(turn, commit, sha);
    }
    let (other, short) = (sha, commit.short());
    if *commit == turn.merge_request().head {
        return Err(Refusal::new(
            "head-moved",
            format!("The command names {other}, but the head is {short}."),
            format!("Look at the present head, then name it: {short}."),
        ));
    }
    Err(Refusal::new(
        "head-moved",
        format!("The command names {other}, but the merge made {short} of it, and that is judged."),
        format!("Look at the merge commit, then name it: {short}."),
    ))
}

/// A few digits may begin another head of the same merge request too: anybody can make a commit whose name
/// begins like the one that was looked at.
fn unambiguous(turn: &Turn<'_>, commit: &Sha, sha: &str) -> Result<(), Refusal> {
    let mut heads = turn.state.left.iter().map(|left| &left.bound.head);
    match heads.find(|other| *other != commit && other.has_prefix(sha)) {
        None => Ok(()),
        Some(other) => Err(Refusal::new(
            "sha-ambiguous",
            format!("{sha} begins two heads of this merge request: {commit} and, before it, {other}."),
            format!("Look at the present head, then name all of it: {commit}."),
        )),
    }
}

/// The commit that is meant is the one that is judged: by the SHA given, or by the newest report that was
/// written before the comment.
pub(super) fn meant(
    turn: &Turn<'_>,
    asked: &Asked<'_>,
    name: &ModelName,
    sha: Option<&str>,
) -> Result<(), Refusal> {
    if sha.is_some() || saw_report(turn, asked, name) {
        return named(turn, name, sha);
    }
    let judged = turn.judged_of(name);
    let head = judged.short();
    let model = turn.state.models.get(name);
    let seen = asked.seen.and_then(|seen| seen.get(name)).filter(|seen| seen.report.is_some());
    let other = seen.map(|seen| &seen.head).filter(|seen| *seen != judged);
    match other.or_else(|| model.and_then(|model| model.reported_before.as_ref())) {
        Some(seen) => Err(Refusal::new(
            "head-moved",
            format!("The newest report before the comment is of {}, but {head} is judged now.", seen.short()),
            format!("Read the report of {head}, then comment again, or name the head: {head}."),
        )),
        None => Err(Refusal::new(
            "no-report",
            format!("No report of {head} was written before the comment."),
            format!("Wait for the report, or name the head that you mean: {head}."),
        )),
    }
}

/// Whether the present report of the model was there to be seen when the comment was written.
pub(super) fn saw_report(turn: &Turn<'_>, asked: &Asked<'_>, name: &ModelName) -> bool {
    let Some(model) = turn.state.models.get(name) else { return false };
    let Some(seen) = asked.seen else { return written_after_report(model, asked.at) };
    let newest = model.report.as_ref().map(Report::digest);
    seen.get(name).is_some_and(|seen| {
        let numbers = seen.report.is_some() && seen.report == newest;
        seen.head == *turn.judged(model) && (numbers || model.scrutiny.removed)
    })
}

/// Where the model stands.
pub(super) fn phase(turn: &Turn<'_>, name: &ModelName) -> Phase {
    turn.state.models.get(name).map(|model| model.phase).unwrap_or_default()
}
