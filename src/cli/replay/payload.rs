//! What a payload says by itself: forges send along most of what they would answer.

use serde_json::Value;

use crate::domain::{ForgeKind, Timestamp};

/// A saved body and who sent it.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) forge: ForgeKind,
    pub(super) body: Value,
}

/// A merge request as far as the payload names it.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) head: Option<String>,
    pub(super) source: Option<String>,
    pub(super) target: Option<String>,
}

const GITHUB: &str = "https://api.github.com";
const GITLAB: &str = "https://gitlab.com";

impl Payload {
    pub(super) const fn new(forge: ForgeKind, body: Value) -> Self {
        Self { forge, body }
    }

    pub(super) fn at(&self, pointer: &str) -> Option<&Value> {
        self.body.pointer(pointer).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    pub(super) fn number(&self, pointer: &str) -> Option<u64> {
        self.at(pointer)?.as_u64()
    }

    /// The forge's address: of GitHub its API's, of GitLab that of its pages.
    pub(super) fn address(&self) -> String {
        let found = match self.forge {
            ForgeKind::GitHub => self.text("/repository/url").and_then(|url| {
                // Pushes name the page instead.
                url.split_once("/repos/").map(|(api, _)| api.to_owned())
            }),
            ForgeKind::GitLab => {
                let page = self.text("/project/web_url").or_else(|| self.text("/repository/homepage"));
                page.and_then(|page| {
                    let path = self.text("/project/path_with_namespace");
                    let cut = path.and_then(|path| page.strip_suffix(path));
                    cut.map(str::to_owned).or_else(|| origin(page))
                })
            }
        };
        let usual = if self.forge == ForgeKind::GitHub { GITHUB } else { GITLAB };
        found.map_or_else(|| usual.to_owned(), |found| found.trim_end_matches('/').to_owned())
    }

    /// When it happened, by the newest time that the payload tells.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let places = [
            "/object_attributes/updated_at",
            "/object_attributes/created_at",
            "/object_attributes/finished_at",
            "/comment/updated_at",
            "/review/submitted_at",
            "/pull_request/updated_at",
            "/workflow_run/updated_at",
            "/workflow_job/completed_at",
            "/workflow_job/started_at",
            "/head_commit/timestamp",
            "/build_finished_at",
            "/build_started_at",
            "/build_created_at",
            "/check_run/completed_at",
            "/check_run/started_at",
            "/check_suite/updated_at",
            "/deployment_status/updated_at",
            "/deployment/updated_at",
            "/status_changed_at",
            "/updated_at",
            "/issue/updated_at",
            "/release/published_at",
            "/commits/0/timestamp",
            "/repository/updated_at",
        ];
        places.iter().filter_map(|place| Timestamp::parse(self.text(place)?)).max()
    }

    /// The merge request that it is about.
    pub(super) fn request(&self) -> Option<Request> {
        match self.forge {
            ForgeKind::GitHub => {
                let pull = self.at("/pull_request");
                let number = pull.and_then(|pull| pull.get("number")?.as_u64());
                let number = number.or_else(|| {
                    self.at("/issue/pull_request")?;
                    self.number("/issue/number")
                })?;
                let text = |pointer: &str| self.text(&format!("/pull_request{pointer}")).map(str::to_owned);
                Some(Request {
                    number,
                    head: text("/head/sha"),
                    source: text("/head/ref"),
                    target: text("/base/ref"),
                })
            }
            ForgeKind::GitLab => {
                let request = self.gitlab_request()?;
                let text = |key: &str| request.get(key).and_then(Value::as_str).map(str::to_owned);
                let head = request.pointer("/last_commit/id").and_then(Value::as_str);
                let head = head.or_else(|| self.pipeline_commit()).map(str::to_owned);
                Some(Request {
                    number: request.get("iid").and_then(Value::as_u64)?,
                    head,
                    source: text("source_branch"),
                    target: text("target_branch"),
                })
            }
        }
    }

    /// The object that describes GitLab's merge request.
    pub(super) fn gitlab_request(&self) -> Option<&Value> {
        match self.text("/object_kind") {
            Some("merge_request") => self.at("/object_attributes"),
            _ => self.at("/merge_request"),
        }
    }

    fn pipeline_commit(&self) -> Option<&str> {
        (self.text("/object_kind") == Some("pipeline")).then(|| self.text("/object_attributes/sha"))?
    }

    /// The login of an account, wherever the payload shows it.
    pub(super) fn login_of(&self, number: u64) -> Option<String> {
        let mut found = None;
        walk(&self.body, &mut |object| {
            let login = object.get("login").or_else(|| object.get("username")).and_then(Value::as_str);
            if object.get("id").and_then(Value::as_u64) == Some(number) && found.is_none() {
                found = login.map(str::to_owned);
            }
        });
        found
    }
}

/// `https://host` of an address.
fn origin(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    Some(format!("{scheme}://{host}"))
}

fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(fields);
            fields.values().for_each(|inner| walk(inner, visit));
        }
        Value::Array(all) => all.iter().for_each(|inner| walk(inner, visit)),
        _ => {}
    }
}
