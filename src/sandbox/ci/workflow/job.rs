//! One job of a workflow as the file writes it, and its steps.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_yaml::Value;

use super::CiError;
use crate::sandbox::ci::keys::{Keys, text};

/// A job; its texts may hold expressions.
#[derive(Clone, Debug)]
pub(super) struct JobFile {
    pub(super) id: String,
    pub(super) condition: Option<String>,
    pub(super) needs: Vec<String>,
    pub(super) runs_on: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) environment: Option<String>,
    /// Whether it may ask for identity tokens.
    pub(super) may_identify: bool,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) concurrency: Option<Group>,
    pub(super) steps: Vec<StepFile>,
}

/// `concurrency`.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    /// A condition.
    pub(super) cancels: String,
}

/// A step; its texts may hold expressions.
#[derive(Clone, Debug)]
pub(super) struct StepFile {
    pub(super) place: String,
    pub(super) name: String,
    pub(super) condition: Option<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) directory: Option<String>,
    pub(super) does: Does,
}

#[derive(Clone, Debug)]
pub(super) enum Does {
    /// Shell lines.
    Run(String),
    /// An action and what it is told.
    Uses(Action, BTreeMap<String, String>),
}

/// The actions that generated files use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Checkout,
    SetupPython,
    SetupUv,
    SetupJava,
    SetupGradle,
    SetupNode,
    Cache,
    Upload,
    Download,
}

impl JobFile {
    pub(super) fn read(id: &str, value: Value) -> Result<Self, CiError> {
        let place = format!("jobs:{id}");
        let mut keys = Keys::of(value, &place)?;
        let missing = |key: &str| CiError(format!("{place}:{key} is missing"));
        if keys.text("name")?.as_deref() != Some(id) {
            return Err(CiError(format!("{place}:name should be `{id}`")));
        }
        let may_identify =
            permissions(keys.take("permissions").ok_or_else(|| missing("permissions"))?, &place)?;
        accept_container(&mut keys)?;
        accept_shell(&mut keys)?;
        let minutes = keys.take("timeout-minutes").and_then(|minutes| minutes.as_u64());
        let minutes = minutes.filter(|minutes| *minutes > 0).ok_or_else(|| missing("timeout-minutes"))?;
        let Some(Value::Sequence(steps)) = keys.take("steps") else { return Err(missing("steps")) };
        let job = Self {
            id: id.to_owned(),
            condition: keys.text("if")?,
            needs: keys.list("needs")?,
            runs_on: keys.list("runs-on")?,
            timeout: Duration::from_secs(minutes.saturating_mul(60)),
            environment: keys.take("environment").map(|value| environment(value, &place)).transpose()?,
            may_identify,
            variables: keys
                .take("env")
                .map(|value| mapping(value, &format!("{place}:env")))
                .transpose()?
                .unwrap_or_default(),
            concurrency: keys
                .take("concurrency")
                .map(|value| Group::read(value, &format!("{place}:concurrency")))
                .transpose()?,
            steps: steps
                .into_iter()
                .enumerate()
                .map(|(number, step)| StepFile::read(step, &format!("{place}:steps:{number}")))
                .collect::<Result<_, _>>()?,
        };
        if job.runs_on.is_empty() {
            return Err(missing("runs-on"));
        }
        keys.done()?;
        Ok(job)
    }
}

impl Group {
    pub(super) fn read(value: Value, place: &str) -> Result<Self, CiError> {
        let mut keys = Keys::of(value, place)?;
        let cancels = match keys.take("cancel-in-progress") {
            None => "false".to_owned(),
            Some(Value::Bool(cancels)) => cancels.to_string(),
            Some(other) => text(&other, &keys.place("cancel-in-progress"))?,
        };
        let name = keys.text("group")?.ok_or_else(|| CiError(format!("{place}:group is missing")))?;
        keys.done()?;
        Ok(Self { name, cancels })
    }
}

impl StepFile {
    fn read(value: Value, place: &str) -> Result<Self, CiError> {
        let mut keys = Keys::of(value, place)?;
        let name = keys.text("name")?.ok_or_else(|| CiError(format!("{place}:name is missing")))?;
        keys.text("id")?;
        let condition = keys.text("if")?;
        let environment =
            keys.take("env").map(|value| mapping(value, &keys.place("env"))).transpose()?.unwrap_or_default();
        let directory = keys.text("working-directory")?;
        let does = match (keys.text("uses")?, keys.take("run")) {
            (Some(uses), None) => {
                let with = keys.take("with").map(|value| mapping(value, &keys.place("with"))).transpose()?;
                Does::Uses(Action::read(&uses, place)?, with.unwrap_or_default())
            }
            (None, Some(run)) => Does::Run(text(&run, &keys.place("run"))?),
            _ => return Err(CiError(format!("{place} should have either `uses` or `run`"))),
        };
        keys.done()?;
        Ok(Self { place: place.to_owned(), name, condition, environment, directory, does })
    }
}

impl Action {
    fn read(uses: &str, place: &str) -> Result<Self, CiError> {
        let (action, commit) = uses.split_once('@').unwrap_or((uses, ""));
        if commit.len() != 40
            || !commit.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        {
            return Err(CiError(format!("{place}:uses: {action} is not pinned to a commit")));
        }
        match action {
            "actions/checkout" => Ok(Self::Checkout),
            "actions/setup-python" => Ok(Self::SetupPython),
            "astral-sh/setup-uv" => Ok(Self::SetupUv),
            "actions/setup-java" => Ok(Self::SetupJava),
            "gradle/actions/setup-gradle" => Ok(Self::SetupGradle),
            "actions/setup-node" => Ok(Self::SetupNode),
            "actions/cache" => Ok(Self::Cache),
            "actions/upload-artifact" => Ok(Self::Upload),
            "actions/download-artifact" => Ok(Self::Download),
            _ => Err(CiError(format!(
                "{place}:uses: {action} is unknown (the sandbox knows only what is generated)"
            ))),
        }
    }
}

/// Texts by name; flags and numbers as they are written.
pub(super) fn mapping(value: Value, place: &str) -> Result<BTreeMap<String, String>, CiError> {
    let pairs = Keys::of(value, place)?.rest()?;
    let one = |(name, value): (String, Value)| {
        let value = match value {
            Value::Bool(flag) => flag.to_string(),
            other => text(&other, &format!("{place}:{name}"))?,
        };
        Ok((name, value))
    };
    pairs.into_iter().map(one).collect()
}

/// The sandbox's token can do what it can; that nothing asks to write is all that is looked at. Whether the
/// job may ask for identity tokens.
fn permissions(value: Value, place: &str) -> Result<bool, CiError> {
    let mut granted = mapping(value, &format!("{place}:permissions"))?;
    let may_identify = granted.remove("id-token");
    if may_identify.as_deref().is_some_and(|level| level != "write") {
        return Err(CiError(format!("{place}:permissions: id-token should be `write`")));
    }
    match granted
        .iter()
        .find(|(scope, level)| !["contents", "actions"].contains(&scope.as_str()) || level.as_str() != "read")
    {
        Some((scope, level)) => Err(CiError(format!(
            "{place}:permissions: {scope}: {level} (the sandbox knows only what is generated)"
        ))),
        None => Ok(may_identify.is_some()),
    }
}

/// Where a job runs is the runner's matter; this one is a plain shell.
fn accept_container(keys: &mut Keys) -> Result<(), CiError> {
    let Some(value) = keys.take("container") else { return Ok(()) };
    let mut container = Keys::of(value, &keys.place("container"))?;
    container.text("image")?;
    container.done()
}

/// Lines run in the shell that is there, whichever is named.
fn accept_shell(keys: &mut Keys) -> Result<(), CiError> {
    let Some(value) = keys.take("defaults") else { return Ok(()) };
    let mut defaults = Keys::of(value, &keys.place("defaults"))?;
    let place = defaults.place("run");
    let mut run = Keys::of(defaults.take("run").unwrap_or_default(), &place)?;
    let shell = run.text("shell")?;
    if shell.as_deref() != Some("bash") {
        return Err(CiError(format!("{place}:shell should be `bash`")));
    }
    run.done()?;
    defaults.done()
}

fn environment(value: Value, place: &str) -> Result<String, CiError> {
    let place = format!("{place}:environment");
    let mut keys = Keys::of(value, &place)?;
    let name = keys.text("name")?.ok_or_else(|| CiError(format!("{place}:name is missing")))?;
    keys.done()?;
    Ok(name)
}
