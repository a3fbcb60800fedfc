//! Judging a workflow for what happened.

use std::collections::BTreeMap;

use globset::GlobSet;

use super::expression::{Scope, condition, interpolate};
use super::job::{Action, Does, Group, JobFile, StepFile};
use super::{ActionStep, CiError, Concurrency, RunPlan, Surroundings, Trigger, Work, Workflow};
use crate::sandbox::ci::{JobPlan, Need, When};

/// None: this workflow is not for that trigger. Otherwise all its jobs, those whose condition does
/// not hold planned as never to be run, and the run's title.
pub(crate) fn plan(
    workflow: &Workflow,
    trigger: &Trigger,
    around: &Surroundings,
) -> Result<Option<RunPlan>, CiError> {
    let named = |CiError(why)| CiError(format!("{}: {why}", workflow.path));
    if !workflow.starts(trigger).map_err(named)? {
        return Ok(None);
    }
    workflow.planned(trigger, around).map(Some).map_err(named)
}

impl Workflow {
    fn starts(&self, trigger: &Trigger) -> Result<bool, CiError> {
        let touched = |globs: &Option<GlobSet>, paths: &[String]| {
            globs.as_ref().is_none_or(|globs| paths.iter().any(|path| globs.is_match(path)))
        };
        match trigger {
            Trigger::PullRequest { action, changed, .. } => Ok(self
                .on
                .pull_request
                .as_ref()
                .is_some_and(|on| on.types.contains(action) && touched(&on.paths, changed))),
            Trigger::Push { branch: Some(branch), changed, .. } => {
                Ok(self.on.push.as_ref().is_some_and(|on| {
                    let met = changed.as_ref().is_none_or(|changed| touched(&on.paths, changed));
                    on.branches.contains(branch) && met
                }))
            }
            Trigger::Push { branch: None, .. } => Ok(false),
            Trigger::MergeGroup => Ok(self.on.merge_group),
            Trigger::Schedule { cron } => Ok(self.on.times.contains(cron)),
            Trigger::Dispatch { inputs } => {
                let Some(known) = &self.on.dispatch else {
                    return Err(CiError("Workflow does not have 'workflow_dispatch' trigger".to_owned()));
                };
                let given = |name: &String| inputs.get(name).is_some_and(|value| !value.is_empty());
                if let Some(name) = inputs.keys().find(|name| !known.contains_key(*name)) {
                    return Err(CiError(format!("Unexpected inputs provided: [\"{name}\"]")));
                }
                match known.iter().find(|(name, required)| **required && !given(name)) {
                    Some((name, _)) => Err(CiError(format!("Required input '{name}' not provided"))),
                    None => Ok(true),
                }
            }
        }
    }

    fn planned(&self, trigger: &Trigger, around: &Surroundings) -> Result<RunPlan, CiError> {
        let mut names = around.context.clone();
        names.insert("github.event_name".to_owned(), trigger.word().to_owned());
        match trigger {
            Trigger::Dispatch { inputs } => {
                names.extend(inputs.iter().map(|(name, value)| (format!("inputs.{name}"), value.clone())));
            }
            Trigger::Schedule { cron } => {
                names.insert("github.event.schedule".to_owned(), cron.clone());
            }
            // A stranger's code never meets a secret.
            Trigger::PullRequest { fork: true, .. } => names.retain(|name, _| !name.starts_with("secrets.")),
            _ => {}
        }
        let stranger = matches!(trigger, Trigger::PullRequest { fork: true, .. });
        let said =
            |text: &str, names: &BTreeMap<String, String>| interpolate(text, Scope { names, good: None });
        let title = self.run_name.as_deref().map(|text| said(text, &names)).transpose()?.unwrap_or_default();
        let concurrency = self.concurrency.as_ref().map(|group| group.planned(&names)).transpose()?;
        let environment: BTreeMap<String, String> = self
            .environment
            .iter()
            .map(|(name, value)| Ok((name.clone(), said(value, &names)?)))
            .collect::<Result<_, CiError>>()?;
        names.extend(environment.iter().map(|(name, value)| (format!("env.{name}"), value.clone())));
        let mut jobs: Vec<JobPlan> = Vec::new();
        for job in &self.jobs {
            let place = |CiError(why)| CiError(format!("jobs:{}: {why}", job.id));
            // What needs a job that is left out is left out too.
            let left_out =
                |need: &String| jobs.iter().any(|other| other.name == *need && other.when == When::Never);
            let left_out = job.needs.iter().any(left_out);
            let plan = job.planned(&names, left_out).map_err(place)?;
            // Nor does it ever speak for the repository.
            jobs.push(JobPlan { may_identify: plan.may_identify && !stranger, ..plan });
        }
        Ok(RunPlan { title, concurrency, environment, jobs })
    }
}

impl Group {
    fn planned(&self, names: &BTreeMap<String, String>) -> Result<Concurrency, CiError> {
        let scope = Scope { names, good: None };
        Ok(Concurrency {
            group: interpolate(&self.name, scope)?,
            cancel_in_progress: condition(&self.cancels, scope)?,
        })
    }
}

impl JobFile {
    fn planned(&self, names: &BTreeMap<String, String>, left_out: bool) -> Result<JobPlan, CiError> {
        let scope = Scope { names, good: None };
        let holds = match &self.condition {
            Some(text) => condition(text, scope)?,
            None => true,
        };
        let runs = holds && !left_out;
        let group = self.concurrency.as_ref().map(|group| group.planned(names)).transpose()?;
        if group.as_ref().is_some_and(|group| group.cancel_in_progress) {
            return Err(CiError("a job of ours never cancels another".to_owned()));
        }
        let need = |id: &String| Need { job: id.clone(), artifacts: false, optional: false };
        Ok(JobPlan {
            name: self.id.clone(),
            stage: self.id.clone(),
            needs: Some(self.needs.iter().map(need).collect()),
            when: if runs { When::OnSuccess } else { When::Never },
            timeout: Some(self.timeout),
            environment: self.environment.as_ref().map(|name| interpolate(name, scope)).transpose()?,
            variables: self
                .variables
                .iter()
                .map(|(name, value)| Ok((name.clone(), interpolate(value, scope)?)))
                .collect::<Result<_, CiError>>()?,
            resource_group: group.map(|group| group.group),
            may_identify: self.may_identify,
            tags: self.runs_on.iter().map(|label| interpolate(label, scope)).collect::<Result<_, _>>()?,
            steps: if runs {
                self.steps.iter().map(|step| step.planned(names)).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            },
            ..JobPlan::default()
        })
    }
}

impl StepFile {
    fn planned(&self, names: &BTreeMap<String, String>) -> Result<ActionStep, CiError> {
        let place = |CiError(why)| CiError(format!("{}: {why}", self.place));
        let holds = |good| match &self.condition {
            Some(text) => condition(text, Scope { names, good: Some(good) }).map_err(place),
            None => Ok(good),
        };
        let scope = Scope { names, good: None };
        let said = |text: &String| interpolate(text, scope).map_err(place);
        let work = match &self.does {
            Does::Run(script) => {
                let directory = self.directory.as_ref().map(said).transpose()?;
                Work::Run { script: said(script)?, directory: directory.unwrap_or_else(|| ".".to_owned()) }
            }
            Does::Uses(action, with) => {
                let with: BTreeMap<String, String> = with
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), said(value)?)))
                    .collect::<Result<_, CiError>>()?;
                let mut told = Told { place: &self.place, with };
                let work = told.work(*action)?;
                told.done()?;
                work
            }
        };
        Ok(ActionStep {
            name: said(&self.name)?,
            after_success: holds(true)?,
            after_failure: holds(false)?,
            environment: self
                .environment
                .iter()
                .map(|(name, value)| Ok((name.clone(), said(value)?)))
                .collect::<Result<_, CiError>>()?,
            work,
        })
    }
}

/// What an action is told, taken input by input; what is left at the end is an error.
struct Told<'t> {
    place: &'t str,
    with: BTreeMap<String, String>,
}

impl Told<'_> {
    fn work(&mut self, action: Action) -> Result<Work, CiError> {
        match action {
            Action::Checkout => {
                self.exactly("persist-credentials", "false")?;
                let reference = self.with.remove("ref").filter(|reference| !reference.is_empty());
                Ok(Work::Checkout { reference })
            }
            Action::SetupPython => {
                self.text("python-version")?;
                Ok(Work::SetUp { look: "python3 --version" })
            }
            Action::SetupUv => {
                self.exactly("enable-cache", "false")?;
                Ok(Work::SetUp { look: "uv --version" })
            }
            Action::SetupJava => {
                self.exactly("distribution", "temurin")?;
                self.text("java-version")?;
                Ok(Work::SetUp { look: "java -version" })
            }
            Action::SetupGradle => {
                self.exactly("cache-disabled", "true")?;
                self.exactly("validate-wrappers", "true")?;
                Ok(Work::SetUp { look: "gradle --version" })
            }
            Action::SetupNode => {
                self.exactly("package-manager-cache", "false")?;
                self.text("node-version")?;
                Ok(Work::SetUp { look: "node --version" })
            }
            Action::Cache => {
                self.text("path")?;
                self.text("key")?;
                Ok(Work::Cache)
            }
            Action::Upload => {
                self.exactly("include-hidden-files", "true")?;
                self.exactly("overwrite", "true")?;
                let days = self.text("retention-days")?;
                if !days.parse().is_ok_and(|days: u32| (1..=90).contains(&days)) {
                    return Err(self.wrong("retention-days", "should be from 1 to 90"));
                }
                let required = match self.text("if-no-files-found")?.as_str() {
                    "error" => true,
                    "warn" => false,
                    _ => return Err(self.wrong("if-no-files-found", "should be `error` or `warn`")),
                };
                Ok(Work::Upload { name: self.text("name")?, folder: self.text("path")?, required })
            }
            Action::Download => {
                let run = self.with.remove("run-id").filter(|run| !run.is_empty());
                // The sandbox hands over what lies in it; on the forge another run's artifacts need it.
                let token = self.with.remove("github-token");
                if run.is_some() && token.is_none() {
                    return Err(self.wrong("run-id", "needs `github-token`"));
                }
                let wrong = |_| self.wrong("run-id", "is not a number");
                let run = run.map(|run| run.parse().map_err(wrong)).transpose()?;
                Ok(Work::Download { name: self.text("name")?, folder: self.text("path")?, run })
            }
        }
    }

    fn text(&mut self, input: &str) -> Result<String, CiError> {
        self.with.remove(input).ok_or_else(|| self.wrong(input, "is missing"))
    }

    fn exactly(&mut self, input: &str, value: &str) -> Result<(), CiError> {
        if self.text(input)? == value {
            Ok(())
        } else {
            Err(self.wrong(input, &format!("should be `{value}`")))
        }
    }

    fn wrong(&self, input: &str, what: &str) -> CiError {
        CiError(format!("{}:with:{input} {what}", self.place))
    }

    fn done(self) -> Result<(), CiError> {
        match self.with.keys().next() {
            Some(input) => Err(self.wrong(input, "is unknown (the sandbox knows only what is generated)")),
            None => Ok(()),
        }
    }
}
