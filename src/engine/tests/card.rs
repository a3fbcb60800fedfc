//! The model card: one that is missing or incomplete keeps a model from being published, and says what to do.

use crate::domain::*;
use crate::engine::Configuration;
use crate::engine::card::{CardFact, outline};

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];
const GOOD: &str =
    "---\nlicense: mit\n---\n# Iris\n\n## Intended use\n\nFlowers.\n\n## Limitations\n\nMany.\n";

fn asked() -> Scene {
    let card = "review: {approvals: 1, owners: ['@alice'], card: CARD.md, card_sections: [intended use, limitations]}";
    Scene::new().with("review: {approvals: 1, owners: ['@alice']}", card)
}

fn with_card(card: &str) -> Scene {
    let mut scene = asked();
    scene.open().cards.insert(iris(), CardFact::Read(outline(card.as_bytes()).unwrap()));
    scene
}

fn review(scene: &Scene) -> Option<StatusState> {
    scene.status("mergewright/iris/review")
}

#[test]
fn a_complete_card_is_shown_and_stands_in_nobodys_way() {
    let mut scene = with_card(GOOD);
    scene.tested(ACCURACY).look();
    let card = scene.section().card.clone().unwrap();
    assert_eq!((card.path.as_str(), card.problems.as_slice()), ("models/iris/CARD.md", &[][..]));
    scene.says("alice", "/model approve");
    assert_eq!((scene.phase(), review(&scene)), (Phase::Ready, Some(StatusState::Success)));
}

#[test]
fn an_incomplete_card_fails_the_review_whoever_approves() {
    let mut scene = with_card("## Intended use\n\nFlowers.\n");
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    assert_eq!(review(&scene), Some(StatusState::Failure));
    assert_eq!(scene.status("mergewright"), Some(StatusState::Pending));
    let marks: Vec<_> = scene.section().stages.iter().map(|mark| mark.mark).collect();
    assert_eq!(marks, [Mark::Passed, Mark::Passed, Mark::Failed, Mark::Waiting]);
    let next = &scene.section().next_step;
    assert!(
        next.contains("CARD.md") && next.contains("`limitations`") && next.contains("Push a commit"),
        "{next}"
    );
    assert_eq!(scene.section().approved_by, ["alice"], "the approval itself stands");
    scene.says("bob", "/model explain review");
    let answers = format!("{:?}", scene.answers());
    assert!(
        answers.contains("review.card") && answers.contains("There is no heading `limitations`"),
        "{answers}"
    );
}

#[test]
fn publish_is_refused_by_name_and_cannot_be_armed() {
    let mut scene = asked();
    scene.open().cards.insert(iris(), CardFact::Absent);
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve");
    for command in ["/model publish", "/model publish --when-ready"] {
        scene.says("alice", command);
        assert_eq!(scene.refusal(), "card-incomplete", "{command}");
        assert!(scene.model().armed.is_none());
    }
    scene.says("alice", "/model publish --dry-run");
    assert!(scene.text().contains("CARD.md"), "{}", scene.text());
    scene.push('b').tested(ACCURACY);
    scene.open().cards.insert(iris(), CardFact::Read(outline(GOOD.as_bytes()).unwrap()));
    scene.look();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready, "the next head has one");
}

#[test]
fn an_answer_repeats_nothing_that_a_card_says() {
    let mut scene = with_card("---\n'`@everyone': 1\n'`@everyone': 2\n---\n# `@everyone`\n");
    scene.tested(ACCURACY).look();
    assert!(scene.section().next_step.contains("@everyone"), "the report escapes it");
    for command in ["/model status", "/model publish --dry-run"] {
        scene.says("alice", command);
        assert!(!scene.text().contains("everyone"), "{}", scene.text());
    }
}

#[test]
fn what_was_not_read_is_not_taken_for_good() {
    let mut scene = asked();
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve");
    assert_eq!((scene.phase(), review(&scene)), (Phase::AwaitingApproval, Some(StatusState::Failure)));
}

#[test]
fn gates_that_fail_are_said_first_and_the_card_beside_them() {
    let mut scene = with_card("");
    scene.tested(&[("accuracy", "0.5")]).look();
    assert_eq!(scene.phase(), Phase::GateFailed);
    assert!(!scene.section().card.as_ref().unwrap().problems.is_empty());
    assert!(!scene.section().next_step.contains("CARD.md"), "{}", scene.section().next_step);
}

#[test]
fn merged_with_an_incomplete_card_it_is_not_published() {
    let mut scene = with_card("## Intended use\n\nFlowers.\n");
    scene.tested(ACCURACY).look();
    scene.says("alice", "/model approve");
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::Unblessed);
}

#[test]
fn a_model_that_goes_needs_no_card() {
    let mut scene = asked();
    scene.facts.proposal = Configuration::Absent;
    scene.look();
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready);
    assert_eq!(scene.model().card, None);
}

#[test]
fn the_charts_follow_the_judged_metrics_on_the_same_data() {
    let mut scene = Scene::new();
    for number in 1..=25 {
        scene.published_before(number, &[("accuracy", &format!("0.9{number}"))]);
    }
    let other = scene.facts.registry.get_mut(&iris()).unwrap().versions.last_mut().unwrap();
    other.dataset = Some(sha('e'));
    scene.tested(ACCURACY).look();
    let charts = scene.section().charts.clone();
    let [chart] = charts.as_slice() else { panic!("{charts:?}") };
    assert_eq!((chart.metric.as_str(), chart.points.len(), chart.on_other_data), ("accuracy", 21, 1));
    assert_eq!(chart.points[0].0, "v5");
    assert_eq!(chart.points[20], ("candidate".to_owned(), "0.95".parse().unwrap()));
    assert_eq!(chart.bounds, ["0.90".parse().unwrap()]);
    scene.push('b').look();
    assert!(scene.section().charts.is_empty(), "of another head's numbers nothing is drawn");
}

#[test]
fn a_first_version_has_no_history_to_draw() {
    let mut scene = Scene::new();
    scene.tested(ACCURACY).look();
    assert!(scene.section().charts.is_empty());
    assert_eq!(scene.section().whole_report.as_deref(), Some("https://forge.test/jobs/103"));
}
