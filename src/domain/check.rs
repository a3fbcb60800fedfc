//! Checks on a commit: what a forge shows in the place of a status to whoever signs in as an App.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Digest, InvalidName, Lane, MergeRequestId, ModelName, StickyReport};

/// A check: what a status says, with the report, remarks on lines and buttons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `mergewright` or `mergewright/<model>/<stage>`, as statuses are called.
    pub name: String,
    /// How far it is, and what it came to.
    pub progress: Progress,
    /// One sentence.
    pub title: String,
    /// What stands below the sentence; none = the sentence says it all.
    pub report: Option<Box<StickyReport>>,
    /// Remarks on lines of files of the commit.
    pub annotations: Vec<Annotation>,
    /// What can be asked for by a press.
    pub buttons: Buttons,
    /// Counts the presses that were answered: the same press later is another one.
    pub edition: u32,
    /// Digest of the report whose numbers it shows: what whoever presses a button has seen.
    pub measured: Option<Digest>,
}

impl Check {
    /// What it tells of itself to whoever presses one of its buttons.
    #[must_use]
    pub fn mark(&self, merge_request: MergeRequestId) -> CheckMark {
        // A list of texts always has a JSON form.
        let digest = || Digest::of_json(&self.annotations).map(|digest| digest.short()).unwrap_or_default();
        let annotated = (!self.annotations.is_empty()).then(digest);
        CheckMark { merge_request, edition: self.edition, measured: self.measured, annotated }
    }
}

/// How far a check is. What is completed has come to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Not its turn yet, or waiting to be let run.
    Queued,
    /// Being decided, by jobs or by people.
    InProgress,
    /// Decided.
    Completed(Conclusion),
}

impl Progress {
    /// Whether it is decided.
    #[must_use]
    pub const fn is_completed(self) -> bool {
        matches!(self, Self::Completed(_))
    }
}

/// What a completed check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Good.
    Success,
    /// Judged and refused, or not to be judged at all.
    Failure,
    /// Nobody waits for it any more.
    Cancelled,
}

/// A remark on one line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The file, relative to the root of the repository and inside of it.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What it is about, as data.
    pub title: String,
    /// What is wrong, as data.
    pub message: String,
}

/// What a press of a button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// `run`
    Run,
    /// `retry`
    Retry,
    /// `approve`
    Approve,
    /// `hold`
    Hold,
    /// `unhold`
    Unhold,
    /// `publish`
    Publish,
}

impl Button {
    /// All buttons.
    pub const ALL: [Self; 6] =
        [Self::Run, Self::Retry, Self::Approve, Self::Hold, Self::Unhold, Self::Publish];

    /// The word that comes back with a press: the verb of the command.
    #[must_use]
    pub const fn identifier(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Retry => "retry",
            Self::Approve => "approve",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
            Self::Publish => "publish",
        }
    }

    /// What stands on it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Run => "Run again",
            Self::Retry => "Retry",
            Self::Approve => "Approve",
            Self::Hold => "Hold",
            Self::Unhold => "End the hold",
            Self::Publish => "Publish",
        }
    }

    /// What a press does.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Run => "Start build and test of this head",
            Self::Retry => "Run again what failed",
            Self::Approve => "Approve this head as an owner",
            Self::Hold => "Keep it from being published",
            Self::Unhold => "Let it be published again",
            Self::Publish => "Merge exactly this head and publish it",
        }
    }
}

/// The button with this identifier.
impl FromStr for Button {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|button| button.identifier() == text);
        found.ok_or_else(|| InvalidName::new("button", text, "one that a check of ours shows"))
    }
}

/// Longer texts are refused by GitHub; here they do not even compile.
const _: () = {
    let mut left: &[Button] = &Button::ALL;
    while let [button, others @ ..] = left {
        assert!(button.identifier().len() <= 20 && button.label().len() <= 20);
        assert!(button.description().len() <= 40);
        left = others;
    }
};

/// The buttons of one check, at most [`Buttons::MOST`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Button>", into = "Vec<Button>")]
pub struct Buttons(Vec<Button>);

impl Buttons {
    /// GitHub shows no more on one check.
    pub const MOST: usize = 3;

    /// These buttons. More than [`Buttons::MOST`] do not compile:
    ///
    /// ```
    /// use mergewright::domain::{Button, Buttons};
    /// assert_eq!(Buttons::of([Button::Run; 3]).all().len(), 3);
    /// ```
    ///
    /// ```compile_fail,E0080
    /// use mergewright::domain::{Button, Buttons};
    /// let _too_many = Buttons::of([Button::Run; 4]);
    /// ```
    #[must_use]
    pub fn of<const N: usize>(buttons: [Button; N]) -> Self {
        const { assert!(N <= Self::MOST, "a check has at most three buttons") };
        Self(buttons.to_vec())
    }

    /// The buttons, the first one first.
    #[must_use]
    pub fn all(&self) -> &[Button] {
        &self.0
    }
}

impl TryFrom<Vec<Button>> for Buttons {
    type Error = &'static str;

    fn try_from(buttons: Vec<Button>) -> Result<Self, Self::Error> {
        if buttons.len() <= Self::MOST { Ok(Self(buttons)) } else { Err("a check has at most three buttons") }
    }
}

impl From<Buttons> for Vec<Button> {
    fn from(buttons: Buttons) -> Self {
        buttons.0
    }
}

/// What a check of ours tells back with a press, and by which it is found again (GitHub's `external_id`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckMark {
    /// The merge request that it speaks of.
    pub merge_request: MergeRequestId,
    /// How many presses were answered before.
    pub edition: u32,
    /// Digest of the report whose numbers it shows.
    pub measured: Option<Digest>,
    /// Digest of its remarks, where it has some: remarks that are there are never taken away.
    pub annotated: Option<String>,
}

/// Stands for what there is not.
const NONE: &str = "-";

impl fmt::Display for CheckMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.merge_request, self.edition)?;
        match &self.measured {
            Some(digest) => write!(f, "{digest}")?,
            None => f.write_str(NONE)?,
        }
        write!(f, " {}", self.annotated.as_deref().unwrap_or(NONE))
    }
}

impl FromStr for CheckMark {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidName::new("mark of a check", text, "merge request, edition and two digests");
        let [lane, edition, measured, annotated] =
            text.split(' ').collect::<Vec<_>>().try_into().map_err(|_parts| invalid())?;
        let Ok(Lane::MergeRequest(merge_request)) = lane.parse() else { return Err(invalid()) };
        let measured = match measured {
            NONE => None,
            digest => Some(digest.parse().map_err(|_error| invalid())?),
        };
        let edition = edition.parse().map_err(|_error| invalid())?;
        let annotated = (annotated != NONE).then(|| annotated.to_owned());
        Ok(Self { merge_request, edition, measured, annotated })
    }
}

/// What a check was last asked to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCheck {
    /// How far it was.
    pub progress: Progress,
    /// Digest of all of it.
    pub digest: Digest,
}

/// The model whose stage a check of this name shows; none for those about everything.
#[must_use]
pub fn model_of_check(name: &str) -> Option<ModelName> {
    let (model, _stage) = name.strip_prefix("mergewright/")?.split_once('/')?;
    model.parse().ok()
}

#[cfg(test)]
mod tests;
