use super::expression::{Scope, condition, interpolate};
use super::*;
use crate::sandbox::ci::When;

const SPEECH: &str =
    include_str!("../../../../tests/data/golden/github/two-models/.github/workflows/model-speech.yml");
const PATH: &str = ".github/workflows/model-speech.yml";

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn around(reference: &str, protected: bool) -> Surroundings {
    let mut context = texts(&[
        ("github.sha", "5ba"),
        ("github.ref", reference),
        ("github.run_id", "77"),
        ("github.event.repository.default_branch", "main"),
        ("secrets.REGISTRY_TOKEN", "hush"),
    ]);
    context.insert("github.ref_protected".to_owned(), protected.to_string());
    Surroundings { context }
}

fn planned(text: &str, trigger: &Trigger, around: &Surroundings) -> Option<RunPlan> {
    plan(&Workflow::read(PATH, text).unwrap(), trigger, around).unwrap()
}

/// The jobs that would run.
fn running(trigger: &Trigger, around: &Surroundings) -> Vec<String> {
    let plan = planned(SPEECH, trigger, around);
    let jobs = plan.into_iter().flat_map(|plan| plan.jobs);
    jobs.filter(|job| job.when == When::OnSuccess).map(|job| job.name).collect()
}

fn pull_request(path: &str) -> Trigger {
    let (action, base) = ("synchronize".to_owned(), "main".to_owned());
    Trigger::PullRequest { action, base, changed: vec![path.to_owned()], fork: false }
}

fn push(branch: &str, path: &str) -> Trigger {
    Trigger::Push { branch: Some(branch.to_owned()), tag: None, changed: Some(vec![path.to_owned()]) }
}

fn dispatch(inputs: &[(&str, &str)]) -> Trigger {
    Trigger::Dispatch { inputs: texts(inputs) }
}

#[test]
fn each_event_runs_its_jobs_and_no_other() {
    let main = around("refs/heads/main", true);
    let judged = ["build", "test"];
    for (trigger, around, expected) in [
        (pull_request("speech/deep/model.py"), around("refs/pull/3/merge", false), &judged[..]),
        (pull_request(".mergewright.yml"), around("refs/pull/3/merge", false), &judged),
        (pull_request("README.md"), around("refs/pull/3/merge", false), &[]),
        (push("main", "speech/a"), main.clone(), &judged),
        (push("main", "docs/a"), main.clone(), &[]),
        (push("master", "speech/a"), around("refs/heads/master", true), &[]),
        (push("feature", "speech/a"), around("refs/heads/feature", false), &[]),
        (Trigger::Push { branch: None, tag: Some("v1".to_owned()), changed: None }, main.clone(), &[]),
        (Trigger::MergeGroup, main.clone(), &["merge_group"]),
        (dispatch(&[("action", "run")]), around("refs/heads/feature", false), &judged),
        (dispatch(&[("action", "publish")]), main.clone(), &["publish"]),
        (dispatch(&[("action", "publish")]), around("refs/heads/main", false), &[]),
        (dispatch(&[("action", "publish")]), around("refs/heads/feature", true), &[]),
        (dispatch(&[("action", "deploy"), ("environment", "staging")]), main.clone(), &["deploy"]),
        (dispatch(&[("action", "rollback"), ("environment", "production")]), main.clone(), &["deploy"]),
        (dispatch(&[("action", "deploy"), ("environment", "elsewhere")]), main.clone(), &[]),
        (dispatch(&[("action", "deploy")]), main.clone(), &[]),
        (dispatch(&[("action", "evaluate"), ("commit", "5ba")]), main.clone(), &["evaluate"]),
        (dispatch(&[("action", "evaluate"), ("commit", "5bb")]), main.clone(), &[]),
        (
            dispatch(&[("action", "evaluate"), ("commit", "5ba")]),
            around("refs/heads/feature", false),
            &["evaluate"],
        ),
        (dispatch(&[("action", "evaluate"), ("commit", "5bb")]), around("refs/heads/feature", false), &[]),
        (dispatch(&[("action", "weekly")]), main, &[]),
    ] {
        assert_eq!(running(&trigger, &around), expected, "{trigger:?}");
    }
}

#[test]
fn a_run_tells_what_it_was_started_with() {
    let given = [("action", "deploy"), ("version", "v4"), ("environment", "staging"), ("traffic", "10")];
    let plan = planned(SPEECH, &dispatch(&given), &around("refs/heads/main", true)).unwrap();
    assert_eq!(plan.title, "mergewright deploy v4 - staging 10 -");
    assert_eq!(plan.environment["MERGEWRIGHT_ENVIRONMENT"], "staging");
    assert_eq!(plan.environment["MERGEWRIGHT_COMMIT"], "5ba");
    assert_eq!(plan.environment["MERGEWRIGHT_SOURCE"], "");
    let group = plan.concurrency.unwrap();
    assert_eq!((group.group.as_str(), group.cancel_in_progress), ("mergewright-speech-77", false));
    let deploy = plan.jobs.iter().find(|job| job.name == "deploy").unwrap();
    assert_eq!(deploy.environment.as_deref(), Some("staging"));
    assert_eq!(deploy.resource_group.as_deref(), Some("mergewright-speech-deploy-staging"));
    let names: Vec<&str> =
        deploy.steps.iter().filter(|step| step.after_success).map(|step| step.name.as_str()).collect();
    assert!(
        names.contains(&"Deploy") && !names.contains(&"Roll back") && names.contains(&"Verify"),
        "{names:?}"
    );
}

#[test]
fn a_pull_request_is_built_at_its_head_and_a_newer_run_ends_the_older() {
    let mut around = around("refs/pull/3/merge", false);
    around.context.extend(texts(&[
        ("github.event.pull_request.head.sha", "4ead"),
        ("github.event.pull_request.number", "3"),
    ]));
    let plan = planned(SPEECH, &pull_request("speech/a"), &around).unwrap();
    assert_eq!(plan.title, "", "the forge's own");
    assert_eq!(plan.environment["MERGEWRIGHT_ACTION"], "run");
    let group = plan.concurrency.unwrap();
    assert_eq!((group.group.as_str(), group.cancel_in_progress), ("mergewright-speech-3", true));
    let checkout = Work::Checkout { reference: Some("4ead".to_owned()) };
    assert_eq!(plan.jobs[0].steps[0].work, checkout);
    assert_eq!(plan.jobs[1].needs.as_ref().unwrap()[0].job, "build");
}

#[test]
fn secrets_stay_with_the_steps_that_ask_and_never_reach_a_fork() {
    let main = around("refs/heads/main", true);
    let plan = planned(SPEECH, &dispatch(&[("action", "publish"), ("source", "7")]), &main).unwrap();
    let publish = plan.jobs.iter().find(|job| job.name == "publish").unwrap();
    let holding: Vec<&str> = publish
        .steps
        .iter()
        .filter(|step| step.environment.values().any(|value| value == "hush"))
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(holding, ["Publish"]);
    let leaky = SPEECH.replacen(
        "      - name: \"Build\"\n",
        "      - name: \"Build\"\n        env:\n          T: \"${{ secrets.REGISTRY_TOKEN }}\"\n",
        1,
    );
    let identified = leaky.replacen(
        "      contents: read # to check out the code\n",
        "      contents: read # to check out the code\n      id-token: write # for a test\n",
        1,
    );
    for (fork, expected) in [(false, "hush"), (true, "")] {
        let (action, base) = ("opened".to_owned(), "main".to_owned());
        let trigger = Trigger::PullRequest { action, base, changed: vec!["speech/a".to_owned()], fork };
        let plan = planned(&identified, &trigger, &around("refs/pull/3/merge", false)).unwrap();
        let named: Vec<bool> = plan.jobs.iter().map(|job| job.may_identify).collect();
        assert_eq!(named.iter().filter(|may| **may).count(), usize::from(!fork), "{named:?}");
        let step = plan.jobs[0].steps.iter().find(|step| step.name == "Build").unwrap();
        // The image brings its own tools: nothing is set up between checkout and build.
        assert_eq!(step.environment["T"], expected);
    }
}

#[test]
fn a_dispatch_gives_what_is_asked_for_and_nothing_else() {
    let workflow = Workflow::read(PATH, SPEECH).unwrap();
    assert_eq!(workflow.name, "speech");
    let main = around("refs/heads/main", true);
    for (inputs, expected) in [
        (&[][..], "Required input 'action' not provided"),
        (&[("action", "run"), ("colour", "red")][..], "Unexpected inputs provided: [\"colour\"]"),
    ] {
        let error = plan(&workflow, &dispatch(inputs), &main).unwrap_err();
        assert!(error.0.contains(expected), "{error}");
    }
    let silent = SPEECH.replace("workflow_dispatch:\n    inputs:", "workflow_dispatch:\n    ignored:");
    assert!(Workflow::read(PATH, &silent).unwrap_err().0.contains("ignored"));
}

#[test]
fn what_the_generator_does_not_write_is_an_error_with_its_place() {
    for (from, to, place) in [
        ("    timeout-minutes: 1800\n", "", "jobs:build:timeout-minutes is missing"),
        ("permissions: {}", "permissions: write-all", "permissions should be {}"),
        ("      contents: read", "      contents: write", "jobs:build:permissions: contents: write"),
        (
            "persist-credentials: false",
            "persist-credentials: true",
            "with:persist-credentials should be `false`",
        ),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "is not pinned to a commit"),
        ("actions/checkout@", "acme/checkout@", "acme/checkout is unknown"),
        (
            "          overwrite: true\n",
            "          overwrite: true\n          colour: red\n",
            "with:colour is unknown",
        ),
        ("    needs:\n      - build\n", "    needs:\n      - publish\n", "it needs `publish`"),
        ("  build:\n    name: build\n", "  build:\n    name: build\n    strategy: {}\n", "strategy"),
        ("      - name: \"Build\"\n", "      - name: \"Build\"\n        shell: bash\n", "shell"),
        (
            "    timeout-minutes: 1800\n",
            "    timeout-minutes: 1800\n    defaults:\n      run:\n        shell: pwsh\n",
            "jobs:build:defaults:run:shell should be `bash`",
        ),
        ("github.event_name == 'pull_request'", "github.actor == 'ada'", "`github.actor` is not a name"),
        ("github.ref_protected", "contains(github.ref, 'x')", "`contains`"),
        ("on:\n", "on:\n  schedule: []\n", "schedule"),
    ] {
        assert!(SPEECH.contains(from), "{from}");
        let text = SPEECH.replace(from, to);
        let main = around("refs/heads/main", true);
        let done = Workflow::read(PATH, &text).and_then(|workflow| {
            let publish = plan(&workflow, &dispatch(&[("action", "publish"), ("source", "1")]), &main)?;
            plan(&workflow, &pull_request("speech/a"), &main).map(|build| (publish, build))
        });
        let error = done.unwrap_err();
        assert!(error.0.starts_with(PATH) && error.0.contains(place), "{place}: {error}");
    }
}

#[test]
fn expressions_mean_what_they_mean_on_the_forge() {
    let names = texts(&[("inputs.action", "Run"), ("inputs.empty", ""), ("github.ref_protected", "false")]);
    let scope = |good| Scope { names: &names, good };
    for (text, good, expected) in [
        ("inputs.action == 'run'", None, true),
        ("inputs.action != 'run'", None, false),
        ("inputs.absent == ''", None, true),
        ("inputs.absent", None, false),
        ("!inputs.empty", None, true),
        ("github.ref_protected", None, false),
        ("!github.ref_protected && inputs.action", None, true),
        ("inputs.empty || inputs.action == 'RUN' && true", None, true),
        ("(inputs.action || inputs.empty) && inputs.empty", None, false),
        ("${{ inputs.action }}", None, true),
        ("always()", Some(false), true),
        ("!cancelled()", Some(false), true),
        ("cancelled()", Some(true), false),
        ("success()", Some(false), false),
        ("failure() && inputs.action == 'run'", Some(false), true),
        ("inputs.action == 'run'", Some(false), false),
        ("'it''s' == 'IT''S'", None, true),
    ] {
        assert_eq!(condition(text, scope(good)), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("a ${{ inputs.action }} b", "a Run b"),
        ("${{ inputs.empty || 'x' }}${{ inputs.action && '' || 'y' }}", "xy"),
        ("${{ format('{1}-{0}{{}}', inputs.action, 'z') }}", "z-Run{}"),
        ("echo ${{ '${{' }} x }}", "echo ${{ x }}"),
        ("$HOME ${X} {{ y }}", "$HOME ${X} {{ y }}"),
    ] {
        assert_eq!(interpolate(text, scope(None)).unwrap(), expected, "{text}");
    }
    for text in [
        "inputs.",
        "a",
        "'x",
        "1 == 1",
        "inputs.a ==",
        "(inputs.a",
        "inputs.a inputs.b",
        "always()",
        "format('{3}', 'x')",
        "github.sha",
        "",
    ] {
        assert!(condition(text, scope(None)).is_err(), "{text}");
    }
}
