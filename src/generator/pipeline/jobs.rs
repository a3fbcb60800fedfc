//! The jobs of one model.

use super::{Action, Deployment, Job, Keeps, Kept, Part, Proven, Step, Tool, Trigger};
use crate::config::valid::{
    BaselineChoice, Deploy, IdTokens, Model, RepositoryConfig, Scan, Schedule, ScheduleTask,
};
use crate::generator::toolchain::Toolchain;
use crate::generator::{GenerateError, pins};

/// The file whose change concerns every model.
const CONFIGURATION: &str = ".mergewright.yml";
/// Scans with the rules that Semgrep recommends, says nothing to its makers, and fails where it finds something.
const SEMGREP: &str = "semgrep scan --error --metrics=off --disable-version-check --config=p/default .";
/// The environment whose version is meant where somebody says "live".
const PRODUCTION: &str = "production";

/// All jobs of a model, in their order.
pub(super) fn of(config: &RepositoryConfig, model: &Model) -> Result<Vec<Job>, GenerateError> {
    let toolchain = Toolchain::of(model);
    let judged = judged(model, changes_of(config, model));
    let building = building(model, &toolchain, judged.clone());
    let testing = testing(model, &toolchain, judged.clone());
    let mut jobs = vec![building, testing];
    jobs.extend(model.scan.as_ref().map(|scan| scanning(model, scan, &toolchain, judged)));
    jobs.push(publishing(model, &toolchain));
    jobs.extend(deploying(model, &toolchain)?);
    jobs.push(evaluating(model, &toolchain));
    for (name, schedule) in &model.schedules {
        jobs.push(scheduled(model, &toolchain, name, schedule));
    }
    Ok(jobs)
}

/// A job that does nothing yet.
fn blank(model: &Model, toolchain: &Toolchain, step: Step) -> Job {
    Job {
        model: model.name.clone(),
        step,
        name: step.as_str().to_owned(),
        // One image for all jobs, and one with git: what is brought out is proved by the version's tag, and
        // what was merged is measured at its commit, wherever the branch is by then.
        image: toolchain.image.clone(),
        container: model.toolchain.image.clone(),
        tools: toolchain.tools.clone(),
        cache: None,
        gitlab_runners: model.gitlab_runners.clone(),
        github_runners: model.github_runners.clone(),
        triggers: Vec::new(),
        needs: Vec::new(),
        timeout: model.test.timeout,
        root: model.root.clone(),
        parts: Vec::new(),
        proof: None,
        deployment: None,
        keeps: Vec::new(),
    }
}

fn part(title: &'static str, lines: &[String], secrets: &[String]) -> Option<Part> {
    let (lines, secrets) = (lines.to_vec(), secrets.to_vec());
    (!lines.is_empty()).then_some(Part { title, lines, only: None, secrets, id_tokens: IdTokens::new() })
}

/// Globs of whatever a model is made from: a change of it has the model built and tested.
fn changes_of(config: &RepositoryConfig, model: &Model) -> Vec<String> {
    let mut paths = vec![CONFIGURATION.to_owned()];
    for path in config.inputs(model).into_iter().flat_map(|input| &input.paths) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

/// When the model is judged: build and test.
fn judged(model: &Model, paths: Vec<String>) -> Vec<Trigger> {
    let mut triggers = vec![Trigger::MergeRequest { paths: paths.clone() }];
    if model.gates.baseline == BaselineChoice::TargetBranch {
        triggers.push(Trigger::Push { paths });
    }
    triggers.push(Trigger::Asked { action: Action::Run, protected: false });
    triggers
}

const fn asked(action: Action) -> Trigger {
    Trigger::Asked { action, protected: true }
}

fn building(model: &Model, toolchain: &Toolchain, triggers: Vec<Trigger>) -> Job {
    let build = &model.build;
    Job {
        triggers,
        timeout: build.timeout,
        parts: part("Build", &build.run, &build.secrets).into_iter().collect(),
        cache: toolchain.cache.clone(),
        keeps: model_files(model).into_iter().collect(),
        ..blank(model, toolchain, Step::Build)
    }
}

fn testing(model: &Model, toolchain: &Toolchain, triggers: Vec<Trigger>) -> Job {
    Job {
        triggers,
        needs: vec![Step::Build],
        parts: part("Test", &model.test.run, &model.test.secrets).into_iter().collect(),
        cache: toolchain.cache.clone(),
        keeps: vec![reports(model, toolchain)],
        ..blank(model, toolchain, Step::Test)
    }
}

/// The code alone, beside build and test: whoever reads it waits for nothing, and nothing waits for it.
fn scanning(model: &Model, scan: &Scan, toolchain: &Toolchain, triggers: Vec<Trigger>) -> Job {
    let job = Job { triggers, timeout: scan.timeout, ..blank(model, toolchain, Step::Scan) };
    if scan.run.is_empty() {
        // The same tool for every toolchain and at both forges, so that they say the same.
        let python = pins::PYTHON;
        let lines = [format!("pip install --quiet {}", pins::SEMGREP.pin()), SEMGREP.to_owned()];
        return Job {
            image: Some(python.with(python.version)),
            container: None,
            tools: vec![Tool::Python(python.version.to_owned())],
            parts: part("Scan", &lines, &[]).into_iter().collect(),
            ..job
        };
    }
    Job { parts: part("Scan", &scan.run, &[]).into_iter().collect(), cache: toolchain.cache.clone(), ..job }
}

fn publishing(model: &Model, toolchain: &Toolchain) -> Job {
    let publish = &model.publish;
    let own = part("Publish", &publish.run, &publish.secrets);
    Job {
        triggers: vec![asked(Action::Publish)],
        timeout: publish.timeout,
        parts: own.map(|part| Part { id_tokens: publish.id_tokens.clone(), ..part }).into_iter().collect(),
        proof: Some((toolchain.proof, Proven::Version)),
        ..blank(model, toolchain, Step::Publish)
    }
}

fn deploying(model: &Model, toolchain: &Toolchain) -> Result<Option<Job>, GenerateError> {
    let (run, rollback, verify, secrets, id_tokens, timeout) = match &model.deploy {
        _ if model.environments.is_empty() => return Ok(None),
        None => return Ok(None),
        Some(Deploy::Kserve { .. }) => {
            return Err(GenerateError::Deploy { model: model.name.to_string(), kind: "kserve" });
        }
        Some(Deploy::Scripts { run, rollback, verify, secrets, id_tokens, timeout }) => {
            (run, rollback, verify, secrets, id_tokens, *timeout)
        }
    };
    let own = |title, lines: &[String]| {
        part(title, lines, secrets).map(|part| Part { id_tokens: id_tokens.clone(), ..part })
    };
    let only = |title, lines, only| own(title, lines).map(|part| Part { only: Some(only), ..part });
    let mut parts = if rollback.is_empty() || rollback == run {
        vec![own("Deploy", run)]
    } else {
        vec![only("Deploy", run, Action::Deploy), only("Roll back", rollback, Action::Rollback)]
    };
    parts.push(own("Verify", verify));
    Ok(Some(Job {
        triggers: vec![asked(Action::Deploy), asked(Action::Rollback)],
        timeout,
        parts: parts.into_iter().flatten().collect(),
        proof: Some((toolchain.proof, Proven::Version)),
        deployment: Some(Deployment {
            environments: model.environments.iter().map(|one| one.name.clone()).collect(),
        }),
        ..blank(model, toolchain, Step::Deploy)
    }))
}

/// Bytes that were judged before, measured as the test job measures: by the code of a merge request's head,
/// and so where its test job could run too, or by that at the end of the default branch, which is merged.
fn evaluating(model: &Model, toolchain: &Toolchain) -> Job {
    Job {
        triggers: vec![Trigger::AskedOfHead { action: Action::Evaluate }],
        parts: part("Evaluate", &model.test.run, &model.test.secrets).into_iter().collect(),
        proof: Some((toolchain.proof, Proven::Elsewhere)),
        keeps: vec![reports(model, toolchain)],
        ..blank(model, toolchain, Step::Evaluate)
    }
}

fn scheduled(model: &Model, toolchain: &Toolchain, name: &str, schedule: &Schedule) -> Job {
    let (build, test) = (&model.build, &model.test);
    let clock = Trigger::Clock {
        name: name.to_owned(),
        cron: schedule.cron.clone(),
        timezone: schedule.timezone.clone(),
    };
    let job = Job { name: name.to_owned(), triggers: vec![clock], ..blank(model, toolchain, Step::Schedule) };
    match schedule.task {
        ScheduleTask::Retrain => Job {
            timeout: build.timeout.saturating_add(test.timeout),
            parts: [part("Build", &build.run, &build.secrets), part("Test", &test.run, &test.secrets)]
                .into_iter()
                .flatten()
                .collect(),
            keeps: model_files(model).into_iter().chain([reports(model, toolchain)]).collect(),
            ..job
        },
        ScheduleTask::Evaluate | ScheduleTask::Monitor => {
            let known = model.environments.iter().find(|one| one.name == PRODUCTION);
            let environment = known.or(model.environments.last()).map(|one| one.name.clone());
            Job {
                parts: part("Evaluate", &test.run, &test.secrets).into_iter().collect(),
                proof: Some((toolchain.proof, Proven::Live { environment })),
                keeps: vec![reports(model, toolchain)],
                ..job
            }
        }
        // The bot applies the retention by the forge's API; a run only marks the time.
        ScheduleTask::Cleanup => {
            let line = "echo \"mergewright: retention is the bot's to apply; this run marks the time\"";
            Job { parts: part("Clean up", &[line.to_owned()], &[]).into_iter().collect(), ..job }
        }
        ScheduleTask::Run => Job { parts: part("Run", &schedule.run, &[]).into_iter().collect(), ..job },
    }
}

fn below_root(model: &Model, files: &[String]) -> Vec<String> {
    files.iter().map(|file| below(model, file)).collect()
}

fn below(model: &Model, file: &str) -> String {
    if model.root == "." { file.to_owned() } else { format!("{}/{file}", model.root) }
}

fn model_files(model: &Model) -> Option<Kept> {
    let paths = below_root(model, &model.build.artifacts);
    let keep_for = model.retention.candidates;
    (!paths.is_empty()).then_some(Kept {
        what: Keeps::Model,
        paths,
        junit: Vec::new(),
        coverage: None,
        keep_for,
    })
}

fn reports(model: &Model, toolchain: &Toolchain) -> Kept {
    let usual: Vec<String> = toolchain.junit.iter().map(|path| (*path).to_owned()).collect();
    let junit = below_root(model, if model.test.junit.is_empty() { &usual } else { &model.test.junit });
    let coverage = toolchain.coverage.map(|coverage| (coverage.format, below(model, coverage.path)));
    let mut paths = [junit.clone(), below_root(model, &model.test.metrics)].concat();
    paths.extend(coverage.iter().map(|(_, path)| path.clone()));
    paths.sort();
    paths.dedup();
    Kept { what: Keeps::Reports, paths, junit, coverage, keep_for: model.retention.candidates }
}
