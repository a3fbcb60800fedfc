//! Generated CI, really executed: gitlab-ci-local runs the pipeline, act runs the workflow, both offline and
//! without containers, and the bot judges what their jobs left.
//!
//! `MERGEWRIGHT_CI_TOOLS` names the folder in which `.ci/really-run` has installed both.

mod by_act;
mod by_gitlab_ci_local;
mod identity;
pub(super) mod left;
pub(super) mod project;
mod rules;

use mergewright::config::repository;
use mergewright::domain::ForgeKind;
use mergewright::engine::measure;
use mergewright::generator::pins::SEMGREP;
use mergewright::sandbox::File;

use crate::flow::Play;
use crate::flow::forges::on_both_forges;
use crate::flow::play::{AUTHOR, OWNER};
use left::{Ran, tools};
use project::Project;

on_both_forges! {
    #[ignore = "needs gitlab-ci-local and act"]
    the_example_model_is_built_judged_and_published,
    #[ignore = "needs gitlab-ci-local and act"]
    a_test_that_fails_is_named_in_the_report,
    #[ignore = "needs gitlab-ci-local and act"]
    a_node_project_is_built_judged_and_published,
    #[ignore = "needs gitlab-ci-local, act and Debian's Maven repository"]
    a_maven_project_is_built_judged_and_published,
    #[ignore = "needs gitlab-ci-local, act and Semgrep"]
    a_scan_that_finds_something_fails_its_job_and_keeps_nothing_from_being_published,
    #[ignore = "needs gitlab-ci-local, act and Semgrep"]
    a_scan_that_finds_nothing_passes,
    #[ignore = "needs gitlab-ci-local, act and Semgrep"]
    a_scan_of_which_nobody_wrote_a_line_asks_for_the_default_rules_and_applies_them,
    #[ignore = "needs gitlab-ci-local and act"]
    what_init_writes_for_a_python_project_with_pip_needs_no_edits,
    #[ignore = "needs gitlab-ci-local, act and uv"]
    what_init_writes_for_a_python_project_with_uv_needs_no_edits,
    #[ignore = "needs gitlab-ci-local and act"]
    what_init_writes_for_a_node_project_needs_no_edits,
    #[ignore = "needs gitlab-ci-local, act and Debian's Maven repository"]
    what_init_writes_for_a_maven_project_needs_no_edits,
}

/// Good enough for the gates of the example.
const GOOD: (&str, &str) = (
    "models/iris/params.json",
    r#"{"features": ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"],
        "epochs": 300, "learning_rate": 0.5, "l2": 0.0001}"#,
);
/// Offline, Maven knows what Debian packages hold.
pub(super) const MAVEN_OFFLINE: (&str, &str) = (
    "models/spam/.mvn/maven.config",
    "-o\n-s\n/etc/maven/settings-debian.xml\n-Dmaven.repo.local=/usr/share/maven-repo\n",
);

async fn the_example_model_is_built_judged_and_published(forge: ForgeKind) {
    is_published(forge, &Project::example().with(GOOD.0, GOOD.1)).await;
}

async fn a_node_project_is_built_judged_and_published(forge: ForgeKind) {
    is_published(forge, &Project::read("tests/data/projects/node")).await;
}

async fn a_maven_project_is_built_judged_and_published(forge: ForgeKind) {
    is_published(forge, &Project::read("tests/data/projects/maven").with(MAVEN_OFFLINE.0, MAVEN_OFFLINE.1))
        .await;
}

/// The example with a file that a scan has something to say about or not, and Semgrep on the machine.
fn scanned(scan: &str, code: &str) -> Project {
    let project = Project::example().with(GOOD.0, GOOD.1).with("models/iris/score.py", code);
    project.with("models/iris/rules.yml", rules::RULES).scanned_by(scan).finding(tools().join("semgrep/bin"))
}

const OWN_LINES: &str =
    r#"{run: ["semgrep scan --error --metrics=off --disable-version-check --config=rules.yml ."]}"#;

async fn a_scan_that_finds_something_fails_its_job_and_keeps_nothing_from_being_published(forge: ForgeKind) {
    let (play, number, ran) = is_run(forge, &scanned(OWN_LINES, rules::BAD)).await;
    let [build, test, scan] = ["build", "test", "scan"].map(|job| &ran.jobs[job]);
    assert!(!scan.succeeded && scan.log.contains("evaluates-a-text"), "{}", scan.log);
    assert!(scan.files.is_empty(), "it leaves nothing: {:?}", scan.files.keys());
    assert!(!ran.succeeded, "the forge shows the whole as failed");
    assert!(build.succeeded && test.succeeded, "{}\n{}", build.log, test.log);
    // The bot judges jobs, never the pipeline's own status, and a scan is no matter of the gates.
    assert!(!play.report(number).contains("evaluates-a-text"), "{}", play.report(number));
    Box::pin(goes_out(play, number, &ran)).await;
}

async fn a_scan_that_finds_nothing_passes(forge: ForgeKind) {
    let (play, number, ran) =
        is_run(forge, &scanned(OWN_LINES, "def score(text):\n    return len(text)\n")).await;
    let scan = &ran.jobs["scan"];
    assert!(scan.succeeded && scan.log.contains("Ran 1 rule on"), "{}", scan.log);
    assert!(ran.succeeded);
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn a_scan_of_which_nobody_wrote_a_line_asks_for_the_default_rules_and_applies_them(forge: ForgeKind) {
    // Installed beforehand at the version that the job installs, it needs no index.
    let project = scanned("{}", rules::BAD).told("SEMGREP_URL", rules::served());
    let (play, number, ran) = is_run(forge, &project).await;
    let scan = &ran.jobs["scan"];
    assert!(!scan.succeeded && scan.log.contains("evaluates-a-text"), "{} {}", SEMGREP.version, scan.log);
    assert!(ran.jobs["build"].succeeded && ran.jobs["test"].succeeded && !ran.succeeded);
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.ends().await;
}

async fn what_init_writes_for_a_python_project_with_pip_needs_no_edits(forge: ForgeKind) {
    let project = Project::initialised(
        "examples/iris",
        &[("models/iris/requirements.txt", "# the library alone\n"), GOOD],
    );
    assert!(project.policy.contains("pip install -r requirements.txt"), "{}", project.policy);
    needs_no_edits(forge, &project).await;
}

async fn what_init_writes_for_a_python_project_with_uv_needs_no_edits(forge: ForgeKind) {
    let described =
        "[project]\nname = \"iris\"\nversion = \"0.1.0\"\nrequires-python = \">=3.9\"\ndependencies = []\n";
    let lock = "version = 1\nrevision = 3\nrequires-python = \">=3.9\"\n\n[[package]]\nname = \"iris\"\nversion = \"0.1.0\"\nsource = { virtual = \".\" }\n";
    let files = [("models/iris/pyproject.toml", described), ("models/iris/uv.lock", lock), GOOD];
    let project = Project::initialised("examples/iris", &files).finding(tools().join("python/bin"));
    assert!(project.policy.contains("uv run --frozen python train.py"), "{}", project.policy);
    needs_no_edits(forge, &project).await;
}

async fn what_init_writes_for_a_node_project_needs_no_edits(forge: ForgeKind) {
    let package = r#"{"name": "fares", "version": "1.0.0", "private": true, "type": "module", "scripts": {
        "build": "mkdir -p dist && node train.mjs data/train.csv dist/model.json",
        "test": "cp dist/model.json . && node --test && node evaluate.mjs model.json data/holdout.csv metrics.json"}}"#;
    let project = Project::initialised("tests/data/projects/node", &[("models/fares/package.json", package)]);
    needs_no_edits(forge, &project).await;
}

async fn what_init_writes_for_a_maven_project_needs_no_edits(forge: ForgeKind) {
    // Everything happens within Maven's own life cycle, as in most projects.
    let test = r#"package spam;
public class ClassifierTest {
    @org.junit.Test
    public void learnsFromMessages() throws Exception {
        Train.main(new String[] {"data/train.tsv", "target/model.properties"});
        Evaluate.main(new String[] {"target/model.properties", "data/holdout.tsv", "metrics.json"});
    }
}
"#;
    let files = [("models/spam/src/test/java/spam/ClassifierTest.java", test), MAVEN_OFFLINE];
    let project = Project::initialised("tests/data/projects/maven", &files);
    let ran = needs_no_edits(forge, &project).await;
    let left: Vec<&String> = ran.jobs["test"].files.keys().collect();
    assert!(left.iter().any(|path| path.ends_with(".xml")), "its tests are reported: {left:?}");
}

/// The jobs of what `init` wrote pass, nothing in the way is left to fill in, and their bytes are published.
async fn needs_no_edits(forge: ForgeKind, project: &Project) -> Ran {
    let (play, number, ran) = is_run(forge, project).await;
    for (job, left) in &ran.jobs {
        assert!(left.succeeded, "{job}: {}", left.log);
    }
    Box::pin(goes_out(play, number, &ran)).await;
    ran
}

async fn a_test_that_fails_is_named_in_the_report(forge: ForgeKind) {
    let project = Project::example().with(
        "models/iris/params.json",
        r#"{"features": ["sepal_width_cm"], "epochs": 300, "learning_rate": 0.5, "l2": 0.0001}"#,
    );
    let (play, number, ran) = is_run(forge, &project).await;
    let test = &ran.jobs["test"];
    assert!(ran.jobs["build"].succeeded && !test.succeeded && !ran.succeeded, "{}", test.log);
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("names_a_typical_virginica"), "{report}");
    play.ends().await;
}

/// The merge request's jobs pass, the report shows their numbers, and what is published are their bytes.
async fn is_published(forge: ForgeKind, project: &Project) {
    let (play, number, ran) = is_run(forge, project).await;
    let (build, test) = (&ran.jobs["build"], &ran.jobs["test"]);
    assert!(build.succeeded && test.succeeded, "{}\n{}", build.log, test.log);

    let measured = measure::metrics(test.files.iter().map(|(path, bytes)| (&**path, &**bytes)).filter(json));
    assert!(!measured.numbers.is_empty());
    let config = repository::parse(&project.policy).unwrap();
    let report = play.report(number);
    for rule in config.models.values().flat_map(|model| &model.gates.rules) {
        let value = measured.numbers[&rule.metric].to_string();
        assert!(report.contains(&value), "{} is {value}, but the report says\n{report}", rule.metric);
        println!("really ran on {forge}: {} {} = {value}", project.model, rule.metric);
    }

    Box::pin(goes_out(play, number, &ran)).await;
}

/// What the build left is approved and published as it is.
pub(super) async fn goes_out(mut play: Play, number: u64, ran: &Ran) {
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    let tag = play.project.tags().unwrap().remove(0);
    assert!(!ran.jobs["build"].files.is_empty());
    for (path, digest) in ran.jobs["build"].digests() {
        let line = format!("{digest}  {path}");
        assert!(tag.message.as_ref().unwrap().contains(&line), "`{line}` is not in {:?}", tag.message);
    }
    play.ends().await;
}

fn json((path, _bytes): &(&str, &[u8])) -> bool {
    path.ends_with(".json")
}

/// A merge request with the project's files, whose pipeline the forge's own stand-in has executed: what its
/// jobs left.
pub(super) async fn is_run(forge: ForgeKind, project: &Project) -> (Play, u64, Ran) {
    let mut play = Play::with(forge, &project.policy).await;
    let main = play.project.branch("main").unwrap();
    let files: Vec<_> = project.files.iter().map(|(path, text)| File::write(path, text.clone())).collect();
    play.project.branch_off(AUTHOR, "change", &main, &files, "Change").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "change", "Change").unwrap();
    play.settle().await;

    let work = tempfile::tempdir().unwrap();
    let repository = play.project.git_folder().unwrap();
    let ran = match forge {
        ForgeKind::GitLab => by_gitlab_ci_local::run(&repository, work.path(), project),
        ForgeKind::GitHub => by_act::run(&repository, work.path(), project),
    };
    let run = play.project.head_run(number, &project.model).unwrap().id;
    // Whoever reads the code alone is done first.
    for task in project.jobs().iter().rev().filter(|task| **task == "scan").chain(&["build", "test"]) {
        let left = &ran.jobs[task];
        let files: Vec<_> =
            left.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let job = format!("{}:{task}", project.model);
        let ended = if left.succeeded {
            play.project.job_succeeds(run, &job, &left.log, &files)
        } else {
            play.project.job_fails(run, &job, &left.log, &files)
        };
        ended.unwrap();
        play.settle().await;
    }
    (play, number, ran)
}
