//! What the forge keeps about the deliveries it made, and asking for one of them again.

use std::time::Duration;

use crate::domain::Timestamp;

use super::{Delivery, State};

/// GitLab sends so many again of one hook within [`MINUTE`].
const AGAIN_A_MINUTE: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// The first attempt's number.
const FIRST: u64 = 1001;

/// Whether deliveries reach anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receiver {
    /// They are sent.
    #[default]
    There,
    /// Nobody listens.
    Away,
    /// Something before the receiver answers them with this status.
    Answers(u16),
}

/// Whose deliveries a log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// Those of a project's hook.
    Hook(u64, u64),
    /// Those of an App.
    App(u64),
}

impl Log {
    fn shows(self, delivery: &Delivery) -> bool {
        match self {
            Self::Hook(project, hook) => {
                delivery.app.is_none() && (delivery.project, delivery.hook) == (project, hook)
            }
            Self::App(app) => delivery.app == Some(app),
        }
    }
}

/// One attempt to hand a delivery over.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Its own number: each attempt has one.
    pub(crate) number: u64,
    pub(crate) delivery: Delivery,
}

impl Attempt {
    /// The status that was answered; none where nobody answered.
    pub(crate) fn status(&self) -> Option<u16> {
        self.delivery.answer.as_ref().and_then(|answer| answer.as_ref().ok()).copied()
    }
}

impl State {
    /// Keeps an attempt with what was answered.
    pub(crate) fn sent(&mut self, delivery: &mut Delivery) {
        delivery.sent_at = Some(self.now());
        self.deliveries.push(delivery.clone());
    }

    /// The attempts of a log, the newest first. What was lost on its way out was never tried.
    pub(crate) fn attempts(&self, log: Log) -> Vec<Attempt> {
        let numbered = (FIRST..).zip(&self.deliveries);
        let shown = numbered.filter(|(_, one)| one.answer.is_some() && log.shows(one));
        let mut all: Vec<Attempt> =
            shown.map(|(number, one)| Attempt { number, delivery: one.clone() }).collect();
        all.reverse();
        all
    }

    /// The delivery of an attempt, ready to be sent once more.
    pub(crate) fn once_more(&self, log: Log, number: u64) -> Option<Delivery> {
        let attempt = self.attempts(log).into_iter().find(|one| one.number == number)?;
        Some(Delivery { answer: None, sent_at: None, again: true, ..attempt.delivery })
    }

    /// Queues a delivery that somebody asked for once more.
    pub(crate) fn queue_again(&mut self, delivery: Delivery) {
        self.mail.notify_one();
        self.pending.push_back(delivery);
    }

    /// Whether one more delivery of a hook may be asked for again now.
    pub(crate) fn may_ask_again(&mut self, hook: u64) -> bool {
        let now = self.now();
        let recent = |one: &&(u64, Timestamp)| one.0 == hook && now.since(one.1) < MINUTE;
        if self.asked_again.iter().filter(recent).count() >= AGAIN_A_MINUTE {
            return false;
        }
        self.asked_again.push((hook, now));
        true
    }
}
