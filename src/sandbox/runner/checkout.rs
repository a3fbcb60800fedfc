//! A clean checkout of the pipeline's commit, and the variables of a job.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::sandbox::archive;
use crate::sandbox::ci::expand;
use crate::sandbox::program;
use crate::sandbox::world::World;

use super::Order;

/// Fetches exactly the commit, then unpacks what earlier jobs left.
pub(super) async fn prepare(order: &Order, checkout: &Path, home: &Path) -> std::io::Result<()> {
    fetch(&order.repository, &order.sha, checkout, home).await?;
    for zip in &order.inputs {
        for (path, content) in archive::unpack(zip)? {
            let target = checkout.join(path);
            if let Some(parent) = target.parent() {
                tokio::fs::create_dir_all(parent).await?;
            }
            tokio::fs::write(target, content).await?;
        }
    }
    Ok(())
}

/// A checkout of exactly this commit or reference in a new folder.
pub(super) async fn fetch(
    repository: &Path,
    reference: &str,
    checkout: &Path,
    home: &Path,
) -> std::io::Result<()> {
    tokio::fs::create_dir_all(checkout).await?;
    tokio::fs::create_dir_all(home).await?;
    git(checkout, home, &["init", "--quiet", "--initial-branch=work"]).await?;
    git(checkout, home, &["remote", "add", "origin", &origin(repository)]).await?;
    git(checkout, home, &["fetch", "--quiet", "--no-tags", "--depth=20", "origin", reference]).await?;
    git(checkout, home, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]).await
}

fn origin(repository: &Path) -> String {
    format!("file://{}", repository.display())
}

async fn git(checkout: &Path, home: &Path, args: &[&str]) -> std::io::Result<()> {
    let mut command = Command::new(program::git());
    command.env_clear().env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    let output = command.current_dir(checkout).args(args).stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let word = args.first().unwrap_or(&"git");
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(std::io::Error::other(format!("git {word}: {stderr}")))
}

/// What the job's scripts see: CI variables only. Nothing of the bot's own environment is in it.
pub(super) fn variables(world: &World, order: &Order, checkout: &Path) -> BTreeMap<String, String> {
    let job = &order.job;
    let mut set = job.variables.clone();
    let mut put = |name: &str, value: String| {
        set.insert(name.to_owned(), value);
    };
    let project = {
        let state = world.lock();
        state.project(order.project).map(|place| state.project_url(place)).unwrap_or_default()
    };
    put("CI_JOB_ID", job.id.to_string());
    put("CI_JOB_NAME", job.name.clone());
    put("CI_JOB_STAGE", job.stage.clone());
    put("CI_JOB_URL", format!("{project}/-/jobs/{}", job.id));
    put("CI_JOB_TOKEN", job.token());
    put("CI_REPOSITORY_URL", origin(&order.repository));
    put("CI_PROJECT_DIR", checkout.display().to_string());
    put("CI_BUILDS_DIR", checkout.parent().unwrap_or(checkout).display().to_string());
    put("CI_COMMIT_REF_SLUG", job.variables.get("CI_COMMIT_REF_SLUG").cloned().unwrap_or_default());
    put("CI_RUNNER_DESCRIPTION", "sandbox".to_owned());
    put("CI_RUNNER_TAGS", job.plan.tags.join(","));
    put("CI_PIPELINE_REF", order.reference.clone());
    if let Some(environment) = &job.plan.environment {
        put("CI_ENVIRONMENT_NAME", expand(environment, &job.variables));
    }
    // Values may name other variables, as in the file.
    let known = set.clone();
    for (name, audience) in &job.plan.id_tokens {
        // A job that is gone gets none, and nobody hears of it.
        if let Ok(token) = world.lock().id_token(order.project, job.id, &expand(audience, &known)) {
            set.insert(name.clone(), token);
        }
    }
    let own = |name: &String| job.plan.variables.contains_key(name);
    set.into_iter()
        .map(|(name, value)| if own(&name) { (name, expand(&value, &known)) } else { (name, value) })
        .collect()
}
