//! Judging the rules of a file for one pipeline.

use std::collections::BTreeMap;

use super::file::CiFile;
use super::job::Rule;
use super::{CiError, JobPlan, When, expression};

/// What a pipeline is started for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// What the forge itself sets.
    pub(crate) predefined: BTreeMap<String, String>,
    /// What the starter gave.
    pub(crate) given: BTreeMap<String, String>,
    /// Paths that differ; none where the forge takes every `changes` as true.
    pub(crate) changed: Option<Vec<String>>,
    /// Whether it is a merge request's.
    pub(crate) merge_request: bool,
}

/// A pipeline to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Variables of all jobs, without those given by the starter.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) jobs: Vec<JobPlan>,
}

/// The jobs that the file wants in this context; none when it wants no pipeline.
pub(crate) fn plan(file: &CiFile, context: &Context) -> Result<Option<Plan>, CiError> {
    let mut environment = context.predefined.clone();
    environment.extend(file.variables.clone());
    if let Some(rules) = &file.workflow {
        match first(rules, &environment, context)? {
            Some(rule) if rule.when != Some(When::Never) => environment.extend(rule.variables.clone()),
            _ => return Ok(None),
        }
    }
    let mut jobs = Vec::new();
    for job in &file.jobs {
        let mut variables = environment.clone();
        variables.extend(job.plan.variables.clone());
        let mut plan = job.plan.clone();
        match &job.rules {
            None if context.merge_request || plan.when == When::Never => continue,
            None => {}
            Some(rules) => {
                let Some(rule) = first(rules, &variables, context)? else { continue };
                plan.when = rule.when.unwrap_or(plan.when);
                plan.allow_failure = rule.allow_failure.unwrap_or(plan.allow_failure);
                plan.variables.extend(rule.variables.clone());
                if plan.when == When::Never {
                    continue;
                }
            }
        }
        let mut known = variables;
        known.extend(plan.variables.clone());
        known.extend(context.given.clone());
        plan.environment = plan.environment.map(|name| expand(&name, &known));
        plan.resource_group = plan.resource_group.map(|group| expand(&group, &known));
        jobs.push(plan);
    }
    closed(&mut jobs)?;
    acyclic(&jobs)?;
    Ok(if jobs.is_empty() { None } else { Some(Plan { environment, jobs }) })
}

/// The first rule that matches.
fn first<'a>(
    rules: &'a [Rule],
    variables: &BTreeMap<String, String>,
    context: &Context,
) -> Result<Option<&'a Rule>, CiError> {
    let mut known = variables.clone();
    known.extend(context.given.clone());
    for rule in rules {
        let holds = match &rule.condition {
            Some(condition) => expression::holds(condition, &known)?,
            None => true,
        };
        let touched = match (&rule.changes, &context.changed) {
            (Some(globs), Some(paths)) => paths.iter().any(|path| globs.is_match(path)),
            _ => true,
        };
        if holds && touched {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

/// Every needed job is there; the forge refuses the pipeline otherwise.
fn closed(jobs: &mut [JobPlan]) -> Result<(), CiError> {
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    for job in jobs {
        let Some(needs) = &mut job.needs else { continue };
        needs.retain(|need| !need.optional || names.contains(&need.job));
        if let Some(need) = needs.iter().find(|need| !names.contains(&need.job)) {
            let (name, missing) = (&job.name, &need.job);
            return Err(CiError(format!(
                "'{name}' job needs '{missing}' job, but '{missing}' does not exist in the pipeline. This might be because of the only, except, or rules keywords. To need a job that sometimes does not exist in the pipeline, use needs:optional."
            )));
        }
    }
    Ok(())
}

/// No job waits for itself.
fn acyclic(jobs: &[JobPlan]) -> Result<(), CiError> {
    let mut settled: Vec<&str> = Vec::new();
    loop {
        let before = settled.len();
        for job in jobs {
            let needs = job.needs.as_deref().unwrap_or_default();
            let ready = needs.iter().all(|need| settled.contains(&need.job.as_str()));
            if ready && !settled.contains(&job.name.as_str()) {
                settled.push(&job.name);
            }
        }
        if settled.len() == jobs.len() {
            return Ok(());
        }
        if settled.len() == before {
            return Err(CiError("The pipeline has circular dependencies".to_owned()));
        }
    }
}

/// Puts values in the place of `$NAME` and `${NAME}`; `$$` is a dollar sign.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (name, next) = braced.unwrap_or_else(|| {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            after.split_at(end)
        });
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(variables.get(name).map_or("", String::as_str));
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_that_a_variable_names_is_known_when_the_pipeline_begins() {
        let file = CiFile::read(
            "up: {script: x, environment: {name: $WHERE}, resource_group: iris/$WHERE, variables: {WHERE: nowhere}}",
        )
        .unwrap();
        let given = BTreeMap::from([("WHERE".to_owned(), "staging".to_owned())]);
        let planned = plan(&file, &Context { given, ..Context::default() }).unwrap().unwrap();
        assert_eq!(planned.jobs[0].environment.as_deref(), Some("staging"));
        assert_eq!(planned.jobs[0].resource_group.as_deref(), Some("iris/staging"));
    }
}
