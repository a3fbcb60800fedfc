//! Whatever workers do, and whenever their leases run out: a lane's jobs end in the order they came.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::base::cases;
use super::{Fresh, lane, on_postgres, what};
use crate::domain::{Lane, Timestamp};
use crate::storage::{Claimed, Decision, NewJob, StoreError};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A delivery arrives in a lane.
    Deliver(u64),
    /// An event of our own arrives in a lane.
    Enqueue(u64),
    /// A worker asks for work.
    Claim,
    /// One of the workers is done.
    Commit(usize),
    /// One of the workers gives its job back for a while.
    Retry(usize, i64),
    /// One of the workers gives its job up.
    Bury(usize),
    /// Time passes; leases and waits may run out.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u64).prop_map(Step::Deliver),
        2 => (0..3u64).prop_map(Step::Enqueue),
        6 => Just(Step::Claim),
        4 => (0..4usize).prop_map(Step::Commit),
        2 => (0..4usize, 0..40i64).prop_map(|(worker, wait)| Step::Retry(worker, wait)),
        1 => (0..4usize).prop_map(Step::Bury),
        2 => (1..60i64).prop_map(Step::Wait),
    ]
}

/// What should be so, kept in the simplest way.
#[derive(Default)]
struct Model {
    now: i64,
    arrivals: u32,
    waiting: BTreeMap<Lane, VecDeque<String>>,
    /// Who holds a lane (the newest claim) and until when it is closed.
    held: BTreeMap<Lane, (usize, i64)>,
    closed_until: BTreeMap<Lane, i64>,
    workers: Vec<Claimed>,
}

const SHORT: Duration = Duration::from_millis(30);

impl Model {
    fn arrive(&mut self, number: u64) -> String {
        self.arrivals += 1;
        let name = format!("job {}", self.arrivals);
        self.waiting.entry(lane(number)).or_default().push_back(name.clone());
        name
    }

    fn is_open(&self, lane: &Lane) -> bool {
        self.held.get(lane).is_none_or(|(_, until)| *until <= self.now)
            && self.closed_until.get(lane).is_none_or(|until| *until <= self.now)
            && self.waiting.get(lane).is_some_and(|jobs| !jobs.is_empty())
    }

    /// Whether this worker's claim is the newest of its lane, and its job is still its own.
    fn holds(&self, worker: usize) -> bool {
        self.held.get(&self.workers[worker].lane).is_some_and(|(holder, _)| *holder == worker)
    }

    async fn play(&mut self, store: &Fresh, step: Step) {
        match step {
            Step::Deliver(number) => {
                let name = self.arrive(number);
                store.deliver(&name, number, self.now).await;
            }
            Step::Enqueue(number) => {
                let event = self.arrive(number);
                let job = NewJob { lane: lane(number), event };
                store.enqueue(vec![job], Timestamp(self.now)).await.unwrap();
            }
            Step::Wait(span) => self.now += span,
            Step::Claim => self.claim(store).await,
            Step::Commit(pick) | Step::Bury(pick) | Step::Retry(pick, _) if !self.workers.is_empty() => {
                self.end(store, pick % self.workers.len(), &step).await;
            }
            Step::Commit(_) | Step::Bury(_) | Step::Retry(..) => {}
        }
    }

    async fn claim(&mut self, store: &Fresh) {
        let open: Vec<Lane> = self.waiting.keys().filter(|lane| self.is_open(lane)).cloned().collect();
        let Some(claimed) = store.claim(Timestamp(self.now), SHORT).await.unwrap() else {
            assert!(open.is_empty(), "{open:?} could be claimed");
            return;
        };
        assert!(open.contains(&claimed.lane), "{} is held, closed or empty", claimed.lane);
        assert_eq!(what(&claimed), self.waiting[&claimed.lane][0], "the oldest of {}", claimed.lane);
        let until = Timestamp(self.now).after(SHORT).0;
        self.held.insert(claimed.lane.clone(), (self.workers.len(), until));
        self.workers.push(claimed);
    }

    async fn end(&mut self, store: &Fresh, worker: usize, step: &Step) {
        let (lease, lane) = (self.workers[worker].lease.clone(), self.workers[worker].lane.clone());
        let now = Timestamp(self.now);
        let ended = match step {
            Step::Retry(_, wait) => store.retry_job(&lease, Timestamp(self.now + wait), "again").await,
            Step::Bury(_) => store.bury_job(&lease, "poison", now).await,
            _ => store.commit(&lease, Decision::default(), now).await,
        };
        if !self.holds(worker) {
            assert!(matches!(ended, Err(StoreError::LeaseLost)), "a late worker wrote: {ended:?}");
            return;
        }
        ended.unwrap();
        self.held.remove(&lane);
        if let Step::Retry(_, wait) = step {
            self.closed_until.insert(lane, self.now + wait);
        } else {
            self.closed_until.remove(&lane);
            self.waiting.get_mut(&lane).unwrap().pop_front();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jobs_of_a_lane_end_in_the_order_they_came(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Fresh::new().await;
            let mut model = Model::default();
            for step in steps {
                model.play(&store, step).await;
            }
            // Whatever was left half done, everything ends in the end.
            model.now += 1_000;
            while model.waiting.keys().any(|lane| model.is_open(lane)) {
                model.claim(&store).await;
                let worker = model.workers.len() - 1;
                model.end(&store, worker, &Step::Commit(worker)).await;
            }
            assert_eq!(store.queue().await.unwrap(), (0, None));
            store.close().await;
        });
    }
}

on_postgres! {
    jobs_of_a_lane_end_in_the_order_they_came,
}
