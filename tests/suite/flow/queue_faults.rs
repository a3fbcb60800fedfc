//! A merge queue at a forge that fails, and one of which half of the webhooks are lost: the same end as in peace.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::Fault;

use super::Play;
use super::faults::{Named, passing};
use super::forges::on_both_forges;
use super::missed::{BY_NAME, half, sweeps};
use super::outcome::{GOOD, a_while, alike, end, patient_candidate, patient_lifecycle, published_by_queue};
use super::play::{BOT, IRIS, OWNER};
use super::queue::{passes, queued_branch, queueing};

on_both_forges! {
    a_fault_that_passes_changes_nothing_of_a_queue,
    #[ignore = "takes minutes: every fault at every call of a queue"]
    a_forge_that_asks_to_slow_down_or_fails_at_any_call_of_a_queue_changes_nothing,
    #[ignore = "takes minutes: every fault at every call of a queue"]
    a_token_or_a_line_that_fails_at_any_call_of_a_queue_changes_nothing,
    whatever_is_lost_a_sweep_makes_up_for_in_a_queue,
    #[ignore = "takes minutes: many histories with losses"]
    whatever_is_lost_a_sweep_makes_up_for_in_many_histories_of_a_queue,
}

/// What a lifecycle with a queue costs in peace, and what a fault may add.
const MOST_REQUESTS: usize = 260;

/// A call that only a queue makes: of a kind, and the how-manieth of that kind in the whole play, from 0.
type Call = (String, u32);

/// The whole way through the queue, with a while after each step.
async fn lifecycle(play: &mut Play) -> u64 {
    let number = patient_candidate(play).await;
    for verb in ["approve", "publish"] {
        play.says(OWNER, number, &format!("/model {verb}")).await;
        a_while(play).await;
    }
    play.passes(Duration::from_secs(900)).await;
    passes(play, number).await;
    a_while(play).await;
    // A token that was refused is tried again after minutes only.
    play.passes(Duration::from_secs(900)).await;
    play.publishes().await;
    a_while(play).await;
    number
}

/// How often the bot made each kind of call.
fn made(play: &Play) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for request in play.sandbox.requests().iter().filter(|request| request.by.as_deref() == Some(BOT)) {
        let path = request.url.split('?').next().unwrap_or_default();
        *counts.entry(alike(&request.method, path)).or_default() += 1;
    }
    counts
}

/// Every call that a queue adds to a lifecycle, and the word on what it tries.
async fn calls(forge: ForgeKind) -> Vec<Call> {
    let mut without = Play::start(forge).await;
    without.parts_the_bots();
    patient_lifecycle(&mut without).await;
    let known = made(&without);
    without.ends().await;
    let mut play = queueing(forge, IRIS).await;
    play.parts_the_bots();
    let number = lifecycle(&mut play).await;
    assert_eq!(end(&play, number), published_by_queue(forge));
    let added = made(&play).into_iter().flat_map(|(kind, count)| {
        let first = known.get(&kind).copied().unwrap_or_default();
        // A call of a kind that is known is made more often, and not always at the end.
        let from = if kind.starts_with("POST ") || first == 0 { first.min(count) } else { count };
        (from..count).map(move |place| (kind.clone(), place))
    });
    let added: Vec<Call> = added.collect();
    play.ends().await;
    assert!(added.len() >= 5, "{added:?}");
    added
}

async fn meets(forge: ForgeKind, (name, times, fault): (&str, u32, Fault), (kind, place): &Call) -> usize {
    let _named = Named(format!("{name} at {kind}, number {place}, on {forge}"));
    let mut play = queueing(forge, IRIS).await;
    play.parts_the_bots();
    let (seen, met) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
    let (wanted, faulty, until) = (kind.clone(), Arc::clone(&met), place + times);
    let from = *place;
    play.sandbox.choose_failures(Some(Arc::new(move |method, path| {
        let path = path.split('?').next().unwrap_or_default();
        if alike(method, path) != wanted {
            return None;
        }
        let here = seen.fetch_add(1, Ordering::Relaxed);
        (from..until).contains(&here).then(|| {
            faulty.fetch_add(1, Ordering::Relaxed);
            fault.clone()
        })
    })));
    let number = lifecycle(&mut play).await;
    for _ in 0..2 {
        play.passes(Duration::from_secs(900)).await;
    }
    assert!(met.load(Ordering::Relaxed) > 0, "{name} at {kind} was not met");
    assert_eq!(end(&play, number), published_by_queue(forge), "{name} at {kind}\n{}", play.report(number));
    let requests = play.sandbox.requests().iter().filter(|one| one.by.as_deref() == Some(BOT)).count();
    assert!(requests <= MOST_REQUESTS, "{name} at {kind}: {requests} requests");
    let errors = play.errors();
    let told = errors.iter().all(|line| line.contains("unauthorized"));
    assert!(errors.len() <= 2 && told && (errors.is_empty() || name == "token not accepted"), "{errors:?}");
    play.ends().await;
    requests
}

/// Plays these of the faults at those of the calls that are chosen by their place in the table.
async fn matrix(forge: ForgeKind, faults: Range<usize>, chosen: impl Fn(usize) -> bool) {
    let (mut points, mut most) = (0, 0);
    let calls = calls(forge).await;
    for (row, fault) in passing().into_iter().enumerate() {
        for (column, call) in calls.iter().enumerate() {
            if faults.contains(&row) && chosen(row * 3 + column) {
                points += 1;
                most = most.max(meets(forge, fault.clone(), call).await);
            }
        }
    }
    let kinds = calls.len();
    let said = format!(
        "faults of a queue on {forge}: {points} points at {kinds} calls, at most {most} requests each\n"
    );
    std::io::stdout().write_all(said.as_bytes()).unwrap();
}

async fn a_fault_that_passes_changes_nothing_of_a_queue(forge: ForgeKind) {
    matrix(forge, 0..11, |place| place % 17 == 5).await;
}

async fn a_forge_that_asks_to_slow_down_or_fails_at_any_call_of_a_queue_changes_nothing(forge: ForgeKind) {
    matrix(forge, 0..6, |_| true).await;
}

async fn a_token_or_a_line_that_fails_at_any_call_of_a_queue_changes_nothing(forge: ForgeKind) {
    matrix(forge, 6..11, |_| true).await;
}

async fn any_subset(forge: ForgeKind, seeds: Range<u64>) {
    let mut lost = 0;
    for seed in seeds.clone() {
        let _named = Named(format!("seed {seed} on {forge}"));
        let mut play = Play::serving(forge, IRIS, BY_NAME).await;
        queued_branch(&play.project);
        play.manner.keep = half(seed);
        let number = play.opens("Train longer").await;
        play.builds(number, "weights").await;
        play.measures(number, GOOD).await;
        sweeps(&mut play).await;
        for command in ["/model approve", "/model publish"] {
            play.says(OWNER, number, command).await;
            sweeps(&mut play).await;
        }
        // What hears of the command late puts it there late: what is tried is seen by the look after that.
        sweeps(&mut play).await;
        assert_eq!(end(&play, number).queued.as_deref(), Some("success"), "{}", play.report(number));
        passes(&mut play, number).await;
        sweeps(&mut play).await;
        play.publishes().await;
        sweeps(&mut play).await;
        assert_eq!(end(&play, number), published_by_queue(forge), "{}", play.report(number));
        lost += play.sandbox.deliveries().iter().filter(|delivery| delivery.answer.is_none()).count();
        play.ends().await;
    }
    let said = format!("a queue on {forge}: {} histories, {lost} deliveries lost in all\n", seeds.count());
    std::io::stdout().write_all(said.as_bytes()).unwrap();
}

async fn whatever_is_lost_a_sweep_makes_up_for_in_a_queue(forge: ForgeKind) {
    any_subset(forge, 0..4).await;
}

async fn whatever_is_lost_a_sweep_makes_up_for_in_many_histories_of_a_queue(forge: ForgeKind) {
    any_subset(forge, 4..30).await;
}
