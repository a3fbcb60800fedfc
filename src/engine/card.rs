//! The model card: what the policy asks for, and what stands at the head.

mod front_matter;
mod outline;

use serde::{Deserialize, Serialize};

use crate::config::valid::Model;
use crate::domain::{Card, ModelName, ModelState, Phase, Stage};

use super::Configuration;
use super::paths::below;
use super::setting::Rules;
use super::turn::Turn;

pub use outline::{Heading, Outline, outline};

/// How many headings are compared with one that is missing.
const MOST_COMPARED: usize = 200;

/// What stands where the policy wants the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardFact {
    /// No file.
    Absent,
    /// A file that cannot be read as a card.
    Unreadable {
        /// What is wrong, safe to show.
        why: String,
    },
    /// A card.
    Read(Outline),
}

/// Where the policy wants a model's card, as seen from the repository's root: the path is the policy's,
/// the folder that it starts in is the head's. None where no card is asked for, or the model goes.
#[must_use]
pub fn path(policy: &Configuration, proposal: &Configuration, name: &ModelName) -> Option<String> {
    let proposal = proposal.model(name)?;
    path_of(policy.model(name).unwrap_or(proposal), proposal)
}

fn path_of(policy: &Model, proposal: &Model) -> Option<String> {
    policy.review.card.as_ref().map(|card| below(&proposal.root, card))
}

/// Compares the card of the judged commit with what the policy asks for.
pub(super) fn check(turn: &Turn<'_>, name: &ModelName, model: &mut ModelState, rules: &Rules<'_>) {
    let Some(path) = rules.proposal.and_then(|proposal| path_of(rules.policy, proposal)) else {
        model.card = None;
        return;
    };
    match turn.open().and_then(|open| open.cards.get(name)) {
        Some(fact) => {
            let problems = problems(fact, &rules.policy.review.card_sections);
            model.card = Some(Card { path, problems });
        }
        // Not knowing lets nothing through; what was found of this very commit stays true.
        None if model.card.is_none() => {
            model.card = Some(Card { path, problems: vec!["It was not read yet.".to_owned()] });
        }
        None => {}
    }
}

/// What is incomplete and what to do about it: it quotes what others wrote.
pub(super) fn remedy(card: &Card) -> String {
    format!(
        "The model card {} is incomplete: {} Push a commit that mends it.",
        quoted(&card.path),
        card.problems.join(" ")
    )
}

/// The same in words of our own, for answers in which nothing is escaped.
pub(super) fn hint(card: &Card) -> String {
    format!(
        "The model card {} is incomplete: push a commit that mends what the report says of it.",
        quoted(&card.path)
    )
}

/// Whether only the card keeps the review from being a matter of approvals.
pub(super) fn fails_review(model: &ModelState, stage: Stage) -> bool {
    model.phase == Phase::AwaitingApproval && stage == Stage::Review && model.incomplete_card().is_some()
}

/// What is missing, the file itself first; each a sentence of its own.
fn problems(fact: &CardFact, sections: &[String]) -> Vec<String> {
    let outline = match fact {
        CardFact::Absent if sections.is_empty() => {
            return vec!["There is no such file: describe the model in it.".to_owned()];
        }
        CardFact::Absent => {
            let headings = sections.iter().map(|section| quoted(section)).collect::<Vec<_>>().join(", ");
            return vec![format!(
                "There is no such file: describe the model in it, with the headings {headings}."
            )];
        }
        CardFact::Unreadable { why } => {
            return vec![format!("It cannot be read: {}.", why.trim_end_matches('.'))];
        }
        CardFact::Read(outline) => outline,
    };
    let mut problems: Vec<_> = outline.front_matter.iter().cloned().collect();
    if outline.empty {
        problems.push("It says nothing: describe the model in it.".to_owned());
    }
    problems.extend(sections.iter().filter_map(|section| lacking(outline, section)));
    problems
}

/// What is wrong with one section, if anything.
fn lacking(outline: &Outline, section: &str) -> Option<String> {
    let wanted = alike(section);
    let mut found = outline.headings.iter().filter(|heading| alike(&heading.text) == wanted).peekable();
    if found.peek().is_none() {
        let offered = nearest(&wanted, &outline.headings)
            .map_or_else(String::new, |near| format!(" (there is {}, which is another text)", quoted(near)));
        let cut = if outline.more_headings { " among the headings that were read" } else { "" };
        return Some(format!(
            "There is no heading {}{cut}{offered}: add it with what there is to say.",
            quoted(section)
        ));
    }
    let filled = found.any(|heading| heading.filled);
    (!filled).then(|| format!("Nothing is said under the heading {}: fill it in.", quoted(section)))
}

/// A heading's text as it is compared: case, white space and a colon at its end make no difference.
fn alike(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    words.trim_end_matches(':').trim_end().to_owned()
}

/// The heading that was probably meant.
fn nearest<'h>(wanted: &str, headings: &'h [Heading]) -> Option<&'h str> {
    let score = |heading: &Heading| strsim::normalized_damerau_levenshtein(wanted, &alike(&heading.text));
    let scored = headings.iter().take(MOST_COMPARED).map(|heading| (score(heading), heading.text.as_str()));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= 0.6).map(|(_, text)| text)
}

/// A text of others in a sentence of ours: a code span that nothing in it can end.
fn quoted(text: &str) -> String {
    let safe = |c: char| if c == '`' || c.is_control() { '\'' } else { c };
    format!("`{}`", text.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests;
