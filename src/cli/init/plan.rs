//! The file that a folder gets: everything that was found, in the words of the template.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde_json::json;

use super::existing::Existing;
use super::folder::Folder;
use super::jobs::{Jobs, TRAINING};
use super::measures::Measures;
use super::taken::{self, Taken, line};
use super::toolchain::{self, OWN_TOOLS, Sign};
use crate::config::repository;
use crate::config::valid::ToolchainKind;

const TEMPLATE: &str = include_str!("../../../templates/init/mergewright.yml.j2");
/// Where the numbers are looked for when no file shows it.
const USUAL_METRICS: &str = "metrics.json";

/// Where the tests are counted, so that a file of numbers beside it is never overwritten.
const COUNTS: &str = "test-counts.json";

/// What is written, and why.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) root: String,
    pub(super) kind: ToolchainKind,
    version: Option<String>,
    jobs: Jobs,
    measures: Measures,
    taken: Taken,
    /// What was chosen and by what, each a sentence.
    pub(super) reasons: Vec<String>,
}

impl Plan {
    /// Decides what a repository's file says. `folder_name` names the model where it lies at the root.
    /// `existing` is what the CI files that are there run.
    pub(super) fn of(
        folder: &Folder,
        folder_name: &str,
        asked: Option<ToolchainKind>,
        existing: &Existing,
    ) -> Self {
        let mut reasons = Vec::new();
        let root = root(folder, asked, &mut reasons);
        let inside = folder.below(&root);
        let kind = kind(&inside, asked, &mut reasons);
        let known =
            toolchain::version(kind, &inside).map(|(version, file)| match (file, &existing.version) {
                (None, Some(asked)) if kind != ToolchainKind::Custom => match taken::version(asked) {
                    Some(version) => (version, existing.files.first().map(String::as_str)),
                    None => (version, file),
                },
                _ => (version, file),
            });
        let version = known.map(|(version, file)| {
            let why = file
                .map_or_else(|| "no file asks for another".to_owned(), |file| format!("{file} asks for it"));
            reasons.push(format!("its version is {version}: {why}"));
            version
        });
        let (name, because) =
            name(if root == "." { folder_name } else { root.rsplit('/').next().unwrap_or(&root) });
        reasons.push(format!("the model is called {name}: {because}"));
        let mut jobs = Jobs::of(kind, &inside);
        let taken = Taken::of(existing, kind, &root, &mut jobs, &mut reasons);
        let measures = Measures::of(kind, &inside, &jobs);
        if jobs.packed {
            reasons.push(format!("no script trains: the model is what `{}` packs", jobs.build.join("; ")));
        }
        if measures.counted.is_some() {
            reasons.push(
                "no file shows numbers of the model: how many of its tests pass is judged, until test.run writes better ones"
                    .to_owned(),
            );
        }
        Self { name, root, kind, version, jobs, measures, taken, reasons }
    }

    /// The keys whose values no file shows.
    pub(super) fn to_fill_in(&self) -> Vec<&'static str> {
        let unknown = [
            ("build.run", self.jobs.build_unknown),
            ("build.artifacts", self.jobs.artifacts_unknown),
            ("test.run", self.jobs.test_unknown),
            ("test.reports.metrics", self.measures.metrics.is_none() && self.measures.counted.is_none()),
            ("gates.rules", self.measures.rules.is_empty() && self.measures.counted.is_none()),
        ];
        unknown.into_iter().filter(|(_, unknown)| *unknown).map(|(key, _)| key).collect()
    }

    /// The text of the file.
    ///
    /// # Errors
    /// When the template is broken.
    pub(super) fn render(&self) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_syntax(
            SyntaxConfig::builder()
                .block_delimiters("<%", "%>")
                .variable_delimiters("<{", "}>")
                .comment_delimiters("<#", "#>")
                .trim_blocks(true)
                .lstrip_blocks(true)
                .keep_trailing_newline(true)
                .build()?,
        );
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Every value is made of characters that mean themselves: `folder::is_plain`.
        environment.set_auto_escape_callback(|_name| AutoEscape::None);
        let (jobs, measures) = (&self.jobs, &self.measures);
        let paths = if self.root == "." { "**".to_owned() } else { format!("{}/**", self.root) };
        let values = json!({
            "name": self.name,
            "paths": paths,
            "root": if self.root == "." { ".".to_owned() } else { worded(&self.root) },
            "kind": toolchain::word(self.kind),
            "version": self.version,
            "build": jobs.build.iter().map(|text| line(text)).collect::<Vec<_>>(),
            "build_unknown": jobs.build_unknown,
            "artifacts": jobs.artifacts,
            "artifacts_unknown": jobs.artifacts_unknown,
            "test": jobs.test.iter().map(|text| line(text)).collect::<Vec<_>>(),
            "test_unknown": jobs.test_unknown,
            "metrics": measures.metrics.as_deref().unwrap_or(match measures.counted {
                Some(_) => COUNTS,
                None => USUAL_METRICS,
            }),
            "counted": measures.counted,
            "metrics_unknown": measures.metrics.is_none() && measures.counted.is_none(),
            "junit": measures.junit.iter().map(|path| worded(path)).collect::<Vec<_>>(),
            "dataset": measures.dataset.as_deref().map(worded),
            "protect": jobs.measuring.iter().map(|path| worded(path)).collect::<Vec<_>>(),
            "rules": measures.rules,
            "card": measures.card.as_deref().map(worded),
            "secrets": self.taken.secrets,
            "publish": self.taken.publish.iter().map(|text| line(text)).collect::<Vec<_>>(),
            "schedules": self.taken.schedules,
        });
        environment.render_str(&TEMPLATE.replace("\r\n", "\n"), Value::from(Serde(values)))
    }
}

/// A text of plain characters as YAML: in quotes where it would be a number or nothing without them.
fn worded(text: &str) -> String {
    let harmless = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !["null", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if harmless { text.to_owned() } else { format!("\"{text}\"") }
}

/// Where the model lies: at the root, or in the one folder that looks like one.
fn root(folder: &Folder, asked: Option<ToolchainKind>, reasons: &mut Vec<String>) -> String {
    let sign = |root: &str| {
        let signs = toolchain::signs(&folder.below(root));
        signs
            .into_iter()
            .find(|sign| asked.is_none_or(|kind| kind == sign.kind || kind == ToolchainKind::Custom))
    };
    if sign(".").is_some() {
        return ".".to_owned();
    }
    let mut models: Vec<(&str, Sign)> =
        folder.folders(2).into_iter().filter_map(|place| Some((place, sign(place)?))).collect();
    // A folder that trains is a model; one that merely holds scripts may be anything.
    if models.iter().any(|(place, _)| folder.below(place).first(TRAINING).is_some()) {
        models.retain(|(place, _)| folder.below(place).first(TRAINING).is_some());
    }
    let Some((root, sign)) = models.first() else { return ".".to_owned() };
    reasons.push(format!("the model lies in {root}: {} is there", sign.file));
    let others: Vec<&str> = models.iter().skip(1).map(|(place, _)| *place).collect();
    if !others.is_empty() {
        reasons.push(format!(
            "there could be more models in {}: give each a section of its own under `models`",
            others.join(", ")
        ));
    }
    (*root).to_owned()
}

/// The family: as asked, or as the files show.
fn kind(folder: &Folder, asked: Option<ToolchainKind>, reasons: &mut Vec<String>) -> ToolchainKind {
    if let Some(kind) = asked {
        reasons.push(format!("the toolchain is {}: you said so", toolchain::word(kind)));
        return kind;
    }
    let signs = toolchain::signs(folder);
    let Some((taken, others)) = signs.split_first() else {
        let why = match folder.first(OWN_TOOLS) {
            Some(file) => format!("{file} is there, and no file of another family"),
            None => "no file shows another; --toolchain names one".to_owned(),
        };
        reasons.push(format!("the toolchain is custom: {why}"));
        return ToolchainKind::Custom;
    };
    reasons.push(format!("the toolchain is {}: {} is there", toolchain::word(taken.kind), taken.file));
    for other in others {
        let word = toolchain::word(other.kind);
        reasons.push(format!("{} is there as well; --toolchain {word} would follow it", other.file));
    }
    taken.kind
}

/// A name for the model, from the name of a folder, and how it came about.
pub(super) fn name(folder: &str) -> (String, &'static str) {
    let letters = folder.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let words: Vec<&str> = letters.split('-').filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(55).collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        return ("model".to_owned(), "the folder's name cannot be a model's");
    }
    if repository::is_reserved(name) {
        return (format!("{name}-model"), "commands or jobs use the folder's name");
    }
    (name.to_owned(), "so is its folder")
}
