//! What decides: gates, review, version, environments, retention.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;

use super::reader::{Field, Section, cut};
use super::scalars::RESERVED;
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
    let Some(section) = field.and_then(|field| field.section(&["baseline", "rules"])) else { return gates };
    let baselines = [
        ("production", BaselineChoice::Production),
        ("previous", BaselineChoice::Previous),
        ("target_branch", BaselineChoice::TargetBranch),
    ];
    if let Some(baseline) = section.field("baseline").and_then(|field| field.choice(&baselines)) {
        gates.baseline = baseline;
    }
    for item in section.field("rules").map(|field| field.list()).unwrap_or_default() {
        let Some(rule) = rule(&item) else { continue };
        match gates.rules.iter().find(|known| known.id == rule.id) {
            Some(first) => {
                let what =
                    format!("has the id `{}` of the rule on line {}", cut(&rule.id), first.line.unwrap_or(0));
                item.refuse(&what, "write an `id` of its own; without one the metric's name is the id");
            }
            None => gates.rules.push(rule),
        }
    }
    gates
}

fn rule(item: &Field<'_>) -> Option<Rule> {
    let section = item.section(&[
        "id",
        "metric",
        "direction",
        "min",
        "max",
        "max_regression",
        "level",
        "required",
        "slice",
        "min_samples",
        "cumulative",
        "confidence",
    ])?;
    let directions = [("higher", Direction::Higher), ("lower", Direction::Lower)];
    let levels = [("block", Level::Block), ("warn", Level::Warn)];
    let metric =
        section.required("metric", "metric: accuracy").and_then(|field| field.line().map(str::to_owned));
    let direction =
        section.required("direction", "direction: higher").and_then(|field| field.choice(&directions));
    let number = |key: &str| section.field(key).and_then(|field| field.decimal());
    let (min, max) = (number("min"), number("max"));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        item.refuse("has a `min` above its `max`", "no value could pass: exchange the two");
    }
    let id = section.field("id").and_then(|field| rule_id(&field)).or_else(|| metric.clone());
    let max_regression = section.field("max_regression").and_then(|field| field.tolerance());
    let cumulative = section.field("cumulative").and_then(|field| field.tolerance());
    Some(Rule {
        id: id?,
        metric: metric?,
        direction: direction?,
        min,
        max,
        max_regression,
        level: section.field("level").and_then(|field| field.choice(&levels)).unwrap_or_default(),
        required: section.field("required").and_then(|field| field.truth()).unwrap_or_default(),
        slice: section.field("slice").and_then(|field| field.line().map(str::to_owned)),
        min_samples: section.field("min_samples").and_then(|field| field.integer(1..=1_000_000_000)),
        cumulative,
        confidence: section.field("confidence").and_then(|field| confidence(&field)),
        line: Some(item.node.place.line),
    })
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
    let mut review = Review { approvals: 1, owners: Vec::new(), card: None, card_sections: Vec::new() };
    let known = ["approvals", "owners", "card", "card_sections"];
    let Some(section) = field.and_then(|field| field.section(&known)) else { return review };
    if let Some(approvals) = section.field("approvals").and_then(|field| field.integer(0..=100)) {
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
    review.card = section.field("card").and_then(|field| field.relative_path());
    review.card_sections = section.field("card_sections").map(|field| field.lines()).unwrap_or_default();
    review
}

pub(super) fn version(model: &Section<'_>) -> Option<VersionStrategy> {
    let strategies = [
        ("timestamp", VersionStrategy::Timestamp),
        ("sequence", VersionStrategy::Sequence),
        ("semver", VersionStrategy::Semver),
        ("calver", VersionStrategy::Calver),
    ];
    let section = model.required("version", "version: {strategy: sequence}")?.section(&["strategy"])?;
    section.required("strategy", "strategy: sequence")?.choice(&strategies)
}

pub(super) fn environments(field: Option<Field<'_>>) -> Vec<Environment> {
    let Some(section) = field.and_then(|field| field.open_section()) else { return Vec::new() };
    let names: Vec<&str> = section.entries().map(|(name, ..)| name).collect();
    let mut environments = Vec::new();
    let mut requires = BTreeMap::new();
    for (name, place, field) in section.entries() {
        if !field.sound_name("environment", name, place, RESERVED) {
            continue;
        }
        let Some(inner) = field.section(&["requires", "approvals", "canary", "freeze"]) else { continue };
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
        let freeze = inner.field("freeze").map(|field| field.items()).unwrap_or_default();
        environments.push(Environment {
            name: name.to_owned(),
            requires: before,
            approvals: inner.field("approvals").and_then(|field| field.integer(0..=100)).unwrap_or(0),
            canary: inner.field("canary").and_then(|field| canary(&field)),
            freeze: freeze.iter().filter_map(Field::freeze_window).collect(),
        });
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
    let section = field.section(&["steps", "hold"])?;
    let steps_field = section.required("steps", "steps: [10, 50, 100]")?;
    let items = steps_field.list();
    let steps: Vec<u8> = items.iter().filter_map(|item| item.integer(1..=100)).collect();
    let rising = steps.windows(2).all(|pair| pair.first() < pair.last());
    if steps.len() == items.len() && !(rising && steps.last() == Some(&100)) {
        steps_field
            .refuse("does not rise to 100", "write percentages of traffic, each larger, the last one 100");
    }
    let hold = section.field("hold").and_then(|field| field.duration()).unwrap_or(CANARY_HOLD);
    Some(Canary { steps, hold })
}

pub(super) fn retention(field: Option<Field<'_>>) -> Retention {
    let section = field.and_then(|field| field.section(&["last", "candidates"]));
    let get = |key: &str| section.as_ref().and_then(|section| section.field(key));
    Retention {
        last: get("last").and_then(|field| field.integer(1..=100_000)).unwrap_or(KEPT_VERSIONS),
        candidates: get("candidates").and_then(|field| field.duration()).unwrap_or(KEPT_CANDIDATES),
    }
}
