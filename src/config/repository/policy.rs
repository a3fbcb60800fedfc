//! What decides: gates, review, version, environments, retention.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;

use super::reader::{Field, Section, cut};
use super::words::DirectionWord;
use crate::config::valid::{
    BaselineChoice, Canary, Direction, Environment, Gates, Level, Retention, Review, Rule, VersionStrategy,
};

/// How long candidates are kept where nothing is written.
const KEPT_CANDIDATES: Duration = Duration::from_secs(14 * 24 * 3600);
/// How many versions keep their bytes where nothing is written.
const KEPT_VERSIONS: u32 = 10;
/// How long a canary step is watched where nothing is written.
const CANARY_HOLD: Duration = Duration::from_secs(30 * 60);

pub(super) fn gates(field: Option<Field<'_>>) -> Gates {
    let mut gates = Gates { baseline: BaselineChoice::default(), rules: Vec::new() };
    let Some(section) = field.and_then(|field| field.section()) else { return gates };
    if let Some(baseline) = section.field("baseline").and_then(|field| field.choice()) {
        gates.baseline = baseline;
    }
    let mut ids = BTreeMap::new();
    for item in section.field("rules").map(|field| field.list()).unwrap_or_default() {
        let (id, rule) = item.section().map(|section| rule(&item, &section)).unwrap_or_default();
        let Some(id) = id else { continue };
        match ids.get(&id) {
            Some(line) => {
                let what = format!("has the id `{}` of the rule on line {line}", cut(&id));
                item.refuse(&what, "write an `id` of its own; without one the metric's name is the id");
            }
            None => {
                ids.insert(id, item.node.place.line);
                gates.rules.extend(rule);
            }
        }
    }
    gates
}

/// The id of a rule, and the rule where it can be read.
fn rule(item: &Field<'_>, section: &Section<'_>) -> (Option<String>, Option<Rule>) {
    let metric = section.required("metric").and_then(|field| field.line().map(str::to_owned));
    let number = |key: &str| section.field(key).and_then(|field| field.decimal());
    let (min, max) = (number("min"), number("max"));
    let direction = direction(section, min, max);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        item.refuse("has a `min` above its `max`", "no value could pass: exchange the two");
    }
    let level: Level = section.field("level").and_then(|field| field.choice()).unwrap_or_default();
    let required = section.field("required").and_then(|field| field.truth()).unwrap_or_default();
    if required && level == Level::Warn {
        item.refuse(
            "is `required` and only warns",
            "remove `level: warn`, so that it blocks, or `required`: there is nothing to waive in a warning",
        );
    }
    let id = match section.field("id") {
        Some(field) => rule_id(&field),
        None => {
            if metric.as_ref().is_some_and(|metric| metric.contains(char::is_whitespace)) {
                item.refuse(
                    "has a metric with white space in its name, and no `id`",
                    "write an `id` of one word: it is what `/model waive` names",
                );
            }
            metric.clone()
        }
    };
    let max_regression = section.field("max_regression").and_then(|field| field.tolerance());
    let cumulative = section.field("cumulative").and_then(|field| field.tolerance());
    let slice = section.field("slice").and_then(|field| field.line().map(str::to_owned));
    let min_samples = section.field("min_samples").and_then(|field| field.integer());
    let confidence = section.field("confidence").and_then(|field| confidence(&field));
    let whole = id.clone().zip(metric).zip(direction);
    let rule = whole.map(|((id, metric), direction)| Rule {
        id,
        metric,
        direction,
        min,
        max,
        max_regression,
        level,
        required,
        slice,
        min_samples,
        cumulative,
        confidence,
        line: Some(item.node.place.line),
    });
    (id, rule)
}

/// Which way is better; a target is a value within the bounds.
fn direction(section: &Section<'_>, min: Option<Decimal>, max: Option<Decimal>) -> Option<Direction> {
    let field = section.field("target");
    let target = field.as_ref().and_then(|field| field.decimal());
    let written = section.required("direction")?;
    match (written.choice()?, field) {
        (DirectionWord::Target, Some(field)) => {
            let target = target?;
            if min.is_some_and(|min| target < min) || max.is_some_and(|max| target > max) {
                field
                    .refuse("lies outside of `min` and `max`", "the best value would fail: move one of them");
            }
            Some(Direction::Target(target))
        }
        (DirectionWord::Target, None) => {
            written.refuse("names no value", "write the best value beside it: `target: 1.0`");
            None
        }
        (word, field) => {
            if let Some(field) = field {
                field.refuse(
                    "has no meaning in this direction",
                    "write `direction: target`, or a bound: `min` or `max`",
                );
            }
            Some(if word == DirectionWord::Higher { Direction::Higher } else { Direction::Lower })
        }
    }
}

/// An id that can be typed in a command.
fn rule_id(field: &Field<'_>) -> Option<String> {
    let text = field.line()?;
    if text.contains(char::is_whitespace) {
        field.refuse("has white space in it", "write one word: it is what `/model waive` names");
        return None;
    }
    Some(text.to_owned())
}

fn confidence(field: &Field<'_>) -> Option<Decimal> {
    let percent = field.text()?.strip_suffix('%').and_then(super::reader::exact);
    let sound = percent.filter(|percent| *percent >= Decimal::from(50) && *percent < Decimal::from(100));
    if sound.is_none() {
        field.refuse("is no confidence", "write a percentage from 50% to below 100%, such as `95%`");
    }
    sound
}

pub(super) fn review(field: Option<Field<'_>>) -> Review {
    let mut review =
        Review { approvals: 1, owners: Vec::new(), card: None, card_sections: Vec::new(), line: None };
    let Some(field) = field else { return review };
    let Some(section) = field.section() else { return review };
    review.line = Some(field.node.place.line);
    if let Some(approvals) = section.field("approvals").and_then(|field| field.integer()) {
        review.approvals = approvals;
    }
    for item in section.field("owners").map(|field| field.items()).unwrap_or_default() {
        let Some(text) = item.line() else { continue };
        let name = text.strip_prefix('@').unwrap_or(text);
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '[' | ']');
        if name.is_empty() || !name.chars().all(allowed) || name.split('/').any(str::is_empty) {
            item.refuse("is no person or group", "write a login (`@alice`) or a group (`@acme/ml-owners`)");
        } else if review.owners.iter().any(|owner| owner == name) {
            item.refuse("is listed twice", "keep one of the two");
        } else {
            review.owners.push(name.to_owned());
        }
    }
    // Each login is one person; who is in a group is known to the forge alone.
    let people = review.owners.iter().all(|owner| !owner.contains('/'));
    let owners = u32::try_from(review.owners.len()).unwrap_or(u32::MAX);
    if people && owners > 0 && review.approvals > owners {
        let what = format!("asks for {} approvals and names fewer owners: {owners}", review.approvals);
        field.refuse(&what, "name more owners or a group, or lower `approvals`");
    }
    review.card = section.field("card").and_then(|field| field.relative_path());
    review.card_sections = section.field("card_sections").map(|field| field.lines()).unwrap_or_default();
    if let Some(sections) = section.field("card_sections").filter(|_| section.field("card").is_none())
        && !review.card_sections.is_empty()
    {
        sections.refuse("has no card to look into", "write `card: MODEL_CARD.md` beside it");
    }
    review
}

pub(super) fn version(model: &Section<'_>) -> Option<VersionStrategy> {
    let section = model.required("version")?.section()?;
    section.required("strategy")?.choice()
}

pub(super) fn environments(field: Option<Field<'_>>) -> Vec<Environment> {
    let Some(field) = field else { return Vec::new() };
    let entries = field.named();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    let mut environments = Vec::new();
    let mut requires = BTreeMap::new();
    for entry in &entries {
        let named = field.sound_name(entry);
        let Some(inner) = entry.field.section() else { continue };
        let name = entry.name;
        let before = inner.field("requires").and_then(|field| {
            let before = field.text()?;
            if names.contains(&before) {
                requires.insert(name, (before, field));
                return Some(before.to_owned());
            }
            let remedy = match field.sink.nearest(before, &names) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("environments here: {}", cut(&names.join(", "))),
            };
            field.refuse(&format!("names the environment `{}`, which does not exist", cut(before)), remedy);
            None
        });
        let environment = Environment {
            name: name.to_owned(),
            requires: before,
            approvals: inner.field("approvals").and_then(|field| field.integer()).unwrap_or(0),
            canary: inner.field("canary").and_then(|field| canary(&field)),
            freeze: inner.field("freeze").map(|field| field.freeze_windows()).unwrap_or_default(),
        };
        if named {
            environments.push(environment);
        }
    }
    for (name, (before, field)) in &requires {
        let mut at = *before;
        for _ in 0..=requires.len() {
            if at == *name {
                field.refuse(&format!("closes a circle: `{name}` would wait for itself"), "break the circle");
                break;
            }
            let Some((next, _)) = requires.get(at) else { break };
            at = next;
        }
    }
    environments
}

fn canary(field: &Field<'_>) -> Option<Canary> {
    let section = field.section()?;
    let hold = section.field("hold").and_then(|field| field.duration()).unwrap_or(CANARY_HOLD);
    let steps_field = section.required("steps")?;
    let items = steps_field.list();
    let steps: Vec<u8> = items.iter().filter_map(|item| item.integer()).collect();
    let rising = steps.windows(2).all(|pair| pair.first() < pair.last());
    if steps.len() == items.len() && !(rising && steps.last() == Some(&100)) {
        steps_field
            .refuse("does not rise to 100", "write percentages of traffic, each larger, the last one 100");
    }
    Some(Canary { steps, hold })
}

pub(super) fn retention(field: Option<Field<'_>>) -> Retention {
    let section = field.and_then(|field| field.section());
    let get = |key: &str| section.as_ref().and_then(|section| section.field(key));
    Retention {
        last: get("last").and_then(|field| field.integer()).unwrap_or(KEPT_VERSIONS),
        candidates: get("candidates").and_then(|field| field.duration()).unwrap_or(KEPT_CANDIDATES),
    }
}
