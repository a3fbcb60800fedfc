//! What runs: toolchain, build, test, publish, deploy, schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use super::id_tokens::id_tokens;
use super::raw::Value;
use super::reader::{Field, Section, cut};
use super::words::DeployKind;
use crate::config::valid::{
    Build, Deploy, Publish, PublishTarget, Scan, Schedule, ScheduleTask, Test, Toolchain, ToolchainKind,
};

/// How long a job may take where nothing is written.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// The longest that a job may take: no forge lets one run for longer.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn toolchain(field: Option<Field<'_>>) -> Toolchain {
    let mut toolchain = Toolchain { kind: ToolchainKind::Custom, version: None, image: None };
    let Some(section) = field.and_then(|field| field.section()) else {
        return toolchain;
    };
    if let Some(kind) = section.required("kind").and_then(|kind| kind.choice()) {
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
    let section = field.and_then(|field| field.section());
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
    let section = model.required("test")?.section()?;
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
    // Everything else is read before what is required ends the reading, so that every problem is found.
    let run = scripts(Some(&section), "run");
    let timeout = timeout(Some(&section));
    let secrets = secrets(Some(&section), declared);
    let (junit, metrics) = reports(&section.required("reports")?.section()?)?;
    Some(Test { run, junit, metrics, dataset, protect, timeout, secrets })
}

/// The files of the test job: JUnit's, and those with the numbers.
fn reports(section: &Section<'_>) -> Option<(Vec<String>, Vec<String>)> {
    let files = |field: &Field<'_>| field.items().iter().filter_map(Field::relative_path).collect::<Vec<_>>();
    // Most tools write one file for each class of tests.
    let globs = |field: &Field<'_>| field.items().iter().filter_map(Field::glob).collect::<Vec<_>>();
    let junit = section.field("junit");
    let named = junit.as_ref().map(globs).unwrap_or_default();
    let field = section.required("metrics")?;
    let metrics = files(&field);
    if field.items().is_empty() {
        field.refuse("lists no file", "write the file that holds the numbers, such as `metrics.json`");
    }
    if let Some(junit) = junit.filter(|_| named.iter().any(|file| metrics.contains(file))) {
        junit.refuse("is also the file of the metrics", "name the JUnit file, or remove `junit`");
    }
    Some((named, metrics))
}

pub(super) fn scan(field: &Field<'_>) -> Scan {
    let section = field.section();
    if let Some(run) = section.as_ref().and_then(|section| section.field("run"))
        && run.items().is_empty()
    {
        run.refuse(
            "lists nothing",
            "remove it: the scan has a tool of its own; or write `run: [\"bandit -r .\"]`",
        );
    }
    Scan { run: scripts(section.as_ref(), "run"), timeout: timeout(section.as_ref()) }
}

pub(super) fn publish(field: Option<Field<'_>>, declared: &[String]) -> Publish {
    let line = field.as_ref().map(|field| field.node.place.line);
    let section = field.and_then(|field| field.section());
    let get = |key: &str| section.as_ref().and_then(|section| section.field(key));
    let mut to = Vec::new();
    for item in get("to").map(|field| field.list()).unwrap_or_default() {
        let target = item.section().and_then(|section| section.required("kind")?.choice());
        match target {
            Some(target) if to.contains(&target) => item.refuse("is listed twice", "keep one of the two"),
            Some(target) => to.push(target),
            None => {}
        }
    }
    match get("to") {
        None => to.push(PublishTarget::Release),
        Some(field) if matches!(&field.node.value, Value::List(items) if items.is_empty()) => {
            field.refuse("lists nothing", "remove it, or write `to: [{kind: release}]`");
        }
        Some(_) => {}
    }
    let secrets = secrets(section.as_ref(), declared);
    Publish {
        when: get("when").and_then(|field| field.choice()).unwrap_or_default(),
        merge: get("merge").and_then(|field| field.choice()).unwrap_or_default(),
        run: scripts(section.as_ref(), "run"),
        to,
        id_tokens: id_tokens(section.as_ref(), &secrets),
        secrets,
        timeout: timeout(section.as_ref()),
        line,
    }
}

pub(super) fn deploy(field: Option<Field<'_>>, declared: &[String]) -> Option<Deploy> {
    let field = field?;
    let section = field.section()?;
    let kind: DeployKind = section.field("kind").and_then(|kind| kind.choice()).unwrap_or_default();
    let kserve = kind == DeployKind::Kserve;
    let foreign: &[&str] = if kserve {
        &["run", "rollback", "verify", "secrets", "id_tokens", "timeout"]
    } else {
        &["manifest"]
    };
    for key in foreign {
        if let Some(field) = section.field(key) {
            let kind = if kserve { "kserve" } else { "scripts" };
            field.refuse(&format!("has no meaning for the kind `{kind}`"), "remove it or change `kind`");
        }
    }
    if kserve {
        let Some(manifest) = section.field("manifest") else {
            section.missing("manifest", "manifest: deploy/isvc.yaml");
            return None;
        };
        return Some(Deploy::Kserve { manifest: manifest.relative_path()? });
    }
    let run = scripts(Some(&section), "run");
    if run.is_empty() {
        lacks_run(&section, "run: [\"sh deploy.sh\"]");
    }
    let secrets = secrets(Some(&section), declared);
    Some(Deploy::Scripts {
        run,
        rollback: scripts(Some(&section), "rollback"),
        verify: scripts(Some(&section), "verify"),
        id_tokens: id_tokens(Some(&section), &secrets),
        secrets,
        timeout: timeout(Some(&section)),
    })
}

pub(super) fn schedules(field: Option<Field<'_>>) -> BTreeMap<String, Schedule> {
    let mut schedules = BTreeMap::new();
    let Some(field) = field else { return schedules };
    for entry in field.named() {
        let named = field.sound_name(&entry);
        if let (Some(schedule), true) = (schedule(&entry.field), named) {
            schedules.insert(entry.name.to_owned(), schedule);
        }
    }
    schedules
}

fn schedule(field: &Field<'_>) -> Option<Schedule> {
    let section = field.section()?;
    let cron = section.required("cron").and_then(|field| field.cron());
    let task = section.required("task").and_then(|field| field.choice());
    let timezone = section.field("timezone").and_then(|field| field.time_zone());
    let run = scripts(Some(&section), "run");
    if task == Some(ScheduleTask::Run) && run.is_empty() {
        lacks_run(&section, "run: [\"sh report.sh\"]");
    }
    if let Some(field) = section.field("run").filter(|field| !field.items().is_empty())
        && task.is_some_and(|task| task != ScheduleTask::Run)
    {
        field.refuse("only goes with `task: run`", "remove it or write `task: run`");
    }
    Some(Schedule { cron: cron?, timezone: timezone.unwrap_or_else(|| "UTC".to_owned()), task: task?, run })
}

/// Notes that there are no shell lines, where nothing else is wrong with them.
fn lacks_run(section: &Section<'_>, example: &str) {
    match section.field("run") {
        None => section.missing("run", example),
        Some(field) if field.items().is_empty() => {
            field.refuse("lists nothing", format!("write `{example}`"));
        }
        Some(_) => {}
    }
}

fn scripts(section: Option<&Section<'_>>, key: &str) -> Vec<String> {
    section.and_then(|section| section.field(key)).map(|field| field.scripts()).unwrap_or_default()
}

fn timeout(section: Option<&Section<'_>>) -> Duration {
    let Some(field) = section.and_then(|section| section.field("timeout")) else { return DEFAULT_TIMEOUT };
    let timeout = field.duration();
    if timeout.is_some_and(|timeout| timeout > LONGEST_TIMEOUT) {
        field.refuse("is longer than the 30 days that a forge lets a job run", "write at most `30d`");
    }
    timeout.unwrap_or(DEFAULT_TIMEOUT)
}

fn secrets(section: Option<&Section<'_>>, declared: &[String]) -> Vec<String> {
    let field = section.and_then(|section| section.field("secrets"));
    field.map(|field| field.secret_names(Some(declared))).unwrap_or_default()
}
