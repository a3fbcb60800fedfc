//! Checks under an App: the umbrella with its report, remarks on lines, and buttons that are commands.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{CheckRun, Copies, Fault, Manner, Role};

use super::Play;
use super::play::{AUTHOR, OWNER};

const GOOD: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;

/// The newest check of a name on the merge request's head.
fn check(play: &Play, number: u64, name: &str) -> CheckRun {
    let head = play.project.merge_request(number).unwrap().head;
    let mut checks = play.project.checks(&head).unwrap();
    checks.remove(name).unwrap_or_else(|| panic!("no check {name}: {:?}", checks.keys()))
}

/// How far it is, or what it came to.
fn value(play: &Play, number: u64, name: &str) -> String {
    let check = check(play, number, name);
    assert_eq!(check.conclusion.is_some(), check.status == "completed", "{check:?}");
    check.conclusion.unwrap_or(check.status)
}

/// The identifiers of its buttons.
fn buttons(play: &Play, number: u64) -> Vec<String> {
    let actions = check(play, number, "mergewright").actions;
    actions.into_iter().map(|action| action.identifier).collect()
}

/// The only answer to a press, without its marker.
fn answer(play: &mut Play, number: u64) -> String {
    let comments = play.project.comments(number).unwrap();
    let mut ours = comments.into_iter().filter(|one| one.body.starts_with("<!-- mergewright:press:"));
    let (one, more) = (ours.next().expect("an answer"), ours.count());
    assert_eq!(more, 0, "one answer");
    play.expects(one.id);
    one.body.split_once('\n').unwrap().1.to_owned()
}

/// A pull request that waits for an approval.
async fn awaiting() -> (Play, u64) {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    assert_eq!(value(&play, number, "mergewright"), "in_progress");
    (play, number)
}

#[tokio::test]
async fn the_umbrella_check_carries_the_report_and_ends_green() {
    let mut play = Play::as_app().await;
    let number = play.opens("Train longer").await;
    assert_eq!(value(&play, number, "mergewright"), "in_progress");
    assert_eq!(value(&play, number, "mergewright/iris/test"), "queued");
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    let umbrella = check(&play, number, "mergewright");
    assert_eq!(umbrella.status, "in_progress", "what waits for people is pending");
    assert_eq!(umbrella.title.as_deref(), Some("iris: needs 1 more approval by an owner"));
    assert_eq!(umbrella.summary.unwrap().trim_end(), play.report(number).trim_end(), "the sticky report");
    assert_eq!(value(&play, number, "mergewright/iris/build"), "success");

    play.says(OWNER, number, "/model approve").await;
    for name in ["mergewright", "mergewright/iris/build", "mergewright/iris/test", "mergewright/iris/review"]
    {
        assert_eq!(value(&play, number, name), "success", "{name}");
    }
    assert_eq!(buttons(&play, number), ["publish", "hold"]);
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    let published = check(&play, number, "mergewright/iris/publish");
    assert_eq!(published.title.as_deref(), Some("published as v1"));
    assert_eq!(value(&play, number, "mergewright/iris/publish"), "success");
    assert!(check(&play, number, "mergewright").summary.unwrap().contains("published"));
    assert_eq!(buttons(&play, number), [""; 0]);

    assert_eq!(value(&play, number, "mergewright/generated"), "success");
    let head = play.project.merge_request(number).unwrap().head;
    assert!(play.project.statuses(&head).unwrap().is_empty(), "no status beside a check");
    assert_eq!(play.project.all_checks().unwrap().len(), 6, "each was changed in place");
    play.ends().await;
}

#[tokio::test]
async fn a_token_sends_statuses_and_not_one_check() {
    let mut play = Play::start(ForgeKind::GitHub).await;
    let number = play.candidate("Train longer", GOOD).await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    assert!(play.project.all_checks().unwrap().is_empty());
    let requests = play.sandbox.requests();
    assert!(requests.iter().all(|request| !request.url.contains("check-runs")));
    play.ends().await;
}

/// A JUnit file with so many failing tests, each on its own line.
pub(super) fn failing(tests: u32) -> String {
    let case = |line| {
        format!(
            "<testcase name=\"t{line}\" file=\"test_iris.py\" line=\"{line}\"><failure message=\"@{OWNER} no\"/></testcase>"
        )
    };
    format!("<testsuite>{}</testsuite>", (1..=tests).map(case).collect::<String>())
}

#[tokio::test]
async fn fifty_one_failing_tests_stand_on_their_lines_by_two_calls() {
    let mut play = Play::as_app().await;
    let number = play.opens("Train longer").await;
    play.builds(number, "weights").await;
    let run = play.run(number, "iris");
    let tests = failing(51);
    let files = [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", tests.as_bytes())];
    play.project.job_succeeds(run, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;

    assert_eq!(value(&play, number, "mergewright"), "failure");
    let test = check(&play, number, "mergewright/iris/test");
    assert_eq!((test.conclusion.as_deref(), test.title.as_deref()), (Some("failure"), Some("51 tests fail")));
    let places: Vec<_> = test.annotations.iter().map(|one| (one.path.as_str(), one.start_line)).collect();
    let expected: Vec<_> = (1..=51).map(|line| ("models/iris/test_iris.py", line)).collect();
    assert_eq!(places, expected);
    assert_eq!(test.annotations[0].title.as_deref(), Some("t1"));
    let shown = test.summary.unwrap();
    assert!(shown.contains("t1") && !shown.contains(&format!("@{OWNER}")), "{shown}");
    let path = format!("check-runs/{}", test.id);
    let requests = play.sandbox.requests();
    let writes = requests.iter().filter(|one| one.method == "PATCH" && one.url.ends_with(&path)).count();
    assert_eq!(writes, 3, "one made it run, and two brought the remarks");
    play.ends().await;
}

#[tokio::test]
async fn an_owners_press_approves_and_a_strangers_is_refused_by_the_rule_of_the_comment() {
    let (mut play, number) = awaiting().await;
    assert_eq!(buttons(&play, number), ["approve", "hold"]);
    play.project.member("gus", Role::Reporter).unwrap();
    let comment = play.says("gus", number, "/model approve").await;
    assert!(play.reply(number, comment).contains("not-owner"));
    play.project.presses("gus", number, "mergewright", "approve").unwrap();
    play.settle().await;
    let said = answer(&mut play, number);
    assert!(said.contains("not-owner") && said.contains("gus"), "{said}");
    assert_eq!(value(&play, number, "mergewright"), "in_progress");

    play.project.presses(OWNER, number, "mergewright", "approve").unwrap();
    play.settle().await;
    assert_eq!(value(&play, number, "mergewright"), "success");
    play.project.presses(OWNER, number, "mergewright", "publish").unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    let audit = play.audit("command").await;
    assert!(audit.iter().any(|what| what.contains("Approve") && what.contains(OWNER)), "{audit:?}");
    play.ends().await;
}

#[tokio::test]
async fn the_author_cannot_approve_by_a_press() {
    let (mut play, number) = awaiting().await;
    play.project.member(AUTHOR, Role::Maintainer).unwrap();
    play.project.presses(AUTHOR, number, "mergewright", "approve").unwrap();
    play.settle().await;
    assert!(answer(&mut play, number).contains("own-work"));
    play.ends().await;
}

#[tokio::test]
async fn a_press_on_an_old_head_is_refused() {
    let (mut play, number) = awaiting().await;
    let old = check(&play, number, "mergewright");
    let files = [mergewright::sandbox::File::write("models/iris/params.json", "{\"more\": true}\n")];
    play.pushes(number, &files).await;
    play.builds(number, "other weights").await;
    play.measures(number, GOOD).await;
    play.project.presses_on(OWNER, old.id, "approve").unwrap();
    play.settle().await;
    assert!(answer(&mut play, number).contains("head-moved"));
    assert_eq!(value(&play, number, "mergewright"), "in_progress");
    play.ends().await;
}

#[tokio::test]
async fn a_press_that_is_told_twice_acts_once() {
    for copies in [Copies::SameId, Copies::OtherId] {
        let (mut play, number) = awaiting().await;
        play.says(OWNER, number, "/model approve").await;
        play.project.presses(OWNER, number, "mergewright", "publish").unwrap();
        play.settle_with(&Manner { copies, ..Manner::default() }).await;
        play.publishes().await;
        assert_eq!(play.tags(), ["iris@v1.0.0"]);
        let answers = play.project.comments(number).unwrap();
        let answers = answers.iter().filter(|one| one.body.contains("mergewright:press:")).count();
        assert_eq!(answers, 0, "a second publish would be refused, {copies:?}");
        play.ends().await;
    }
}

#[tokio::test]
async fn the_same_button_pressed_again_later_is_another_press() {
    let (mut play, number) = awaiting().await;
    for held in [true, false, true] {
        let button = if held { "hold" } else { "unhold" };
        if !held {
            // A hold does not end the wait for an approval: the button stands there once all is green.
            play.says(OWNER, number, "/model approve").await;
        }
        play.project.presses(OWNER, number, "mergewright", button).unwrap();
        play.settle().await;
        assert_eq!(play.label(number) == "model::hold", held, "{button}");
    }
    play.ends().await;
}

#[tokio::test]
async fn after_a_lost_answer_there_is_still_one_check() {
    let mut play = Play::as_app().await;
    play.sandbox.fail_next(1, "POST", "*/check-runs", Fault::BreakAfter).unwrap();
    play.parts_the_bots();
    let number = play.opens("Train longer").await;
    play.passes(std::time::Duration::from_secs(60)).await;
    let all = play.project.all_checks().unwrap();
    let mut names: Vec<_> = all.iter().map(|check| check.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "{names:?}");
    assert_eq!(value(&play, number, "mergewright"), "in_progress");
    play.ends().await;
}

#[tokio::test]
async fn the_forges_own_button_runs_again_what_failed() {
    let mut play = Play::as_app().await;
    let number = play.opens("Train longer").await;
    let run = play.run(number, "iris");
    play.project.job_breaks(run, "iris:build", "runner_system_failure").unwrap();
    play.settle().await;
    assert_eq!(buttons(&play, number), ["retry", "run"]);
    play.project.rerequests(OWNER, number, "mergewright").unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

#[tokio::test]
async fn a_status_that_somebody_sets_in_our_name_is_set_to_what_the_check_says() {
    let (mut play, number) = awaiting().await;
    let head = play.project.merge_request(number).unwrap().head;
    play.project.set_status(AUTHOR, &head, "mergewright", "success").unwrap();
    play.settle().await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    assert_eq!(play.audit("tampering").await.len(), 1);
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"), "kept true from then on");
    assert_eq!(value(&play, number, "mergewright"), "success");
    play.ends().await;
}

#[tokio::test]
async fn what_is_closed_undecided_is_cancelled_and_a_reopened_one_begins_anew() {
    let (mut play, number) = awaiting().await;
    let before = check(&play, number, "mergewright").id;
    play.project.close(AUTHOR, number).unwrap();
    play.settle().await;
    assert_eq!(value(&play, number, "mergewright"), "cancelled");
    play.project.reopen(AUTHOR, number).unwrap();
    play.settle().await;
    assert_eq!(value(&play, number, "mergewright"), "in_progress");
    assert_ne!(check(&play, number, "mergewright").id, before, "a completed check is not begun again");
    play.ends().await;
}
