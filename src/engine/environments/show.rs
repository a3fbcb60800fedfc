//! What people read about versions and environments, in a comment or on a terminal.

use crate::domain::{
    Environments, ModelName, Retirement, RetirementKind, Rollout, RolloutAction, RolloutStep, Sheet,
    Timestamp, Version, VersionRecord, Waived,
};

/// Every published version, the newest first, with where it is live.
#[must_use]
pub fn versions(model: &ModelName, versions: &[VersionRecord], environments: &Environments) -> Sheet {
    let title = match versions.len() {
        0 => format!("No version of `{model}` is published."),
        1 => format!("One version of `{model}` is published."),
        many => format!("{many} versions of `{model}` are published."),
    };
    let of_kind = |kind| environments.retired.iter().filter(move |(_, one)| one.kind == kind);
    let any_retired = of_kind(RetirementKind::Retired).next().is_some();
    let row = |record: &VersionRecord| {
        let mut row = vec![
            record.version.to_string(),
            places(environments, record),
            record.commit.short().to_owned(),
            record.published_at.to_string(),
            format!("!{}", record.merge_request.number),
        ];
        if any_retired {
            let retired = environments.retired.get(&record.version);
            row.push(retired.map(|retired| retired.reason.clone()).unwrap_or_default());
        }
        row
    };
    let mut columns = vec!["version", "live in", "commit", "published", "merge request"];
    columns.extend(any_retired.then_some("retired because"));
    let void = of_kind(RetirementKind::GivenUp);
    Sheet {
        title,
        notes: void.map(|(version, one)| format!("{version} is void, {}", withdrawn(one))).collect(),
        columns: columns.into_iter().map(str::to_owned).collect(),
        rows: versions.iter().rev().map(row).collect(),
        ..Sheet::default()
    }
}

/// Where a version comes from: the record that its tag and release carry, and where it is live.
#[must_use]
pub fn describe(record: &VersionRecord, environments: &Environments) -> Sheet {
    let lineage = &record.lineage;
    let mut rows: Vec<(String, String)> = [
        ("tag", record.tag.clone()),
        ("published", record.published_at.to_string()),
        ("live in", places(environments, record)),
        ("commit", lineage.commit.to_string()),
        ("head", lineage.head.to_string()),
        ("base", lineage.base.to_string()),
        ("merge request", format!("!{}", lineage.merge_request)),
        ("author", lineage.author.clone()),
        ("approved by", lineage.approved_by.join(", ")),
        ("candidate", lineage.candidate.clone()),
        ("predecessor", lineage.predecessor.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("model digest", lineage.model_digest.to_string()),
        ("report", lineage.report.to_string()),
        ("dataset", lineage.dataset.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("configuration", lineage.configuration.to_string()),
        ("source", lineage.source.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let waived = |one: &Waived| (format!("waived {}", one.rule), format!("{}, {}", one.verdict, one.told()));
    rows.extend(lineage.waivers.iter().map(waived));
    let holds = environments.held.get(&record.version).into_iter().flatten();
    rows.extend(holds.map(|(number, hold)| ("held".to_owned(), format!("on !{number} by {}", hold.told()))));
    if let Some(one) = environments.retired.get(&record.version) {
        let known = retired_rows(&record.model, &record.version, one);
        rows.extend(known.map(|(name, value)| (name.to_owned(), value)));
    }
    rows.extend(lineage.metrics.iter().map(|(name, value)| (format!("metric {name}"), value.to_string())));
    rows.extend(lineage.artifacts.iter().map(|file| ("file".to_owned(), file.clone())));
    Sheet {
        title: format!("{} of `{}`", record.version, record.model),
        columns: vec!["lineage".to_owned(), String::new()],
        rows: rows.into_iter().map(|(name, value)| vec![name, value]).collect(),
        ..Sheet::default()
    }
}

/// What became of a version that was given up.
#[must_use]
pub fn given_up(model: &ModelName, version: &Version, one: &Retirement) -> Sheet {
    let rows = retired_rows(model, version, one).into_iter();
    Sheet {
        title: format!("{version} of `{model}` was given up before it was published: the number is void."),
        columns: vec!["why".to_owned(), String::new()],
        rows: rows.map(|(name, value)| vec![name.to_owned(), value]).collect(),
        ..Sheet::default()
    }
}

fn retired_rows(model: &ModelName, version: &Version, one: &Retirement) -> [(&'static str, String); 3] {
    [
        ("retired", withdrawn(one)),
        ("retired on", format!("!{}", one.on.number)),
        ("retired tag", version.retired_tag(model)),
    ]
}

/// By whom, when and why.
fn withdrawn(one: &Retirement) -> String {
    format!("{} by {} at {}: {}", one.kind, one.by.login, one.at, one.reason)
}

/// What was live in an environment at a time (now, where there is none), and why.
#[must_use]
pub fn blame(model: &ModelName, environment: &str, at: Option<Timestamp>, found: Option<&Rollout>) -> Sheet {
    let (when, was) = match at {
        Some(at) => (format!(" at {at}"), "was"),
        None => (String::new(), "is"),
    };
    let Some(rollout) = found else {
        let title = format!("Nothing of `{model}` {was} live in `{environment}`{when}.");
        return Sheet { title, ..Sheet::default() };
    };
    Sheet {
        title: format!("{} {was} live in `{environment}`{when}.", rollout.version),
        columns: vec!["why".to_owned(), String::new()],
        rows: reasons(model, rollout),
        log: rollout.job.clone(),
        ..Sheet::default()
    }
}

/// How a rollout stands, for the comment that asked for it.
pub(in crate::engine) fn rollout(model: &ModelName, rollout: &Rollout, prefix: &str) -> Sheet {
    let Rollout { version, environment, action, .. } = rollout;
    let tag = rollout.stage.map(|number| rollout.tag(model, number)).unwrap_or_default();
    let before = rollout.before.as_ref().filter(|before| *before != version);
    let instead = before.map(|before| format!(" instead of {before}")).unwrap_or_default();
    let going = match action {
        RolloutAction::Promote => format!("{version} is on its way to `{environment}`{instead}"),
        RolloutAction::Rollback => format!("`{environment}` goes back to {version}{instead}"),
    };
    let title = match rollout.step {
        RolloutStep::AwaitingApproval => {
            let (given, needed) = (rollout.approved_by.len(), rollout.approvals_needed);
            format!(
                "{version} may go to `{environment}`{instead} once {needed} other {want} it: {given} so far.",
                want = if needed == 1 { "owner wants" } else { "owners want" },
            )
        }
        RolloutStep::Starting => format!("{going}: tag and files are checked, then the deploy job starts."),
        RolloutStep::Deploying => format!("{going}: the deploy job is at work."),
        RolloutStep::Settling => format!("{going}: the job ended well, the forge's deployment is awaited."),
        RolloutStep::Tagging => format!("{going}: it is deployed and is being recorded."),
        RolloutStep::Live => format!("✓ {version} is live in `{environment}`{instead}: `{tag}`."),
        RolloutStep::Failed => format!("✗ The {action} of {version} to `{environment}` failed."),
        RolloutStep::Aborted => format!("The {action} of {version} to `{environment}` was stopped."),
    };
    let mut notes = Vec::new();
    if rollout.step == RolloutStep::AwaitingApproval {
        notes.push(format!(
            "Another owner says so by the same line: `{prefix} promote {model} {version} {environment}`."
        ));
    }
    notes.extend(rollout.notice.clone());
    notes.extend(rollout.failure.as_ref().map(|why| format!("Why: {why}.")));
    if rollout.step == RolloutStep::Failed {
        notes.push(what_helps(rollout, prefix));
    }
    Sheet { title, notes, log: rollout.job.clone(), ..Sheet::default() }
}

fn what_helps(rollout: &Rollout, prefix: &str) -> String {
    let Rollout { version, environment, .. } = rollout;
    let live = rollout.before.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let again = match rollout.action {
        RolloutAction::Promote => format!("`{prefix} promote {version} {environment}`"),
        RolloutAction::Rollback => format!("`{prefix} rollback {environment} to {version}`"),
    };
    if rollout.run.is_none() {
        return format!("Nothing was touched: {live} is live as before. To try again: {again}.");
    }
    let back = rollout.before.as_ref().map(|before| {
        format!(" To put {before} back in case the job left it half-way: `{prefix} rollback {environment}`.")
    });
    format!("By git {live} is live as before. To try again: {again}.{}", back.unwrap_or_default())
}

fn reasons(model: &ModelName, rollout: &Rollout) -> Vec<Vec<String>> {
    let logins = |users: &[crate::domain::User]| {
        users.iter().map(|user| user.login.clone()).collect::<Vec<_>>().join(", ")
    };
    let rows = [
        ("since", rollout.live_at.map(|at| at.to_string())),
        ("by", Some(rollout.action.to_string())),
        ("asked by", Some(rollout.asked_by.login.clone())),
        ("asked at", Some(rollout.asked_at.to_string())),
        ("asked on", Some(format!("!{}", rollout.asked_on.number))),
        ("approved by", Some(logins(&rollout.approved_by)).filter(|names| !names.is_empty())),
        ("instead of", rollout.before.as_ref().map(ToString::to_string)),
        ("commit", Some(rollout.commit.to_string())),
        ("stage tag", rollout.stage.map(|number| rollout.tag(model, number))),
        ("run", rollout.run.map(|run| run.to_string())),
        ("deployment", rollout.deployment.map(|number| number.to_string())),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?]));
    rows.collect()
}

fn places(environments: &Environments, record: &VersionRecord) -> String {
    environments.places(&record.version).collect::<Vec<_>>().join(", ")
}
