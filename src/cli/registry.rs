//! `versions`, `describe` and `blame`: what the bot's database says, read beside the running bot.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Answer;
use super::arguments::{Blame, Describe, Registry, Versions};
use super::database::{as_json, ask};
use super::table::text;
use crate::domain::{Environments, ModelId, ModelName, Retirement, Timestamp, Version, VersionRecord};
use crate::engine::environments::{self, Miss};
use crate::storage::{Store, StoreError};

/// One model of one repository with everything that is published of it.
#[derive(Debug)]
struct Published {
    id: ModelId,
    /// The repository's full path.
    repository: String,
    versions: Vec<VersionRecord>,
    state: Environments,
}

/// `mergewright versions [MODEL]`
pub(super) fn versions(arguments: &Versions) -> Answer {
    ask(&arguments.registry.database, async |store| {
        let found = published(&store, &arguments.registry, arguments.model.as_ref()).await?;
        if found.is_empty() {
            return Ok(Answer::no(match &arguments.model {
                Some(model) => format!("mergewright: no version of `{model}` is published"),
                None => "mergewright: nothing is published yet".to_owned(),
            }));
        }
        if arguments.registry.database.json {
            let all = found.iter().flat_map(|one| one.versions.iter().rev().map(|record| data(one, record)));
            return Ok(as_json(&Value::Array(all.collect())));
        }
        let sheets = found.iter().map(|one| {
            let sheet = environments::versions(&one.id.model, &one.versions, &one.state);
            format!("{}\n{}", one.repository, text(&sheet))
        });
        Ok(Answer::good(sheets.collect::<Vec<_>>().join("\n")))
    })
}

/// `mergewright describe REF`
pub(super) fn describe(arguments: &Describe) -> Answer {
    let reference = arguments.reference.as_str();
    let named = reference.split_once('@').and_then(|(model, _)| model.parse::<ModelName>().ok());
    ask(&arguments.registry.database, async |store| {
        let model = arguments.model.as_ref().or(named.as_ref());
        let all = published(&store, &arguments.registry, model).await?;
        let mut found = Vec::new();
        let mut unclear = None;
        for one in &all {
            match environments::resolve(&one.id.model, &one.versions, &one.state, reference) {
                Ok(record) => found.push((one, record)),
                Err(Miss::Ambiguous(several)) => unclear = Some((one, several)),
                Err(_) => {}
            }
        }
        Ok(match (found.as_slice(), unclear) {
            ([(one, record)], None) if arguments.registry.database.json => as_json(&data(one, record)),
            ([(one, record)], None) => {
                let sheet = environments::describe(record, &one.state);
                Answer::good(format!("{}\n{}", one.repository, text(&sheet)))
            }
            ([], None) => match given_up(&all, reference, arguments.registry.database.json) {
                Some(answer) => answer,
                None => Answer::no(format!("mergewright: no published version is `{reference}`")),
            },
            (_, Some((one, several))) => {
                let names = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let model = &one.id.model;
                Answer::no(format!("mergewright: `{reference}` may be any of {names} of `{model}`"))
            }
            (several, None) => {
                let places = several.iter().map(|(one, _)| format!("{} in {}", one.id.model, one.repository));
                let places = places.collect::<Vec<_>>().join(", ");
                Answer::no(format!(
                    "mergewright: `{reference}` is a version of {places}; name one by --model or --repository"
                ))
            }
        })
    })
}

/// What is known of a version that was never published because it was given up.
fn given_up(all: &[Published], reference: &str, json: bool) -> Option<Answer> {
    all.iter().find_map(|one| {
        let model = &one.id.model;
        let (version, retirement) = environments::void(&one.state, model, reference)?;
        Some(if json {
            as_json(&json!({
                "repository": one.repository, "model": model, "version": version, "tag": version.tag(model),
                "commit": retirement.commit, "void": withdrawn(model, version, retirement),
            }))
        } else {
            let sheet = environments::given_up(model, version, retirement);
            Answer::good(format!("{}\n{}", one.repository, text(&sheet)))
        })
    })
}

fn withdrawn(model: &ModelName, version: &Version, retirement: &Retirement) -> Value {
    json!({
        "by": retirement.by.login, "at": retirement.at.to_string(), "on": retirement.on.number,
        "reason": retirement.reason, "tag": version.retired_tag(model),
    })
}

/// `mergewright blame MODEL ENV [--at TIME]`
pub(super) fn blame(arguments: &Blame) -> Answer {
    let Blame { model, environment, at, registry } = arguments;
    ask(&registry.database, async |store| {
        let found = published(&store, registry, Some(model)).await?;
        let one = match found.as_slice() {
            [one] => one,
            [] => return Ok(Answer::no(format!("mergewright: no version of `{model}` is published"))),
            several => {
                let places = several.iter().map(|one| one.repository.as_str()).collect::<Vec<_>>().join(", ");
                return Ok(Answer::no(format!(
                    "mergewright: `{model}` is in {places}; name one by --repository"
                )));
            }
        };
        // The forge's clock tells since when; it may be ahead of ours.
        let rollout = store.live_at(&one.id, environment, at.unwrap_or(Timestamp(i64::MAX))).await?;
        let sheet = environments::blame(model, environment, *at, rollout.as_ref());
        let Some(rollout) = rollout else { return Ok(Answer::no(format!("mergewright: {}", sheet.title))) };
        if !registry.database.json {
            return Ok(Answer::good(format!("{}\n{}", one.repository, text(&sheet))));
        }
        Ok(as_json(&json!({
            "repository": one.repository, "model": model, "environment": environment,
            "version": rollout.version, "commit": rollout.commit, "since": rollout.live_at.map(|at| at.to_string()),
            "action": rollout.action, "asked_by": rollout.asked_by.login, "asked_at": rollout.asked_at.to_string(),
            "asked_on": rollout.asked_on.number,
            "approved_by": rollout.approved_by.iter().map(|user| &user.login).collect::<Vec<_>>(),
            "before": rollout.before, "stage_tag": rollout.stage.map(|number| rollout.tag(model, number)),
            "run": rollout.run, "deployment": rollout.deployment,
        })))
    })
}

/// Every model that fits, by repository.
async fn published(
    store: &Store,
    registry: &Registry,
    model: Option<&ModelName>,
) -> Result<Vec<Published>, StoreError> {
    let mut found = BTreeMap::<ModelId, Vec<VersionRecord>>::new();
    for record in store.all_versions(model).await? {
        found.entry(ModelId { repo: record.repo, model: record.model.clone() }).or_default().push(record);
    }
    let mut all = Vec::new();
    for (id, versions) in found {
        let Some(last) = versions.last() else { continue };
        let repository =
            store.repository_of(last.merge_request).await?.unwrap_or_else(|| id.repo.to_string());
        if registry.repository.as_ref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&repository)) {
            continue;
        }
        let state = store.environments(&id).await?.state;
        all.push(Published { id, repository, versions, state });
    }
    Ok(all)
}

/// A version as JSON: the lineage record as it stands in its tag, and what is known beside it.
fn data(one: &Published, record: &VersionRecord) -> Value {
    json!({
        "repository": one.repository, "model": record.model, "version": record.version, "tag": record.tag,
        "commit": record.commit, "published_at": record.published_at.to_string(),
        "live_in": one.state.places(&record.version).collect::<Vec<_>>(), "lineage": record.lineage,
        "retired": one.state.retired.get(&record.version)
            .map(|retired| withdrawn(&record.model, &record.version, retired)),
    })
}
