//! GitHub sends nothing again by itself; it keeps what it sent for three days.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;

use super::GitHub;
use super::app::own_refused;
use crate::domain::{ForgeKind, RepoId, Timestamp};
use crate::forge::classify::{Failure, Operation};
use crate::forge::deliveries::{Found, Pages, again, is_closed, leads_to};
use crate::forge::transport::{Payload, Transport};
use crate::forge::{Again, Deliveries, FailedDelivery, ForgeError, Log, OurHook, ReadUpTo};

const HOOKS: Operation =
    Operation { name: "hooks", does: "read the repository's webhooks", needs: "read access to webhooks" };
const DELIVERIES: Operation = Operation {
    name: "hook_deliveries",
    does: "list what it delivered to our webhook",
    needs: "read access to webhooks",
};
const AGAIN: Operation =
    Operation { name: "redeliver", does: "send a delivery again", needs: "write access to webhooks" };

/// The event by which GitHub tries a hook out: it tells us nothing.
const PING: &str = "ping";

#[derive(Debug, Deserialize)]
struct Shown {
    id: u64,
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    #[serde(default)]
    url: String,
}

/// One attempt to hand a delivery over.
#[derive(Debug, Deserialize)]
struct Attempt {
    id: u64,
    guid: String,
    delivered_at: String,
    /// 0 where nobody answered.
    #[serde(default)]
    status_code: i64,
    event: String,
    #[serde(default)]
    repository_id: Option<u64>,
}

impl Attempt {
    fn succeeded(&self) -> bool {
        (200..300).contains(&self.status_code)
    }

    fn at(&self) -> Option<Timestamp> {
        Timestamp::parse(&self.delivered_at)
    }

    /// Whether it was made earlier. What has no readable time may be new.
    fn before(&self, since: Timestamp) -> bool {
        self.at().is_some_and(|at| at < since)
    }
}

#[async_trait]
impl Deliveries for GitHub {
    fn has_one_hook(&self) -> bool {
        self.app.is_some()
    }

    fn again_a_minute(&self) -> u32 {
        // It names no limit of its own: as many as do not crowd out what the bot has to say.
        20
    }

    async fn failed_deliveries(&self, hook: &OurHook, since: &ReadUpTo) -> Result<Log, ForgeError> {
        match hook {
            OurHook::App => Ok(self.log_of_app(since.at).await?),
            OurHook::Repository(repo, url) => Ok(self.log_of_hook(*repo, url, since.at).await?),
        }
    }

    async fn deliver_again(&self, hook: &OurHook, attempt: u64) -> Again {
        again(match hook {
            OurHook::App => self.again_to_app(attempt).await,
            OurHook::Repository(repo, url) => self.again_to_hook(*repo, url, attempt).await,
        })
    }
}

impl GitHub {
    async fn log_of_app(&self, since: Timestamp) -> Result<Log, Failure> {
        let Some(app) = &self.app else { return Err(self.http.refused(&DELIVERIES, "we are no App")) };
        let own = app.own(&self.http)?;
        let pages = Pages::default();
        let reached = |page: &[Attempt]| pages.enough(page.iter().any(|one| one.before(since)));
        match own.list_until(&DELIVERIES, "/app/hook/deliveries?per_page=100", reached).await {
            Ok(all) => Ok(failed(&all, since, pages.cut())),
            Err(failure) if is_closed(&failure) => {
                Ok(Log::Closed("this GitHub keeps no list of an App's deliveries".to_owned()))
            }
            Err(failure) => Err(own_refused(failure)),
        }
    }

    async fn log_of_hook(&self, repo: RepoId, url: &str, since: Timestamp) -> Result<Log, Failure> {
        loop {
            let known = self.hooks.get(repo, self.http.now()).is_some();
            let number = match self.hook(repo, url).await? {
                Ok(number) => number,
                Err(why) => return Ok(Log::Closed(why)),
            };
            let rest = format!("/hooks/{number}/deliveries?per_page=100");
            let pages = &Pages::default();
            let list = |http: Arc<Transport>, path: String| async move {
                let reached = |page: &[Attempt]| pages.enough(page.iter().any(|one| one.before(since)));
                http.list_until(&DELIVERIES, &path, reached).await
            };
            match self.below(repo, &rest, list).await {
                Ok(all) => return Ok(failed(&all, since, pages.cut())),
                Err(failure) if is_closed(&failure) => {
                    self.hooks.forget(repo);
                    // It may have been taken away and set up anew.
                    if !known {
                        let why =
                            "the bot's token may not read what was delivered to the repository's webhook";
                        return Ok(Log::Closed(why.to_owned()));
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The hook that leads to us.
    async fn hook(&self, repo: RepoId, url: &str) -> Result<Found, Failure> {
        if let Some(found) = self.hooks.get(repo, self.http.now()) {
            return Ok(found);
        }
        let found = match self.list::<Shown>(&HOOKS, repo, "/hooks").await {
            Ok(all) => all
                .into_iter()
                .find(|one| leads_to(&one.config.url, url))
                .map(|one| one.id)
                .ok_or_else(|| "no webhook of the repository leads to the bot's `public_url`".to_owned()),
            Err(failure) if is_closed(&failure) => Err(
                "the bot's token may not read the repository's webhooks, which takes write access to webhooks"
                    .to_owned(),
            ),
            Err(failure) => return Err(failure),
        };
        self.hooks.keep(repo, &found, self.http.now());
        Ok(found)
    }

    async fn again_to_app(&self, attempt: u64) -> Result<u16, Failure> {
        let Some(app) = &self.app else { return Err(self.http.refused(&AGAIN, "we are no App")) };
        let path = format!("/app/hook/deliveries/{attempt}/attempts");
        app.own(&self.http)?.write_only(&AGAIN, Method::POST, &path, Payload::Nothing).await
    }

    async fn again_to_hook(&self, repo: RepoId, url: &str, attempt: u64) -> Result<u16, Failure> {
        match self.hook(repo, url).await? {
            Ok(number) => {
                let rest = format!("/hooks/{number}/deliveries/{attempt}/attempts");
                self.write_only(&AGAIN, Method::POST, repo, &rest, Payload::Nothing).await
            }
            Err(why) => Err(self.http.refused(&AGAIN, &why)),
        }
    }
}

/// Deliveries of which no attempt succeeded, by their newest attempt.
fn failed(attempts: &[Attempt], since: Timestamp, cut: bool) -> Log {
    let arrived: BTreeSet<&str> =
        attempts.iter().filter(|one| one.succeeded()).map(|one| one.guid.as_str()).collect();
    let mut newest_of: BTreeMap<&str, &Attempt> = BTreeMap::new();
    for one in attempts.iter().filter(|one| !one.before(since) && one.event != PING) {
        if !arrived.contains(one.guid.as_str()) {
            // The newest come first.
            newest_of.entry(&one.guid).or_insert(one);
        }
    }
    let failed = newest_of.into_values().map(|one| FailedDelivery {
        repo: one.repository_id.map(|number| RepoId { forge: ForgeKind::GitHub, number }),
        id: one.guid.clone(),
        also: None,
        attempt: one.id,
        event: one.event.clone(),
        at: one.at(),
    });
    let newest = attempts.iter().map(|one| one.id).max().unwrap_or(0);
    Log::Read { failed: failed.collect(), newest, cut }
}
