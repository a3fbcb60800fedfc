//! Tells what happens at the forge while it happens, by looking at it again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::stage::Stage;
use crate::sandbox::{Job, JobState, SandboxProject};

/// How often the narrator looks.
const LOOK: Duration = Duration::from_millis(60);

/// A task that prints every change of the forge as one line, under a moving sign of life.
#[derive(Debug)]
pub(super) struct Narrator {
    bar: ProgressBar,
    ending: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Narrator {
    /// Begins to look.
    pub(super) fn start(stage: Arc<Stage>) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        let (ending, mut end) = watch::channel(false);
        let lines = bar.clone();
        let task = tokio::spawn(async move {
            let mut seen = BTreeMap::new();
            loop {
                // Read before looking, so that the last look comes after everything that happened.
                let last = *end.borrow_and_update();
                for line in changes(&stage.project, &mut seen) {
                    print(&lines, &line);
                }
                if last {
                    break;
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    _ = end.changed() => {}
                }
            }
        });
        Self { bar, ending, task }
    }

    /// Announces what the people do next.
    pub(super) fn scene(&self, text: &str) {
        print(&self.bar, text);
    }

    /// What is waited for now.
    pub(super) fn waiting_for(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Tells what is left to tell, and ends.
    pub(super) async fn end(self) {
        let _nobody_listens = self.ending.send(true);
        let _already_over = self.task.await;
        self.bar.finish_and_clear();
    }
}

/// A line above the sign of life; a plain line where there is no terminal.
fn print(bar: &ProgressBar, line: &str) {
    bar.suspend(|| crate::cli::output::say(line));
}

/// Lines for everything that is different from what was `seen`.
fn changes(project: &SandboxProject, seen: &mut BTreeMap<String, String>) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, value, line) in look(project).unwrap_or_default() {
        if seen.get(&what) != Some(&value) {
            seen.insert(what, value);
            lines.extend(line);
        }
    }
    lines
}

type Sight = (String, String, Option<String>);

/// Everything worth telling: its name, its value, and the line that tells of this value.
fn look(project: &SandboxProject) -> Result<Vec<Sight>, crate::sandbox::Refusal> {
    let mut sights = Vec::new();
    for pipeline in project.pipelines()? {
        for job in project.jobs(pipeline.id)? {
            let line = told(&job, pipeline.model());
            sights.push((format!("job {}", job.id), format!("{:?}", StateOnly(&job)), line));
        }
    }
    for number in 1.. {
        let Ok(merge_request) = project.merge_request(number) else { break };
        let label = merge_request.labels.iter().find(|label| label.starts_with("model::")).cloned();
        let line = label.as_ref().map(|label| format!("    bot      label {label}"));
        sights.push((format!("label {number}"), label.unwrap_or_default(), line));
        for (name, status) in project.statuses(&merge_request.head)? {
            let text = status.description.clone().unwrap_or_default();
            let value = format!("{} {text}", status.state);
            let line = format!("    bot      status {name}: {} ({text})", status.state);
            sights.push((format!("status {} {name}", merge_request.head), value, Some(line)));
        }
    }
    for tag in project.tags()? {
        let line = format!("    bot      tag {} on {}", tag.name, tag.commit.short());
        sights.push((format!("tag {}", tag.name), tag.commit.to_string(), Some(line)));
    }
    for deployment in project.deployments()?.iter().filter(|one| one.state().is_final()) {
        let word = deployment.state().word();
        let line = format!("    forge    deployment to {}: {word}", deployment.environment);
        sights.push((format!("deployment {}", deployment.id), word.to_owned(), Some(line)));
    }
    for (tag, release) in project.releases()? {
        let links = release.links.iter().map(|link| link.name.as_str());
        let files: Vec<&str> = links.chain(release.assets.iter().map(|asset| asset.name.as_str())).collect();
        let line = format!("    bot      release {} with {}", release.name, files.join(" and "));
        sights.push((format!("release {tag}"), files.join(" "), Some(line)));
    }
    Ok(sights)
}

/// A job's state alone: logs and times change without news.
struct StateOnly<'a>(&'a Job);

impl std::fmt::Debug for StateOnly<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0.state, f)
    }
}

/// What a job's state is worth saying; nothing before it runs. Where each model has a workflow of its own,
/// the job's name does not say whose it is.
fn told(job: &Job, model: Option<&str>) -> Option<String> {
    let name = model.map_or_else(|| job.name.clone(), |model| format!("{model}:{}", job.name));
    match &job.state {
        JobState::Running => Some(format!("    runner   {name} runs")),
        JobState::Success => Some(format!("    runner   {name} succeeded")),
        JobState::Failed(reason) => Some(format!("    runner   {name} failed ({reason})")),
        JobState::Canceled => Some(format!("    runner   {name} was cancelled")),
        _ => None,
    }
}

/// The bot's answer to a comment, without its marker line.
pub(super) fn reply(project: &SandboxProject, number: u64, bot: u64, comment: u64) -> Option<String> {
    let marker = format!("<!-- mergewright:reply:{comment} -->");
    let comments = project.comments(number).ok()?;
    let own = comments.into_iter().find(|one| one.author == bot && one.body.starts_with(&marker))?;
    own.body.split_once('\n').map(|(_, rest)| rest.trim().to_owned())
}

/// The bot's sticky comment of a merge request, without its marker line.
pub(super) fn report(project: &SandboxProject, number: u64, bot: u64) -> Option<String> {
    let comments = project.comments(number).ok()?;
    let own = comments
        .into_iter()
        .find(|one| one.author == bot && one.body.starts_with("<!-- mergewright:report"))?;
    own.body.split_once('\n').map(|(_, rest)| rest.trim().to_owned())
}
