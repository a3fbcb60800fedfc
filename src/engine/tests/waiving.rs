//! Waivers: one rule, exactly what was judged, and the verdict stays to be seen.

use proptest::prelude::*;

use crate::domain::*;

use super::scene::*;

const WORSE: &[(&str, &str)] = &[("accuracy", "0.85")];
const WAIVE: &str = "/model waive accuracy the holdout is known to be mislabelled";

/// One rule is not met.
fn failed() -> Scene {
    let mut scene = Scene::new();
    scene.tested(WORSE).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    scene
}

fn waived() -> Scene {
    let mut scene = failed();
    scene.says("alice", WAIVE);
    assert_eq!((scene.phase(), scene.answers()), (Phase::AwaitingApproval, vec![]));
    scene
}

fn void(scene: &Scene, why: &str) -> bool {
    scene.model().notices.contains(&format!("The waiver of `accuracy` by @alice is void: {why}."))
}

#[test]
fn a_waived_rule_lets_the_model_on_and_its_verdict_is_still_shown() {
    let mut scene = waived();
    let row = scene.section().gates[0].clone();
    assert_eq!(row.verdict, Verdict::Fail);
    let told = row.waived.as_ref().unwrap().told();
    assert_eq!(told, "waived by @alice: the holdout is known to be mislabelled");
    assert_eq!(scene.status("mergewright/iris/test"), Some(StatusState::Success));
    let test = &scene.state.shown.statuses["mergewright/iris/test"];
    assert_eq!(test.description, "0 of 1 rule is met, 1 waived");
    scene.says("alice", "/model approve");
    assert_eq!((scene.phase(), scene.status("mergewright")), (Phase::Ready, Some(StatusState::Success)));
    scene.merged("mia").look();
    let lineage = scene.effects.iter().find_map(|effect| match effect {
        Effect::CreateTag { lineage, .. } => Some(lineage.clone()),
        _ => None,
    });
    let lineage = lineage.expect("the tag takes the number");
    assert_eq!(lineage.waivers, [row.waived.unwrap()]);
    assert!(
        lineage.canonical().contains(r#""rule":"accuracy","verdict":"fail"}]}"#),
        "{}",
        lineage.canonical()
    );
}

#[test]
fn a_lineage_without_waivers_reads_and_writes_as_ever() {
    let plain = record(1, WORSE).lineage;
    assert!(!plain.canonical().contains("waivers"));
    assert_eq!(serde_json::from_str::<Lineage>(&plain.canonical()).unwrap(), plain);
}

#[test]
fn a_new_head_drops_it_and_going_back_does_not_bring_it_again() {
    let mut scene = waived();
    scene.push('b').tested(WORSE).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    assert!(void(&scene, "the head moved"), "{:?}", scene.model().notices);
    scene.push('a').tested(WORSE).look();
    assert_eq!(scene.phase(), Phase::GateFailed, "the waiver is of that head, but it was dropped");
    scene.says("alice", WAIVE);
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
}

#[test]
fn a_moved_base_another_policy_and_another_report_drop_it() {
    let mut scene = waived();
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["models/iris/train.py"]));
    scene.look();
    assert!(void(&scene, "the target branch changed models/iris/train.py, which the model is made from"));

    let mut scene = waived();
    scene.facts.policy = config(&POLICY.replace("min: 0.90", "min: 0.91"));
    scene.look();
    assert!(void(&scene, "the model's policy on the target branch changed"));

    let mut scene = waived();
    scene.rerun("test", JobStatus::Succeeded).reported(WORSE).look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval, "the same numbers of another job are the same report");
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.80")]).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    assert!(void(&scene, "the report changed"));
}

#[test]
fn a_base_that_moved_elsewhere_leaves_it() {
    let mut scene = waived();
    scene.facts.base = sha('1');
    scene.facts.base_moved = Some(paths(&["README.md"]));
    scene.look();
    scene.facts.base_moved = None;
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "{:?}", scene.model().notices);
}

#[test]
fn a_waiver_falls_with_the_rights_of_its_giver() {
    let mut scene = waived();
    scene.facts.people.insert(user("alice").id, Standing::Unknown);
    assert_eq!(scene.look().phase(), Phase::AwaitingApproval, "they were read when it was given");
    let mut scene = scene.person("alice", Permission::None);
    assert_eq!(scene.look().phase(), Phase::GateFailed);
    assert!(void(&scene, "who gave it is no owner any more"));
}

#[test]
fn who_may_not_what_cannot_and_what_need_not_be_waived_is_refused() {
    let mut scene = failed();
    for login in ["bob", "dave", "eve", "mia"] {
        assert_eq!(scene.says(login, WAIVE).refusal(), "not-owner", "{login}");
    }
    scene.says("alice", "/model waive acuracy because");
    assert_eq!(scene.refusal(), "rule-unknown");
    assert!(matches!(&scene.answers()[0], Answer::Refused { remedy, .. } if remedy.contains("`accuracy`")));
    scene.says("alice", "/model waive accuracy");
    assert!(matches!(&scene.answers()[0], Answer::Misunderstood { .. }), "a reason is asked for");
    scene.says("alice", WAIVE);
    assert_eq!(scene.says("alice", WAIVE).refusal(), "waived-already");

    let mut scene = Scene::new();
    scene.tested(&[("accuracy", "0.95")]).look();
    assert_eq!(scene.says("alice", WAIVE).refusal(), "not-failing");

    let mut scene = Scene::new().with("min: 0.90,", "min: 0.90, required: true,");
    scene.tested(WORSE).look();
    assert!(!scene.section().next_step.contains("waive"), "{}", scene.section().next_step);
    assert_eq!(scene.says("alice", WAIVE).refusal(), "required-rule");

    let mut scene = Scene::new().with("min: 0.90,", "min: 0.90, level: warn,");
    scene.tested(WORSE).look();
    assert_eq!(scene.says("alice", WAIVE).refusal(), "not-failing", "it only warns");
}

#[test]
fn without_a_report_there_is_nothing_to_waive() {
    let mut scene = Scene::new();
    scene.job("build", JobStatus::Running).look();
    assert_eq!(scene.says("alice", WAIVE).refusal(), "no-report");
    scene.job("build", JobStatus::Succeeded).job("test", JobStatus::Succeeded);
    let why = "the artifacts are gone".to_owned();
    scene.open().reports.insert(iris(), crate::engine::ReportFact::Unreadable { why });
    scene.look();
    assert_eq!(
        (scene.phase(), scene.says("alice", WAIVE).refusal().as_str()),
        (Phase::GateFailed, "no-report")
    );
}

#[test]
fn a_waiver_written_before_another_report_came_is_not_for_that_one() {
    let mut scene = failed();
    let told = scene.comment("alice", WAIVE);
    scene.rerun("test", JobStatus::Succeeded).reported(&[("accuracy", "0.2")]).look();
    scene.facts.comments = vec![told];
    scene.look();
    assert_eq!((scene.phase(), scene.refusal()), (Phase::GateFailed, "no-report".to_owned()));
}

#[test]
fn a_missing_metric_and_incomparable_numbers_can_be_waived() {
    let mut scene = Scene::new();
    scene.tested(&[("loss", "0.1")]).look();
    scene.says("alice", WAIVE);
    assert_eq!(scene.phase(), Phase::AwaitingApproval);

    let mut scene = Scene::new();
    scene.published_before(1, &[("accuracy", "0.95")]).tested(&[("accuracy", "0.95")]);
    scene.report().dataset = Some(sha('e'));
    scene.look();
    assert_eq!(scene.phase(), Phase::Testing);
    scene.says("alice", WAIVE);
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert_eq!(scene.section().gates[0].verdict, Verdict::Incomparable);
}

#[test]
fn a_waiver_of_what_could_not_be_compared_is_none_of_a_failure() {
    let mut scene = Scene::new();
    scene.published_before(1, &[("loss", "0.95")]).tested(&[("accuracy", "0.95")]).look();
    assert_eq!(scene.phase(), Phase::Inconclusive, "version 1 has no accuracy");
    scene.says("alice", WAIVE);
    scene.published_before(2, &[("accuracy", "0.99")]).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    assert!(void(&scene, "the rule is met even less since"), "{:?}", scene.model().notices);
}

#[test]
fn an_id_covers_every_slice_of_its_rule() {
    let rule = "{metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}";
    let sliced = "{id: accuracy, metric: auc, slice: region, direction: higher, min: 0.90}";
    let mut scene = Scene::new().with(rule, sliced);
    scene.tested(&[("auc.region.eu", "0.8"), ("auc.region.us", "0.7"), ("auc.region.cn", "0.95")]).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    scene.says("alice", WAIVE);
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert_eq!(scene.model().judged.iter().filter(|row| row.waived.is_some()).count(), 2);
}

#[test]
fn an_owner_who_wrote_it_may_waive_and_the_report_says_so() {
    let mut scene = Scene::new().with("owners: ['@alice']", "owners: ['@alice', '@bob']");
    scene.tested(WORSE).look();
    scene.says("bob", WAIVE);
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    let told = scene.section().gates[0].waived.as_ref().unwrap().told();
    assert!(told.starts_with("waived by its author @bob: "), "{told}");
}

#[test]
fn failing_tests_are_no_rule() {
    let mut scene = failed();
    let failure = TestFailure { name: "shape".to_owned(), message: String::new(), file: None, line: None };
    scene.report().tests = Some(TestSummary { total: 1, skipped: 0, failed: vec![failure], failed_more: 0 });
    scene.look();
    scene.says("alice", WAIVE);
    assert_eq!(scene.phase(), Phase::GateFailed);
    assert!(!scene.section().next_step.contains("waive"));
}

/// What happens to a merge request whose head `a` and `c` miss a rule, and whose head `b` meets all.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Push(char),
    Test,
    Base(bool),
    Policy,
    Says(&'static str),
    MergeIsPutOff,
    TimePasses,
}

fn happens() -> impl Strategy<Value = Happens> {
    let words = [
        WAIVE,
        "/model hold",
        "/model unhold",
        "/model approve",
        "/model publish",
        "/model publish --when-ready",
    ];
    prop_oneof![
        2 => proptest::sample::select(vec!['a', 'b', 'c']).prop_map(Happens::Push),
        4 => Just(Happens::Test),
        1 => any::<bool>().prop_map(Happens::Base),
        1 => Just(Happens::Policy),
        8 => proptest::sample::select(words.to_vec()).prop_map(Happens::Says),
        1 => Just(Happens::MergeIsPutOff),
        1 => Just(Happens::TimePasses),
    ]
}

fn live(scene: &mut Scene, what: Happens, step: u32) {
    scene.facts.base_moved = None;
    match what {
        Happens::Push(name) if scene.facts.merge_request.head != sha(name) => {
            scene.push(name).look();
        }
        Happens::Test => {
            if !scene.model().stale.is_empty() {
                scene.run();
            }
            let good = scene.facts.merge_request.head == sha('b');
            scene.tested(if good { &[("accuracy", "0.95")] } else { WORSE }).look();
        }
        Happens::Base(touching) => {
            scene.facts.base = format!("{step:040x}").parse().unwrap();
            let path = if touching { "models/iris/data.py" } else { "README.md" };
            scene.facts.base_moved = Some(paths(&[path]));
            scene.look();
        }
        Happens::Policy => {
            let text = POLICY.replace("min: 0.90", &format!("min: 0.{}", 90 + step % 3));
            scene.facts.policy = config(&text);
            scene.look();
        }
        Happens::Says(words) => {
            scene.says("alice", words);
        }
        Happens::MergeIsPutOff => {
            if let Some(slot) = scene.state.merging.as_ref().and_then(|merging| merging.asked.clone()) {
                scene.outcome(&slot, Outcome::Conflict { reason: "checking".to_owned() });
            }
        }
        Happens::TimePasses => {
            scene.now = Timestamp(scene.now.0 + 600_000);
            scene.look();
        }
        Happens::Push(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_waiver_outlives_its_head_and_nothing_held_is_merged(
        history in proptest::collection::vec(happens(), 0..40)
    ) {
        let mut scene = Scene::new();
        scene.look();
        for (step, what) in (1..).zip(history) {
            live(&mut scene, what, step);
            let (model, bound) = (scene.model(), scene.state.bound.as_ref().unwrap());
            for waiver in &model.waivers {
                prop_assert_eq!((&waiver.head, &waiver.base), (&bound.head, &bound.base));
                prop_assert_eq!(waiver.policy, model.policy);
            }
            let waived = model.judged.iter().filter_map(|row| row.waived.as_ref());
            for waived in waived {
                prop_assert!(model.waivers.iter().any(|waiver| waiver.waived == *waived));
            }
            if matches!(model.phase, Phase::AwaitingApproval | Phase::Ready | Phase::Held | Phase::Merging) {
                let excused = |row: &&Judged| row.verdict.blocks() && row.waived.is_none();
                prop_assert_eq!(model.judged.iter().find(excused), None);
            }
            let merge = scene.effects.iter().any(|effect| matches!(effect, Effect::Merge { .. }));
            if scene.state.holds.contains_key(&iris()) {
                prop_assert!(!merge, "{:?}", what);
                prop_assert!(model.phase != Phase::Ready);
            }
        }
    }
}
