//! Published versions move through environments and back, whatever gets lost on the way.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{
    Copies, Delivery, DeploymentState, Fault, File, JobState, Manner, Order, PipelineState,
};

use super::Play;
use super::forges::{Told, on_both_forges};
use super::play::{AUTHOR, IRIS, OWNER};

on_both_forges! {
    a_version_goes_to_staging_and_then_to_production,
    what_may_not_be_is_refused_by_a_rule_and_says_what_helps,
    a_failed_deployment_is_told_with_its_log_and_changes_nothing,
    production_goes_back_and_anybody_can_ask_what_was_live_when,
    abort_cancels_the_run_and_frees_the_environment,
    who_asked_hears_of_an_abort_that_was_said_elsewhere,
    of_two_promotions_at_once_one_goes_and_the_other_hears_why_not,
    a_second_owner_approves_by_asking_for_the_same,
    an_author_never_brings_the_own_change_to_an_environment_alone,
    where_two_approve_neither_is_the_author,
    where_two_approve_nobody_who_wrote_a_commit_of_it_is_one,
    the_rules_are_those_of_the_default_branch_now,
    versions_are_told_and_moved_from_any_merge_request,
    a_version_whose_files_are_gone_is_not_deployed,
    candidates_are_compared_with_what_is_live_in_production,
    a_call_whose_answer_is_lost_is_done_once_at_the_forge,
    without_any_hook_but_the_comment_time_brings_it_to_the_same_end,
    one_deployment_hook_is_enough_to_look,
    shuffled_and_doubled_deliveries_come_to_the_same_end,
    the_command_line_gives_the_same_record_by_every_name,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BETTER: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;
/// Owns the model beside alice.
const SECOND: &str = "mia";

/// [`IRIS`] with two environments.
pub(super) fn policy() -> String {
    format!(
        "{IRIS}    environments:\n      staging: {{}}\n      production: {{requires: staging}}\n    \
         deploy: {{run: [\"sh deploy.sh\"]}}\n"
    )
}

/// A stage on which version 1 is published; the number of its merge request.
async fn published(forge: ForgeKind) -> (Play, u64) {
    let mut play = Play::with(forge, &policy()).await;
    let number = play.released("Train longer", GOOD).await;
    (play, number)
}

/// The pipeline and name of the one deploy job that waits for a runner.
fn waiting(play: &Play) -> (u64, String) {
    let jobs = play.project.waiting_jobs().unwrap();
    let deploys: Vec<_> = jobs.into_iter().filter(|job| job.name.ends_with(":deploy")).collect();
    assert_eq!(deploys.len(), 1, "{deploys:?}");
    (deploys[0].pipeline, deploys[0].name.clone())
}

fn nothing_waits(play: &Play) {
    assert!(play.project.waiting_jobs().unwrap().is_empty());
}

async fn deploys(play: &mut Play) {
    let (pipeline, name) = waiting(play);
    play.project.job_succeeds(pipeline, &name, "deployed\n", &[]).unwrap();
    play.settle().await;
}

async fn deploy_fails(play: &mut Play, log: &str) {
    let (pipeline, name) = waiting(play);
    play.project.job_fails(pipeline, &name, log, &[]).unwrap();
    play.settle().await;
}

/// A command that leads to a deployment which goes well; what its reply says in the end.
pub(super) async fn brings(play: &mut Play, number: u64, line: &str) -> String {
    let comment = play.says(OWNER, number, line).await;
    deploys(play).await;
    play.reply(number, comment)
}

/// What a command is answered at once.
async fn answered(play: &mut Play, login: &str, number: u64, line: &str) -> String {
    let comment = play.says(login, number, line).await;
    play.reply(number, comment)
}

/// The refusal's rule is in the answer, and nothing was started.
async fn refused(play: &mut Play, login: &str, number: u64, line: &str, rule: &str) {
    let said = answered(play, login, number, line).await;
    assert!(said.contains(&format!("`{rule}`")), "{line}: {said}");
    nothing_waits(play);
}

/// Names of the stage tags in the order of their numbers.
fn stages(play: &Play) -> Vec<String> {
    let mut found: Vec<_> = play.tags().into_iter().filter(|name| name.contains('#')).collect();
    found.sort_by_key(|name| name.rsplit('#').next().unwrap().parse::<u64>().unwrap());
    found
}

fn deployed(play: &Play) -> Vec<(String, DeploymentState)> {
    let made = play.project.deployments().unwrap();
    made.into_iter().map(|one| (one.environment.clone(), one.state())).collect()
}

async fn a_version_goes_to_staging_and_then_to_production(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let comment = play.says(OWNER, number, "/model promote v1 staging").await;
    assert_eq!(play.reactions(number, comment), ["eyes"]);
    let said = play.reply(number, comment);
    assert!(said.contains("v1 is on its way to `staging`"), "{said}");
    assert_eq!(stages(&play), Vec::<String>::new(), "nothing is said in git before it is so");

    let (pipeline, name) = waiting(&play);
    let job = play.project.job(pipeline, &name).unwrap();
    let commit = play.project.tags().unwrap().remove(0).commit;
    for (variable, value) in [
        ("MERGEWRIGHT_ACTION", "deploy"),
        ("MERGEWRIGHT_ENVIRONMENT", "staging"),
        ("MERGEWRIGHT_VERSION", "v1"),
        ("MERGEWRIGHT_TRAFFIC", "100"),
        ("MERGEWRIGHT_COMMIT", commit.as_str()),
    ] {
        assert_eq!(job.variables.get(variable).map(String::as_str), Some(value), "{variable}");
    }
    deploys(&mut play).await;
    let said = play.reply(number, comment);
    assert!(said.contains("v1 is live in `staging`") && said.contains("iris#staging#1"), "{said}");

    let said = brings(&mut play, number, "/model promote iris@v1 production").await;
    assert!(said.contains("v1 is live in `production`"), "{said}");
    assert_eq!(stages(&play), ["iris#staging#1", "iris#production#2"]);
    let good = |name: &str| (name.to_owned(), DeploymentState::Success);
    assert_eq!(deployed(&play), [good("staging"), good("production")], "made by the forge, once each");
    let tags = play.project.tags().unwrap();
    let tag = tags.iter().find(|tag| tag.name == "iris#production#2").unwrap();
    let told: serde_json::Value = serde_json::from_str(tag.message.as_deref().unwrap()).unwrap();
    assert_eq!((&tag.commit, &told["version"], &told["asked_by"]), (&commit, &"v1".into(), &OWNER.into()));
    play.ends().await;
}

async fn what_may_not_be_is_refused_by_a_rule_and_says_what_helps(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    for (line, rule) in [
        ("/model promote v1 production", "requires"),
        ("/model promote v9 staging", "version-unknown"),
        ("/model promote v1 prod", "environment-unknown"),
        ("/model rollback staging", "nothing-live"),
        ("/model abort staging", "nothing-to-abort"),
        ("/model describe v9", "version-unknown"),
        ("/model blame prod", "environment-unknown"),
    ] {
        refused(&mut play, OWNER, number, line, rule).await;
    }
    refused(&mut play, AUTHOR, number, "/model promote v1 staging", "not-owner").await;
    let commit = play.project.branch("main").unwrap();
    play.project.tag(OWNER, "iris@v2.0.0", commit.as_str(), Some("mine")).unwrap();
    refused(&mut play, OWNER, number, "/model promote v2 staging", "version-foreign").await;
    let said =
        answered(&mut play, OWNER, number, "/model promote v1 production\n\n/model promote v1 staging").await;
    assert!(said.contains("**Not run:** `/model promote v1 staging`"), "{said}");
    nothing_waits(&play);
    play.ends().await;
}

async fn a_failed_deployment_is_told_with_its_log_and_changes_nothing(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    brings(&mut play, number, "/model promote v1 staging").await;
    let second = play.released("Train better", BETTER).await;
    let comment = play.says(OWNER, second, "/model promote v2 staging").await;
    deploy_fails(&mut play, "no space left on the cluster\n").await;
    let said = play.reply(second, comment);
    assert!(said.contains("failed") && said.contains("no space left on the cluster"), "{said}");
    assert!(said.contains("/model promote v2 staging"), "says what helps: {said}");
    let said = answered(&mut play, OWNER, second, "/model blame staging").await;
    assert!(said.contains("v1 is live in `staging`"), "{said}");
    assert_eq!(stages(&play), ["iris#staging#1"]);

    brings(&mut play, second, "/model promote v2 staging").await;
    assert_eq!(stages(&play), ["iris#staging#1", "iris#staging#2"]);
    play.ends().await;
}

async fn production_goes_back_and_anybody_can_ask_what_was_live_when(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    for line in ["/model promote v1 staging", "/model promote v1 production"] {
        brings(&mut play, number, line).await;
    }
    let second = play.released("Train better", BETTER).await;
    for line in ["/model promote v2 staging", "/model promote v2 production"] {
        brings(&mut play, second, line).await;
    }
    let between = mergewright::domain::Clock::now(&*play.clock);
    play.clock.advance(Duration::from_secs(60));

    let comment = play.says(OWNER, second, "/model rollback production").await;
    let (pipeline, name) = waiting(&play);
    let job = play.project.job(pipeline, &name).unwrap();
    assert_eq!(job.variables["MERGEWRIGHT_ACTION"], "rollback");
    assert_eq!(job.variables["MERGEWRIGHT_VERSION"], "v1");
    deploys(&mut play).await;
    let said = play.reply(second, comment);
    assert!(said.contains("v1 is live in `production` instead of v2"), "{said}");
    assert_eq!(stages(&play).last().unwrap(), "iris#production#5");

    for (line, says) in [
        ("/model blame production".to_owned(), "v1 is live in `production`"),
        (format!("/model blame production {between}"), "v2 was live in `production`"),
        ("/model blame production 2020-01-01T00:00:00Z".to_owned(), "Nothing of `iris` was live"),
        ("/model versions".to_owned(), "2 versions of `iris` are published"),
    ] {
        let said = answered(&mut play, AUTHOR, second, &line).await;
        assert!(said.contains(says), "{line}: {said}");
    }
    // One record, however it is named.
    let tags = play.project.tags().unwrap();
    let commit = tags.iter().find(|tag| tag.name == "iris@v1.0.0").unwrap().commit.clone();
    let by_version = answered(&mut play, AUTHOR, second, "/model describe v1").await;
    assert!(by_version.contains(commit.as_str()) && by_version.contains("0.94"), "{by_version}");
    for reference in ["iris@v1.0.0", &commit.as_str()[..8], "production"] {
        let again = answered(&mut play, AUTHOR, second, &format!("/model describe {reference}")).await;
        assert_eq!(again, by_version, "{reference}");
    }
    play.ends().await;
}

async fn abort_cancels_the_run_and_frees_the_environment(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let comment = play.says(OWNER, number, "/model promote v1 staging").await;
    let (pipeline, _) = waiting(&play);
    let said = answered(&mut play, OWNER, number, "/model promote v1 staging").await;
    assert!(said.contains("`environment-busy`"), "{said}");
    let said = answered(&mut play, OWNER, number, "/model abort staging").await;
    assert!(said.contains("is aborted"), "{said}");
    assert_eq!(play.project.pipeline_state(pipeline).unwrap(), PipelineState::Canceled);
    let said = play.reply(number, comment);
    assert!(said.contains("was stopped"), "{said}");
    assert_eq!(stages(&play), Vec::<String>::new());
    brings(&mut play, number, "/model promote v1 staging").await;
    assert_eq!(stages(&play), ["iris#staging#1"]);
    play.ends().await;
}

async fn who_asked_hears_of_an_abort_that_was_said_elsewhere(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let second = play.released("Train better", BETTER).await;
    let comment = play.says(OWNER, number, "/model promote v1 staging").await;
    let said = answered(&mut play, OWNER, second, "/model abort staging").await;
    assert!(said.contains("is aborted"), "{said}");
    assert!(play.reply(number, comment).contains("was stopped"), "{}", play.reply(number, comment));
    play.ends().await;
}

async fn of_two_promotions_at_once_one_goes_and_the_other_hears_why_not(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let second = play.released("Train better", BETTER).await;
    play.clock.advance(Duration::from_secs(1));
    let one = play.project.comment(OWNER, number, "/model promote v1 staging").unwrap().unwrap();
    let other = play.project.comment(OWNER, second, "/model promote v2 staging").unwrap().unwrap();
    play.settle().await;
    let said = [play.reply(number, one), play.reply(second, other)];
    let busy = said.iter().filter(|text| text.contains("`environment-busy`")).count();
    assert_eq!(busy, 1, "{said:?}");
    deploys(&mut play).await;
    assert_eq!(stages(&play), ["iris#staging#1"]);
    play.ends().await;
}

async fn a_second_owner_approves_by_asking_for_the_same(forge: ForgeKind) {
    let approved = policy().replace("staging: {}", "staging: {approvals: 1}");
    let mut play = Play::with(forge, &approved).await;
    let _account = play.sandbox.person(SECOND);
    play.project.member(SECOND, mergewright::sandbox::Role::Maintainer).unwrap();
    let number = play.released("Train longer", GOOD).await;
    let comment = play.says(OWNER, number, "/model promote v1 staging").await;
    assert!(play.reply(number, comment).contains("once 1 other owner wants it: 0 so far"));
    nothing_waits(&play);
    refused(&mut play, OWNER, number, "/model promote v1 staging", "awaiting-approval").await;
    let approval = play.says(SECOND, number, "/model promote v1 staging").await;
    assert_eq!(play.reactions(number, approval), ["eyes"], "the first reply tells the rest");
    deploys(&mut play).await;
    assert!(play.reply(number, comment).contains("v1 is live in `staging`"));
    play.ends().await;
}

/// A stage on which `writes` wrote version 1 and `staging` asks for so many approvals; five people own it.
async fn written_by(forge: ForgeKind, writes: &str, approvals: u32) -> (Play, u64) {
    written_with(forge, writes, "Train longer", approvals).await
}

/// The same, with this message of the commit.
async fn written_with(forge: ForgeKind, writes: &str, message: &str, approvals: u32) -> (Play, u64) {
    let policy = policy().replace("staging: {}", &format!("staging: {{approvals: {approvals}}}"));
    let mut play = Play::with(forge, &policy).await;
    for login in [SECOND, "dave", "erin", AUTHOR] {
        play.project.member(login, mergewright::sandbox::Role::Maintainer).unwrap();
    }
    let main = play.project.branch("main").unwrap();
    let files = [File::write("models/iris/params.json", "{\"epochs\": 30}\n")];
    play.project.branch_off(writes, "longer", &main, &files, message).unwrap();
    let number = play.project.open_merge_request(writes, "longer", "Train longer").unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    let other = if writes == OWNER { SECOND } else { OWNER };
    play.says(other, number, "/model approve").await;
    play.says(other, number, "/model publish").await;
    play.publishes().await;
    (play, number)
}

async fn an_author_never_brings_the_own_change_to_an_environment_alone(forge: ForgeKind) {
    // Who wrote it, who promotes it, who approves; with one approval two people are enough.
    for (writes, promotes, approves) in
        [(AUTHOR, AUTHOR, OWNER), (AUTHOR, OWNER, AUTHOR), (OWNER, OWNER, SECOND)]
    {
        let (mut play, number) = written_by(forge, writes, 1).await;
        let comment = play.says(promotes, number, "/model promote v1 staging").await;
        nothing_waits(&play);
        refused(&mut play, promotes, number, "/model promote v1 staging", "awaiting-approval").await;
        play.says(approves, number, "/model promote v1 staging").await;
        deploys(&mut play).await;
        assert!(
            play.reply(number, comment).contains("v1 is live in `staging`"),
            "{writes} {promotes} {approves}"
        );
        play.ends().await;
    }
}

async fn where_two_approve_neither_is_the_author(forge: ForgeKind) {
    for promotes in [OWNER, AUTHOR] {
        let (mut play, number) = written_by(forge, AUTHOR, 2).await;
        let comment = play.says(promotes, number, "/model promote v1 staging").await;
        let rule = if promotes == AUTHOR { "awaiting-approval" } else { "own-work" };
        refused(&mut play, AUTHOR, number, "/model promote v1 staging", rule).await;
        play.says(SECOND, number, "/model promote v1 staging").await;
        nothing_waits(&play);
        refused(&mut play, AUTHOR, number, "/model promote v1 staging", rule).await;
        play.says("dave", number, "/model promote v1 staging").await;
        deploys(&mut play).await;
        assert!(play.reply(number, comment).contains("v1 is live in `staging`"), "{promotes}");
        play.ends().await;
    }
}

async fn where_two_approve_nobody_who_wrote_a_commit_of_it_is_one(forge: ForgeKind) {
    let message = "Train longer\n\nCo-authored-by: Dave <dave@example.com>\n";
    let (mut play, number) = written_with(forge, AUTHOR, message, 2).await;
    let comment = play.says(OWNER, number, "/model promote v1 staging").await;
    refused(&mut play, "dave", number, "/model promote v1 staging", "own-work").await;
    play.says(SECOND, number, "/model promote v1 staging").await;
    nothing_waits(&play);
    play.says("erin", number, "/model promote v1 staging").await;
    deploys(&mut play).await;
    assert!(play.reply(number, comment).contains("v1 is live in `staging`"));
    play.ends().await;
}

async fn the_rules_are_those_of_the_default_branch_now(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let without = IRIS.to_owned();
    play.project.push(OWNER, "main", &[File::write(".mergewright.yml", without)], "No environments").unwrap();
    play.settle().await;
    refused(&mut play, OWNER, number, "/model promote v1 staging", "environment-unknown").await;
    play.ends().await;
}

async fn versions_are_told_and_moved_from_any_merge_request(forge: ForgeKind) {
    let (mut play, _) = published(forge).await;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("README.md", "other words\n")];
    play.project.branch_off(AUTHOR, "docs", &main, &files, "Reword").unwrap();
    let docs = play.project.open_merge_request(AUTHOR, "docs", "Reword").unwrap();
    play.settle().await;
    for (line, expected) in [
        ("/model versions iris", "v1"),
        ("/model describe iris@v1", "v1"),
        ("/model blame iris staging", "staging"),
        ("/model versions", "`no-model`"),
        ("/model describe rose@v1", "`no-model`"),
        ("/model approve iris", "`no-model`"),
        ("/model explain iris", "`no-model`"),
    ] {
        let said = answered(&mut play, OWNER, docs, line).await;
        assert!(said.contains(expected), "{line}: {said}");
    }
    refused(&mut play, AUTHOR, docs, "/model promote iris@v1 staging", "not-owner").await;
    refused(&mut play, OWNER, docs, "/model promote iris@v1 production", "requires").await;
    let said = brings(&mut play, docs, "/model promote iris@v1 staging").await;
    assert!(said.contains("v1 is live in `staging`"), "{said}");
    assert_eq!(stages(&play), ["iris#staging#1"]);
    assert_eq!(play.report(docs), "", "the merge request itself changes no model");
    play.ends().await;
}

async fn a_version_whose_files_are_gone_is_not_deployed(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    let runs = play.project.pipelines().unwrap();
    let mut built = runs.iter().filter_map(|run| play.project.job(run.id, "iris:build").ok());
    let built = built.find(|job| job.state == JobState::Success).unwrap();
    play.project.expire_artifacts(built.id).unwrap();
    let said = answered(&mut play, OWNER, number, "/model promote v1 staging").await;
    assert!(said.contains("not kept any more") && said.contains("Nothing was touched"), "{said}");
    nothing_waits(&play);
    play.ends().await;
}

async fn candidates_are_compared_with_what_is_live_in_production(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy().replace("baseline: previous", "baseline: production")).await;
    let number = play.released("Train longer", GOOD).await;
    for line in ["/model promote v1 staging", "/model promote v1 production"] {
        brings(&mut play, number, line).await;
    }
    play.released("Train better", BETTER).await;
    let third = play.candidate("Train again", GOOD).await;
    let report = play.report(third);
    assert!(report.contains("Compared with v1, which is live in production"), "{report}");
    play.ends().await;
}

/// Calls of a promotion that must not be doubled.
const CALLS: [&str; 3] = ["dispatch", "tag", "create comment"];

async fn a_call_whose_answer_is_lost_is_done_once_at_the_forge(forge: ForgeKind) {
    for name in CALLS {
        let (mut play, number) = published(forge).await;
        play.meets(1, name, Fault::BreakAfter);
        let comment = play.says(OWNER, number, "/model promote v1 staging").await;
        a_while(&mut play).await;
        deploys(&mut play).await;
        a_while(&mut play).await;
        assert_eq!(play.sandbox.failures_left(), 0, "{name} was not met");
        assert!(play.reply(number, comment).contains("v1 is live in `staging`"), "{name}");
        assert_eq!((stages(&play), deployed(&play).len()), (vec!["iris#staging#1".to_owned()], 1));
        play.ends().await;
    }
}

async fn without_any_hook_but_the_comment_time_brings_it_to_the_same_end(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    play.manner.keep = Some(Arc::new(move |delivery: &Delivery| Told::Comment.by(forge, delivery.event)));
    let comment = play.says(OWNER, number, "/model promote v1 staging").await;
    deploys(&mut play).await;
    assert_eq!(stages(&play), Vec::<String>::new(), "nobody told");
    a_while(&mut play).await;
    assert_eq!(stages(&play), ["iris#staging#1"]);
    assert!(play.reply(number, comment).contains("v1 is live in `staging`"));
    play.ends().await;
}

async fn one_deployment_hook_is_enough_to_look(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    play.manner.keep = Some(Arc::new(move |delivery: &Delivery| {
        [Told::Comment, Told::Deployment].iter().any(|told| told.by(forge, delivery.event))
    }));
    brings(&mut play, number, "/model promote v1 staging").await;
    assert_eq!(stages(&play), ["iris#staging#1"]);
    play.ends().await;
}

async fn shuffled_and_doubled_deliveries_come_to_the_same_end(forge: ForgeKind) {
    for (seed, copies) in [(1, Copies::SameId), (2, Copies::OtherId), (3, Copies::OtherId)] {
        let (mut play, number) = published(forge).await;
        play.manner = Manner { order: Order::Shuffled(seed), copies, keep: None };
        for line in ["/model promote v1 staging", "/model promote v1 production"] {
            brings(&mut play, number, line).await;
        }
        assert_eq!(stages(&play), ["iris#staging#1", "iris#production#2"], "seed {seed}");
        assert_eq!(deployed(&play).len(), 2, "seed {seed}");
        play.ends().await;
    }
}

async fn a_while(play: &mut Play) {
    for seconds in [5, 30, 60, 120, 300] {
        play.passes(Duration::from_secs(seconds)).await;
    }
}

/// Asks the program itself, beside the running bot.
pub(super) fn program(play: &Play, words: &[&str]) -> (Option<i32>, String) {
    let config = play.folder.path().join("mergewright.yml");
    let text = format!(
        "listen: 127.0.0.1:0\ndatabase_url: sqlite://bot.db\ngitlab:\n  url: {}\n  token: {{env: TOKEN}}\n  \
         webhook_signing_tokens: [{{env: SIGNING}}]\n",
        play.sandbox.url()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mergewright"));
    command.args(words).arg("--config").arg(&config);
    let done = command.env("TOKEN", "token").env("SIGNING", super::play::SIGNING_TOKEN).output().unwrap();
    let said = if done.stdout.is_empty() { done.stderr } else { done.stdout };
    (done.status.code(), String::from_utf8(said).unwrap())
}

async fn the_command_line_gives_the_same_record_by_every_name(forge: ForgeKind) {
    let (mut play, number) = published(forge).await;
    for line in ["/model promote v1 staging", "/model promote v1 production"] {
        brings(&mut play, number, line).await;
    }
    let before = mergewright::domain::Clock::now(&*play.clock).to_string();
    play.released("Train better", BETTER).await;
    let tag = play.project.tags().unwrap().into_iter().find(|tag| tag.name == "iris@v1.0.0").unwrap();
    let (status, record) = program(&play, &["describe", "iris@v1", "--json"]);
    assert_eq!(status, Some(0), "{record}");
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let lineage: serde_json::Value = serde_json::from_str(tag.message.as_deref().unwrap()).unwrap();
    assert_eq!(record["lineage"], lineage, "what the tag carries");
    assert_eq!(record["live_in"], serde_json::json!(["production", "staging"]));
    let digest = lineage["model_digest"].as_str().unwrap();
    for reference in ["v1", &tag.commit.as_str()[..9], digest, "production", before.as_str()] {
        let (status, again) = program(&play, &["describe", reference, "--json"]);
        assert_eq!(status, Some(0), "{reference}: {again}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap(), record, "{reference}");
    }
    let (status, all) = program(&play, &["versions", "iris"]);
    assert!(status == Some(0) && all.contains("v2") && all.contains("production, staging"), "{all}");
    let (status, why) = program(&play, &["blame", "iris", "production", "--json"]);
    let why: serde_json::Value = serde_json::from_str(&why).unwrap();
    assert_eq!((status, &why["version"], &why["asked_by"]), (Some(0), &"v1".into(), &OWNER.into()));
    assert_eq!(why["stage_tag"], "iris#production#2");
    for words in [
        &["describe", "v9"][..],
        &["describe", "rose@v1"],
        &["versions", "rose"],
        &["blame", "iris", "production", "--at", "2020-01-01T00:00:00Z"],
        &["blame", "iris", "nowhere"],
        &["versions", "iris", "--repository", "group/other"],
    ] {
        assert_eq!(program(&play, words).0, Some(1), "{words:?}");
    }
    play.ends().await;
}
