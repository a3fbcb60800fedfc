//! What the configuration files of both sides lead to.

use crate::domain::*;
use crate::engine::{Configuration, touched};

use super::scene::*;

const ACCURACY: &[(&str, &str)] = &[("accuracy", "0.95")];

#[test]
fn without_a_file_we_are_not_here() {
    let mut scene = Scene::new();
    scene.facts.policy = Configuration::Absent;
    scene.facts.proposal = Configuration::Absent;
    scene.tested(ACCURACY);
    scene.says("alice", "/model status");
    assert!(scene.effects.is_empty());
    assert_eq!(scene.state, State::default());
}

#[test]
fn an_invalid_file_is_an_error_with_its_excerpt_and_nothing_runs() {
    for side in 0..2 {
        let mut scene = Scene::new();
        let broken = Configuration::Invalid { problems: "line 3: what is `modells`?".to_owned() };
        *(if side == 0 { &mut scene.facts.policy } else { &mut scene.facts.proposal }) = broken;
        scene.tested(ACCURACY).look();
        assert_eq!(scene.status("mergewright"), Some(StatusState::Error));
        assert!(scene.sticky().invalid_configuration.as_ref().unwrap().contains("modells"));
        assert!(scene.state.models.is_empty() && scene.acts().is_empty());
        assert_eq!(scene.says("alice", "/model approve").refusal(), "invalid-configuration");
        assert_eq!(scene.says("eve", "/model status").refusal(), "invalid-configuration");
        assert!(scene.look().effects.is_empty(), "said once");
    }
}

#[test]
fn what_was_decided_survives_a_file_that_is_invalid_for_a_while() {
    let mut scene = Scene::ready();
    scene.facts.policy = Configuration::Invalid { problems: "broken".to_owned() };
    assert_eq!(scene.look().status("mergewright"), Some(StatusState::Error));
    scene.facts.policy = config(POLICY);
    assert_eq!(scene.look().phase(), Phase::Ready);
    assert_eq!(scene.status("mergewright"), Some(StatusState::Success));
}

#[test]
fn what_was_merged_beside_an_invalid_file_is_not_published_and_does_not_hang() {
    let mut scene = Scene::ready();
    scene.facts.policy = Configuration::Invalid { problems: "broken meanwhile".to_owned() };
    scene.merged("mia").look();
    assert_eq!(scene.phase(), Phase::Unblessed);
    assert!(scene.section().notices.iter().any(|notice| notice.contains("invalid when it was merged")));
    assert_eq!(scene.look().phase(), Phase::Unblessed);
}

#[test]
fn without_a_touched_model_there_is_one_status_and_no_comment() {
    let mut scene = Scene::new();
    scene.facts.changed_paths = Some(paths(&["README.md"]));
    assert!(scene.look().effects.is_empty(), "GitLab shows no status before there is a run");
    scene.run();
    scene.look();
    let [Effect::Status { status, run: Some(_), .. }] = scene.effects.as_slice() else {
        panic!("{:?}", scene.effects)
    };
    assert_eq!((status.state, status.description.as_str()), (StatusState::Success, "no model changed"));
}

#[test]
fn a_strategy_that_is_not_numbered_here_is_an_error_and_no_number() {
    let mut scene = Scene::new().with("strategy: sequence", "strategy: semver");
    scene.tested(ACCURACY).look();
    assert_eq!(scene.status("mergewright"), Some(StatusState::Error));
    assert!(scene.section().notices.iter().any(|notice| notice.contains("`sequence` only")));
    scene.merged("mia").look();
    assert_eq!((scene.phase(), scene.acts().len()), (Phase::Unblessed, 0));
}

#[test]
fn touched_is_what_either_side_says() {
    let target = config(POLICY);
    let head = config(&POLICY.replace("models/iris/**", "src/iris/*"));
    let same = |paths_: &[&str]| touched(&target, &target, &paths(paths_)).len();
    assert_eq!(same(&["models/iris/a/b.py"]), 1, "`**` crosses folders");
    assert_eq!(same(&["models/irises/a", "README.md"]), 0);
    assert_eq!(touched(&head, &head, &paths(&["src/iris/a/b"])).len(), 0, "`*` does not");
    assert_eq!(touched(&head, &head, &paths(&["src/iris/a"])).len(), 1);
    let file = paths(&[".mergewright.yml"]);
    assert_eq!(touched(&target, &head, &file).len(), 1, "its section changed");
    assert_eq!(touched(&target, &Configuration::Absent, &file).len(), 1, "it vanished");
    assert_eq!(touched(&Configuration::Absent, &target, &file).len(), 1, "it is new");
    for (before, after) in [(&target, &head), (&target, &Configuration::Absent)] {
        let others = touched(before, after, &paths(&["README.md"]));
        assert_eq!(others.len(), 0, "the target branch changed it, not the merge request");
    }
}

#[test]
fn touched_is_also_what_depends_on_it_through_others() {
    let section = |name: &str, on: &str| {
        let section = POLICY.split("models:\n").nth(1).unwrap().replace("iris", name);
        format!("{section}    depends_on: [{on}]\n")
    };
    let all = [section("a", ""), section("b", "a"), section("c", "b"), section("d", "")].concat();
    let now = config(&format!("version: 1\nmodels:\n{all}"));
    let names = |path: &str| {
        let touched = touched(&now, &now, &paths(&[path]));
        touched.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names("models/a/params.json"), ["a", "b", "c"]);
    assert_eq!(names("models/c/params.json"), ["c"]);
    let loose = config(&format!("version: 1\nmodels:\n{}", all.replace("depends_on: [a]", "depends_on: []")));
    let touched = touched(&loose, &now, &paths(&["models/a/params.json"]));
    assert_eq!(touched.len(), 3, "the head's own word counts as well: {touched:?}");
}

#[test]
fn removing_a_model_needs_an_owner_and_publishes_nothing() {
    let mut scene = Scene::new();
    let other = POLICY.split("models:\n").nth(1).unwrap().replace("iris", "digits");
    scene.facts.policy = config(&format!("{POLICY}{other}"));
    scene.facts.proposal = config(&format!("version: 1\nmodels:\n{other}"));
    // What goes with it: its data, its scripts, its jobs.
    let gone = ["models/iris/evaluate.py", "models/iris/data/holdout.csv", ".gitlab-ci.yml"];
    scene.facts.changed_paths = Some(paths(&gone));
    scene.run();
    scene.look();
    assert_eq!(scene.phase(), Phase::AwaitingApproval);
    scene.says("alice", "/model approve");
    assert_eq!(scene.phase(), Phase::Ready, "{:?}", scene.answers());
    scene.merged("mia").look();
    assert_eq!((scene.phase(), scene.acts().len()), (Phase::Merged, 0));
    assert_eq!(scene.status("mergewright/iris/publish"), None, "nothing will be published");
    assert!(scene.section().next_step.contains("Nothing is left"), "{}", scene.section().next_step);
    assert_eq!(scene.says("alice", "/model publish").refusal(), "model-removed");
}
