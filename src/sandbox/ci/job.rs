//! One job as the file writes it.

use std::collections::BTreeMap;

use globset::GlobSet;
use serde_yaml::{Mapping, Value};

use super::duration;
use super::keys::{Keys, text, texts};
use super::pattern::globs;
use super::{Artifacts, CiError, JobPlan, Need, Retry, When};

/// A job and the rules that decide about it.
#[derive(Clone, Debug)]
pub(super) struct JobFile {
    pub(super) plan: JobPlan,
    /// None: runs in every pipeline that is not a merge request's.
    pub(super) rules: Option<Vec<Rule>>,
}

/// One rule; the first that matches decides.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) condition: Option<String>,
    pub(super) changes: Option<GlobSet>,
    pub(super) when: Option<When>,
    pub(super) allow_failure: Option<bool>,
    pub(super) variables: BTreeMap<String, String>,
}

impl JobFile {
    pub(super) fn read(
        name: &str,
        value: Value,
        default: &[(String, Value)],
        stages: &[String],
    ) -> Result<Self, CiError> {
        let place = format!("jobs:{name}");
        let Value::Mapping(mut mapping) = value else {
            return Err(CiError(format!("{place} config should be a hash")));
        };
        inherit(&mut mapping, default);
        let mut keys = Keys::of(Value::Mapping(mapping), &place)?;
        let stage = keys.text("stage")?.unwrap_or_else(|| "test".to_owned());
        if !stages.contains(&stage) {
            let known = stages.join(", ");
            return Err(CiError(format!(
                "{name} job: chosen stage {stage} does not exist; available stages are {known}"
            )));
        }
        let mut script = keys.list("before_script")?;
        let own = keys.list("script")?;
        if own.is_empty() {
            return Err(CiError(format!(
                "{place} config should implement the script:, run:, or trigger: keyword"
            )));
        }
        script.extend(own);
        let rules = keys.take("rules").map(|value| rules(value, &format!("{place}:rules"))).transpose()?;
        let when = keys.text("when")?.map(|word| when(&word, &place)).transpose()?.unwrap_or_default();
        let needs = keys.take("needs").map(|value| needs(value, &place)).transpose()?;
        let dependencies = if keys.has("dependencies") { Some(keys.list("dependencies")?) } else { None };
        let timeout = keys.text("timeout")?;
        let timeout_place = keys.place("timeout");
        let timeout = timeout.map(|text| duration::read(&text, &timeout_place)).transpose()?;
        let variables = keys.take("variables").map(|value| variables(value, &format!("{place}:variables")));
        let environment = keys.take("environment").map(|value| environment(value, &place)).transpose()?;
        let (environment, accesses_only) = environment.unzip();
        let plan = JobPlan {
            name: name.to_owned(),
            stage,
            script,
            after_script: keys.list("after_script")?,
            variables: variables.transpose()?.unwrap_or_default(),
            needs,
            dependencies,
            when,
            allow_failure: keys.flag("allow_failure")?.unwrap_or(when == When::Manual && rules.is_none()),
            artifacts: keys
                .take("artifacts")
                .map(|value| artifacts(value, &place))
                .transpose()?
                .unwrap_or_default(),
            timeout,
            retry: keys.take("retry").map(|value| retry(value, &place)).transpose()?.unwrap_or_default(),
            environment,
            accesses_only: accesses_only.unwrap_or(false),
            resource_group: keys.text("resource_group")?,
            tags: keys.list("tags")?,
            interruptible: keys.flag("interruptible")?.unwrap_or(false),
            id_tokens: keys
                .take("id_tokens")
                .map(|value| id_tokens(value, &place))
                .transpose()?
                .unwrap_or_default(),
            may_identify: false,
            steps: Vec::new(),
        };
        // Where a job runs and what it finds there are the runner's matter; this one is a plain shell.
        accept_image(&mut keys)?;
        accept_cache(&mut keys)?;
        keys.done()?;
        Ok(Self { plan, rules })
    }
}

fn inherit(mapping: &mut Mapping, default: &[(String, Value)]) {
    for (key, value) in default {
        if !mapping.contains_key(key.as_str()) {
            mapping.insert(Value::String(key.clone()), value.clone());
        }
    }
}

/// The audience of each identity token.
fn id_tokens(value: Value, place: &str) -> Result<BTreeMap<String, String>, CiError> {
    let place = format!("{place}:id_tokens");
    let one = |(name, value): (String, Value)| {
        let inner = format!("{place}:{name}");
        let mut keys = Keys::of(value, &inner)?;
        let audience = keys.text("aud")?.ok_or_else(|| CiError(format!("{inner}:aud is missing")))?;
        keys.done()?;
        Ok((name, audience))
    };
    Keys::of(value, &place)?.rest()?.into_iter().map(one).collect()
}

fn accept_image(keys: &mut Keys) -> Result<(), CiError> {
    match keys.take("image") {
        None | Some(Value::String(_)) => Ok(()),
        Some(value) => {
            let mut image = Keys::of(value, &keys.place("image"))?;
            image.text("name")?;
            image.list("entrypoint")?;
            image.done()
        }
    }
}

fn accept_cache(keys: &mut Keys) -> Result<(), CiError> {
    let Some(value) = keys.take("cache") else { return Ok(()) };
    let mut cache = Keys::of(value, &keys.place("cache"))?;
    if let Some(Value::Mapping(files)) = cache.take("key") {
        let mut key = Keys::of(Value::Mapping(files), &cache.place("key"))?;
        key.list("files")?;
        key.text("prefix")?;
        key.done()?;
    }
    cache.list("paths")?;
    cache.text("policy")?;
    cache.text("when")?;
    cache.done()
}

fn when(word: &str, place: &str) -> Result<When, CiError> {
    match word {
        "on_success" => Ok(When::OnSuccess),
        "on_failure" => Ok(When::OnFailure),
        "always" => Ok(When::Always),
        "manual" => Ok(When::Manual),
        "never" => Ok(When::Never),
        _ => {
            let words = "on_success, on_failure, always, manual, never";
            Err(CiError(format!("{place} when should be one of: {words}")))
        }
    }
}

pub(super) fn rules(value: Value, place: &str) -> Result<Vec<Rule>, CiError> {
    let Value::Sequence(items) = value else {
        return Err(CiError(format!("{place} config should be an array of hashes")));
    };
    let read = |item| {
        let mut keys = Keys::of(item, &format!("{place}:rule"))?;
        let word = keys.text("when")?;
        let inner = keys.place("variables");
        let rule = Rule {
            condition: keys.text("if")?,
            changes: keys
                .take("changes")
                .map(|value| changes(value, &format!("{place}:changes")))
                .transpose()?,
            when: word.map(|word| when(&word, place)).transpose()?,
            allow_failure: keys.flag("allow_failure")?,
            variables: keys
                .take("variables")
                .map(|value| variables(value, &inner))
                .transpose()?
                .unwrap_or_default(),
        };
        keys.done()?;
        Ok(rule)
    };
    items.into_iter().map(read).collect()
}

fn changes(value: Value, place: &str) -> Result<GlobSet, CiError> {
    let patterns = match value {
        Value::Mapping(_) => {
            let mut keys = Keys::of(value, place)?;
            let patterns = keys.list("paths")?;
            keys.done()?;
            patterns
        }
        list => texts(list, place)?,
    };
    globs(&patterns, place)
}

pub(super) fn variables(value: Value, place: &str) -> Result<BTreeMap<String, String>, CiError> {
    let pairs = Keys::of(value, place)?.rest()?;
    let one = |(name, value): (String, Value)| {
        let inner = format!("{place}:{name}");
        let value = match value {
            Value::Mapping(_) => {
                let mut keys = Keys::of(value, &inner)?;
                let value = keys.text("value")?.unwrap_or_default();
                keys.text("description")?;
                keys.done()?;
                value
            }
            scalar => text(&scalar, &inner)?,
        };
        Ok((name, value))
    };
    pairs.into_iter().map(one).collect()
}

fn needs(value: Value, place: &str) -> Result<Vec<Need>, CiError> {
    let place = format!("{place}:needs");
    let Value::Sequence(items) = value else {
        return Err(CiError(format!("{place} config should be an array")));
    };
    let read = |item: Value| match item {
        Value::String(job) => Ok(Need { job, artifacts: true, optional: false }),
        other => {
            let mut keys = Keys::of(other, &format!("{place}:need"))?;
            let missing = || CiError(format!("{place}:need job should be present"));
            let need = Need {
                job: keys.text("job")?.ok_or_else(missing)?,
                artifacts: keys.flag("artifacts")?.unwrap_or(true),
                optional: keys.flag("optional")?.unwrap_or(false),
            };
            keys.done()?;
            Ok(need)
        }
    };
    items.into_iter().map(read).collect()
}

fn artifacts(value: Value, place: &str) -> Result<Artifacts, CiError> {
    let place = format!("{place}:artifacts");
    let mut keys = Keys::of(value, &place)?;
    let reports = match keys.take("reports") {
        None => BTreeMap::new(),
        Some(value) => {
            let pairs = Keys::of(value, &format!("{place}:reports"))?.rest()?;
            let one = |(name, value): (String, Value)| {
                if name == "coverage_report" {
                    let mut report = Keys::of(value, &format!("{place}:reports:{name}"))?;
                    report.text("coverage_format")?;
                    let path = report.text("path")?.unwrap_or_default();
                    report.done()?;
                    return Ok((name, vec![path]));
                }
                if !["junit", "metrics"].contains(&name.as_str()) {
                    let text = "(the sandbox knows only what is generated)";
                    return Err(CiError(format!(
                        "{place}:reports config contains unknown keys: {name} {text}"
                    )));
                }
                Ok((name, texts(value, &place)?))
            };
            pairs.into_iter().map(one).collect::<Result<_, _>>()?
        }
    };
    let word = keys.text("when")?;
    let kept = keys.text("expire_in")?;
    if let Some(kept) = kept.filter(|kept| kept != "never") {
        duration::read(&kept, &keys.place("expire_in"))?;
    }
    let found = Artifacts {
        paths: keys.list("paths")?,
        exclude: keys.list("exclude")?,
        reports,
        when: word.map(|word| when(&word, &place)).transpose()?.unwrap_or_default(),
    };
    keys.text("name")?;
    keys.text("access")?;
    keys.text("expose_as")?;
    keys.done()?;
    globs(&found.paths, &place)?;
    Ok(found)
}

fn retry(value: Value, place: &str) -> Result<Retry, CiError> {
    let place = format!("{place}:retry");
    let wrong = || CiError(format!("{place} max must be 0, 1 or 2"));
    let max = |value: Option<Value>| match value {
        None => Ok(0),
        Some(value) => value.as_u64().filter(|max| *max <= 2).ok_or_else(wrong),
    };
    let Value::Mapping(_) = value else {
        return Ok(Retry { max: max(Some(value))?, when: vec!["always".to_owned()] });
    };
    let mut keys = Keys::of(value, &place)?;
    let mut retry = Retry { max: max(keys.take("max"))?, when: keys.list("when")? };
    if retry.when.is_empty() {
        retry.when.push("always".to_owned());
    }
    keys.done()?;
    Ok(retry)
}

/// The name, and whether the job deploys nothing there.
fn environment(value: Value, place: &str) -> Result<(String, bool), CiError> {
    let place = format!("{place}:environment");
    let Value::Mapping(_) = value else { return Ok((text(&value, &place)?, false)) };
    let mut keys = Keys::of(value, &place)?;
    let name = keys.text("name")?.ok_or_else(|| CiError(format!("{place} name can't be blank")))?;
    let action = keys.text("action")?.unwrap_or_else(|| "start".to_owned());
    if !["start", "prepare", "stop", "verify", "access"].contains(&action.as_str()) {
        return Err(CiError(format!("{place} action should be start, stop, prepare, verify, or access")));
    }
    keys.text("url")?;
    keys.text("deployment_tier")?;
    keys.done()?;
    Ok((name, action != "start"))
}
