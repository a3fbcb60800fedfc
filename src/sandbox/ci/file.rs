//! The file as a whole: what stands at its top, and the jobs.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::CiError;
use super::job::{JobFile, Rule, rules, variables};
use super::keys::Keys;

/// A CI file, read and checked but not yet judged for one pipeline.
#[derive(Clone, Debug)]
pub(crate) struct CiFile {
    /// Rules that decide whether there is a pipeline at all; none means always.
    pub(super) workflow: Option<Vec<Rule>>,
    /// Which of an older commit's jobs a new commit cancels.
    pub(crate) cancels: Cancels,
    pub(crate) stages: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) jobs: Vec<JobFile>,
}

/// `workflow:auto_cancel:on_new_commit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancels {
    /// All jobs, unless one that must not be interrupted has begun.
    Conservative,
    /// Those that may be interrupted.
    Interruptible,
    /// None.
    Nothing,
}

/// Keys of `default` that a job takes over where it has none of its own.
const INHERITED: [&str; 9] = [
    "after_script",
    "artifacts",
    "before_script",
    "cache",
    "image",
    "interruptible",
    "retry",
    "tags",
    "timeout",
];

impl CiFile {
    /// Reads the text of a file.
    pub(crate) fn read(text: &str) -> Result<Self, CiError> {
        let value: Value =
            serde_yaml::from_str(text).map_err(|error| CiError(format!("invalid YAML: {error}")))?;
        let mut top = Keys::of(value, "")?;
        let (workflow, cancels) = match top.take("workflow") {
            None => (None, Cancels::Conservative),
            Some(value) => read_workflow(value)?,
        };
        let named = top.has("stages");
        let mut stages = top.list("stages")?;
        if !named {
            stages = ["build", "test", "deploy"].map(str::to_owned).to_vec();
        }
        stages.insert(0, ".pre".to_owned());
        stages.push(".post".to_owned());
        let variables = top.take("variables").map(|value| variables(value, "variables")).transpose()?;
        let default = top.take("default").map(read_default).transpose()?.unwrap_or_default();
        let mut jobs = Vec::new();
        for (name, value) in top.rest()? {
            if [
                "include",
                "spec",
                "pages",
                "image",
                "services",
                "cache",
                "before_script",
                "after_script",
                "types",
            ]
            .contains(&name.as_str())
            {
                return Err(CiError(format!(
                    "root config contains unknown keys: {name} (the sandbox knows only what is generated)"
                )));
            }
            if name.starts_with('.') {
                return Err(CiError(format!("hidden job {name}: the sandbox knows only what is generated")));
            }
            jobs.push(JobFile::read(&name, value, &default, &stages)?);
        }
        if jobs.is_empty() {
            return Err(CiError("jobs config should contain at least one visible job".to_owned()));
        }
        Ok(Self { workflow, cancels, stages, variables: variables.unwrap_or_default(), jobs })
    }
}

fn read_workflow(value: Value) -> Result<(Option<Vec<Rule>>, Cancels), CiError> {
    let mut keys = Keys::of(value, "workflow")?;
    let found = keys.take("rules").map(|value| rules(value, "workflow:rules")).transpose()?;
    keys.text("name")?;
    let cancels = match keys.take("auto_cancel") {
        None => Cancels::Conservative,
        Some(value) => {
            let mut inner = Keys::of(value, "workflow:auto_cancel")?;
            let word = inner.text("on_new_commit")?;
            inner.done()?;
            match word.as_deref() {
                None | Some("conservative") => Cancels::Conservative,
                Some("interruptible") => Cancels::Interruptible,
                Some("none") => Cancels::Nothing,
                Some(_) => {
                    let text = "workflow:auto_cancel on new commit must be one of: conservative, interruptible, none";
                    return Err(CiError(text.to_owned()));
                }
            }
        }
    };
    keys.done()?;
    Ok((found, cancels))
}

fn read_default(value: Value) -> Result<Vec<(String, Value)>, CiError> {
    let pairs = Keys::of(value, "default")?.rest()?;
    match pairs.iter().find(|(name, _value)| !INHERITED.contains(&name.as_str())) {
        Some((name, _value)) => Err(CiError(format!(
            "default config contains unknown keys: {name} (the sandbox knows only what is generated)"
        ))),
        None => Ok(pairs),
    }
}
