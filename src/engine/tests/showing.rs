//! What people see, and that it is sent once.

use crate::domain::*;

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

fn statuses(scene: &Scene) -> Vec<(String, StatusState)> {
    let sent = scene.effects.iter().filter_map(|effect| match effect {
        Effect::Status { status, .. } => Some((status.context.clone(), status.state)),
        _ => None,
    });
    sent.collect()
}

#[test]
fn statuses_wait_for_the_run_and_join_it() {
    let mut scene = Scene::new();
    scene.look();
    assert_eq!(statuses(&scene), []);
    let run = scene.run();
    scene.job("build", JobStatus::Running).look();
    assert_eq!(statuses(&scene).len(), 4, "umbrella, build, test, review; no publish before the merge");
    for effect in scene.effects.iter().filter(|effect| effect.kind() == "status") {
        assert!(
            matches!(effect, Effect::Status { run: Some(id), sha: on, .. } if *id == run && *on == sha('a'))
        );
    }
    scene.tested(ACCURACY).look();
    assert_eq!(
        statuses(&scene),
        [
            ("mergewright/iris/build".to_owned(), StatusState::Success),
            ("mergewright/iris/test".to_owned(), StatusState::Success),
        ],
        "umbrella and review are pending as before, and GitLab refuses the same value again"
    );
    scene.run();
    assert_eq!(statuses(scene.look()).len(), 4, "another run shows nothing until it is told");
}

#[test]
fn github_needs_no_run() {
    let mut scene = Scene::new();
    scene.facts.repository.id.forge = ForgeKind::GitHub;
    scene.look();
    assert_eq!(statuses(&scene).len(), 4);
    scene.job("build", JobStatus::Waiting).look();
    assert_eq!(statuses(&scene), [], "nothing changed");
}

#[test]
fn every_phase_has_its_umbrella_and_its_label() {
    let at = |prepare: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::new();
        scene.run();
        prepare(&mut scene);
        scene.look();
        (scene.phase(), scene.status("mergewright").unwrap(), scene.state.shown.label.unwrap())
    };
    let fault = || JobStatus::Failed(FailureCause::Infrastructure("lost".to_owned()));
    use Label::{Building, Failed, Review, Testing};
    use StatusState::{Failure, Pending};
    assert_eq!(at(&|scene| scene.facts.merge_request.draft = true), (Phase::Draft, Pending, Building));
    assert_eq!(at(&|_| ()), (Phase::Building, Pending, Building));
    assert_eq!(
        at(&|s| {
            s.job("build", JobStatus::Succeeded);
        }),
        (Phase::Testing, Pending, Testing)
    );
    assert_eq!(
        at(&|s| {
            s.job("build", fault());
        }),
        (Phase::InfraError, Pending, Testing)
    );
    assert_eq!(
        at(&|s| {
            s.tested(ACCURACY);
        }),
        (Phase::AwaitingApproval, Pending, Review)
    );
    assert_eq!(
        at(&|s| {
            s.tested(&[]);
        }),
        (Phase::GateFailed, Failure, Failed)
    );
    let inconclusive = |scene: &mut Scene| {
        scene.published_before(1, ACCURACY).tested(ACCURACY).report().dataset = None;
    };
    assert_eq!(at(&inconclusive), (Phase::Inconclusive, Pending, Review));

    let mut scene = Scene::ready();
    assert_eq!(
        (scene.status("mergewright"), scene.state.shown.label),
        (Some(StatusState::Success), Some(Label::Ready))
    );
    scene.says("alice", "/model publish");
    assert_eq!(scene.state.shown.label, Some(Label::Publishing));
    assert_eq!(scene.status("mergewright"), Some(StatusState::Success));
    assert_eq!(scene.status("mergewright/iris/publish"), None, "not before the merge");
    scene.merged("mergewright").look();
    assert_eq!(scene.status("mergewright/iris/publish"), Some(Pending));
}

#[test]
fn several_models_are_one_comment_one_label_and_the_worst_umbrella() {
    let two = format!("{POLICY}{}", POLICY.split("models:\n").nth(1).unwrap().replace("iris", "digits"));
    let mut scene = Scene::new().config(&two);
    scene.facts.changed_paths = Some(paths(&["models/iris/a", "models/digits/a"]));
    scene.job("build", JobStatus::Failed(FailureCause::Script)).look();
    let models = scene.sticky().models.iter().map(|section| section.model.to_string());
    assert_eq!(models.collect::<Vec<_>>(), ["digits", "iris"]);
    assert_eq!(scene.state.shown.label, Some(Label::Failed));
    assert_eq!(scene.status("mergewright"), Some(StatusState::Failure));
    assert_eq!(scene.effects.iter().filter(|effect| effect.kind() == "label").count(), 1);
}

#[test]
fn the_comment_is_sent_when_it_changed_and_not_otherwise() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95"), ("latency_ms", "12")]).look();
    let section = scene.section();
    assert_eq!(section.gates[0].rule, "accuracy");
    assert_eq!(section.other_metrics, [("latency_ms".to_owned(), "12".parse().unwrap())]);
    assert!(section.baseline.starts_with("First version"));
    assert_eq!((section.approvals_needed, section.approved_by.len()), (1, 0));
    assert!(section.lineage.iter().any(|(name, value)| name == "head" && *value == sha('a').to_string()));
    assert!(scene.look().effects.is_empty());
    scene.says("alice", "/model approve");
    assert_eq!(scene.section().approved_by, ["alice"]);
}

#[test]
fn the_worst_rule_stands_first() {
    let rules = "        - {metric: latency, direction: lower, max: 5}\n    review";
    let mut scene = Scene::new().with("    review", rules);
    scene.tested(&[("accuracy", "0.95"), ("latency", "6")]).look();
    let verdicts = scene.section().gates.iter().map(|judged| (judged.rule.as_str(), judged.verdict));
    assert_eq!(verdicts.collect::<Vec<_>>(), [("latency", Verdict::Fail), ("accuracy", Verdict::Pass)]);
}

fn described(scene: &Scene, context: &str) -> String {
    scene.state.shown.statuses.get(context).map(|status| status.description.clone()).unwrap_or_default()
}

#[test]
fn a_sentence_stays_true_as_long_as_its_value_and_alone_is_never_sent() {
    for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
        let mut scene = Scene::new();
        scene.facts.repository.id.forge = forge;
        scene.run();
        scene.job("build", JobStatus::Running).look();
        for context in
            ["mergewright", "mergewright/iris/build", "mergewright/iris/test", "mergewright/iris/review"]
        {
            assert_eq!(
                described(&scene, context),
                "not decided yet: the report says what is awaited",
                "{forge}"
            );
        }
        scene.tested(ACCURACY).look();
        assert_eq!(
            statuses(&scene).iter().filter(|(context, _)| context == "mergewright").count(),
            0,
            "{forge}"
        );
        assert_eq!(described(&scene, "mergewright/iris/build"), "the build job ended well");
        assert_eq!(described(&scene, "mergewright/iris/test"), "1 of 1 rule is met");
        scene.says("alice", "/model approve");
        assert_eq!(described(&scene, "mergewright"), "build, test and review are good");
        assert_eq!(described(&scene, "mergewright/iris/review"), "1 approval by an owner");
    }
}

#[test]
fn a_failed_status_counts_the_rules_that_are_not_met() {
    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.1")]).look();
    assert_eq!(described(&scene, "mergewright/iris/test"), "1 of 1 rules is not met");
    let mut broken = Scene::new();
    broken.job("build", JobStatus::Failed(FailureCause::Script)).look();
    assert_eq!(described(&broken, "mergewright"), "iris: the build job failed");
}
