//! Webhooks come late, twice, out of order or not at all, and answers get lost: the end is the same, and
//! nothing happens twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Copies, Delivery, Fault, Filter, Manner, Order};

use super::Play;
use super::forges::{Told, on_both_forges};
use super::outcome::{End, GOOD, end, kind, once_each, patient_lifecycle, published, sent};
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    in_order_everything_happens_once,
    shuffled_and_doubled_deliveries_come_to_the_same_end,
    old_deliveries_that_come_again_at_the_end_change_nothing,
    late_deliveries_come_to_the_same_end,
    a_kind_of_event_that_never_comes_is_made_up_for_by_the_others,
    after_everything_was_lost_one_word_is_enough,
    a_head_that_comes_back_after_its_target_moved_is_measured_anew,
    a_lost_command_is_said_again_and_acts_once,
    a_call_whose_answer_is_lost_is_done_once_at_the_forge,
    a_forge_that_refuses_for_a_while_is_asked_again,
    reads_that_fail_for_a_while_only_delay,
    a_merge_that_the_forge_puts_off_is_done_later,
}

/// From the opened merge request to the release, in whatever manner the play delivers.
async fn lifecycle(play: &mut Play) -> u64 {
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    number
}

async fn in_order_everything_happens_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = lifecycle(&mut play).await;
    assert_eq!(end(&play, number), published(forge));
    assert_eq!(sent(&play), once_each());
    play.ends().await;
}

async fn shuffled_and_doubled_deliveries_come_to_the_same_end(forge: ForgeKind) {
    for (seed, copies) in [
        (1, Copies::One),
        (2, Copies::SameId),
        (3, Copies::OtherId),
        (4, Copies::OtherId),
        (5, Copies::SameId),
    ] {
        let mut play = Play::start(forge).await;
        play.manner = Manner { order: Order::Shuffled(seed), copies, keep: None };
        let number = lifecycle(&mut play).await;
        assert_eq!(end(&play, number), published(forge), "seed {seed}, {copies:?}");
        assert_eq!(sent(&play), once_each(), "seed {seed}, {copies:?}");
        play.ends().await;
    }
}

async fn old_deliveries_that_come_again_at_the_end_change_nothing(forge: ForgeKind) {
    for copies in [Copies::One, Copies::OtherId] {
        let mut play = Play::start(forge).await;
        let number = lifecycle(&mut play).await;
        let mut all = play.sandbox.deliveries();
        fastrand::Rng::with_seed(7).shuffle(&mut all);
        play.manner.copies = copies;
        for delivery in all {
            let again = play.sandbox.redeliver(&delivery).await;
            assert!(matches!(again[0].answer, Some(Ok(200))), "{again:?}: it was kept before");
        }
        // The same words under ids that nobody has seen, one after another.
        play.settle().await;
        assert_eq!(end(&play, number), published(forge));
        assert_eq!(sent(&play), once_each());
        play.ends().await;
    }
}

/// About a third of all deliveries is held up and arrives among those of a later step.
async fn late_deliveries_come_to_the_same_end(forge: ForgeKind) {
    for seed in [11, 12, 13] {
        let mut play = Play::start(forge).await;
        let held_up: Filter = Arc::new(move |delivery: &Delivery| {
            // A comment that is held up would be about another report than the one it followed.
            Told::Comment.by(forge, delivery.event)
                || fastrand::Rng::with_seed(seed ^ delivery.number).u8(..) > 85
        });
        play.manner = Manner { order: Order::Shuffled(seed), copies: Copies::One, keep: Some(held_up) };
        let number = play.opens("Train longer").await;
        let mut seen = BTreeSet::new();
        late(&mut play, &mut seen).await;
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
        late(&mut play, &mut seen).await;
        play.says(OWNER, number, "/model approve").await;
        play.says(OWNER, number, "/model publish").await;
        late(&mut play, &mut seen).await;
        play.publishes().await;
        late(&mut play, &mut seen).await;
        assert!(!seen.is_empty(), "seed {seed} held nothing up");
        assert_eq!(end(&play, number), published(forge), "seed {seed}");
        assert_eq!(sent(&play), once_each(), "seed {seed}");
        play.ends().await;
    }
}

/// Sends what was lost so far, the newest first.
async fn late(play: &mut Play, seen: &mut BTreeSet<u64>) {
    let lost = play.sandbox.deliveries().into_iter().filter(|delivery| delivery.answer.is_none());
    let mut lost: Vec<_> = lost.filter(|delivery| seen.insert(delivery.number)).collect();
    lost.reverse();
    for delivery in lost {
        assert!(matches!(play.sandbox.redeliver(&delivery).await[0].answer, Some(Ok(202))));
    }
    play.settle().await;
}

async fn a_kind_of_event_that_never_comes_is_made_up_for_by_the_others(forge: ForgeKind) {
    for told in [Told::Push, Told::Tag, Told::Job, Told::Run, Told::MergeRequest, Told::Release] {
        let mut play = Play::start(forge).await;
        play.manner.keep = Some(Arc::new(move |delivery: &Delivery| !told.by(forge, delivery.event)));
        let number = lifecycle(&mut play).await;
        assert_eq!(end(&play, number), published(forge), "without any {told:?}");
        assert_eq!(sent(&play), once_each(), "without any {told:?}");
        play.ends().await;
    }
}

async fn after_everything_was_lost_one_word_is_enough(forge: ForgeKind) {
    for hint in [Told::Push, Told::MergeRequest, Told::Run] {
        let mut play = Play::start(forge).await;
        // Known, and then silence until the work of the head is over.
        let number = play.opens("Train longer").await;
        play.manner.keep = Some(Arc::new(|_| false));
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
        play.clock.advance(Duration::from_secs(1));
        play.project.approve(OWNER, number).unwrap();
        play.settle().await;
        play.manner.keep = Some(Arc::new(move |delivery: &Delivery| hint.by(forge, delivery.event)));
        match hint {
            Told::Push => {
                let file = mergewright::sandbox::File::write("docs/other.md", "nothing of a model\n");
                play.project.push(OWNER, "main", &[file], "Unrelated").map(drop).unwrap();
            }
            Told::MergeRequest => play.project.retitle(AUTHOR, number, "Train longer still").unwrap(),
            _ => play.project.run_merge_request_pipeline(AUTHOR, number).map(drop).unwrap(),
        }
        play.settle().await;
        let label = if hint == Told::Run { "model::building" } else { "model::ready" };
        assert_eq!(play.label(number), label, "after one {hint:?}");
        assert_eq!(sent(&play), [("comment", 1)].into(), "after one {hint:?}");
        play.ends().await;
    }
}

async fn a_head_that_comes_back_after_its_target_moved_is_measured_anew(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    let first = play.project.merge_request(number).unwrap();
    let other = mergewright::sandbox::File::write("models/iris/params.json", "{\"epochs\": 9}\n");
    play.pushes(number, &[other]).await;
    let cleaned = mergewright::sandbox::File::write("models/iris/clean.py", "pass\n");
    play.project.push(OWNER, "main", &[cleaned], "Clean the data").map(drop).unwrap();
    play.settle().await;
    play.project.force(AUTHOR, &first.source_branch, &first.head).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building");
    let runs = play.project.pipelines().unwrap();
    // The forge's for each push, and on GitLab one that we asked for.
    let expected = if forge == ForgeKind::GitLab { 3 } else { 2 };
    assert_eq!(runs.iter().filter(|run| run.sha == first.head).count(), expected);
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_lost_command_is_said_again_and_acts_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    for command in ["/model approve", "/model publish"] {
        play.manner.keep =
            Some(Arc::new(move |delivery: &Delivery| !Told::Comment.by(forge, delivery.event)));
        play.says(OWNER, number, command).await;
        play.manner.keep = None;
        play.says(OWNER, number, command).await;
    }
    play.publishes().await;
    let end = end(&play, number);
    assert_eq!(end, End { reactions: end.reactions.clone(), ..published(forge) });
    assert_eq!(end.reactions.iter().flatten().count(), 2, "only what was heard was acknowledged");
    assert_eq!(sent(&play), once_each());
    play.ends().await;
}

/// The calls of a lifecycle that must not be doubled, with the step before which they are at risk.
const CALLS: [&str; 5] = ["create comment", "merge", "tag", "dispatch", "release"];

async fn a_call_whose_answer_is_lost_is_done_once_at_the_forge(forge: ForgeKind) {
    for name in CALLS {
        let mut play = Play::start(forge).await;
        play.meets(1, name, Fault::BreakAfter);
        let number = patient_lifecycle(&mut play).await;
        assert_eq!(play.sandbox.failures_left(), 0, "{name} was not met");
        assert_eq!(end(&play, number), published(forge), "{name}");
        play.ends().await;
    }
}

async fn a_forge_that_refuses_for_a_while_is_asked_again(forge: ForgeKind) {
    let faults = [Fault::too_many("30"), Fault::html(500), Fault::status(503), Fault::BreakBefore];
    for (place, name) in CALLS.into_iter().enumerate() {
        let fault = faults[place % faults.len()].clone();
        let mut play = Play::start(forge).await;
        play.meets(2, name, fault.clone());
        let number = patient_lifecycle(&mut play).await;
        assert_eq!(play.sandbox.failures_left(), 0, "{name} was not met");
        assert_eq!(end(&play, number), published(forge), "{name} {fault:?}");
        let expected = once_each().into_iter().map(|(kind, count)| (kind, count + failed(&play, kind)));
        assert_eq!(sent(&play), expected.collect(), "{name} {fault:?}");
        play.ends().await;
    }
}

/// How many calls of a kind failed.
fn failed(play: &Play, of: &str) -> usize {
    let requests = play.sandbox.requests();
    let met = requests.iter().filter(|one| one.status.is_none_or(|status| status >= 400));
    met.filter(|one| kind(one) == Some(of)).count()
}

async fn reads_that_fail_for_a_while_only_delay(forge: ForgeKind) {
    let slow = Fault::too_many("20");
    for fault in [slow.clone(), Fault::html(502), Fault::BreakBefore] {
        let mut play = Play::start(forge).await;
        for name in ["merge request", "runs", "jobs"] {
            play.meets(1, name, fault.clone());
        }
        // Whose rights cannot be read is refused at once, but for "come later".
        play.meets(1, "rights", slow.clone());
        let number = patient_lifecycle(&mut play).await;
        assert_eq!(end(&play, number), published(forge), "{fault:?}");
        assert_eq!(sent(&play), once_each(), "{fault:?}");
        play.ends().await;
    }
}

async fn a_merge_that_the_forge_puts_off_is_done_later(forge: ForgeKind) {
    for status in [405, 409] {
        let mut play = Play::start(forge).await;
        play.meets(1, "merge", Fault::status(status));
        let number = patient_lifecycle(&mut play).await;
        assert_eq!(end(&play, number), published(forge), "{status}");
        assert_eq!(sent(&play)["merge"], 2, "{status}");
        play.ends().await;
    }
}
