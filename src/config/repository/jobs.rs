//! What runs: toolchain, build, test, publish, deploy, schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::{Field, Section, cut};
use crate::config::valid::{
    Build, Deploy, Publish, PublishTarget, PublishWhen, Schedule, ScheduleTask, Test, Toolchain,
    ToolchainKind,
};
use crate::domain::MergeMethod;

/// How long a job may take where nothing is written.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// What a schedule cannot be called, because the word already starts another job.
const TAKEN_BY_JOBS: &[&str] = &["run", "build", "test", "publish", "deploy", "rollback", "evaluate"];

pub(super) fn toolchain(field: Option<Field<'_>>) -> Toolchain {
    let mut toolchain = Toolchain { kind: ToolchainKind::Custom, version: None, image: None };
    let Some(section) = field.and_then(|field| field.section(&["kind", "version", "image"])) else {
        return toolchain;
    };
    let kinds = [
        ("python", ToolchainKind::Python),
        ("maven", ToolchainKind::Maven),
        ("gradle", ToolchainKind::Gradle),
        ("node", ToolchainKind::Node),
        ("custom", ToolchainKind::Custom),
    ];
    if let Some(kind) = section.required("kind", "kind: python").and_then(|kind| kind.choice(&kinds)) {
        toolchain.kind = kind;
    }
    if let Some((field, text)) =
        section.field("version").and_then(|field| Some((field.clone(), field.line()?)))
    {
        if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            toolchain.version = Some(text.to_owned());
        } else {
            field.refuse(&format!("is no version: `{}`", cut(text)), "write it like \"3.12\" or \"21\"");
        }
    }
    if let Some((field, text)) = section.field("image").and_then(|field| Some((field.clone(), field.line()?)))
    {
        if text.contains(char::is_whitespace) {
            field
                .refuse("has white space in it", "write one image, such as `registry.example.com/train:1.2`");
        } else {
            toolchain.image = Some(text.to_owned());
        }
    }
    toolchain
}

pub(super) fn build(field: Option<Field<'_>>, declared: &[String]) -> Build {
    let section = field.and_then(|field| field.section(&["run", "artifacts", "timeout", "secrets"]));
    let artifacts = section.as_ref().and_then(|section| section.field("artifacts"));
    Build {
        run: scripts(section.as_ref(), "run"),
        artifacts: artifacts
            .map(|field| field.items().iter().filter_map(Field::glob).collect())
            .unwrap_or_default(),
        timeout: timeout(section.as_ref()),
        secrets: secrets(section.as_ref(), declared),
    }
}

/// The test job; none only where something required is missing, which is then reported.
pub(super) fn test(model: &Section<'_>, declared: &[String]) -> Option<Test> {
    let example = "test: {reports: {metrics: metrics.json}}";
    let section = model
        .required("test", example)?
        .section(&["run", "reports", "dataset", "protect", "timeout", "secrets"])?;
    let dataset = section.field("dataset").and_then(|field| field.relative_path());
    let mut protect: Vec<String> = section
        .field("protect")
        .map(|field| field.items().iter().filter_map(Field::glob).collect())
        .unwrap_or_default();
    // The dataset measures too, be it a file or a folder.
    for pattern in dataset.iter().flat_map(|path| [path.clone(), format!("{path}/**")]) {
        if !protect.contains(&pattern) {
            protect.push(pattern);
        }
    }
    let reports =
        section.required("reports", "reports: {metrics: metrics.json}")?.section(&["junit", "metrics"])?;
    let files = |field: Field<'_>| field.items().iter().filter_map(Field::relative_path).collect::<Vec<_>>();
    let metrics_field = reports.required("metrics", "metrics: metrics.json")?;
    let metrics = files(metrics_field.clone());
    if metrics.is_empty() && metrics_field.items().is_empty() {
        metrics_field
            .refuse("lists no file", "write the file that holds the numbers, such as `metrics.json`");
    }
    Some(Test {
        run: scripts(Some(&section), "run"),
        junit: reports.field("junit").map(files).unwrap_or_default(),
        metrics,
        dataset,
        protect,
        timeout: timeout(Some(&section)),
        secrets: secrets(Some(&section), declared),
    })
}

pub(super) fn publish(field: Option<Field<'_>>, declared: &[String]) -> Publish {
    let section =
        field.and_then(|field| field.section(&["when", "merge", "run", "to", "secrets", "timeout"]));
    let get = |key: &str| section.as_ref().and_then(|section| section.field(key));
    let whens = [("merge", PublishWhen::Merge), ("command", PublishWhen::Command)];
    let methods = [
        ("auto", MergeMethod::Auto),
        ("merge", MergeMethod::Merge),
        ("squash", MergeMethod::Squash),
        ("rebase", MergeMethod::Rebase),
    ];
    let kinds = [("release", PublishTarget::Release), ("gitlab-package", PublishTarget::GitlabPackage)];
    let mut to = Vec::new();
    for item in get("to").map(|field| field.list()).unwrap_or_default() {
        let target = item
            .section(&["kind"])
            .and_then(|section| section.required("kind", "kind: release")?.choice(&kinds));
        match target {
            Some(target) if to.contains(&target) => item.refuse("is listed twice", "keep one of the two"),
            Some(target) => to.push(target),
            None => {}
        }
    }
    if get("to").is_none() {
        to.push(PublishTarget::Release);
    }
    Publish {
        when: get("when").and_then(|field| field.choice(&whens)).unwrap_or_default(),
        merge: get("merge").and_then(|field| field.choice(&methods)).unwrap_or_default(),
        run: scripts(section.as_ref(), "run"),
        to,
        secrets: secrets(section.as_ref(), declared),
        timeout: timeout(section.as_ref()),
    }
}

pub(super) fn deploy(field: Option<Field<'_>>, declared: &[String]) -> Option<Deploy> {
    let field = field?;
    let section = field.section(&["kind", "run", "rollback", "verify", "secrets", "timeout", "manifest"])?;
    let kinds = [("scripts", false), ("kserve", true)];
    let kserve = section.field("kind").is_some_and(|kind| kind.choice(&kinds).unwrap_or_default());
    let foreign: &[&str] =
        if kserve { &["run", "rollback", "verify", "secrets", "timeout"] } else { &["manifest"] };
    for key in foreign {
        if let Some(field) = section.field(key) {
            let kind = if kserve { "kserve" } else { "scripts" };
            field.refuse(&format!("has no meaning for the kind `{kind}`"), "remove it or change `kind`");
        }
    }
    if kserve {
        let manifest = section.required("manifest", "manifest: deploy/isvc.yaml")?.relative_path()?;
        return Some(Deploy::Kserve { manifest });
    }
    let run = scripts(Some(&section), "run");
    if run.is_empty() {
        section.required("run", "run: [\"sh deploy.sh\"]");
    }
    Some(Deploy::Scripts {
        run,
        rollback: scripts(Some(&section), "rollback"),
        verify: scripts(Some(&section), "verify"),
        secrets: secrets(Some(&section), declared),
        timeout: timeout(Some(&section)),
    })
}

pub(super) fn schedules(field: Option<Field<'_>>) -> BTreeMap<String, Schedule> {
    let mut schedules = BTreeMap::new();
    let Some(section) = field.and_then(|field| field.open_section()) else { return schedules };
    for (name, place, field) in section.entries() {
        let named = field.sound_name("schedule", name, place, TAKEN_BY_JOBS);
        if let (Some(schedule), true) = (schedule(&field), named) {
            schedules.insert(name.to_owned(), schedule);
        }
    }
    schedules
}

fn schedule(field: &Field<'_>) -> Option<Schedule> {
    let tasks = [
        ("retrain", ScheduleTask::Retrain),
        ("evaluate", ScheduleTask::Evaluate),
        ("monitor", ScheduleTask::Monitor),
        ("cleanup", ScheduleTask::Cleanup),
        ("run", ScheduleTask::Run),
    ];
    let section = field.section(&["cron", "timezone", "task", "run"])?;
    let cron = section.required("cron", "cron: \"17 9 * * *\"").and_then(|field| field.cron());
    let task = section.required("task", "task: retrain").and_then(|field| field.choice(&tasks));
    let timezone = section.field("timezone").and_then(|field| field.time_zone());
    let run = scripts(Some(&section), "run");
    if task == Some(ScheduleTask::Run) && run.is_empty() {
        section.required("run", "run: [\"sh report.sh\"]");
    }
    if let Some(field) = section.field("run").filter(|_| task.is_some_and(|task| task != ScheduleTask::Run)) {
        field.refuse("only goes with `task: run`", "remove it or write `task: run`");
    }
    Some(Schedule { cron: cron?, timezone: timezone.unwrap_or_else(|| "UTC".to_owned()), task: task?, run })
}

fn scripts(section: Option<&Section<'_>>, key: &str) -> Vec<String> {
    section.and_then(|section| section.field(key)).map(|field| field.scripts()).unwrap_or_default()
}

fn timeout(section: Option<&Section<'_>>) -> Duration {
    section.and_then(|section| section.field("timeout")?.duration()).unwrap_or(DEFAULT_TIMEOUT)
}

fn secrets(section: Option<&Section<'_>>, declared: &[String]) -> Vec<String> {
    let field = section.and_then(|section| section.field("secrets"));
    field.map(|field| field.secret_names(Some(declared))).unwrap_or_default()
}
