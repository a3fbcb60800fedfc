//! Both forges are told the same: jobs, order, gates, files. Judged by the finished files alone,
//! each read back into the same plain description.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use globset::GlobBuilder;
use mergewright::config::repository;
use mergewright::generator::{self, Dialect, Existing};
use percent_encoding::percent_decode_str;
use regex_automata::meta::Regex;
use serde_yaml::Value;

/// A job as either file tells it.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    starts: BTreeSet<Start>,
    /// Empty where nothing but the bot starts it.
    paths: Vec<String>,
    needs: Vec<String>,
    minutes: u64,
    /// Whether one at a time runs and nothing ends it.
    alone: bool,
    environment: Option<&'static str>,
    /// Audiences by variable.
    id_tokens: BTreeMap<String, String>,
    proved: bool,
    folder: Option<String>,
    lines: Lines,
    keeps: Option<Kept>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Start {
    MergeRequest,
    Push,
    Asked { action: String, protected: bool, environments: Vec<String> },
}

/// People's own lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lines {
    always: Vec<String>,
    forth: Vec<String>,
    back: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Kept {
    files: Vec<&'static str>,
    after_failure: bool,
    days: u64,
}

/// How a job in an image tells its shell what GitLab's tells every shell.
const PIPES: &str = "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi";

/// Files that a job may leave; what is kept of them is compared.
const LEFT: &[&str] = &[
    "models/iris/model.json",
    "models/iris/metrics.json",
    "models/iris/junit.xml",
    "models/iris/data/train.csv",
    "model.json",
    "metrics.json",
    "routing.bin",
    "speech/model.bin",
    "speech/tokenizer/a.json",
    "speech/tokenizer/deep/b.json",
    "speech/junit.xml",
    "speech/metrics.json",
    "speech/slices/junit.xml",
    "speech/slices/metrics.yaml",
    "speech/slices/metricsxyaml",
    "junit.xml",
    "coverage.xml",
    "target/a.jar",
    "target/surefire-reports/TEST-a.xml",
    "target/failsafe-reports/TEST-a.xml",
    "target/site/jacoco/jacoco.xml",
    "services/fraud/build/libs/fraud.jar",
    "services/fraud/build/test-results/test/TEST-a.xml",
    "services/fraud/build/reports/jacoco/test/jacocoTestReport.xml",
    "dist/a/b.js",
    "coverage/cobertura-coverage.xml",
    "models/ranking/out/model.safetensors",
    "vision/metrics.yaml",
];

/// Every repository that there is a golden of.
fn folders() -> Vec<String> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/generate");
    let names = fs::read_dir(all).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<String> = names.map(|name| format!("tests/data/generate/{name}")).collect();
    folders.push("examples/iris".to_owned());
    folders.sort();
    folders
}

#[test]
fn g20_both_forges_are_told_the_same() {
    for folder in folders() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder).join(".mergewright.yml");
        let config = repository::parse(&fs::read_to_string(file).unwrap()).unwrap();
        let write = |dialect| generator::generate(&config, dialect, &Existing::new()).unwrap();
        let gitlab: Value = serde_yaml::from_str(&write(Dialect::GitLab)[0].content).unwrap();
        let mut seen = 0;
        for file in write(Dialect::GitHub) {
            let workflow: Value = serde_yaml::from_str(&file.content).unwrap();
            let model = workflow["name"].as_str().unwrap();
            let prefix = format!("{model}:");
            let jobs = |value: &Value| -> Vec<String> {
                value.as_mapping().unwrap().keys().map(|key| key.as_str().unwrap().to_owned()).collect()
            };
            // What answers to a merge queue has no counterpart: GitLab's trains run merge request pipelines.
            let mut ids = jobs(&workflow["jobs"]);
            assert_eq!(ids.pop().as_deref(), Some("merge_group"));
            let names: Vec<String> = jobs(&gitlab)
                .iter()
                .filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned))
                .collect();
            assert_eq!(ids, names, "the same jobs in the same order");
            for id in ids {
                let (one, other) = (of_gitlab(&gitlab, model, &id), of_github(&workflow, &id));
                assert_eq!(one, other, "{model}:{id}");
                seen += 1;
            }
        }
        assert!(seen >= 4, "{folder}");
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_sequence().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

fn start(
    merge_request: bool,
    push: bool,
    action: Option<&&str>,
    protected: bool,
    places: Vec<&str>,
) -> Start {
    match action {
        _ if merge_request => Start::MergeRequest,
        _ if push => Start::Push,
        Some(action) => Start::Asked {
            action: (*action).to_owned(),
            protected,
            environments: places.into_iter().map(str::to_owned).collect(),
        },
        None => panic!("nothing starts it"),
    }
}

fn of_gitlab(file: &Value, model: &str, id: &str) -> Told {
    let job = &file[format!("{model}:{id}")];
    let rules = job["rules"].as_sequence().unwrap();
    let condition = |rule: &Value| {
        let said = rule["if"].as_str().unwrap();
        let asked = format!("$MERGEWRIGHT_MODEL == \"{model}\"");
        assert!(said.contains("CI_PIPELINE_SOURCE") || said.contains(&asked), "of this model alone: {said}");
        let action = between(said, "$MERGEWRIGHT_ACTION == \"", "\"");
        let places = between(said, "$MERGEWRIGHT_ENVIRONMENT == \"", "\"");
        let source = |word: &str| said.contains(&format!("$CI_PIPELINE_SOURCE == \"{word}\""));
        let protected = said.contains("$CI_COMMIT_REF_PROTECTED == \"true\"");
        start(source("merge_request_event"), source("push"), action.first(), protected, places)
    };
    let ours = |line: &String| {
        ["export MERGEWRIGHT_", "[ \"$MERGEWRIGHT_COMMIT\" = "].iter().any(|begin| line.starts_with(begin))
    };
    let mut script: Vec<String> = texts(&job["script"]).into_iter().filter(|line| !ours(line)).collect();
    if script[0].contains("# What is live stands in the tags.") {
        script.remove(0);
    }
    let proved = script[0].contains("but the bytes that were judged");
    if proved {
        script.remove(0);
    }
    let folder = script.first().and_then(|line| line.strip_prefix("cd ./")).map(str::to_owned);
    if folder.is_some() {
        script.remove(0);
    }
    // A folder in which nothing runs says nothing.
    let folder = folder.filter(|_| !script.is_empty());
    let mut lines = Lines::default();
    for line in script {
        match line.strip_prefix("if [ \"$MERGEWRIGHT_ACTION\" = rollback ]; then\n") {
            Some(both) => {
                let (back, forth) = both.strip_suffix("fi\n").unwrap().split_once("else\n").unwrap();
                lines.back = back.lines().map(str::to_owned).collect();
                lines.forth = forth.lines().map(str::to_owned).collect();
            }
            None => lines.always.extend(line.lines().map(str::to_owned)),
        }
    }
    let paths = texts(&rules[0]["changes"]["paths"]);
    let keeps = job.get("artifacts").map(|kept| Kept {
        files: left(|path| {
            texts(&kept["paths"]).iter().any(|glob| {
                let glob = GlobBuilder::new(glob).literal_separator(true).build().unwrap().compile_matcher();
                glob.is_match(path)
            })
        }),
        after_failure: kept["when"] == "always",
        days: minutes(kept["expire_in"].as_str().unwrap()) / 1440,
    });
    let alone = job.get("resource_group").is_some();
    // What a bot's pipeline measures is no merge request's, so that no new commit ends it.
    let judges = matches!(id, "build" | "test" | "scan");
    assert_eq!(job["interruptible"], judges);
    assert!(!(judges && alone), "several merge requests are judged at once");
    Told {
        starts: rules.iter().map(condition).collect(),
        paths: paths.iter().map(|path| path.replace("**/*", "**")).collect(),
        needs: job["needs"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|need| need["job"].as_str().unwrap().strip_prefix(&format!("{model}:")).unwrap().to_owned())
            .collect(),
        minutes: minutes(job["timeout"].as_str().unwrap()),
        alone,
        environment: job["environment"]["name"].as_str().and_then(place),
        id_tokens: job["id_tokens"]
            .as_mapping()
            .into_iter()
            .flatten()
            .map(|(name, token)| {
                (name.as_str().unwrap().to_owned(), token["aud"].as_str().unwrap().to_owned())
            })
            .collect(),
        proved,
        folder,
        lines,
        keeps,
    }
}

fn of_github(file: &Value, id: &str) -> Told {
    let job = &file["jobs"][id];
    let said = job["if"].as_str().unwrap();
    let branch = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)";
    let condition = |said: &str| {
        let action = between(said, "inputs.action == '", "'");
        let places = between(said, "inputs.environment == '", "'");
        let event = |word: &str| said.contains(&format!("github.event_name == '{word}'"));
        if event("schedule") {
            return None;
        }
        let protected = said.contains("github.ref_protected");
        assert_eq!(said.contains(branch), protected || event("push"), "{said}");
        Some(start(event("pull_request"), event("push"), action.first(), protected, places))
    };
    // On GitLab the clock is no part of the file: the bot makes the schedule, which brings its variables.
    let starts: BTreeSet<Start> = said.split(") || (").filter_map(condition).collect();
    if starts.contains(&Start::MergeRequest) {
        assert_eq!(file["on"].get("push").is_some(), starts.contains(&Start::Push));
    }
    let mut told = Told {
        paths: if starts.contains(&Start::MergeRequest) {
            texts(&file["on"]["pull_request"]["paths"])
        } else {
            vec![]
        },
        starts,
        needs: texts(&job["needs"]),
        minutes: job["timeout-minutes"].as_u64().unwrap(),
        alone: job["concurrency"]["cancel-in-progress"] == false,
        environment: job["environment"]["name"].as_str().and_then(place),
        id_tokens: BTreeMap::new(),
        proved: false,
        folder: None,
        lines: Lines::default(),
        keeps: None,
    };
    let mut patterns = String::new();
    for step in job["steps"].as_sequence().unwrap() {
        let run = step["run"].as_str().unwrap_or_default();
        // What the forge's own shell does elsewhere is said where it is unknown.
        let (asked, own) = apart(run);
        let lines = || own.lines().filter(|line| *line != PIPES).map(str::to_owned);
        match (step["name"].as_str().unwrap(), step["if"].as_str()) {
            ("Check out" | "Fetch the model" | "Fetch the judged files" | "Find out what is live", None) => {}
            (name, None) if name.starts_with("Set up ") => {}
            ("Keep downloads", Some("github.event_name == 'pull_request'")) => {}
            ("Prove that they are those that were judged", None) => {
                told.proved =
                    told.lines == Lines::default() && run.contains("but the bytes that were judged");
            }
            // A job may keep two artifacts; GitLab has one for all.
            ("Lay out the files", _) => {
                patterns.push_str(step["env"]["MERGEWRIGHT_FILES"].as_str().unwrap());
                patterns.push('\n');
            }
            ("Upload the files", condition) => {
                let regex = Regex::new(&format!("^(?:{})$", patterns.trim_end().replace('\n', "|"))).unwrap();
                told.keeps = Some(Kept {
                    files: left(|path| regex.is_match(path)),
                    after_failure: condition == Some("!cancelled()"),
                    days: step["with"]["retention-days"].as_u64().unwrap(),
                });
            }
            (_, condition) => {
                // On GitLab the tokens are the job's: each of its steps gets the same.
                assert!(told.lines == Lines::default() || told.id_tokens == asked, "{asked:?}");
                told.id_tokens = asked;
                told.folder = step["working-directory"].as_str().map(str::to_owned);
                match condition {
                    None => told.lines.always.extend(lines()),
                    Some("inputs.action == 'deploy'") => told.lines.forth.extend(lines()),
                    Some("inputs.action == 'rollback'") => told.lines.back.extend(lines()),
                    Some(other) => panic!("{other}"),
                }
            }
        }
    }
    told
}

/// What a step's lines ask of GitHub's service first, and people's own lines.
fn apart(run: &str) -> (BTreeMap<String, String>, &str) {
    let Some((ours, own)) = run.split_once("unset -f mergewright_id_token\n") else {
        return (BTreeMap::new(), run);
    };
    let one = |line: &str| {
        let (name, rest) = line.split_once("=$(mergewright_id_token ")?;
        let (again, audience) = rest.strip_suffix(") || exit 1")?.split_once(' ')?;
        assert_eq!(name, again);
        let audience = percent_decode_str(audience.trim_matches('\'')).decode_utf8().unwrap();
        Some((name.to_owned(), audience.into_owned()))
    };
    (ours.lines().filter_map(one).collect(), own)
}

fn left(kept: impl Fn(&str) -> bool) -> Vec<&'static str> {
    LEFT.iter().copied().filter(|path| kept(path)).collect()
}

/// What an environment is for. Only GitHub has one that guards the secrets of a merge request's own jobs.
fn place(name: &str) -> Option<&'static str> {
    match name {
        "mergewright-build" | "mergewright-test" => None,
        "mergewright-publish" => Some("guards the secrets"),
        "$MERGEWRIGHT_ENVIRONMENT" | "${{ inputs.environment }}" => Some("the one asked for"),
        other => panic!("{other}"),
    }
}

/// `1 day 6 hours` in minutes.
fn minutes(words: &str) -> u64 {
    let sizes = BTreeMap::from([("day", 1440), ("hour", 60), ("minute", 1)]);
    let words: Vec<&str> = words.split(' ').collect();
    words.chunks(2).map(|pair| pair[0].parse::<u64>().unwrap() * sizes[pair[1].trim_end_matches('s')]).sum()
}
