//! Environments of one model: what is live where, what is on its way, and what git is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Hold, LogTail, MergeRequestId, ModelName, Retirement, RunId, Scheduled, Sha, Timestamp, User, Version,
};

/// What we know of a model's environments between two events: stored as one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environments {
    /// Counts rollouts.
    pub rollouts: u64,
    /// The highest number that a stage tag of ours took: one sequence over all environments.
    pub numbered: u64,
    /// The environments by name.
    pub stands: BTreeMap<String, Stand>,
    /// Slots of calls that an aborted rollout still waits for: a run that they start is cancelled.
    pub orphans: BTreeSet<String>,
    /// Runs of aborted rollouts that are to be cancelled.
    pub stops: BTreeSet<RunId>,
    /// Versions that are held, by the number of the merge request on which that was said.
    pub held: BTreeMap<Version, BTreeMap<u64, Hold>>,
    /// Versions that were taken out of use.
    pub retired: BTreeMap<Version, Retirement>,
    /// The model's schedules by name: they are looked at in the repository's lane.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub schedules: BTreeMap<String, Scheduled>,
}

/// One environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stand {
    /// What was brought here and not taken back, the oldest first; the last one is live.
    pub trail: Vec<Live>,
    /// Every version that was ever live here.
    pub known: BTreeSet<Version>,
    /// What is on its way.
    pub active: Option<Rollout>,
    /// A rollout that ended half-way: the live version is what git says, but perhaps not what runs.
    pub unsettled: Option<u64>,
}

/// A version in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The version.
    pub version: Version,
    /// Since when, by the forge's own deployment.
    pub since: Timestamp,
    /// The stage tag that says so.
    pub tag: String,
    /// The rollout that brought it.
    pub rollout: u64,
}

impl Stand {
    /// How many steps back are remembered; the stage tags remember all.
    pub const LONGEST_TRAIL: usize = 100;

    /// A rollout brought this version here. Stage tags replayed in the order of their numbers give the
    /// same trail.
    pub fn enter(&mut self, action: RolloutAction, live: Live) {
        let before = self.trail.iter().rposition(|before| before.version == live.version);
        match (action, before) {
            // Back to one below: what lies above it is taken back.
            (RolloutAction::Rollback, Some(place)) => self.trail.truncate(place),
            // Back to one that had been taken off the trail before: it stands for the one that goes.
            (RolloutAction::Rollback, None) => drop(self.trail.pop()),
            // The same once more, after a rollout that ended half-way.
            (RolloutAction::Promote, Some(place)) if place + 1 == self.trail.len() => drop(self.trail.pop()),
            (RolloutAction::Promote, _) => {}
        }
        self.known.insert(live.version.clone());
        self.unsettled = None;
        self.trail.push(live);
        let surplus = self.trail.len().saturating_sub(Self::LONGEST_TRAIL);
        self.trail.drain(..surplus);
    }
}

impl Environments {
    /// What is live in an environment.
    #[must_use]
    pub fn live(&self, environment: &str) -> Option<&Live> {
        self.stands.get(environment)?.trail.last()
    }

    /// Where a version is live.
    pub fn places<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a str> {
        let here = move |stand: &Stand| stand.trail.last().is_some_and(|live| live.version == *version);
        self.stands.iter().filter(move |(_, stand)| here(stand)).map(|(name, _)| name.as_str())
    }
}

/// One version on its way into one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its number, counted over all environments of the model.
    pub number: u64,
    /// Forward or back.
    pub action: RolloutAction,
    /// Where to.
    pub environment: String,
    /// What.
    pub version: Version,
    /// The version's commit.
    pub commit: Sha,
    /// The job or run whose bytes were gated.
    pub source: String,
    /// What was live before.
    pub before: Option<Version>,
    /// Who asked.
    pub asked_by: User,
    /// When.
    pub asked_at: Timestamp,
    /// Where the question and its answer stand.
    pub asked_on: MergeRequestId,
    /// How many other owners must ask for the same.
    pub approvals_needed: u32,
    /// Who did.
    pub approved_by: Vec<User>,
    /// How far it is.
    pub step: RolloutStep,
    /// The deploy run.
    pub run: Option<RunId>,
    /// The deploy job, or its run, to look at.
    pub job: Option<LogTail>,
    /// When the deploy job was seen to have ended well.
    pub deployed_at: Option<Timestamp>,
    /// The forge's number of the deployment that was read back.
    pub deployment: Option<u64>,
    /// Since when the version is in effect, by that deployment.
    pub live_at: Option<Timestamp>,
    /// The number that its stage tag takes or took.
    pub stage: Option<u64>,
    /// Whether that tag is known to be there.
    pub tagged: bool,
    /// The slot of the forge call that is under way.
    pub asked: Option<String>,
    /// Not before this time.
    pub retry_at: Option<Timestamp>,
    /// What it waits for, safe to show.
    pub notice: Option<String>,
    /// Why it stopped, safe to show.
    pub failure: Option<String>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

impl Rollout {
    /// The stage tag of this rollout with this number.
    #[must_use]
    pub fn tag(&self, model: &ModelName, number: u64) -> String {
        stage_tag(model, &self.environment, number)
    }

    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.step, RolloutStep::Live | RolloutStep::Failed | RolloutStep::Aborted)
    }
}

/// Which way a rollout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutAction {
    /// To a version that shall be live.
    Promote,
    /// Back to one that was.
    Rollback,
}

impl RolloutAction {
    /// The action of the generated job.
    #[must_use]
    pub const fn order(self) -> &'static str {
        match self {
            Self::Promote => "deploy",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for RolloutAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promote => "promote",
            Self::Rollback => "rollback",
        })
    }
}

/// How far a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStep {
    /// Other owners must ask for the same.
    AwaitingApproval,
    /// Tag and bytes are checked and the deploy job is being started.
    Starting,
    /// The deploy job is followed.
    Deploying,
    /// The job ended well; the forge's own deployment is awaited.
    Settling,
    /// Read back; the stage tag is being made.
    Tagging,
    /// It is live.
    Live,
    /// It stopped.
    Failed,
    /// A person stopped it.
    Aborted,
}

/// What a stage tag's message says, as canonical JSON: enough to know later what was live when and why.
///
/// Field order is the JSON's key order; it is sorted so that the text is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Forward or back.
    pub action: RolloutAction,
    /// Who else asked for it, by login.
    pub approved_by: Vec<String>,
    /// Who asked, by login.
    pub asked_by: String,
    /// What was live before.
    pub before: Option<Version>,
    /// The version's commit.
    pub commit: Sha,
    /// The forge's deployment that proves it.
    pub deployment: u64,
    /// The environment.
    pub environment: String,
    /// Since when, in milliseconds since 1970-01-01 UTC.
    pub live_at: Timestamp,
    /// The merge request on which it was asked for.
    pub merge_request: u64,
    /// The model.
    pub model: ModelName,
    /// The tag's number.
    pub number: u64,
    /// The rollout's number.
    pub rollout: u64,
    /// The deploy run.
    pub run: Option<RunId>,
    /// The version.
    pub version: Version,
}

impl Assignment {
    /// The tag's name.
    #[must_use]
    pub fn tag(&self) -> String {
        stage_tag(&self.model, &self.environment, self.number)
    }

    /// The canonical JSON: sorted keys, no white space.
    #[must_use]
    pub fn canonical(&self) -> String {
        // There is no map in it, so the JSON form always exists.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Environment and number of a stage tag's name; none for any other name.
    #[must_use]
    pub fn read_tag<'t>(model: &ModelName, tag: &'t str) -> Option<(&'t str, u64)> {
        let (environment, number) = tag.strip_prefix(model.as_str())?.strip_prefix('#')?.split_once('#')?;
        let plain = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| plain)?;
        environment.parse::<ModelName>().is_ok().then_some((environment, number))
    }
}

fn stage_tag(model: &ModelName, environment: &str, number: u64) -> String {
    format!("{model}#{environment}#{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_tag_reads_back_what_it_writes() {
        let iris: ModelName = "iris".parse().unwrap();
        assert_eq!(Assignment::read_tag(&iris, &stage_tag(&iris, "production", 7)), Some(("production", 7)));
        for name in [
            "iris@v1.0.0",
            "iris#production",
            "iris#production#",
            "iris#production#07",
            "iris#production#-7",
            "iris#production#7#8",
            "iris##7",
            "iris-2#production#7",
            "rose#production#7",
        ] {
            assert_eq!(Assignment::read_tag(&iris, name), None, "{name}");
        }
    }
}
