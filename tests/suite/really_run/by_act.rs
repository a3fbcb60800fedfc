//! GitHub's workflow of a pull request, by act. Every action that it uses is a stand-in of ours: offline
//! there are none.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::left::{Left, Ran, check_out, run as call, tools};
use super::project::Project;

/// Executes the workflow of the pull request; what its jobs uploaded.
pub(super) fn run(repository: &Path, work: &Path, project: &Project) -> Ran {
    let checkout = work.join("checkout");
    let head = check_out(repository, &checkout);
    let workflow = format!(".github/workflows/model-{}.yml", project.model);
    let event = work.join("event.json");
    let told = serde_json::json!({
        "number": 1,
        "pull_request": {"number": 1, "head": {"sha": head, "ref": "change"}, "base": {"ref": "main"}},
    });
    fs::write(&event, told.to_string()).unwrap();

    let uploads = work.join("uploads");
    let mut arguments: Vec<String> = [
        "pull_request",
        "--json",
        "--workflows",
        &workflow,
        "--eventpath",
        event.to_str().unwrap(),
        "--platform",
        "ubuntu-24.04=-self-hosted",
        "--use-new-action-cache",
        "--action-cache-path",
        work.join("actions").to_str().unwrap(),
        "--env",
        &format!("MERGEWRIGHT_UPLOADS={}", uploads.display()),
        "--env",
        &format!("MERGEWRIGHT_ORIGIN={}", repository.display()),
    ]
    .map(str::to_owned)
    .to_vec();
    for action in actions(&fs::read_to_string(checkout.join(&workflow)).unwrap()) {
        arguments.push(format!(
            "--local-repository={}={}",
            repository_of(&action),
            stand_in(&action).display()
        ));
    }
    for (name, value) in &project.variables {
        arguments.extend(["--env".to_owned(), format!("{name}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let act = tools().join("python/bin/act");
    let output = call(&act, &arguments, &checkout, &[("PATH", &project.path())]);
    let said = String::from_utf8_lossy(&output.stdout);
    let told: Vec<serde_json::Value> =
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();

    let one = |job: &'static str| {
        let own = || told.iter().filter(|line| line["jobID"] == job);
        let result = own().find_map(|line| line["jobResult"].as_str());
        let result = result.unwrap_or_else(|| {
            panic!("{job} did not run:\n{said}\n{}", String::from_utf8_lossy(&output.stderr))
        });
        let mut log = String::new();
        for line in own().filter(|line| line["raw_output"] == true) {
            log.write_str(line["msg"].as_str().unwrap()).unwrap();
        }
        let kind = if job == "build" { "model" } else { "reports" };
        let kept = uploads.join(format!("{}-{kind}", project.model));
        // A scan uploads nothing.
        let kept = if job == "scan" { work.join("nothing") } else { kept };
        (job, Left::new(result == "success", log, &kept))
    };
    Ran { succeeded: output.status.success(), jobs: project.jobs().iter().copied().map(one).collect() }
}

/// What stands behind `uses:`.
fn actions(workflow: &str) -> BTreeSet<String> {
    let lines =
        workflow.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The repository of an action at its commit, without the folder in which the action lies there.
fn repository_of(action: &str) -> String {
    let (path, commit) = action.split_once('@').unwrap();
    let repository: Vec<&str> = path.split('/').take(2).collect();
    format!("{}@{commit}", repository.join("/"))
}

/// The folder of the stand-in for an action: setting up a language does nothing here, it is installed.
fn stand_in(action: &str) -> std::path::PathBuf {
    let name = action.split('@').next().unwrap_or_default();
    let does = match name {
        "actions/checkout" => "checkout",
        "actions/upload-artifact" => "upload",
        "actions/download-artifact" => "download",
        // One of several in its repository.
        "gradle/actions/setup-gradle" => "below",
        name if name.contains("/setup-") || name.contains("/cache") => "nothing",
        other => panic!("there is no stand-in for {other}"),
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/actions").join(does)
}
