//! Numbers, data and model card of a folder, as far as its files show them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::folder::{Folder, is_plain};
use super::jobs::Jobs;
use crate::config::valid::ToolchainKind;

/// Files of numbers, the likeliest name first.
const METRICS: &[&str] =
    &["metrics.json", "metrics.yaml", "metrics.yml", "scores.json", "evaluation.json", "results.json"];
/// JUnit files that scripts write.
const JUNIT: &[&str] = &["junit.xml", "reports/junit.xml", "test-results.xml"];
/// Where files of numbers lie.
const PLACES: &[&str] = &["", "reports/", "metrics/", "output/", "outputs/", "results/"];
/// Held-out data, without the end of the name.
const HELD_OUT: &[&str] = &["holdout", "hold_out", "held_out", "test", "eval", "validation", "valid", "val"];
/// Where Maven and Gradle look for tests.
const TESTS: &[&str] = &["src/test/java", "src/test/kotlin", "src/test/scala", "src/test/groovy"];
/// Where tests lie, which may write the numbers themselves.
const SOURCES: &[&str] = &["src/test", "tests", "test"];
/// Files that say what tests run with.
const DESCRIPTIONS: &[&str] = &["package.json", "pom.xml", "build.gradle", "build.gradle.kts"];
/// How files of data end.
const DATA: &[&str] = &["csv", "tsv", "parquet", "jsonl", "json", "npz", "arrow"];
const CARDS: &[&str] = &["MODEL_CARD.md", "MODELCARD.md", "model_card.md", "docs/MODEL_CARD.md"];

/// Words in the names of metrics of which more is better.
const HIGHER: &[&str] = &[
    "accuracy",
    "acc",
    "auc",
    "f1",
    "precision",
    "recall",
    "r2",
    "bleu",
    "rouge",
    "ndcg",
    "iou",
    "dice",
    "map",
];
/// Words in the names of metrics of which less is better.
const LOWER: &[&str] = &[
    "loss",
    "error",
    "rmse",
    "mae",
    "mse",
    "mape",
    "latency",
    "perplexity",
    "wer",
    "cer",
    "brier",
    "violation",
    "size",
];
/// The most rules that are proposed.
const MOST_RULES: usize = 6;

/// How the model of a folder is measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Measures {
    /// The file of numbers.
    pub(super) metrics: Option<String>,
    /// The JUnit file that a script names or the lines write, or those that the family writes.
    pub(super) junit: Vec<String>,
    /// Where nothing writes numbers: the JUnit files of which the tests are counted, as a shell's pattern.
    pub(super) counted: Option<String>,
    /// Metrics in the file of numbers, and which way is better.
    pub(super) rules: Vec<(String, &'static str)>,
    /// The held-out data.
    pub(super) dataset: Option<String>,
    /// The model card.
    pub(super) card: Option<String>,
}

impl Measures {
    /// Looks for them, in what `jobs` measure with and in the tests.
    pub(super) fn of(kind: ToolchainKind, folder: &Folder, jobs: &Jobs) -> Self {
        let places = PLACES.iter().flat_map(|place| METRICS.iter().map(move |name| format!("{place}{name}")));
        let written = places.clone().find(|path| folder.has(path));
        let scripts = jobs.measuring.iter().map(String::as_str).chain(DESCRIPTIONS.iter().copied());
        let mut texts: Vec<String> = scripts.map(|script| folder.text(script)).collect();
        for place in SOURCES.iter().copied().filter(|_| jobs.measuring.is_empty()) {
            texts.extend(folder.texts_below(place));
        }
        let names =
            |path: &str| texts.iter().any(|text| text.split(['"', '\'', ' ', '\n']).any(|word| word == path));
        let numbers = written.as_deref().map(|path| numbers(&folder.text(path))).unwrap_or_default();
        let mut rules: Vec<_> =
            numbers.into_iter().filter_map(|name| Some((direction(&name)?, name))).collect();
        rules.truncate(MOST_RULES);
        let metrics = written.or_else(|| places.clone().find(|path| names(path)));
        let junit = match (JUNIT.iter().find(|path| names(path)), jobs.junit) {
            (Some(path), _) => vec![(*path).to_owned()],
            (None, Some(path)) => vec![path.to_owned()],
            (None, None) => written_by(kind, folder),
        };
        Self {
            counted: junit.first().filter(|_| metrics.is_none()).map(|first| all_of(kind, first)),
            rules: rules.into_iter().map(|(direction, name)| (name, direction)).collect(),
            metrics,
            junit,
            dataset: dataset(folder),
            card: folder.first(CARDS).map(str::to_owned),
        }
    }
}

/// The JUnit files that a family writes of the tests that the folder has. Of tests that are not there it
/// writes none, and a report that is named and missing is as good as a failed one.
fn written_by(kind: ToolchainKind, folder: &Folder) -> Vec<String> {
    if !TESTS.iter().any(|place| folder.holds(place)) {
        return Vec::new();
    }
    let mut files = match kind {
        ToolchainKind::Maven => vec!["target/surefire-reports/TEST-*.xml"],
        ToolchainKind::Gradle => vec!["build/test-results/test/TEST-*.xml"],
        ToolchainKind::Python | ToolchainKind::Node | ToolchainKind::Custom => Vec::new(),
    };
    if kind == ToolchainKind::Maven && folder.text("pom.xml").contains("maven-failsafe-plugin") {
        files.push("target/failsafe-reports/TEST-*.xml");
    }
    files.into_iter().map(str::to_owned).collect()
}

/// Every JUnit file of a family of which `first` is one, however many kinds of tests the folder has.
fn all_of(kind: ToolchainKind, first: &str) -> String {
    match kind {
        ToolchainKind::Maven => "target/*-reports/TEST-*.xml".to_owned(),
        ToolchainKind::Gradle => "build/test-results/*/TEST-*.xml".to_owned(),
        ToolchainKind::Python | ToolchainKind::Node | ToolchainKind::Custom => first.to_owned(),
    }
}

/// The names of all numbers in a file, nested keys joined by a dot.
fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // JSON is YAML.
    collect(&serde_yaml::from_str(text).unwrap_or_default(), "", &mut found);
    found.retain(|name| is_plain(name));
    let (mut known, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for name in &found {
        if !known.insert(name.clone()) {
            twice.insert(name.clone());
        }
    }
    // `{"a": {"f1": 1}, "a.f1": 2}` gives one name to two numbers, which counts for neither.
    found.retain(|name| !twice.contains(name));
    found
}

fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(value, &name, found);
            }
        }
        Value::Number(_) if !name.is_empty() => found.push(name.to_owned()),
        _ => {}
    }
}

/// Which way a metric of this name is better; none where the name does not say.
fn direction(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let has =
        |words: &[&str]| name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.contains(&part));
    match (has(HIGHER), has(LOWER)) {
        (true, false) => Some("higher"),
        (false, true) => Some("lower"),
        _ => None,
    }
}

fn dataset(folder: &Folder) -> Option<String> {
    let names = HELD_OUT.iter().flat_map(|name| DATA.iter().map(move |end| format!("{name}.{end}")));
    let files = names.flat_map(|name| [format!("data/{name}"), name]);
    let folders = HELD_OUT.iter().map(|name| format!("data/{name}"));
    let holds = |path: &String| {
        folder.paths().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    };
    files.into_iter().find(|path| folder.has(path)).or_else(|| folders.into_iter().find(holds))
}
