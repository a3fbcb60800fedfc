//! Work at fixed times: the forge fires, we keep its clock set, and what it missed is made up for once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mergewright::config::repository;
use mergewright::domain::{ForgeKind, Timestamp};
use mergewright::generator::{self, Existing};
use mergewright::sandbox::{Fault, File, Pipeline, PipelineSource, Role, Schedule, WorkflowState};

use super::Play;
use super::forges::{dialect, on_both_forges};
use super::missed::sweeps;
use super::play::{BOT, IRIS, OWNER};
use super::replicas::{Replica, does_all};

on_both_forges! {
    schedules_are_added_changed_and_removed_with_the_configuration,
    what_the_forge_ran_is_not_made_up_for,
    a_tick_that_was_missed_is_made_up_for_once,
    a_run_that_is_late_or_started_by_a_person_counts,
    after_days_of_sleep_only_the_newest_tick_is_made_up_for,
    what_did_not_stand_at_its_time_was_not_missed,
    two_replicas_make_up_for_it_once_though_an_answer_is_lost,
    an_invalid_file_changes_nothing,
    one_that_only_observes_writes_nothing,
}

const HOUR: Duration = Duration::from_secs(3600);

/// 09:00 at Shanghai; tests begin on 2026-11-23 at 09:00 UTC.
const NIGHTLY: &str = "nightly: {cron: \"0 9 * * *\", timezone: Asia/Shanghai, task: retrain}";

fn with(schedules: &str) -> String {
    format!("{IRIS}    schedules: {{{schedules}}}\n")
}

/// The policy and what it generates.
fn files(forge: ForgeKind, policy: &str) -> Vec<File> {
    let config = repository::parse(policy).unwrap();
    let made = generator::generate(&config, dialect(forge), &Existing::new()).unwrap();
    let made = made.iter().map(|file| File::write(&file.path, file.content.clone()));
    made.chain([File::write(".mergewright.yml", policy)]).collect()
}

/// The owner has another policy, with its generated files.
async fn decides(play: &mut Play, policy: &str) {
    let files = files(play.forge, policy);
    play.project.push(OWNER, "main", &files, "Other times").unwrap();
    play.settle().await;
}

/// A bot that has looked at a default branch with the nightly schedule.
async fn nightly(forge: ForgeKind) -> Play {
    let mut play = Play::with(forge, IRIS).await;
    // The one that watches sees the same later, when the numbers are known.
    play.parts_the_bots();
    decides(&mut play, &with(NIGHTLY)).await;
    play
}

/// Time passes until this moment.
async fn until(play: &mut Play, moment: &str) {
    use mergewright::domain::Clock as _;
    let moment = Timestamp::parse(moment).unwrap();
    play.passes(moment.since(play.clock.now())).await;
}

/// What GitLab has, by name.
fn kept(play: &Play) -> BTreeMap<String, Schedule> {
    play.project.schedules().unwrap().into_iter().map(|one| (one.description.clone(), one)).collect()
}

fn names(play: &Play) -> Vec<String> {
    kept(play).into_keys().collect()
}

/// Runs of the nightly job that the bot asked for.
fn made_up(play: &Play) -> Vec<Pipeline> {
    let all = play.project.pipelines().unwrap().into_iter();
    all.filter(|run| run.source == PipelineSource::Api && run.by == play.bot.id).collect()
}

/// The bot's calls about schedules that change something.
fn writes(play: &Play) -> Vec<String> {
    let all = play.sandbox.requests().into_iter();
    let about = |url: &str| url.contains("pipeline_schedules") || url.contains("/actions/workflows/");
    let ours = all.filter(|one| one.by.as_deref() == Some(BOT) && one.method != "GET" && about(&one.url));
    ours.map(|one| format!("{} {}", one.method, one.url)).collect()
}

/// How many entries of the audit log say this.
async fn audited(play: &Play, text: &str) -> usize {
    let all = [play.audit("missed_tick").await, play.audit("schedules").await].concat();
    all.iter().filter(|what| what.contains(text)).count()
}

async fn schedules_are_added_changed_and_removed_with_the_configuration(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    if forge == ForgeKind::GitHub {
        assert_eq!(writes(&play), Vec::<String>::new(), "the workflow is the schedule");
        return play.ends().await;
    }
    let one = kept(&play).remove("mergewright iris/nightly").unwrap();
    assert_eq!((one.cron.as_str(), one.timezone.as_str(), one.active), ("0 9 * * *", "Asia/Shanghai", true));
    assert_eq!((one.owner, one.reference.as_str()), (play.bot.id, "main"));
    let told: Vec<_> = one.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(told, [("MERGEWRIGHT_ACTION", "nightly"), ("MERGEWRIGHT_MODEL", "iris")]);
    let before = writes(&play).len();
    decides(&mut play, &with(&NIGHTLY.replace("0 9", "30 8"))).await;
    assert_eq!(kept(&play)["mergewright iris/nightly"].cron, "30 8 * * *");
    assert_eq!(writes(&play).len() - before, 1, "one difference is one write");
    let both = format!("{NIGHTLY}, weekly: {{cron: \"7 3 * * 1\", task: monitor}}");
    decides(&mut play, &with(&both)).await;
    assert_eq!(names(&play), ["mergewright iris/nightly", "mergewright iris/weekly"]);
    assert_eq!(kept(&play)["mergewright iris/nightly"].id, one.id);
    let before = writes(&play).len();
    for _ in 0..3 {
        play.clock.advance(HOUR);
        sweeps(&mut play).await;
    }
    assert_eq!(writes(&play).len(), before, "nothing differs");
    decides(&mut play, IRIS).await;
    assert_eq!(names(&play), Vec::<String>::new());
    decides(&mut play, &with(NIGHTLY)).await;
    play.project.push(OWNER, "main", &[File::remove(".mergewright.yml")], "No more models").unwrap();
    play.settle().await;
    assert_eq!(names(&play), Vec::<String>::new(), "nor without a configuration");
    play.ends().await;
}

async fn what_the_forge_ran_is_not_made_up_for(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    until(&mut play, "2026-11-24T01:00:00Z").await;
    assert_eq!(play.project.fires("iris", "nightly").unwrap().len(), 1);
    until(&mut play, "2026-11-24T08:00:00Z").await;
    assert_eq!(made_up(&play), []);
    play.ends().await;
}

async fn a_tick_that_was_missed_is_made_up_for_once(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    until(&mut play, "2026-11-24T01:59:00Z").await;
    assert_eq!(made_up(&play), [], "it may still come");
    // Nothing tells the bot but its own timer.
    until(&mut play, "2026-11-24T02:00:00Z").await;
    let [run] = made_up(&play).try_into().unwrap();
    assert_eq!((run.reference.as_str(), &run.sha), ("main", &play.project.branch("main").unwrap()));
    let sees = play.project.job_sees(run.id, "iris:nightly").unwrap();
    assert!(!sees.is_empty());
    for _ in 0..3 {
        play.clock.advance(HOUR);
        sweeps(&mut play).await;
    }
    assert_eq!(made_up(&play).len(), 1);
    assert_eq!(audited(&play, "iris/nightly: nothing ran for 2026-11-24T01:00:00Z").await, 1);
    until(&mut play, "2026-11-25T02:00:00Z").await;
    assert_eq!(made_up(&play).len(), 2, "the next one is another");
    play.ends().await;
}

async fn a_run_that_is_late_or_started_by_a_person_counts(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    until(&mut play, "2026-11-24T01:45:00Z").await;
    assert_eq!(play.project.fires("iris", "nightly").unwrap().len(), 1);
    until(&mut play, "2026-11-24T03:00:00Z").await;
    assert_eq!(made_up(&play), [], "late, but there");
    until(&mut play, "2026-11-25T01:30:00Z").await;
    let head = play.project.branch("main").unwrap();
    let told = [
        ("MERGEWRIGHT_ACTION", "nightly"),
        ("MERGEWRIGHT_MODEL", "iris"),
        ("MERGEWRIGHT_COMMIT", head.as_str()),
    ];
    play.project.run_pipeline(OWNER, "main", &told).unwrap();
    until(&mut play, "2026-11-25T03:00:00Z").await;
    assert_eq!(made_up(&play), [], "a person was faster");
    play.ends().await;
}

async fn after_days_of_sleep_only_the_newest_tick_is_made_up_for(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    until(&mut play, "2026-11-27T12:00:00Z").await;
    assert_eq!(made_up(&play).len(), 1);
    assert_eq!(audited(&play, "nothing ran for 2026-11-27T01:00:00Z").await, 1);
    until(&mut play, "2026-11-28T00:30:00Z").await;
    assert_eq!(made_up(&play).len(), 1);
    // Half an hour before the next one it is left to that.
    until(&mut play, "2026-11-30T00:30:00Z").await;
    assert_eq!(made_up(&play).len(), 1);
    play.ends().await;
}

async fn what_did_not_stand_at_its_time_was_not_missed(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    until(&mut play, "2026-11-24T01:30:00Z").await;
    // What was due half an hour ago in the old form was not due in the new one.
    decides(&mut play, &with(&NIGHTLY.replace("0 9", "5 9"))).await;
    until(&mut play, "2026-11-24T12:00:00Z").await;
    assert_eq!(made_up(&play), []);
    decides(&mut play, IRIS).await;
    until(&mut play, "2026-11-26T12:00:00Z").await;
    assert_eq!(made_up(&play), []);
    play.ends().await;
}

async fn two_replicas_make_up_for_it_once_though_an_answer_is_lost(forge: ForgeKind) {
    let mut play = Play::with(forge, IRIS).await;
    play.parts_the_bots();
    let second = Replica::beside(&play).await;
    if forge == ForgeKind::GitLab {
        play.sandbox.fail_next(1, "POST", "*/pipeline_schedules", Fault::BreakAfter).unwrap();
    }
    play.project.push(OWNER, "main", &files(forge, &with(NIGHTLY)), "Other times").unwrap();
    Box::pin(both(&mut play, &second, Duration::ZERO)).await;
    Box::pin(both(&mut play, &second, Duration::from_secs(300))).await;
    let expected = if forge == ForgeKind::GitLab { 1 } else { 0 };
    assert_eq!(play.project.schedules().unwrap().len(), expected);
    play.meets(1, "dispatch", Fault::BreakAfter);
    Box::pin(both(&mut play, &second, 17 * HOUR)).await;
    Box::pin(both(&mut play, &second, Duration::from_secs(300))).await;
    assert_eq!(made_up(&play).len(), 1);
    play.ends().await;
}

/// Time passes, and both bots work at once.
async fn both(play: &mut Play, second: &Replica, span: Duration) {
    play.clock.advance(span);
    let _sent = play.sandbox.deliver(&play.manner.clone()).await;
    play.app.reconcile.sweep().await.unwrap();
    loop {
        let (one, other) = tokio::join!(
            does_all(&play.app.worker, &play.app.outbox),
            does_all(&second.worker, &second.outbox)
        );
        if !one && !other {
            break;
        }
    }
    play.settle().await;
}

async fn an_invalid_file_changes_nothing(forge: ForgeKind) {
    let mut play = nightly(forge).await;
    let (before, written) = (names(&play), writes(&play).len());
    let bad = with(&NIGHTLY.replace("0 9", "99 9"));
    play.project.push(OWNER, "main", &[File::write(".mergewright.yml", bad)], "A slip").unwrap();
    play.settle().await;
    until(&mut play, "2026-11-24T12:00:00Z").await;
    assert_eq!((names(&play), writes(&play).len()), (before, written));
    assert_eq!(made_up(&play), []);
    play.ends().await;
}

async fn one_that_only_observes_writes_nothing(forge: ForgeKind) {
    let lines = "repositories: [\"group/*\"]\nmode: observe\n";
    let mut play = Play::serving(forge, IRIS, lines).await;
    play.parts_the_bots();
    decides(&mut play, &with(NIGHTLY)).await;
    until(&mut play, "2026-11-24T02:00:00Z").await;
    assert_eq!((names(&play), made_up(&play)), (vec![], vec![]));
    assert_eq!(audited(&play, "nothing ran for 2026-11-24T01:00:00Z").await, 1, "but it is seen");
    play.ends().await;
}

#[tokio::test]
async fn what_is_changed_by_hand_at_gitlab_is_set_right() {
    let mut play = nightly(ForgeKind::GitLab).await;
    let wanted = kept(&play);
    let id = wanted["mergewright iris/nightly"].id;
    play.project.change_schedule(OWNER, id, "my own", "1 1 * * *", false).unwrap();
    play.project.tell_schedule(OWNER, id, "MERGEWRIGHT_ACTION", "publish").unwrap();
    play.project.tell_schedule(OWNER, id, "MERGEWRIGHT_VERSION", "v1").unwrap();
    play.project.take_schedule(OWNER, id).unwrap();
    play.clock.advance(HOUR);
    sweeps(&mut play).await;
    let now = kept(&play).remove("mergewright iris/nightly").unwrap();
    let wanted = &wanted["mergewright iris/nightly"];
    assert_eq!((&now.cron, now.active, now.owner), (&wanted.cron, true, play.bot.id));
    assert_eq!(now.variables, wanted.variables);
    let before = writes(&play).len();
    play.clock.advance(HOUR);
    sweeps(&mut play).await;
    assert_eq!(writes(&play).len(), before);
    play.ends().await;
}

#[tokio::test]
async fn what_somebody_else_made_at_gitlab_stays_and_is_named_and_of_two_of_ours_the_older_stays() {
    let mut play = Play::with(ForgeKind::GitLab, IRIS).await;
    play.parts_the_bots();
    let theirs = play.project.add_schedule(OWNER, "mergewright iris/nightly", "0 1 * * *").unwrap();
    let other = play.project.add_schedule(BOT, "something else of this account", "0 2 * * *").unwrap();
    let first = play.project.add_schedule(BOT, "mergewright iris/nightly", "0 3 * * *").unwrap();
    let doubled = play.project.add_schedule(BOT, "mergewright iris/nightly", "0 3 * * *").unwrap();
    decides(&mut play, &with(NIGHTLY)).await;
    let all = play.project.schedules().unwrap();
    let left: Vec<_> = all.iter().map(|one| (one.id, one.cron.as_str(), one.owner == play.bot.id)).collect();
    assert_eq!(left, [(theirs, "0 1 * * *", false), (other, "0 2 * * *", true), (first, "0 9 * * *", true)]);
    assert!(doubled > first);
    assert_eq!(audited(&play, &format!("`mergewright iris/nightly` ({theirs})")).await, 1);
    play.ends().await;
}

#[tokio::test]
async fn what_may_not_be_kept_at_gitlab_is_said_and_tried_again_later() {
    let mut play = Play::with(ForgeKind::GitLab, IRIS).await;
    play.parts_the_bots();
    play.project.member(BOT, Role::Developer).unwrap();
    decides(&mut play, &with(NIGHTLY)).await;
    assert_eq!(names(&play), Vec::<String>::new());
    assert_eq!(audited(&play, "the schedules at the forge: not done").await, 1);
    play.project.member(BOT, Role::Maintainer).unwrap();
    play.clock.advance(HOUR);
    sweeps(&mut play).await;
    assert_eq!(names(&play), ["mergewright iris/nightly"]);
    play.ends().await;
}

#[tokio::test]
async fn github_switched_an_idle_clock_off_and_it_goes_again() {
    let mut play = nightly(ForgeKind::GitHub).await;
    play.project.set_clock("iris", WorkflowState::Idle).unwrap();
    until(&mut play, "2026-11-24T02:00:00Z").await;
    assert_eq!(play.project.clock("iris").unwrap(), WorkflowState::Active);
    assert_eq!(made_up(&play).len(), 1);
    // A clock of which no tick is missed by so much is looked after as well.
    let hourly = "hourly: {cron: \"7 * * * *\", task: cleanup}";
    decides(&mut play, &with(hourly)).await;
    play.project.set_clock("iris", WorkflowState::Idle).unwrap();
    play.clock.advance(HOUR);
    sweeps(&mut play).await;
    assert_eq!(play.project.clock("iris").unwrap(), WorkflowState::Active);
    assert_eq!(made_up(&play).len(), 1, "the next one is near");
    play.ends().await;
}

#[tokio::test]
async fn what_a_person_switched_off_at_github_stays_off() {
    let mut play = nightly(ForgeKind::GitHub).await;
    play.project.set_clock("iris", WorkflowState::Disabled).unwrap();
    until(&mut play, "2026-11-24T12:00:00Z").await;
    sweeps(&mut play).await;
    assert_eq!(play.project.clock("iris").unwrap(), WorkflowState::Disabled);
    assert_eq!(made_up(&play), []);
    assert_eq!(audited(&play, "its clock was switched off, and stays so").await, 1);
    let calls: BTreeSet<_> = writes(&play).into_iter().collect();
    assert_eq!(calls, BTreeSet::new());
    play.ends().await;
}
