//! What follows from a look at a repository's schedules.

use serde_json::json;

use super::standing::stand;
use super::{Schedules, Wanted, look_at, overdue};
use crate::domain::{Audit, Effect, ForgeClock, ModelName, RunId, Scheduled, Sha, Timestamp, WorkOrder};

/// A tick of which the forge should have run something by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The model.
    pub model: ModelName,
    /// The schedule.
    pub name: String,
    /// When it was due.
    pub tick: Timestamp,
}

/// What the forge says of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The job of the schedule ran since, or runs, whoever started it.
    Ran(RunId),
    /// Nothing ran; and so stands the forge's clock.
    Missed(ForgeClock),
}

/// How schedules stand, and what has to be asked about them.
#[derive(Clone, Debug)]
pub struct Answered {
    standing: Schedules,
    /// What is to be asked of the forge.
    pub questions: Vec<Question>,
    answers: Vec<(Question, Answer)>,
}

/// What follows.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// How the schedules stand.
    pub schedules: Schedules,
    /// Forge calls, in order.
    pub effects: Vec<Effect>,
    /// Audit entries, in order.
    pub audit: Vec<Audit>,
    /// When to look again.
    pub wake_at: Option<Timestamp>,
}

impl Answered {
    /// Where `known` stood when it was looked at last, and these are wanted now.
    #[must_use]
    pub fn ask(wanted: &[Wanted], known: &Schedules, now: Timestamp) -> Self {
        let standing = stand(wanted, known, now);
        let question = |one: &Wanted| {
            let tick = overdue(&one.ticks()?, found(&standing, one)?, now)?;
            Some(Question { model: one.model.clone(), name: one.name.clone(), tick })
        };
        let questions = wanted.iter().filter_map(question).collect();
        Self { standing, questions, answers: Vec::new() }
    }

    /// The forge's answer to one of the questions.
    pub fn answer(&mut self, question: Question, answer: Answer) {
        self.answers.push((question, answer));
    }
}

/// A tick that was missed is made up for once, at the newest commit of the default branch; not where a person
/// switched the clock off.
#[must_use]
pub fn decide(wanted: &[Wanted], answered: Answered, place: (&str, &Sha), now: Timestamp) -> Decided {
    let mut decided = Decided { schedules: answered.standing, ..Decided::default() };
    for (Question { model, name, tick }, answer) in answered.answers {
        let standing = decided.schedules.get_mut(&model).and_then(|one| one.get_mut(&name));
        let Some(standing) = standing else { continue };
        standing.settled = Some(tick);
        let (outcome, then) = match answer {
            Answer::Ran(_) => continue,
            Answer::Missed(ForgeClock::Off) => ("left", "its clock was switched off, and stays so"),
            Answer::Missed(ForgeClock::Idle) => ("made_up", "it is started now, and its clock again"),
            Answer::Missed(ForgeClock::Ticks) => ("made_up", "it is started now"),
        };
        if answer == Answer::Missed(ForgeClock::Idle) {
            decided.effects.push(Effect::StartClock { model: model.clone() });
        }
        if outcome == "made_up" {
            decided.effects.push(Effect::Dispatch {
                branch: place.0.to_owned(),
                order: WorkOrder::schedule(&model, &name, place.1),
                // One tick is one run, however often it is decided.
                attempt: u32::try_from(tick.0.div_euclid(60_000)).unwrap_or(u32::MAX),
            });
        }
        decided.audit.push(Audit {
            kind: "missed_tick".to_owned(),
            actor: None,
            what: format!("{model}/{name}: nothing ran for {tick}; {then}"),
            detail: json!({ "model": model, "schedule": name, "tick": tick.to_string(), "outcome": outcome }),
        });
    }
    let look = |one: &Wanted| look_at(&one.ticks()?, found(&decided.schedules, one)?, now);
    decided.wake_at = wanted.iter().filter_map(look).min();
    decided
}

fn found<'s>(schedules: &'s Schedules, one: &Wanted) -> Option<&'s Scheduled> {
    schedules.get(&one.model)?.get(&one.name)
}
