//! Target branches that are merged by a queue: GitHub's merge queue, GitLab's merge train.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mergewright::domain::{ForgeKind, Sha};
use mergewright::sandbox::{Fault, File, Queued, SandboxProject, Trial};

use super::Play;
use super::forges::{Told, on_both_forges};
use super::play::{AUTHOR, IRIS, OWNER};

on_both_forges! {
    publish_queues_and_what_the_queue_merges_is_published,
    what_another_one_changes_before_it_is_not_merged_unseen,
    models_that_do_not_touch_each_other_go_one_behind_the_other,
    a_hold_takes_it_out_of_the_queue,
    what_the_queue_lets_go_is_told_and_may_be_published_again,
    who_puts_a_ready_one_into_the_queue_by_hand_needs_no_command,
    what_is_not_ready_is_not_let_through_whoever_queues_it,
    a_new_head_leaves_the_queue,
    a_queue_of_which_no_hook_tells_is_looked_after,
    a_lost_answer_does_not_queue_it_twice,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BETTER: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;
/// A check of somebody else's for which GitHub's queue waits too.
const LINT: &str = "lint";

/// A stage whose default branch is merged by a queue.
pub(crate) async fn queueing(forge: ForgeKind, policy: &str) -> Play {
    let play = Play::with(forge, policy).await;
    queued_branch(&play.project);
    play
}

/// The default branch is merged by a queue from now on.
pub(crate) fn queued_branch(project: &SandboxProject) {
    project.merge_queue(&["mergewright", LINT]).unwrap();
}

/// [`IRIS`] and a second model beside it.
fn two_models() -> String {
    let section = &IRIS[IRIS.find("  iris:").unwrap()..];
    format!("{IRIS}{}", section.replace("iris", "rose"))
}

fn queued(play: &Play, number: u64) -> Option<Queued> {
    play.project.queued(number).unwrap()
}

fn trial(play: &Play, number: u64) -> Trial {
    queued(play, number).and_then(|queued| queued.trial).expect("a trial")
}

/// The umbrella on a commit.
fn umbrella(play: &Play, commit: &Sha) -> Option<(String, String)> {
    let statuses = play.project.statuses(commit).unwrap();
    statuses.get("mergewright").map(|one| (one.state.clone(), one.description.clone().unwrap_or_default()))
}

/// Everything but the bot's own word is good on what the queue tries.
pub(crate) async fn passes(play: &mut Play, number: u64) {
    end(play, number, "success").await;
}

async fn end(play: &mut Play, number: u64, word: &str) {
    others_say(&play.project, &trial(play, number), word);
    play.settle().await;
}

/// Whoever is not the bot says this of what the queue tries.
pub(crate) fn others_say(project: &SandboxProject, tried: &Trial, word: &str) {
    let Some(run) = tried.pipeline else {
        return project.set_status(OWNER, &tried.commit, LINT, word).unwrap();
    };
    while let Some(job) = project.waiting_jobs().unwrap().into_iter().find(|job| job.pipeline == run) {
        match word {
            "success" => project.job_succeeds(run, &job.name, "", &[]).unwrap(),
            _ => project.job_fails(run, &job.name, "", &[]).unwrap(),
        };
    }
}

/// A good candidate that an owner approved and asked to be published.
async fn asked_for(play: &mut Play, title: &str, metrics: &str) -> u64 {
    let number = play.candidate(title, metrics).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    number
}

async fn publish_queues_and_what_the_queue_merges_is_published(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = asked_for(&mut play, "Train longer", GOOD).await;
    let tried = trial(&play, number);
    assert_eq!(umbrella(&play, &tried.commit).unwrap().0, "success");
    assert_eq!(play.label(number), "model::publishing");
    assert!(play.report(number).contains("waits in the merge queue of `main`"), "{}", play.report(number));
    assert!(play.project.merge_request(number).unwrap().is_open());
    // The head was judged: how the queue's own run stands is the queue's business.
    passes(&mut play, number).await;
    assert_eq!(play.project.branch("main").unwrap(), tried.commit);
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    let tags = play.project.tags().unwrap();
    assert_eq!(
        tags.iter().map(|tag| (&*tag.name, &tag.commit)).collect::<Vec<_>>(),
        [("iris@v1.0.0", &tried.commit)]
    );
    play.ends().await;
}

async fn what_another_one_changes_before_it_is_not_merged_unseen(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let ahead = play.candidate("Train longer", GOOD).await;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("models/iris/more.json", "{}\n")];
    play.project.branch_off(AUTHOR, "more", &main, &files, "More").unwrap();
    let behind = play.project.open_merge_request(AUTHOR, "more", "More").unwrap();
    play.settle().await;
    play.builds(behind, "more").await;
    play.measures(behind, BETTER).await;
    for number in [ahead, behind] {
        play.says(OWNER, number, "/model approve").await;
    }
    play.says(OWNER, ahead, "/model publish").await;
    play.says(OWNER, behind, "/model publish").await;
    // GitHub lets go what has a bad check; GitLab when the whole pipeline has ended.
    if let Some(Queued { trial: Some(tried), .. }) = queued(&play, behind) {
        let (state, words) = umbrella(&play, &tried.commit).unwrap();
        assert_eq!(
            (state.as_str(), words.as_str()),
            ("failed", "iris was judged before models/iris/params.json changed")
        );
        passes(&mut play, behind).await;
    }
    assert_eq!(queued(&play, behind), None);
    passes(&mut play, ahead).await;
    play.publishes().await;
    play.passes(Duration::from_secs(30)).await;
    assert_eq!(play.label(ahead), "model::published");
    assert_eq!(play.label(behind), "model::building", "it is measured upon what was merged");
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn models_that_do_not_touch_each_other_go_one_behind_the_other(forge: ForgeKind) {
    let mut play = queueing(forge, &two_models()).await;
    let ahead = play.candidate("Train longer", GOOD).await;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("models/rose/params.json", "{\"epochs\": 3}\n")];
    play.project.branch_off(AUTHOR, "rose", &main, &files, "Rose").unwrap();
    let behind = play.project.open_merge_request(AUTHOR, "rose", "Rose").unwrap();
    play.settle().await;
    play.builds_of("rose", behind, "rose").await;
    play.measures_of("rose", behind, GOOD).await;
    for number in [ahead, behind] {
        play.says(OWNER, number, "/model approve").await;
        play.says(OWNER, number, "/model publish").await;
    }
    assert_eq!(trial(&play, behind).base, trial(&play, ahead).commit);
    let second = trial(&play, behind).commit;
    assert_eq!(umbrella(&play, &second).unwrap().0, "success");
    passes(&mut play, ahead).await;
    assert_eq!(trial(&play, behind).commit, second, "it stands upon what was merged");
    assert_eq!(play.label(behind), "model::publishing", "and is judged by what it was");
    play.publishes().await;
    passes(&mut play, behind).await;
    play.publishes().await;
    assert_eq!(play.label(behind), "model::published", "{}", play.report(behind));
    assert_eq!(play.tags(), ["iris@v1.0.0", "rose@v1.0.0"]);
    play.ends().await;
}

async fn a_hold_takes_it_out_of_the_queue(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = asked_for(&mut play, "Train longer", GOOD).await;
    play.says(OWNER, number, "/model hold wait for legal").await;
    assert_eq!((queued(&play, number), play.label(number).as_str()), (None, "model::hold"));
    play.passes(Duration::from_secs(60)).await;
    play.says(OWNER, number, "/model unhold").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.says(OWNER, number, "/model publish").await;
    passes(&mut play, number).await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn what_the_queue_lets_go_is_told_and_may_be_published_again(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = asked_for(&mut play, "Train longer", GOOD).await;
    end(&mut play, number, "failed").await;
    assert_eq!(queued(&play, number), None);
    assert_eq!(play.label(number), "model::publishing", "it may just have been merged");
    play.passes(Duration::from_secs(30)).await;
    assert_eq!(play.label(number), "model::ready");
    assert!(play.report(number).contains("no longer in the merge queue"), "{}", play.report(number));
    play.says(OWNER, number, "/model publish").await;
    passes(&mut play, number).await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn who_puts_a_ready_one_into_the_queue_by_hand_needs_no_command(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.project.enqueue(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(umbrella(&play, &trial(&play, number).commit).unwrap().0, "success");
    passes(&mut play, number).await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn what_is_not_ready_is_not_let_through_whoever_queues_it(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.enqueue(OWNER, number).unwrap();
    let tried = trial(&play, number);
    play.settle().await;
    assert_eq!(
        umbrella(&play, &tried.commit).unwrap(),
        ("failed".to_owned(), "iris is not ready to be merged".to_owned())
    );
    if queued(&play, number).is_some() {
        passes(&mut play, number).await;
    }
    assert_eq!(queued(&play, number), None);
    assert!(play.project.merge_request(number).unwrap().is_open());
    play.passes(Duration::from_secs(60)).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_new_head_leaves_the_queue(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = asked_for(&mut play, "Train longer", GOOD).await;
    play.pushes(number, &[File::write("models/iris/params.json", "{\"epochs\": 31}\n")]).await;
    assert_eq!((queued(&play, number), play.label(number).as_str()), (None, "model::building"));
    play.passes(Duration::from_secs(60)).await;
    play.builds(number, "again").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    assert!(play.project.merge_request(number).unwrap().is_open());
    play.ends().await;
}

async fn a_queue_of_which_no_hook_tells_is_looked_after(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.parts_the_bots();
    play.manner.keep = Some(Arc::new(move |delivery| Told::Comment.by(forge, delivery.event)));
    play.says(OWNER, number, "/model publish").await;
    play.passes(Duration::from_secs(5 * 60)).await;
    assert_eq!(umbrella(&play, &trial(&play, number).commit).unwrap().0, "success");
    passes(&mut play, number).await;
    play.passes(Duration::from_secs(5 * 60)).await;
    play.publishes().await;
    // How a publish job ends is found by the sweep.
    play.clock.advance(Duration::from_secs(5 * 60));
    play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn a_lost_answer_does_not_queue_it_twice(forge: ForgeKind) {
    let mut play = queueing(forge, IRIS).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.parts_the_bots();
    // At GitHub the pull request is looked up first, in the same way.
    let (path, breaks) = if forge == ForgeKind::GitHub { ("/graphql", 1) } else { ("/merge_trains/", 0) };
    let asked = AtomicUsize::new(0);
    play.sandbox.choose_failures(Some(Arc::new(move |method, address| {
        let one = method == "POST" && address.contains(path);
        (one && asked.fetch_add(1, Ordering::Relaxed) == breaks).then_some(Fault::BreakAfter)
    })));
    play.says(OWNER, number, "/model publish").await;
    let entered = trial(&play, number);
    play.passes(Duration::from_secs(60)).await;
    assert_eq!(trial(&play, number), entered, "it was not put there anew");
    assert!(play.report(number).contains("waits in the merge queue"), "{}", play.report(number));
    passes(&mut play, number).await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}
