//! A rule in words.

use crate::config::valid::{Direction, Rule, Tolerance};

/// A tolerance in words.
pub(super) fn tolerance(tolerance: Tolerance) -> String {
    match tolerance {
        Tolerance::Absolute(most) => most.to_string(),
        Tolerance::Percent(most) => format!("{most}%"),
        Tolerance::Points(most) => format!("{most}pp"),
    }
}

/// The rule in words.
pub(super) fn bounds(rule: &Rule) -> String {
    let (aim, lose, below) = match rule.direction {
        Direction::Higher | Direction::Lower => (None, "may lose", "below"),
        Direction::Target(target) => (Some(target), "may move away by", "farther than"),
    };
    let parts = [
        aim.map(|target| format!("aims at {target}")),
        rule.min.map(|min| format!("≥ {min}")),
        rule.max.map(|max| format!("≤ {max}")),
        rule.max_regression.map(|most| format!("{lose} {}", tolerance(most))),
        rule.slice.as_ref().map(|slice| format!("per {slice}")),
        rule.min_samples.map(|samples| format!("at least {samples} samples")),
        rule.cumulative.map(|most| format!("at most {} {below} the best ever", tolerance(most))),
        rule.confidence.map(|percent| format!("{percent}% sure")),
    ];
    let mut said = parts.into_iter().flatten().collect::<Vec<_>>();
    if said.is_empty() {
        said.push("must be a number".to_owned());
    }
    if rule.required {
        said.push("required".to_owned());
    }
    said.join(", ")
}
