//! Reads the finished text again and compares it with what was meant, key by key and job by job.

use serde_yaml::{Mapping, Value};

use super::Workflow;
use super::job::JobView;
use super::steps::{Setting, StepView};
use crate::generator::GenerateError;

impl Workflow {
    /// Whether `text` says exactly what this workflow means; people's own lines may add jobs,
    /// branches and settings, and change nothing.
    pub(in crate::generator) fn check(&self, text: &str) -> Result<(), GenerateError> {
        let file: Value = serde_yaml::from_str(text)
            .map_err(|error| GenerateError::Meaning(vec![format!("it is no YAML: {error}")]))?;
        let mut broken = Vec::new();
        let mut expect = |key: &str, written: Option<&Value>, meant: &Value| {
            if written != Some(meant) {
                broken.push(format!("`{key}` says something else"));
            }
        };
        expect("name", file.get("name"), &text_of(&self.name));
        expect("run-name", file.get("run-name"), &text_of(self.run_name));
        expect("permissions", file.get("permissions"), &Value::Mapping(Mapping::new()));
        expect("concurrency", file.get("concurrency"), &self.concurrency());
        expect("env", file.get("env"), &pairs(self.env.iter().map(|(name, value)| (*name, text_of(value)))));
        let mut on = file.get("on").cloned().unwrap_or_default();
        strip_other_branches(&mut on, self.push);
        expect("on", Some(&on), &self.on());
        let jobs = file.get("jobs");
        for job in &self.jobs {
            let place = format!("jobs.{}", job.id);
            let Some(written) = jobs.and_then(|jobs| jobs.get(job.id.as_str())).and_then(Value::as_mapping)
            else {
                expect(&place, None, &Value::Null);
                continue;
            };
            let meant = job.meant();
            let keys: Vec<&Value> =
                written.keys().chain(meant.keys().filter(|key| !written.contains_key(*key))).collect();
            for key in keys {
                let place = format!("{place}.{}", key.as_str().unwrap_or_default());
                match meant.get(key) {
                    Some(meant) => expect(&place, written.get(key), meant),
                    None => expect(&place, None, &Value::Null),
                }
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(GenerateError::Meaning(broken)) }
    }

    fn concurrency(&self) -> Value {
        pairs([
            ("group", text_of(&self.concurrency.group)),
            ("cancel-in-progress", text_of(self.concurrency.cancel)),
        ])
    }

    fn on(&self) -> Value {
        let paths = || texts(&self.paths);
        let mut on = vec![("pull_request", pairs([("types", texts(self.pull_request)), ("paths", paths())]))];
        if !self.push.is_empty() {
            on.push(("push", pairs([("branches", texts(self.push)), ("paths", paths())])));
        }
        on.push(("merge_group", pairs([("types", texts(&["checks_requested"]))])));
        if !self.schedules.is_empty() {
            let one = |cron: &str, zone: &str| pairs([("cron", text_of(cron)), ("timezone", text_of(zone))]);
            let all = self.schedules.iter().map(|schedule| one(&schedule.cron, &schedule.timezone));
            on.push(("schedule", Value::Sequence(all.collect())));
        }
        let inputs = self.inputs.iter().map(|input| {
            let described = [
                ("description", text_of(input.description)),
                ("type", text_of("string")),
                ("required", Value::from(input.required)),
            ];
            (input.name, pairs(described))
        });
        on.push(("workflow_dispatch", pairs([("inputs", pairs(inputs))])));
        pairs(on)
    }
}

impl JobView {
    fn meant(&self) -> Mapping {
        let mut keys = vec![
            ("name", text_of(&self.name)),
            ("if", text_of(&self.condition)),
            ("runs-on", texts(&self.runs_on)),
            ("timeout-minutes", Value::from(self.minutes)),
            (
                "permissions",
                pairs(
                    self.permissions.iter().map(|permission| (permission.scope, text_of(permission.access))),
                ),
            ),
            ("steps", Value::Sequence(self.steps.iter().map(StepView::meant).collect())),
        ];
        if !self.needs.is_empty() {
            keys.push(("needs", texts(&self.needs)));
        }
        if let Some(image) = &self.container {
            keys.push(("container", pairs([("image", text_of(image))])));
        }
        if let Some(shell) = self.shell {
            keys.push(("defaults", pairs([("run", pairs([("shell", text_of(shell))]))])));
        }
        if let Some(name) = &self.environment {
            keys.push(("environment", pairs([("name", text_of(name))])));
        }
        if !self.env.is_empty() {
            keys.push(("env", pairs(self.env.iter().map(|(name, value)| (*name, text_of(value))))));
        }
        if let Some(group) = &self.group {
            let group = [("group", text_of(group)), ("cancel-in-progress", Value::from(false))];
            keys.push(("concurrency", pairs(group)));
        }
        mapping(keys)
    }
}

impl StepView {
    fn meant(&self) -> Value {
        let mut keys = vec![("name", text_of(self.name))];
        let mut put = |key, value: Option<Value>| keys.extend(value.map(|value| (key, value)));
        put("id", self.id.map(text_of));
        put("if", self.condition.as_deref().map(text_of));
        put("uses", self.uses.as_ref().map(|uses| text_of(&uses.pin)));
        put("working-directory", self.directory.as_deref().map(text_of));
        put("run", self.run.as_deref().map(text_of));
        let with = self.with.iter().map(|(name, setting)| {
            let value = match setting {
                Setting::Text(text) => text_of(text),
                Setting::Flag(flag) => Value::from(*flag),
                Setting::Number(number) => Value::from(*number),
            };
            (*name, value)
        });
        put("with", (!self.with.is_empty()).then(|| pairs(with)));
        let env = self.env.iter().map(|(name, value)| (name.as_str(), text_of(value)));
        put("env", (!self.env.is_empty()).then(|| pairs(env)));
        pairs(keys)
    }
}

/// Leaves the branches out that people have added to ours.
fn strip_other_branches(on: &mut Value, ours: &[&str]) {
    let branches = on.get_mut("push").and_then(|push| push.get_mut("branches"));
    if let Some(Value::Sequence(branches)) = branches {
        branches.retain(|branch| branch.as_str().is_some_and(|branch| ours.contains(&branch)));
    }
}

fn text_of(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Value {
    Value::Sequence(texts.iter().map(|text| text_of(text.as_ref())).collect())
}

fn mapping<'k>(keys: impl IntoIterator<Item = (&'k str, Value)>) -> Mapping {
    keys.into_iter().map(|(key, value)| (text_of(key), value)).collect()
}

fn pairs<'k>(keys: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    Value::Mapping(mapping(keys))
}
