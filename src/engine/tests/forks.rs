//! Code from outside: what lets it run, and what does not.

use crate::domain::*;

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

fn forked() -> Scene {
    let mut scene = Scene::new();
    scene.facts.merge_request.from_fork = true;
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingRun);
    scene
}

#[test]
fn a_fork_runs_only_at_a_sha_that_a_maintainer_names() {
    let mut scene = forked();
    let head = sha('a');
    assert_eq!(scene.says("dave", &format!("/model run {}", head.short())).refusal(), "not-maintainer");
    assert_eq!(scene.says("mia", "/model run").refusal(), "sha-required");
    assert_eq!(scene.says("mia", &format!("/model run {}", sha('b').short())).refusal(), "head-moved");
    scene.says("mia", &format!("/model run {}", head.short()));
    assert_eq!(scene.phase(), Phase::Building);
    assert!(scene.acts().contains(&format!("start_run:{head}:1")));
    scene.push('b').look();
    assert_eq!(scene.phase(), Phase::AwaitingRun, "another push needs another word");
}

#[test]
fn a_fork_whose_run_the_forge_started_itself_is_read() {
    let mut scene = forked();
    scene.tested(ACCURACY).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn a_few_digits_that_begin_two_heads_name_neither() {
    let mut scene = forked();
    let (seen, twin) = (sha('a'), format!("{}{}", &sha('a').as_str()[..10], "0".repeat(30)));
    let twin: Sha = twin.parse().unwrap();
    scene.push('b').look();
    scene.facts.merge_request.head = twin.clone();
    scene.facts.open = Some(crate::engine::OpenFacts::default());
    scene.look();
    scene.says("mia", &format!("/model run {}", seen.short()));
    assert_eq!(scene.refusal(), "sha-ambiguous", "{} was looked at, {twin} is the head", seen.short());
    assert_eq!(scene.says("mia", &format!("/model run {seen}")).refusal(), "head-moved");
    assert_eq!(scene.phase(), Phase::AwaitingRun);
    scene.says("mia", &format!("/model run {twin}"));
    assert_eq!(scene.phase(), Phase::Building);
}

#[test]
fn a_fork_on_github_that_needs_secrets_ends_with_that_reason_and_on_gitlab_a_maintainer_gives_them() {
    for forge in [ForgeKind::GitHub, ForgeKind::GitLab] {
        let mut scene = Scene::new();
        let text = POLICY.replace("version: 1\n", "version: 1\nsecrets: [TOKEN]\n");
        let text = text.replace("artifacts: [model.json]}", "artifacts: [model.json], secrets: [TOKEN]}");
        scene.facts.proposal = config(&text);
        scene.facts.policy = scene.facts.proposal.clone();
        scene.facts.repository.id.forge = forge;
        scene.facts.merge_request.from_fork = true;
        scene.look();
        let run = format!("/model run {}", sha('a').short());
        if forge == ForgeKind::GitLab {
            assert_eq!(scene.phase(), Phase::AwaitingRun);
            scene.says("mia", &run);
            assert_eq!(scene.phase(), Phase::Building);
            continue;
        }
        assert_eq!(scene.phase(), Phase::GateFailed);
        assert!(scene.section().next_step.contains("`TOKEN`"), "{}", scene.section().next_step);
        assert_eq!(scene.says("mia", &run).refusal(), "secrets-withheld");
        scene.tested(ACCURACY).look();
        assert_eq!(scene.phase(), Phase::AwaitingApproval, "it did without: what it measured counts");
    }
}

#[test]
fn a_fork_whose_jobs_were_called_off_waits_for_a_maintainer() {
    let mut scene = forked();
    scene.job("build", JobStatus::Cancelled).look();
    assert_eq!(scene.phase(), Phase::AwaitingRun);
    scene.says("mia", &format!("/model run {}", sha('a').short()));
    assert_ne!(scene.phase(), Phase::AwaitingRun, "named: from now on somebody called it off");
}
