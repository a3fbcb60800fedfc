//! The forge's place: whatever the adapters ask is answered from what is known, and what they write is
//! kept for printing.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use super::asked::{Asked, Told, printed};
use super::clone::Clone;
use super::facts::Facts;
use super::payload::Payload;
use super::{github, gitlab, writes};
use crate::domain::ForgeKind;
use crate::forge::{Call, StandIn};

/// Everything that answers.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) payload: Payload,
    pub(super) facts: Facts,
    pub(super) clone: Option<Clone>,
    /// GitLab's pages or GitHub's API.
    pub(super) address: String,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// What was asked and nobody knows.
    unknown: BTreeSet<String>,
    /// What nobody told and was taken to be so.
    assumed: BTreeSet<String>,
    /// What was written, with what it carried.
    written: Vec<(Asked, Value)>,
    printed: Vec<Value>,
}

impl Stage {
    pub(super) fn new(payload: Payload, facts: Facts, clone: Option<Clone>) -> Self {
        let address = payload.address();
        Self { payload, facts, clone, address, seen: Mutex::default() }
    }

    /// Where release files of GitHub go.
    pub(super) fn uploads(&self) -> String {
        match self.address.strip_suffix("/api/v3") {
            Some(host) => format!("{host}/api/uploads"),
            None if self.address == "https://api.github.com" => "https://uploads.github.com".to_owned(),
            None => self.address.clone(),
        }
    }

    /// The calls that would be made, in order.
    pub(super) fn written(&self) -> Vec<Value> {
        self.seen().printed.clone()
    }

    /// What was needed and is not known, and what was taken for granted instead.
    pub(super) fn doubts(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let seen = self.seen();
        (seen.unknown.clone(), seen.assumed.clone())
    }

    pub(super) fn assume(&self, what: impl Into<String>) {
        self.seen().assumed.insert(what.into());
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The commit of the clone that stands for one that the payload or the forge names.
    pub(super) fn commit(&self, name: &str) -> Option<String> {
        let clone = self.clone.as_ref()?;
        if let Some(commit) = clone.commit(name) {
            return Some(commit);
        }
        // A saved payload outlives its commits: the branch, or what is checked out, has to do.
        let request = self.payload.request()?;
        if request.head.as_deref() != Some(name) {
            return None;
        }
        let branch = request.source.as_deref().and_then(|source| clone.branch(source));
        let commit = branch.or_else(|| clone.commit("HEAD"))?;
        self.assume(format!("{name} is not in the clone: {commit} stands for it"));
        Some(commit)
    }

    /// The two ends of what a merge request changes: where it left its target, and its head.
    pub(super) fn ends(&self, head: &str, target: &str) -> Option<(String, String)> {
        let clone = self.clone.as_ref()?;
        let (head, target) = (self.commit(head)?, clone.branch(target)?);
        Some((clone.merge_base(&target, &head)?, head))
    }

    fn read(&self, asked: &Asked) -> Option<Told> {
        let written = self.seen().written.clone();
        let known = writes::read_back(self.payload.forge, asked, &written)
            .or_else(|| self.facts.answer(asked))
            .or_else(|| match self.payload.forge {
                ForgeKind::GitHub => github::known(self, asked),
                ForgeKind::GitLab => gitlab::known(self, asked),
            });
        if known.is_some() {
            return known;
        }
        let assumed = match self.payload.forge {
            ForgeKind::GitHub => github::assumed(asked),
            ForgeKind::GitLab => gitlab::assumed(asked),
        };
        let mut seen = self.seen();
        match assumed {
            Some(told) => {
                seen.unknown.insert(asked.name());
                seen.assumed.insert(format!("{} shows nothing", asked.name()));
                Some(told)
            }
            None => {
                seen.unknown.insert(asked.name());
                None
            }
        }
    }

    fn write(&self, asked: Asked, call: &Call) -> Option<Told> {
        let carried = printed(&call.payload);
        let answer = self.facts.answer(&asked);
        let answer = answer.or_else(|| writes::answered(self, &asked, &carried));
        let mut seen = self.seen();
        seen.printed.push(json!({ "method": call.method, "url": call.url, "body": carried }));
        seen.written.push((asked, carried));
        answer
    }
}

impl StandIn for Stage {
    fn answer(&self, call: &Call) -> Option<http::Response<Bytes>> {
        let uploads = self.uploads();
        let api = match self.payload.forge {
            ForgeKind::GitHub => self.address.clone(),
            ForgeKind::GitLab => format!("{}/api/v4", self.address),
        };
        let asked = Asked::of(call, &[&api, &uploads]);
        let told = match call.method.as_str() {
            "GET" | "HEAD" => self.read(&asked),
            _ => self.write(asked, call),
        };
        told.and_then(Told::response)
    }
}
