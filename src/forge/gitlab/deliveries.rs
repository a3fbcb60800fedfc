//! GitLab sends nothing again by itself; it keeps what it sent for a week (17.4 and later can send it again).

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{GitLab, project};
use crate::domain::RepoId;
use crate::forge::classify::{Failure, Operation};
use crate::forge::deliveries::{Found, Pages, again, is_closed, leads_to};
use crate::forge::transport::Payload;
use crate::forge::{Again, Deliveries, FailedDelivery, ForgeError, Log, OurHook, ReadUpTo};

const HOOKS: Operation = Operation {
    name: "hooks",
    does: "read the project's webhooks",
    needs: "the scope `api` and at least Maintainer",
};
const EVENTS: Operation = Operation {
    name: "hook_events",
    does: "list what it delivered to our webhook",
    needs: "the scope `api` and at least Maintainer",
};
const RESEND: Operation = Operation {
    name: "resend",
    does: "send a delivery again",
    needs: "the scope `api` and at least Maintainer",
};

/// The most entries that GitLab shows at once: each holds all that was sent.
const PAGE: u32 = 20;

#[derive(Debug, Deserialize)]
struct Shown {
    id: u64,
    #[serde(default)]
    url: String,
}

/// One attempt to hand a delivery over; when it was made is not told.
#[derive(Debug, Deserialize)]
struct Attempt {
    id: u64,
    /// A number, or words where nobody answered.
    #[serde(default)]
    response_status: Value,
    #[serde(default)]
    trigger: String,
    #[serde(default)]
    request_headers: Map<String, Value>,
}

impl Attempt {
    fn succeeded(&self) -> bool {
        let status = match &self.response_status {
            Value::String(words) => words.parse().ok(),
            other => other.as_u64(),
        };
        status.is_some_and(|status| (200..300).contains(&status))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.request_headers.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
    }

    /// What it is the same by as another attempt, and at our door.
    fn key(&self) -> Option<&str> {
        self.header("idempotency-key").or_else(|| self.header("webhook-id"))
    }
}

#[async_trait]
impl Deliveries for GitLab {
    fn again_a_minute(&self) -> u32 {
        5
    }

    async fn failed_deliveries(&self, hook: &OurHook, since: &ReadUpTo) -> Result<Log, ForgeError> {
        match hook {
            OurHook::Repository(repo, url) => Ok(self.log_of_hook(*repo, url, since.newest).await?),
            OurHook::App => Err(self.no_apps(&EVENTS).into()),
        }
    }

    async fn deliver_again(&self, hook: &OurHook, attempt: u64) -> Again {
        again(match hook {
            OurHook::Repository(repo, url) => self.resend(*repo, url, attempt).await,
            OurHook::App => Err(self.no_apps(&RESEND)),
        })
    }
}

impl GitLab {
    fn no_apps(&self, operation: &Operation) -> Failure {
        self.http.refused(operation, "there are no Apps at GitLab")
    }

    async fn log_of_hook(&self, repo: RepoId, url: &str, newest: Option<u64>) -> Result<Log, Failure> {
        loop {
            let known = self.remembered.hooks.get(repo, self.http.now()).is_some();
            let number = match self.hook(repo, url).await? {
                Ok(number) => number,
                Err(why) => return Ok(Log::Closed(why)),
            };
            // All of it and not the failures alone: what got no answer belongs to no kind that can be named.
            let path = project(repo, &format!("/hooks/{number}/events?per_page={PAGE}"));
            let pages = Pages::default();
            // Where nothing was read before, only where it ends is of interest.
            let reached = |page: &[Attempt]| {
                pages.enough(newest.is_none_or(|newest| page.iter().any(|one| one.id <= newest)))
            };
            match self.http.list_until(&EVENTS, &path, reached).await {
                Ok(all) => return Ok(failed(repo, &all, newest, pages.cut())),
                Err(failure) if is_closed(&failure) => {
                    self.remembered.hooks.forget(repo);
                    // It may have been taken away and set up anew.
                    if !known {
                        let why = "this GitLab keeps no list of deliveries that may be asked for (17.4 and later do)";
                        return Ok(Log::Closed(why.to_owned()));
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The hook that leads to us.
    async fn hook(&self, repo: RepoId, url: &str) -> Result<Found, Failure> {
        let now = self.http.now();
        if let Some(found) = self.remembered.hooks.get(repo, now) {
            return Ok(found);
        }
        let found = match self.http.list::<Shown>(&HOOKS, &project(repo, "/hooks")).await {
            Ok(all) => all
                .into_iter()
                .find(|one| leads_to(&one.url, url))
                .map(|one| one.id)
                .ok_or_else(|| "no webhook of the project leads to the bot's `public_url`".to_owned()),
            Err(failure) if is_closed(&failure) => {
                Err("the bot's token may not read the project's webhooks, which takes at least Maintainer"
                    .to_owned())
            }
            Err(failure) => return Err(failure),
        };
        self.remembered.hooks.keep(repo, &found, now);
        Ok(found)
    }

    async fn resend(&self, repo: RepoId, url: &str, attempt: u64) -> Result<u16, Failure> {
        match self.hook(repo, url).await? {
            Ok(number) => {
                let path = project(repo, &format!("/hooks/{number}/events/{attempt}/resend"));
                self.http.write_only(&RESEND, Method::POST, &path, Payload::Nothing).await
            }
            Err(why) => Err(self.http.refused(&RESEND, &why)),
        }
    }
}

/// Deliveries of which no attempt succeeded, by their newest attempt.
fn failed(repo: RepoId, attempts: &[Attempt], before: Option<u64>, cut: bool) -> Log {
    let newest = attempts.iter().map(|one| one.id).chain(before).max().unwrap_or(0);
    let Some(before) = before else { return Log::Read { failed: Vec::new(), newest, cut } };
    let arrived: BTreeSet<&str> =
        attempts.iter().filter(|one| one.succeeded()).filter_map(Attempt::key).collect();
    let mut newest_of: BTreeMap<&str, &Attempt> = BTreeMap::new();
    for one in attempts.iter().filter(|one| one.id > before) {
        match one.key() {
            None if one.succeeded() => {}
            // Without a name of its own nobody could tell whether it has arrived, nor whether it was asked for.
            None => {
                let why = "this GitLab gives its deliveries no ids (17.4 and later do)";
                return Log::Closed(why.to_owned());
            }
            Some(key) if arrived.contains(key) => {}
            Some(key) => {
                // The newest come first; a page that moved on while it was read shows some of them twice.
                newest_of.entry(key).or_insert(one);
            }
        }
    }
    let failed = newest_of.into_iter().map(|(key, one)| FailedDelivery {
        repo: Some(repo),
        id: key.to_owned(),
        also: one.header("webhook-id").filter(|other| *other != key).map(str::to_owned),
        attempt: one.id,
        event: one.trigger.clone(),
        at: None,
    });
    Log::Read { failed: failed.collect(), newest, cut }
}
