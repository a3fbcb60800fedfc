//! Generated CI, really executed: gitlab-ci-local runs the pipeline, act runs the workflow, both offline and
//! without containers, and the bot judges what their jobs left.
//!
//! `MERGEWRIGHT_CI_TOOLS` names the folder in which `.ci/really-run` has installed both.

mod by_act;
mod by_gitlab_ci_local;
mod left;
mod project;

use mergewright::config::repository;
use mergewright::domain::ForgeKind;
use mergewright::engine::measure;
use mergewright::sandbox::File;

use crate::flow::Play;
use crate::flow::forges::on_both_forges;
use crate::flow::play::{AUTHOR, OWNER};
use left::Left;
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
}

async fn the_example_model_is_built_judged_and_published(forge: ForgeKind) {
    let project = Project::example().with(
        "models/iris/params.json",
        r#"{"features": ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"],
            "epochs": 300, "learning_rate": 0.5, "l2": 0.0001}"#,
    );
    is_published(forge, &project).await;
}

async fn a_node_project_is_built_judged_and_published(forge: ForgeKind) {
    is_published(forge, &Project::read("tests/data/projects/node")).await;
}

async fn a_maven_project_is_built_judged_and_published(forge: ForgeKind) {
    // Offline, Maven knows what Debian packages hold.
    let offline = "-o\n-s\n/etc/maven/settings-debian.xml\n-Dmaven.repo.local=/usr/share/maven-repo\n";
    let project = Project::read("tests/data/projects/maven").with("models/spam/.mvn/maven.config", offline);
    is_published(forge, &project).await;
}

async fn a_test_that_fails_is_named_in_the_report(forge: ForgeKind) {
    let project = Project::example().with(
        "models/iris/params.json",
        r#"{"features": ["sepal_width_cm"], "epochs": 300, "learning_rate": 0.5, "l2": 0.0001}"#,
    );
    let (play, number, [build, test]) = is_run(forge, &project).await;
    assert!(build.succeeded && !test.succeeded, "{}", test.log);
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    assert!(report.contains("names_a_typical_virginica"), "{report}");
    play.ends().await;
}

/// The merge request's jobs pass, the report shows their numbers, and what is published are their bytes.
async fn is_published(forge: ForgeKind, project: &Project) {
    let (mut play, number, [build, test]) = is_run(forge, project).await;
    assert!(build.succeeded && test.succeeded, "{}\n{}", build.log, test.log);
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));

    let measured = measure::metrics(test.files.iter().map(|(path, bytes)| (&**path, &**bytes)).filter(json));
    assert!(!measured.numbers.is_empty());
    let config = repository::parse(&project.policy).unwrap();
    let report = play.report(number);
    for rule in config.models.values().flat_map(|model| &model.gates.rules) {
        let value = measured.numbers[&rule.metric].to_string();
        assert!(report.contains(&value), "{} is {value}, but the report says\n{report}", rule.metric);
        println!("really ran on {forge}: {} {} = {value}", project.model, rule.metric);
    }

    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    let tag = play.project.tags().unwrap().remove(0);
    for (path, digest) in build.digests() {
        let line = format!("{digest}  {path}");
        assert!(tag.message.as_ref().unwrap().contains(&line), "`{line}` is not in {:?}", tag.message);
    }
    play.ends().await;
}

fn json((path, _bytes): &(&str, &[u8])) -> bool {
    path.ends_with(".json")
}

/// A merge request with the project's files, whose pipeline the forge's own stand-in has executed: what the
/// build job and the test job left.
async fn is_run(forge: ForgeKind, project: &Project) -> (Play, u64, [Left; 2]) {
    let mut play = Play::with(forge, &project.policy).await;
    let main = play.project.branch("main").unwrap();
    let files: Vec<_> = project.files.iter().map(|(path, text)| File::write(path, text.clone())).collect();
    play.project.branch_off(AUTHOR, "change", &main, &files, "Change").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "change", "Change").unwrap();
    play.settle().await;

    let work = tempfile::tempdir().unwrap();
    let repository = play.project.git_folder().unwrap();
    let left = match forge {
        ForgeKind::GitLab => by_gitlab_ci_local::run(&repository, work.path(), project),
        ForgeKind::GitHub => by_act::run(&repository, work.path(), project),
    };
    let run = play.project.head_run(number, &project.model).unwrap().id;
    for (task, left) in ["build", "test"].into_iter().zip(&left) {
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
    (play, number, left)
}
