//! How fast one credential may speak: a pause that the forge asked for, and the gap between writes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::Instant;

use super::classify::LONGEST_WAIT;
use crate::domain::{Clock, Timestamp};

/// Says for a whole credential until when the forge wants to hear nothing.
#[derive(Debug)]
pub(crate) struct Gate {
    clock: Arc<dyn Clock>,
    shut_until: Mutex<Option<Timestamp>>,
    /// How often in a row we were silenced without being told for how long.
    untold: AtomicU32,
}

impl Gate {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shut_until: Mutex::new(None), untold: AtomicU32::new(0) }
    }

    /// Nothing is sent for `span`; a longer pause that was already asked for stays.
    pub(crate) fn shut(&self, span: Duration) {
        let until = self.clock.now().after(span.min(LONGEST_WAIT));
        let mut shut = self.shut_until.lock().unwrap_or_else(PoisonError::into_inner);
        if shut.is_none_or(|before| before < until) {
            *shut = Some(until);
        }
    }

    /// Nothing is sent for `first`, for twice as long the next time in a row, and so on.
    pub(crate) fn shut_longer(&self, first: Duration) -> Duration {
        let doubled = self.untold.fetch_add(1, Ordering::Relaxed).min(16);
        let span = first.saturating_mul(1 << doubled).min(LONGEST_WAIT);
        self.shut(span);
        span
    }

    /// The forge did what we asked: it is patient with us again.
    pub(crate) fn heard(&self) {
        self.untold.store(0, Ordering::Relaxed);
    }

    /// How long nothing may be sent; none when the gate is open.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        let shut = self.shut_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = (*shut)?.since(self.clock.now());
        (!left.is_zero()).then_some(left)
    }
}

/// Keeps the writes of one credential at least `interval` apart.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    free_at: tokio::sync::Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, free_at: tokio::sync::Mutex::new(None) }
    }

    /// Waits for a turn, first come first served. The next one begins `interval` after the turn is
    /// dropped: only then is the gap kept at the forge's door too, however long the way there took.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        if self.interval.is_zero() {
            return Turn { interval: Duration::ZERO, slot: None };
        }
        let slot = self.free_at.lock().await;
        if let Some(free_at) = *slot {
            tokio::time::sleep_until(free_at).await;
        }
        Turn { interval: self.interval, slot: Some(slot) }
    }
}

/// The right to write once; hold it until the answer is there.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    interval: Duration,
    slot: Option<MutexGuard<'a, Option<Instant>>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(slot) = &mut self.slot {
            **slot = Some(Instant::now() + self.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn a_pause_ends_by_the_clock_and_a_shorter_one_does_not_end_it_sooner() {
        let clock = Arc::new(Hand::default());
        let gate = Gate::new(Arc::<Hand>::clone(&clock));
        assert_eq!(gate.shut_for(), None);
        gate.shut(Duration::from_secs(30));
        gate.shut(Duration::from_secs(5));
        assert_eq!(gate.shut_for(), Some(Duration::from_secs(30)));
        clock.0.store(29_999, Ordering::SeqCst);
        assert_eq!(gate.shut_for(), Some(Duration::from_millis(1)));
        clock.0.store(30_000, Ordering::SeqCst);
        assert_eq!(gate.shut_for(), None);
    }

    #[test]
    fn an_untold_pause_doubles_until_the_forge_answers_again() {
        let gate = Gate::new(Arc::new(Hand::default()));
        let minute = Duration::from_secs(60);
        assert_eq!([(); 3].map(|()| gate.shut_longer(minute)), [minute, minute * 2, minute * 4]);
        assert_eq!([(); 9].map(|()| gate.shut_longer(minute)).last(), Some(&LONGEST_WAIT));
        gate.heard();
        assert_eq!(gate.shut_longer(minute), minute);
    }

    #[test]
    fn a_pause_of_years_is_not_believed() {
        let gate = Gate::new(Arc::new(Hand::default()));
        gate.shut(Duration::from_secs(u64::MAX));
        assert_eq!(gate.shut_for(), Some(LONGEST_WAIT));
    }

    #[tokio::test]
    async fn turns_are_one_at_a_time_and_apart() {
        let hour = Duration::from_secs(3600);
        let pace = Pace::new(hour);
        let turn = pace.turn().await;
        assert!(pace.free_at.try_lock().is_err(), "a second turn began beside the first");
        let answered = Instant::now();
        drop(turn);
        let free_at = pace.free_at.try_lock().unwrap().unwrap();
        assert!(free_at >= answered + hour, "the gap begins with the answer, not with the question");
        tokio::select! {
            biased;
            _second = pace.turn() => panic!("the second turn did not wait"),
            () = std::future::ready(()) => {}
        }
    }

    #[tokio::test]
    async fn without_an_interval_turns_do_not_wait_for_one_another() {
        let pace = Pace::new(Duration::ZERO);
        let _first = pace.turn().await;
        let _second = pace.turn().await;
    }
}
