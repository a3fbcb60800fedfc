//! The workflow as a whole: what starts it, and what all its jobs share.

use std::collections::BTreeMap;

use globset::GlobSet;
use serde_yaml::Value;

use super::job::{Group, JobFile, mapping};
use super::{CiError, On, PullRequest, Push, Workflow};
use crate::sandbox::ci::globs;
use crate::sandbox::ci::keys::{Keys, texts};

impl Workflow {
    /// Reads the text of the file at `path`.
    pub(crate) fn read(path: &str, text: &str) -> Result<Self, CiError> {
        let named = |CiError(why)| CiError(format!("{path}: {why}"));
        Self::parse(path, text).map_err(named)
    }

    fn parse(path: &str, text: &str) -> Result<Self, CiError> {
        let value: Value =
            serde_yaml::from_str(text).map_err(|error| CiError(format!("invalid YAML: {error}")))?;
        let mut top = Keys::of(value, "")?;
        let missing = |key: &str| CiError(format!("{key} is missing"));
        if top
            .take("permissions")
            .is_none_or(|granted| granted.as_mapping().is_none_or(|all| !all.is_empty()))
        {
            return Err(CiError("permissions should be {}: each job names its own".to_owned()));
        }
        let workflow = Self {
            path: path.to_owned(),
            name: top.text("name")?.ok_or_else(|| missing("name"))?,
            run_name: top.text("run-name")?,
            on: on(top.take("on").ok_or_else(|| missing("on"))?)?,
            concurrency: top
                .take("concurrency")
                .map(|value| Group::read(value, "concurrency"))
                .transpose()?,
            environment: top.take("env").map(|value| mapping(value, "env")).transpose()?.unwrap_or_default(),
            jobs: jobs(top.take("jobs").ok_or_else(|| missing("jobs"))?)?,
        };
        top.done()?;
        Ok(workflow)
    }
}

fn on(value: Value) -> Result<On, CiError> {
    let mut keys = Keys::of(value, "on")?;
    let read = |value, place: &str| Keys::of(value, place);
    let mut on = On::default();
    if let Some(value) = keys.take("pull_request") {
        let mut inner = read(value, "on:pull_request")?;
        on.pull_request =
            Some(PullRequest { types: inner.list("types")?, paths: paths(&mut inner, "on:pull_request")? });
        inner.done()?;
    }
    if let Some(value) = keys.take("push") {
        let mut inner = read(value, "on:push")?;
        on.push = Some(Push { branches: inner.list("branches")?, paths: paths(&mut inner, "on:push")? });
        inner.done()?;
    }
    if let Some(value) = keys.take("merge_group") {
        let mut inner = read(value, "on:merge_group")?;
        on.merge_group = inner.list("types")? == ["checks_requested"];
        inner.done()?;
    }
    if let Some(value) = keys.take("schedule") {
        let Value::Sequence(times) = value else {
            return Err(CiError("on:schedule should be a list".to_owned()));
        };
        for time in times {
            let mut inner = read(time, "on:schedule")?;
            let (Some(cron), Some(_)) = (inner.text("cron")?, inner.text("timezone")?) else {
                return Err(CiError("on:schedule: each time has `cron` and `timezone`".to_owned()));
            };
            on.times.push(cron);
            inner.done()?;
        }
    }
    if let Some(value) = keys.take("workflow_dispatch") {
        let mut inner = read(value, "on:workflow_dispatch")?;
        on.dispatch = Some(inner.take("inputs").map(inputs).transpose()?.unwrap_or_default());
        inner.done()?;
    }
    keys.done()?;
    Ok(on)
}

fn paths(keys: &mut Keys, place: &str) -> Result<Option<GlobSet>, CiError> {
    let Some(value) = keys.take("paths") else { return Ok(None) };
    let place = format!("{place}:paths");
    globs(&texts(value, &place)?, &place).map(Some)
}

/// Names of inputs, and whether each must be given.
fn inputs(value: Value) -> Result<BTreeMap<String, bool>, CiError> {
    let place = "on:workflow_dispatch:inputs";
    let one = |(name, value): (String, Value)| {
        let mut keys = Keys::of(value, &format!("{place}:{name}"))?;
        let required = keys.flag("required")?.unwrap_or(false);
        keys.text("description")?;
        if keys.text("type")?.as_deref() != Some("string") {
            return Err(CiError(format!("{place}:{name}: only texts are generated")));
        }
        keys.done()?;
        Ok((name, required))
    };
    Keys::of(value, place)?.rest()?.into_iter().map(one).collect()
}

fn jobs(value: Value) -> Result<Vec<JobFile>, CiError> {
    let pairs = Keys::of(value, "jobs")?.rest()?;
    let jobs: Vec<JobFile> =
        pairs.into_iter().map(|(id, value)| JobFile::read(&id, value)).collect::<Result<_, _>>()?;
    // A job stands after those that it needs, so that there is no circle.
    for (at, job) in jobs.iter().enumerate() {
        let before = jobs.get(..at).unwrap_or_default();
        if let Some(need) = job.needs.iter().find(|need| !before.iter().any(|other| other.id == **need)) {
            return Err(CiError(format!("jobs:{}: it needs `{need}`, which no job before it is", job.id)));
        }
    }
    if jobs.is_empty() { Err(CiError("jobs: there is none".to_owned())) } else { Ok(jobs) }
}
