//! Statuses that programs put on commits.

use crate::domain::{Sha, Timestamp};

use super::{Occurrence, Refusal, Role, State};

/// The newest value of one name on one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// Number; a new value of the same name gets a new one.
    pub id: u64,
    /// The commit.
    pub sha: Sha,
    /// Its name.
    pub name: String,
    /// `pending`, `running`, `success`, `failed`, `canceled` or `skipped`; on GitHub also `error`.
    pub state: String,
    /// One sentence.
    pub description: Option<String>,
    /// Where more is to be read.
    pub target_url: Option<String>,
    /// The pipeline that it joined; none on GitHub.
    pub pipeline: Option<u64>,
    /// Who put it.
    pub by: u64,
    /// When.
    pub at: Timestamp,
}

/// A status to be put.
#[derive(Clone, Debug)]
pub(crate) struct NewStatus {
    pub(crate) sha: String,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) reference: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) pipeline: Option<u64>,
}

/// States that GitLab knows.
const STATES: [&str; 6] = ["pending", "running", "success", "failed", "canceled", "skipped"];
/// States that GitHub knows, in the words used here.
const FEWER: [&str; 4] = ["pending", "success", "failed", "error"];

impl State {
    /// Puts a status on a commit, in the named pipeline, else the newest of that commit, else in a
    /// new external one. On GitHub it stands by itself, and the older ones of its name stay.
    pub(crate) fn set_status(
        &mut self,
        project: u64,
        person: u64,
        new: NewStatus,
    ) -> Result<CommitStatus, Refusal> {
        self.require(project, person, Role::Developer)?;
        let github = self.dialect.is_github();
        let known: &[&str] = if github { &FEWER } else { &STATES };
        if !known.contains(&new.state.as_str()) {
            return Err(Refusal::Invalid("state does not have a valid value".to_owned()));
        }
        let place = self.project(project)?;
        let sha = new.sha.parse::<Sha>().ok().and_then(|sha| place.git.resolve(sha.as_str()));
        let sha = sha.ok_or_else(|| Refusal::NotFound("404 Commit".to_owned()))?;
        let pipeline = match new.pipeline {
            _ if github => None,
            Some(id) => match place.pipelines.get(&id) {
                Some(pipeline) if pipeline.sha == sha => Some(id),
                _ => return Err(Refusal::NotFound("404 Pipeline".to_owned())),
            },
            None => match place.pipelines.values().rev().find(|pipeline| pipeline.sha == sha) {
                Some(pipeline) => Some(pipeline.id),
                None => Some(self.external_pipeline(project, person, &sha, new.reference.as_deref())?),
            },
        };
        let place = self.project(project)?;
        let standing =
            place.statuses.iter().rev().find(|status| status.pipeline == pipeline && status.name == new.name);
        if let Some(standing) = standing.filter(|_status| !github) {
            // Only a step forward or a new verdict is a transition; the same again is refused.
            if standing.state == new.state || (new.state == "pending" && standing.state == "running") {
                let text = format!(
                    "Cannot transition status via :{} from :{} (Reason(s): Status cannot transition via \"{}\")",
                    event_of(&new.state),
                    standing.state,
                    event_of(&new.state)
                );
                return Err(Refusal::Invalid(text));
            }
        }
        let status = CommitStatus {
            id: self.next("job", 9001),
            sha,
            name: new.name,
            state: new.state,
            description: new.description,
            target_url: new.target_url,
            pipeline,
            by: person,
            at: self.now(),
        };
        let place = self.project_mut(project)?;
        if pipeline.is_some() {
            place.statuses.retain(|old| old.pipeline != pipeline || old.name != status.name);
        }
        place.statuses.push(status.clone());
        match pipeline {
            Some(pipeline) => self.tell(&Occurrence::Pipeline { project, pipeline }),
            None => self.tell(&Occurrence::Status { project, status: status.id }),
        }
        self.turn_queues()?;
        Ok(status)
    }
}

fn event_of(state: &str) -> &str {
    match state {
        "pending" => "enqueue",
        "running" => "run",
        "failed" => "drop",
        "canceled" => "cancel",
        "skipped" => "skip",
        other => other,
    }
}
