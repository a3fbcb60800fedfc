//! Executes the jobs of the generated file with the local shell, each in a clean checkout.

mod actions;
mod checkout;
mod collect;
mod shell;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::ci::When;
use super::github::identity;
use super::world::{Job, JobState, World};

use actions::{Steps, Uploads};
use shell::{End, Errand};

/// A job without a timeout of its own may take so long, as on a new GitLab.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// How often a running job's log and cancellation are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Everything that a job needs, taken from the world at once.
pub(super) struct Order {
    project: u64,
    job: Job,
    sha: String,
    reference: String,
    repository: PathBuf,
    /// Archives of the jobs before it.
    inputs: Vec<Vec<u8>>,
}

/// Runs waiting jobs one after another, the oldest first.
pub(super) async fn keep_running(world: Arc<World>, builds: PathBuf) {
    loop {
        let Some(order) = next(&world) else {
            tokio::select! {
                () = world.bell.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            continue;
        };
        run(&world, &builds, &order).await;
    }
}

/// Takes the oldest job that waits for a runner.
fn next(world: &World) -> Option<Order> {
    let mut state = world.lock();
    let all = state.projects.values().flat_map(|place| place.jobs.values().map(move |job| (place, job)));
    let (place, job) =
        all.filter(|(_place, job)| job.state == JobState::Pending).min_by_key(|(_place, job)| job.id)?;
    let (project, id) = (place.id, job.id);
    let run = place.pipelines.get(&job.pipeline)?;
    let (sha, reference, repository) =
        (run.sha.to_string(), run.reference.clone(), place.git_folder().to_owned());
    let sources = state.artifact_sources(project, id).ok()?;
    let place = state.projects.get(&project)?;
    let archive = |source: &u64| place.jobs.get(source)?.artifacts.clone();
    let inputs = sources.iter().filter_map(archive).collect();
    state.set_job(project, id, JobState::Running).ok()?;
    let job = state.project(project).ok()?.job(id).ok()?.clone();
    Some(Order { project, job, sha, reference, repository, inputs })
}

/// Runs one job to its end, whatever the end is.
async fn run(world: &Arc<World>, builds: &Path, order: &Order) {
    let folder = builds.join(order.job.id.to_string());
    let (checkout, home) = (folder.join("work"), folder.join("home"));
    if !order.job.plan.steps.is_empty() {
        let finished = perform(world, order, &checkout, &home).await;
        let _told =
            world.lock().end_job(order.project, order.job.id, finished.log, finished.zip, finished.end);
        let _left_for_the_sandbox_folder = tokio::fs::remove_dir_all(&folder).await;
        return;
    }
    let prepared = checkout::prepare(order, &checkout, &home).await;
    let finished = match prepared {
        Err(error) => Finished {
            log: format!("ERROR: Job failed (system failure): {error}\n"),
            zip: None,
            end: JobState::Failed("runner_system_failure".to_owned()),
        },
        Ok(()) => execute(world, order, &checkout, &home).await,
    };
    // A world that no longer knows the job has nobody to tell.
    let _told = world.lock().end_job(order.project, order.job.id, finished.log, finished.zip, finished.end);
    let _left_for_the_sandbox_folder = tokio::fs::remove_dir_all(&folder).await;
}

/// Artifacts of a run, kept in the world.
struct Shelf<'a> {
    world: &'a World,
    project: u64,
    run: u64,
}

impl Uploads for Shelf<'_> {
    fn put(&self, name: &str, zip: Vec<u8>) {
        // A run that is gone has nobody to keep files for.
        let _kept = self.world.lock().upload(self.project, self.run, name, zip);
    }

    fn get(&self, run: Option<u64>, name: &str) -> Option<Vec<u8>> {
        let state = self.world.lock();
        let run = state.project(self.project).ok()?.pipelines.get(&run.unwrap_or(self.run))?;
        run.uploads.get(name).cloned()
    }
}

/// Runs the steps of a workflow's job.
async fn perform(world: &Arc<World>, order: &Order, workspace: &Path, home: &Path) -> Finished {
    let made = async {
        tokio::fs::create_dir_all(workspace).await?;
        tokio::fs::create_dir_all(home).await
    };
    let broken = |why: std::io::Error| Finished {
        log: format!("##[error]{why}\n"),
        zip: None,
        end: JobState::Failed("runner_system_failure".to_owned()),
    };
    if let Err(error) = made.await {
        return broken(error);
    }
    let plan = &order.job.plan;
    let mut variables = order.job.variables.clone();
    if plan.may_identify {
        let address = format!("{}{}", world.lock().url, identity::ADDRESS);
        variables.insert("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), address);
        variables.insert("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), order.job.token());
    }
    let shelf = Shelf { world: world.as_ref(), project: order.project, run: order.job.pipeline };
    let (cancelled, show) = (|| is_cancelled(world, order), |log: &str| show_log(world, order, log));
    let steps = Steps {
        steps: &plan.steps,
        repository: &order.repository,
        sha: &order.sha,
        variables: &variables,
        token: &order.job.token(),
        workspace,
        home,
        timeout: plan.timeout.unwrap_or(DEFAULT_TIMEOUT),
        uploads: &shelf,
        cancelled: &cancelled,
        show: &show,
    };
    let (log, end) = steps.run().await;
    let state = match end {
        End::Good => JobState::Success,
        End::Bad(_) => JobState::Failed("script_failure".to_owned()),
        End::TooLate => JobState::Failed("job_execution_timeout".to_owned()),
        End::Cancelled => JobState::Canceled,
        End::Broken(_) => JobState::Failed("runner_system_failure".to_owned()),
    };
    Finished { log, zip: None, end: state }
}

fn is_cancelled(world: &World, order: &Order) -> bool {
    let state = world.lock();
    let job = state.project(order.project).and_then(|place| place.job(order.job.id));
    job.is_ok_and(|job| job.state == JobState::Canceled)
}

fn show_log(world: &World, order: &Order, log: &str) {
    let mut state = world.lock();
    let Ok(place) = state.project_mut(order.project) else { return };
    if let Some(job) = place.jobs.get_mut(&order.job.id) {
        log.clone_into(&mut job.log);
    }
}

struct Finished {
    log: String,
    zip: Option<Vec<u8>>,
    end: JobState,
}

async fn execute(world: &Arc<World>, order: &Order, checkout: &Path, home: &Path) -> Finished {
    let plan = &order.job.plan;
    let timeout = plan.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let variables = checkout::variables(world, order, checkout);
    // As on the forge, a log shows no token.
    let tokens: Vec<&str> =
        plan.id_tokens.keys().filter_map(|name| variables.get(name)).map(String::as_str).collect();
    let show = |log: &str| show_log(world, order, &shell::masked(log, &tokens));
    let cancelled = || is_cancelled(world, order);
    let errand =
        Errand { checkout, home, variables: &variables, timeout, cancelled: &cancelled, show: &show };
    let (mut log, end) = errand.run(&plan.script).await;
    if !plan.after_script.is_empty() && end != End::Cancelled {
        let (after, _ignored_as_on_the_forge) = errand.run(&plan.after_script).await;
        log.push_str(&after);
    }
    let mut log = shell::masked(&log, &tokens);
    let good = end == End::Good;
    let keeps = match plan.artifacts.when {
        When::Always => true,
        When::OnFailure => !good,
        _ => good,
    };
    let mut zip = None;
    if keeps && end != End::Cancelled {
        match collect::collect(checkout, &plan.artifacts, &order.job.variables, &mut log) {
            Ok(found) => zip = found,
            Err(error) => log.push_str(&format!("ERROR: uploading artifacts failed: {error}\n")),
        }
    }
    let (line, state) = match end {
        End::Good => ("Job succeeded".to_owned(), JobState::Success),
        End::Bad(code) => {
            (format!("ERROR: Job failed: exit code {code}"), JobState::Failed("script_failure".to_owned()))
        }
        End::TooLate => (
            format!("ERROR: Job failed: execution took longer than {} seconds", timeout.as_secs()),
            JobState::Failed("job_execution_timeout".to_owned()),
        ),
        End::Cancelled => ("ERROR: Job failed: canceled".to_owned(), JobState::Canceled),
        End::Broken(why) => (
            format!("ERROR: Job failed (system failure): {why}"),
            JobState::Failed("runner_system_failure".to_owned()),
        ),
    };
    log.push_str(&line);
    log.push('\n');
    Finished { log, zip, end: state }
}
