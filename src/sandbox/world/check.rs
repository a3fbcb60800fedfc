//! Check runs that Apps put on commits, and the buttons on them.

use crate::domain::{Sha, Timestamp};

use super::{App, Occurrence, Refusal, Role, State};

/// A check run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// Number.
    pub id: u64,
    /// The commit.
    pub sha: Sha,
    /// Its name.
    pub name: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// What it came to, exactly where it is completed.
    pub conclusion: Option<String>,
    /// What its App calls it.
    pub external_id: Option<String>,
    /// One sentence.
    pub title: Option<String>,
    /// Markdown below it.
    pub summary: Option<String>,
    /// Remarks on lines, in the order they came.
    pub annotations: Vec<CheckAnnotation>,
    /// Buttons.
    pub actions: Vec<CheckAction>,
    /// The account of the App that made it.
    pub by: u64,
    /// When it came into being.
    pub started_at: Timestamp,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
}

/// A remark on lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckAnnotation {
    /// The file.
    pub path: String,
    /// The first line.
    pub start_line: u64,
    /// The last line.
    pub end_line: u64,
    /// `notice`, `warning` or `failure`.
    pub level: String,
    /// What is wrong.
    pub message: String,
    /// What it is about.
    pub title: Option<String>,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckAction {
    /// What stands on it.
    pub label: String,
    /// What it does.
    pub description: String,
    /// What its App is told.
    pub identifier: String,
}

/// What is written of a check run; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct CheckWish {
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) conclusion: Option<String>,
    pub(crate) external_id: Option<String>,
    /// Title and summary.
    pub(crate) output: Option<(String, String)>,
    /// Added to those that are there.
    pub(crate) annotations: Vec<CheckAnnotation>,
    pub(crate) actions: Option<Vec<CheckAction>>,
}

impl State {
    /// Creates a check run on a commit.
    pub(crate) fn create_check(
        &mut self,
        project: u64,
        person: u64,
        sha: &str,
        wish: CheckWish,
    ) -> Result<CheckRun, Refusal> {
        self.require_app(project, person)?;
        let place = self.project(project)?;
        let sha = sha.parse::<Sha>().ok().and_then(|sha| place.git.resolve(sha.as_str()));
        let sha = sha.ok_or_else(|| Refusal::Unprocessable("No commit found for SHA".to_owned()))?;
        let now = self.now();
        let mut check = CheckRun {
            id: self.next("check", 71),
            sha,
            name: String::new(),
            status: "queued".to_owned(),
            conclusion: None,
            external_id: None,
            title: None,
            summary: None,
            annotations: Vec::new(),
            actions: Vec::new(),
            by: person,
            started_at: now,
            completed_at: None,
        };
        become_so(&mut check, wish, now)?;
        self.project_mut(project)?.checks.insert(check.id, check.clone());
        self.tell_check(project, person, "created", &check, None);
        self.turn_queues()?;
        Ok(check)
    }

    /// Changes a check run of the App's own.
    pub(crate) fn update_check(
        &mut self,
        project: u64,
        person: u64,
        id: u64,
        wish: CheckWish,
    ) -> Result<CheckRun, Refusal> {
        self.require_app(project, person)?;
        let mut check = self.check(project, id)?.clone();
        if check.by != person {
            let text = "Invalid app_id - check run can only be modified by the GitHub App that created it.";
            return Err(Refusal::Forbidden(text.to_owned()));
        }
        let before = check.completed_at;
        become_so(&mut check, wish, self.now())?;
        self.project_mut(project)?.checks.insert(id, check.clone());
        if before.is_none() && check.completed_at.is_some() {
            self.tell_check(project, person, "completed", &check, None);
        }
        self.turn_queues()?;
        Ok(check)
    }

    pub(crate) fn check(&self, project: u64, id: u64) -> Result<&CheckRun, Refusal> {
        self.project(project)?.checks.get(&id).ok_or_else(|| Refusal::NotFound("404 Check".to_owned()))
    }

    /// Somebody presses a button on a check run, or the forge's own button to have it again. Whether that
    /// person may do what the button is for is the App's business.
    pub(crate) fn press(
        &mut self,
        project: u64,
        person: u64,
        id: u64,
        button: Option<&str>,
    ) -> Result<(), Refusal> {
        self.require(project, person, Role::Guest)?;
        let check = self.check(project, id)?.clone();
        let known = |name: &str| check.actions.iter().any(|action| action.identifier == name);
        match button {
            Some(name) if !known(name) => Err(Refusal::NotFound(format!("button {name}"))),
            Some(_) => {
                self.tell_check(project, person, "requested_action", &check, button);
                Ok(())
            }
            None => {
                self.tell_check(project, person, "rerequested", &check, None);
                Ok(())
            }
        }
    }

    /// The App whose account this is.
    pub(crate) fn app_of(&self, person: u64) -> Option<&App> {
        self.apps.values().find(|app| app.bot == person)
    }

    /// Nobody but an App makes check runs.
    fn require_app(&self, project: u64, person: u64) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.app_of(person).is_some() {
            return Ok(());
        }
        Err(Refusal::Forbidden("You must authenticate via a GitHub App.".to_owned()))
    }

    fn tell_check(
        &mut self,
        project: u64,
        by: u64,
        action: &'static str,
        check: &CheckRun,
        button: Option<&str>,
    ) {
        let button = button.map(str::to_owned);
        self.tell(&Occurrence::Check { project, by, action, check: Box::new(check.clone()), button });
    }
}

/// Makes a check run what is wished. A conclusion completes it, and nothing else does.
fn become_so(check: &mut CheckRun, wish: CheckWish, now: Timestamp) -> Result<(), Refusal> {
    let status = wish.status.or_else(|| wish.conclusion.is_some().then(|| "completed".to_owned()));
    if status.as_deref() == Some("completed") && wish.conclusion.is_none() && check.conclusion.is_none() {
        // Not said by the description of the API, but by its answer.
        return Err(Refusal::Unprocessable("A completed check run needs a conclusion.".to_owned()));
    }
    if let Some(status) = status {
        if status != "completed" {
            (check.conclusion, check.completed_at) = (None, None);
        }
        check.status = status;
    }
    if let Some(conclusion) = wish.conclusion {
        check.status = "completed".to_owned();
        check.completed_at = check.completed_at.or(Some(now));
        check.conclusion = Some(conclusion);
    }
    if let Some(name) = wish.name {
        check.name = name;
    }
    check.external_id = wish.external_id.or(check.external_id.take());
    if let Some((title, summary)) = wish.output {
        (check.title, check.summary) = (Some(title), Some(summary));
    }
    check.annotations.extend(wish.annotations);
    if let Some(actions) = wish.actions {
        check.actions = actions;
    }
    Ok(())
}
