//! `mergewright connect gitlab`: one webhook at every project that is served, as it should be.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::no_public_url;
use crate::cli::Answer;
use crate::cli::arguments::ConnectGitlab;
use crate::config::server::{GitlabConfig, ServerConfig};
use crate::domain::SystemClock;
use crate::forge::{Forge as _, ForgeError, GitLab, HookChange, HookSetUp, WantedHook};

/// What came of one project.
#[derive(Debug)]
struct Outcome {
    path: String,
    done: Result<HookSetUp, String>,
}

pub(super) async fn connect(arguments: &ConnectGitlab) -> Answer {
    let config = match ServerConfig::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => return Answer::usage(problems.to_string()),
    };
    let Some(gitlab) = &config.gitlab else {
        let file = arguments.config.display();
        return Answer::usage(format!("{file}: `gitlab` is missing: say how the bot signs in there"));
    };
    let Some(public_url) = &config.public_url else { return no_public_url(&arguments.config) };
    let wanted = wanted(gitlab, public_url);
    let adapter = match GitLab::new(gitlab, Arc::new(SystemClock)) {
        Ok(adapter) => adapter,
        Err(error) => return Answer::usage(format!("mergewright: {}", error.external)),
    };
    let paths = match paths(&adapter, &config).await {
        Ok(paths) if paths.is_empty() => {
            return Answer::no(
                "mergewright: our token may manage no project that `repositories` names: make its account Maintainer there",
            );
        }
        Ok(paths) => paths,
        Err(error) => return Answer::no(format!("mergewright: {}", error.external)),
    };
    let mut outcomes = Vec::new();
    for path in paths {
        let done = set_up(&adapter, &path, &wanted, arguments).await.map_err(|error| error.external);
        outcomes.push(Outcome { path, done });
    }
    answer(&outcomes, &wanted, arguments)
}

fn wanted(gitlab: &GitlabConfig, public_url: &str) -> WantedHook {
    // Of several the first: the others are there while one takes another's place.
    let signing_token = gitlab
        .signing_keys
        .first()
        .map(|key| SecretString::from(format!("whsec_{}", STANDARD.encode(key.expose_secret()))));
    let token = gitlab.webhook_tokens.first().cloned();
    WantedHook { url: format!("{public_url}/webhooks/gitlab"), token, signing_token }
}

/// Every project that `repositories` names, and of its patterns those that our token may manage.
async fn paths(adapter: &GitLab, config: &ServerConfig) -> Result<BTreeSet<String>, ForgeError> {
    let mut paths: BTreeSet<String> = config.repositories.names().iter().cloned().collect();
    if config.repositories.has_patterns() {
        let found = adapter.manageable_projects().await?;
        let known = |path: &String| paths.iter().any(|known| known.eq_ignore_ascii_case(path));
        let more: Vec<String> =
            found.into_iter().filter(|path| config.repositories.contains(path) && !known(path)).collect();
        paths.extend(more);
    }
    Ok(paths)
}

async fn set_up(
    adapter: &GitLab,
    path: &str,
    wanted: &WantedHook,
    arguments: &ConnectGitlab,
) -> Result<HookSetUp, ForgeError> {
    let Some(repo) = adapter.repository_at(path).await? else {
        return Err(ForgeError {
            kind: crate::forge::ErrorKind::Gone,
            external: "there is no such project, or our token may not see it".to_owned(),
            internal: "connect".to_owned(),
        });
    };
    adapter.set_up_hook(repo, wanted, arguments.renew, arguments.dry_run).await
}

fn answer(outcomes: &[Outcome], wanted: &WantedHook, arguments: &ConnectGitlab) -> Answer {
    let unsigned = |outcome: &&Outcome| outcome.done.as_ref().is_ok_and(|done| !done.signed);
    let forgets =
        wanted.signing_token.is_some() && !arguments.dry_run && outcomes.iter().any(|one| unsigned(&one));
    let mut notes = String::new();
    if forgets {
        notes.push_str(if wanted.token.is_some() {
            "mergewright: this GitLab does not sign deliveries, so that they bring the plain token only: take \
             `webhook_signing_tokens` out of the configuration, or every one of them is refused\n"
        } else {
            "mergewright: this GitLab does not sign deliveries: configure `webhook_tokens` in place of \
             `webhook_signing_tokens`, then run this again\n"
        });
    }
    let failed = outcomes.iter().any(|one| one.done.is_err());
    let out = if arguments.json {
        let all: Vec<Value> = outcomes.iter().map(|one| data(one, wanted)).collect();
        serde_json::to_string_pretty(&all).unwrap_or_default()
    } else {
        outcomes.iter().map(|one| line(one, arguments.dry_run)).collect::<Vec<_>>().join("\n")
    };
    Answer { status: u8::from(failed || forgets), out, err: notes }
}

fn line(outcome: &Outcome, dry_run: bool) -> String {
    let path = &outcome.path;
    let done = match &outcome.done {
        Ok(done) => done,
        Err(why) => return format!("{path}: not connected: {why}"),
    };
    let would = if dry_run { "would be " } else { "" };
    let mut line = match &done.change {
        HookChange::Created => format!("{path}: {would}created"),
        HookChange::Updated(fields) if fields.is_empty() => format!("{path}: {would}renewed"),
        HookChange::Updated(fields) => format!("{path}: {would}updated ({})", fields.join(", ")),
        HookChange::Kept => format!("{path}: as it should be"),
    };
    if !done.doubled.is_empty() {
        let numbers = done.doubled.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        line.push_str(&format!("; webhook {numbers} leads here too: remove it there"));
    }
    line
}

fn data(outcome: &Outcome, wanted: &WantedHook) -> Value {
    match &outcome.done {
        Ok(done) => {
            let (change, fields) = match &done.change {
                HookChange::Created => ("created", Vec::new()),
                HookChange::Updated(fields) => ("updated", fields.clone()),
                HookChange::Kept => ("kept", Vec::new()),
            };
            json!({
                "repository": outcome.path, "url": wanted.url, "hook": done.id, "change": change,
                "fields": fields, "signed": done.signed, "doubled": done.doubled,
            })
        }
        Err(why) => json!({"repository": outcome.path, "url": wanted.url, "error": why}),
    }
}
