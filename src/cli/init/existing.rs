//! What the CI files that are there already run: their lines are taken over, so that nobody types them again.
//!
//! Only what a model's jobs can be made of is read. The files themselves are left as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_yaml::Value;

use crate::generator;

/// How large a CI file may be that is read.
const MOST_BYTES: u64 = 256 * 1024;
/// Secrets that the forge itself brings.
const FORGES_OWN: &[&str] = &["GITHUB_TOKEN", "CI_JOB_TOKEN"];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Existing {
    /// Shell lines of jobs that build.
    pub(super) build: Vec<String>,
    /// Shell lines of jobs that test.
    pub(super) test: Vec<String>,
    /// Shell lines of jobs that bring something out.
    pub(super) publish: Vec<String>,
    /// Version of Java, Node.js or Python that was asked for.
    pub(super) version: Option<String>,
    /// Names of secrets.
    pub(super) secrets: BTreeSet<String>,
    /// Work at fixed times, by name: cron expression and lines.
    pub(super) schedules: BTreeMap<String, (String, Vec<String>)>,
    /// The files that were read.
    pub(super) files: Vec<String>,
}

/// One job of either forge.
struct Job {
    words: String,
    lines: Vec<String>,
}

impl Existing {
    /// Reads the CI files of a repository; those that we wrote, and those that are no YAML, say nothing.
    pub(super) fn look(dir: &Path) -> Self {
        let mut found = Self::default();
        if let Some(file) = read(dir, ".gitlab-ci.yml") {
            found.gitlab(&file);
            found.files.push(".gitlab-ci.yml".to_owned());
        }
        let workflows = fs::read_dir(dir.join(".github/workflows")).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            workflows.filter_map(|entry| entry.file_name().to_str().map(str::to_owned)).collect();
        names.sort();
        for name in names.iter().filter(|name| name.ends_with(".yml") || name.ends_with(".yaml")) {
            let path = format!(".github/workflows/{name}");
            if let Some(file) = read(dir, &path) {
                found.github(&file, name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem));
                found.files.push(path);
            }
        }
        found
    }

    fn gitlab(&mut self, file: &Value) {
        let shared = lines(file.get("before_script").or_else(|| file.get("default")?.get("before_script")));
        for (name, job) in file.as_mapping().into_iter().flatten() {
            let (Some(name), Some(script)) = (name.as_str(), job.get("script")) else { continue };
            let stage = job.get("stage").and_then(Value::as_str).unwrap_or("test");
            let before = job.get("before_script").map_or_else(|| shared.clone(), |own| lines(Some(own)));
            let lines = before.into_iter().chain(lines(Some(script))).collect();
            self.take(Job { words: format!("{stage} {name}"), lines });
        }
    }

    fn github(&mut self, file: &Value, stem: &str) {
        let text = serde_yaml::to_string(file).unwrap_or_default();
        self.secrets.extend(secrets(&text));
        // YAML 1.1 took the word for a truth; this reader does not.
        let on = file.get("on");
        let times = on.and_then(|on| on.get("schedule")).and_then(Value::as_sequence);
        let only_timed = on.and_then(Value::as_mapping).is_some_and(|on| on.len() == 1) && times.is_some();
        let mut all = Vec::new();
        for (id, job) in file.get("jobs").and_then(Value::as_mapping).into_iter().flatten() {
            let steps = job.get("steps").and_then(Value::as_sequence).into_iter().flatten();
            for step in steps {
                let with = |key: &str| step.get("with").and_then(|with| with.get(key)).and_then(scalar);
                for key in ["java-version", "node-version", "python-version"] {
                    self.version = self.version.take().or_else(|| with(key));
                }
                let run = lines(step.get("run"));
                all.extend(run.iter().cloned());
                let word =
                    |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
                let words =
                    format!("{} {} {}", word(Some(id)), word(job.get("name")), word(step.get("name")));
                if !only_timed && !run.is_empty() {
                    self.take(Job { words, lines: run });
                }
            }
        }
        let crons = times.into_iter().flatten().filter_map(|time| time.get("cron")?.as_str());
        for (number, cron) in crons.enumerate() {
            // `nightly.yml` and `nightly.yaml` may lie side by side.
            let names = (number + 1..).map(|number| match number {
                1 => stem.to_owned(),
                other => format!("{stem}-{other}"),
            });
            let Some(name) = names.into_iter().find(|name| !self.schedules.contains_key(name)) else { break };
            self.schedules.insert(name, (cron.to_owned(), all.clone()));
        }
    }

    /// Gives a job's lines to the kind that they show themselves to be.
    fn take(&mut self, job: Job) {
        let text = format!("{} {}", job.words, job.lines.join(" ")).to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let has = |some: &[&str]| words.iter().any(|word| some.contains(word));
        let kind = if has(&["deploy", "publish", "release", "twine"]) {
            &mut self.publish
        } else if has(&["test", "tests", "verify", "check", "jacoco", "pytest", "evaluate"])
            && !has(&["build", "package", "compile", "train"])
        {
            &mut self.test
        } else {
            &mut self.build
        };
        for line in job.lines {
            if !kind.contains(&line) {
                kind.push(line);
            }
        }
    }
}

/// A file that is small, not ours, and YAML.
fn read(dir: &Path, path: &str) -> Option<Value> {
    let path = dir.join(path);
    let small = fs::metadata(&path).is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES);
    let text = small.then(|| fs::read_to_string(&path).ok())??;
    if generator::is_generated(&text) { None } else { serde_yaml::from_str(&text).ok() }
}

/// Shell lines; one text of several is each of them.
fn lines(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) if text.contains("\\\n") || text.contains("<<") => vec![text.clone()],
        Some(Value::String(text)) => {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        Some(Value::Sequence(items)) => items.iter().flat_map(|item| lines(Some(item))).collect(),
        _ => Vec::new(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The names behind `secrets.` in expressions.
fn secrets(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("secrets.").skip(1).filter_map(|rest| {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        (!name.is_empty() && !FORGES_OWN.contains(&name.as_str())).then_some(name)
    })
}
