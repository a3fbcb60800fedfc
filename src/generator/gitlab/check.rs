//! Reads the finished text again and compares it with what was meant: a template, a kept line or a
//! hostile name that changes the meaning is found here and not by the forge.

use serde_yaml::Value;

use super::conditions::RuleView;
use super::job::JobView;
use super::{File, PLACEHOLDER, Top};
use crate::generator::GenerateError;

impl File {
    /// Whether `text` says exactly what this file means.
    pub(in crate::generator) fn check(&self, text: &str) -> Result<(), GenerateError> {
        let file: Value = serde_yaml::from_str(text)
            .map_err(|error| GenerateError::Meaning(vec![format!("it is no YAML: {error}")]))?;
        let mut broken = Vec::new();
        let mut expect = |what: String, holds: bool| {
            if !holds {
                broken.push(what);
            }
        };
        match &self.top {
            Some(top) => check_top(top, &file, &mut expect),
            None => {
                let own = |key: &str| file.get(key).is_none();
                expect("a model's file holds nothing but jobs".to_owned(), own("workflow") && own("stages"));
            }
        }
        for job in &self.jobs {
            match file.get(job.name.as_str()) {
                None => expect(format!("the job `{}` is missing", job.name), false),
                Some(written) => {
                    for (key, holds) in compare(job, written) {
                        expect(format!("`{key}` of the job `{}` says something else", job.name), holds);
                    }
                    for need in &job.needs {
                        let needed = file.get(need.as_str()).map(rules).unwrap_or_default();
                        let implied = rules(written).iter().all(|rule| needed.contains(rule));
                        expect(format!("`{}` can start without `{need}`, which it needs", job.name), implied);
                    }
                }
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(GenerateError::Meaning(broken)) }
    }
}

fn check_top(top: &Top, file: &Value, expect: &mut dyn FnMut(String, bool)) {
    let workflow: Vec<&str> = items(file.get("workflow").and_then(|workflow| workflow.get("rules")))
        .iter()
        .filter_map(|rule| rule.get("if")?.as_str())
        .collect();
    expect("`workflow` would start other pipelines".to_owned(), workflow == top.workflow);
    let stages = texts(file.get("stages"));
    let ours: Vec<_> = stages.iter().copied().filter(|stage| top.stages.contains(stage)).collect();
    expect("the stages are not in their order".to_owned(), ours == top.stages);
    if top.includes.is_empty() {
        return;
    }
    let written = items(file.get("include"));
    for include in &top.includes {
        let same = |one: &&Value| one.get("local").and_then(Value::as_str) == Some(&include.path);
        let found = written.iter().find(same);
        let holds = found.is_some_and(|one| rules(one) == include.rules);
        expect(format!("`include` of {} says something else", include.path), holds);
    }
    let never = file.get(PLACEHOLDER).map(|job| items(job.get("rules")));
    let never = never.is_some_and(|rules| {
        rules.len() == 1 && rules.iter().all(|rule| rule.get("when").and_then(Value::as_str) == Some("never"))
    });
    expect(format!("the job `{PLACEHOLDER}` could run"), never);
}

/// Each key of a job, and whether it says what it should.
fn compare(job: &JobView, written: &Value) -> Vec<(&'static str, bool)> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let needs: Vec<&str> =
        items(written.get("needs")).iter().filter_map(|need| need.get("job")?.as_str()).collect();
    let mut result = vec![
        ("stage", text(written, "stage").as_deref() == Some(job.stage)),
        ("image", text(written, "image") == job.image),
        ("tags", texts(written.get("tags")) == job.tags),
        ("rules", rules(written) == job.rules),
        ("needs", written.get("needs").is_some() && needs == job.needs),
        ("interruptible", written.get("interruptible").and_then(Value::as_bool) == Some(job.interruptible)),
        ("resource_group", text(written, "resource_group") == job.resource_group),
        (
            "environment",
            environment(written) == job.environment.as_ref().map(|one| (Some(one.name), one.action)),
        ),
        ("id_tokens", id_tokens(written) == job.id_tokens),
        ("timeout", text(written, "timeout").as_deref() == Some(job.timeout.as_str())),
        ("retry", texts(written.get("retry").and_then(|retry| retry.get("when"))) == job.retry),
        ("script", texts(written.get("script")) == job.script),
        (
            "cache",
            cache(written)
                == job
                    .cache
                    .as_ref()
                    .map(|cache| (cache.prefix.as_str(), refs(&cache.files), refs(&cache.paths))),
        ),
        (
            "variables",
            variables(written)
                == job
                    .cache
                    .as_ref()
                    .map(|cache| cache.variables.clone())
                    .unwrap_or_default()
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect::<Vec<_>>(),
        ),
        ("artifacts", written.get("artifacts").is_some() == job.artifacts.is_some()),
    ];
    if let (Some(artifacts), Some(kept)) = (written.get("artifacts"), &job.artifacts) {
        let reports = artifacts.get("reports");
        let coverage = reports.and_then(|reports| reports.get("coverage_report"));
        let covered = coverage.map(|report| (text(report, "coverage_format"), text(report, "path")));
        let meant = kept.coverage.as_ref().map(|one| (Some(one.format.to_owned()), Some(one.path.clone())));
        result.extend([
            ("artifacts.paths", texts(artifacts.get("paths")) == kept.paths),
            ("artifacts.exclude", texts(artifacts.get("exclude")) == kept.exclude),
            ("artifacts.reports", texts(reports.and_then(|reports| reports.get("junit"))) == kept.junit),
            ("artifacts.reports.coverage_report", covered == meant),
            ("artifacts.when", (text(artifacts, "when").as_deref() == Some("always")) == kept.always),
            ("artifacts.expire_in", text(artifacts, "expire_in").as_deref() == Some(kept.expire_in.as_str())),
        ]);
    }
    result
}

/// Prefix of the key, the files that are part of it, and what is kept.
fn cache(job: &Value) -> Option<(&str, Vec<&str>, Vec<&str>)> {
    let cache = job.get("cache")?;
    let key = cache.get("key")?;
    Some((key.get("prefix")?.as_str()?, texts(key.get("files")), texts(cache.get("paths"))))
}

fn variables(job: &Value) -> Vec<(&str, &str)> {
    let all = job.get("variables").and_then(Value::as_mapping);
    let all = all.into_iter().flatten();
    all.map(|(name, value)| (name.as_str().unwrap_or_default(), value.as_str().unwrap_or_default())).collect()
}

/// Variable and audience of each identity token; one that says more than its audience is none that is known.
fn id_tokens(job: &Value) -> Vec<(String, String)> {
    let all = job.get("id_tokens").and_then(Value::as_mapping).into_iter().flatten();
    let one = |(name, token): (&Value, &Value)| {
        let alone = token.as_mapping().is_some_and(|keys| keys.len() == 1);
        let audience = token.get("aud").and_then(Value::as_str).filter(|_| alone);
        (name.as_str().unwrap_or_default().to_owned(), audience.unwrap_or_default().to_owned())
    };
    all.map(one).collect()
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The name of a job's environment, and what is done with it.
fn environment(job: &Value) -> Option<(Option<&str>, Option<&str>)> {
    let environment = job.get("environment")?;
    let text = |key: &str| environment.get(key).and_then(Value::as_str);
    Some((text("name"), text("action")))
}

fn rules(job: &Value) -> Vec<RuleView> {
    items(job.get("rules"))
        .iter()
        .map(|rule| RuleView {
            condition: rule.get("if").and_then(Value::as_str).unwrap_or_default().to_owned(),
            changes: texts(rule.get("changes").and_then(|changes| changes.get("paths")))
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
        .collect()
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_sequence).map(Vec::as_slice).unwrap_or_default()
}

/// The texts of a list; an item that is no text counts as an empty one, which nothing expects.
fn texts(value: Option<&Value>) -> Vec<&str> {
    items(value).iter().map(|item| item.as_str().unwrap_or_default()).collect()
}
