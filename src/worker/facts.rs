//! What is so now, with as few questions to the forge as the decision allows.

mod cards;
mod configuration;
mod environments;
pub(crate) mod generated;
mod judged;
mod merged;
mod owners;
mod people;
mod queue;
mod reports;
mod rescorings;
mod sharing;
mod target;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::command::{self, Verb};
use crate::config::server::AllowList;
use crate::domain::{
    JobId, MergeRequest, MergeRequestId, MergeRequestStatus, ModelId, ModelName, ModelState, Outcome, Press,
    Publication, RepoId, Report, Repository, RunId, Sha, State, StickyReport, Timestamp,
};
use crate::engine::{self, Addressed, Configuration, Facts, Registry, ToldComment};
use crate::event::Event;
use crate::forge::{ErrorKind, Forge, ForgeError};
use crate::storage::Store;

use super::failure::Failure;
use super::memory::Memory;

pub(crate) use configuration::configuration_at;
pub(crate) use owners::Owners;

/// The environment that `baseline: production` speaks of.
const PRODUCTION: &str = "production";

/// How long a repository's name and default branch are taken to be as they were.
const REPOSITORY_LASTS: Duration = Duration::from_secs(300);

/// Reads what the engine must know about one merge request.
#[derive(Debug)]
pub(crate) struct Gatherer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) forge: &'a dyn Forge,
    pub(crate) memory: &'a Memory,
    /// Which repositories we serve: a delivery may have named its own by number alone.
    pub(crate) repositories: &'a AllowList,
    pub(crate) now: Timestamp,
    /// Whether we were told so recently that the forge may not show it everywhere yet: what is not
    /// there is looked for again.
    pub(crate) young: bool,
    pub(crate) bot: Addressed,
    pub(crate) id: MergeRequestId,
    pub(crate) state: &'a State,
    pub(crate) event: &'a Event,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Gathered {
    /// There is nothing to decide; the word says why.
    Nothing(&'static str),
    /// Facts, and what is to be kept of them.
    Facts(Box<Found>),
}

/// Facts, and what is to be kept of them.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) facts: Facts,
    /// Reports that were read from archives just now.
    pub(crate) reports: Vec<(RepoId, JobId, Report)>,
    /// Runs that were seen.
    pub(crate) runs: Vec<RunId>,
    /// Whether a run was seen that tries it in a queue.
    pub(crate) tried: bool,
    /// The versions of the environments that were read, by model.
    pub(crate) expected: BTreeMap<ModelName, i64>,
}

impl Gatherer<'_> {
    /// Reads everything.
    pub(crate) async fn gather(&self) -> Result<Gathered, Failure> {
        let told = match self.event {
            Event::Comment { id, .. } if self.state.answered.contains(id) => {
                return Ok(Gathered::Nothing("answered-before"));
            }
            // Which models there are is not known yet, and does not matter for whether we are meant.
            Event::Comment { body, .. }
                if command::parse(body, &self.bot.addressing, &BTreeSet::new()).is_empty() =>
            {
                return Ok(Gathered::Nothing("no-command"));
            }
            Event::Comment { id, author, body, .. } => Some((*id, author.clone(), body.clone())),
            Event::CommentTampered { id, .. }
                if self.store.comment_with(self.id, StickyReport::MARKER).await? != Some(*id) =>
            {
                return Ok(Gathered::Nothing("not-our-report"));
            }
            _ => None,
        };
        let repository = match self.repository().await {
            Ok(repository) if !self.repositories.contains(&repository.path) => {
                return Ok(Gathered::Nothing("repository-not-served"));
            }
            Ok(repository) => repository,
            Err(Failure::Forge(error)) if error.kind == ErrorKind::Gone && !self.young => {
                return Ok(Gathered::Nothing("repository-gone"));
            }
            Err(error) => return Err(error),
        };
        if let Event::Pressed(press) = self.event
            && !self.is_ours(press).await?
        {
            return Ok(Gathered::Nothing("not-our-check"));
        }
        let mut request = match self.merge_request().await {
            Ok(request) => request,
            Err(error) if error.kind == ErrorKind::Gone && !self.young => {
                return Ok(Gathered::Nothing("merge-request-gone"));
            }
            Err(error) => return Err(error.into()),
        };
        let mut parent = self.parent(&request).await?;
        let (mut base, target_gone) = match self.base(&request, parent.as_ref()).await {
            Ok(base) => (base, false),
            Err(Failure::Forge(error)) if error.kind == ErrorKind::Gone && !self.young => {
                match self.last_base(&request) {
                    Some(base) => (base, true),
                    None => return Ok(Gathered::Nothing("target-branch-gone")),
                }
            }
            Err(error) => return Err(error),
        };
        if request.status == MergeRequestStatus::Open && self.another_base(&base) {
            // The target may have moved by this very merge, after we read the merge request: what was
            // read first is older, so it is read again before a moved base is believed.
            request = self.merge_request().await?;
            if request.status != MergeRequestStatus::Open {
                parent = self.parent(&request).await?;
                base = self.base(&request, parent.as_ref()).await?;
            }
        }
        let past = self.past(&request);
        let policy = self.configuration(&base).await?;
        let proposal = self.configuration(&request.head).await?;
        if (&policy, &proposal) == (&Configuration::Absent, &Configuration::Absent)
            && self.state.bound.is_none()
        {
            return Ok(Gathered::Nothing("no-configuration"));
        }
        let moved = !past && self.moved(&request, &base, &policy, &proposal);
        let changed_paths = if moved { Some(self.forge.changed_paths(self.id).await?) } else { None };
        let touched = match &changed_paths {
            Some(changed) => engine::touched(&policy, &proposal, changed),
            None => self.state.models.keys().cloned().collect(),
        };
        let code_owners = match &changed_paths {
            Some(changed) => self.code_owners(&touched, (&policy, &proposal), &base, changed).await?,
            None => BTreeMap::new(),
        };
        let same_content = moved && self.same_content(&request).await?;
        let before = if same_content { self.state.bound.as_ref() } else { None };
        let base_moved = match (before.or_else(|| self.state.last_bound(&request.head)), &changed_paths) {
            (Some(bound), Some(_)) => self.drift(&bound.base, &base).await?,
            _ => None,
        };
        let merged = match &request.status {
            MergeRequestStatus::Merged { commit, .. } => {
                Some(self.merge_facts((&request.head, commit), parent).await?)
            }
            _ => None,
        };
        let mut found = Found {
            facts: Facts {
                registry: self.registry(&touched, &request, &repository.default_branch).await?,
                bot: self.bot.clone(),
                repository,
                base,
                target_gone,
                policy,
                proposal,
                changed_paths,
                code_owners,
                same_content,
                base_moved,
                open: None,
                merged,
                queue: None,
                sharing: Vec::new(),
                comments: Vec::new(),
                healing: None,
                press: match self.event {
                    Event::Pressed(press) => Some((**press).clone()),
                    _ => None,
                },
                people: BTreeMap::new(),
                environments: BTreeMap::new(),
                generated: None,
                regeneration: None,
                current: None,
                merge_request: request,
            },
            reports: Vec::new(),
            runs: Vec::new(),
            tried: false,
            expected: BTreeMap::new(),
        };
        if !past && found.facts.merge_request.status != MergeRequestStatus::Closed {
            self.judge(&touched, &mut found).await?;
        } else if past {
            self.judge_anew(&mut found).await?;
        }
        if let Some((id, author, body)) = told {
            let Some((now, seen)) = self.now(id).await? else {
                return Ok(Gathered::Nothing("internal-note"));
            };
            found.facts.comments.push(ToldComment { id, author, body, now, seen });
        }
        if self.commands(&found.facts).iter().any(|one| one.verb == Verb::Status) {
            found.facts.healing = Some(self.store.healing(self.id.repo).await?);
        }
        self.queue(&mut found).await?;
        found.facts.sharing = self.sharing(&found.facts.merge_request.head).await?;
        self.head_since(&mut found.facts).await?;
        self.generated(&mut found.facts).await?;
        let others = self.environments(&touched, &mut found).await?;
        self.people(&touched, &others, &mut found.facts).await?;
        if let Some(merged) = &found.facts.merged {
            found.runs.extend(merged.runs.values().map(|run| run.id));
        }
        Ok(Gathered::Facts(Box::new(found)))
    }

    /// Whether the check whose button was pressed is what the press says, and made by us.
    async fn is_ours(&self, press: &Press) -> Result<bool, Failure> {
        let found = self.forge.check(self.id.repo, press.check).await?;
        Ok(found.is_some_and(|found| {
            found.name == press.name && found.head == press.head && found.merge_request == Some(self.id)
        }))
    }

    /// Where the target branch was when the state was bound, if it was bound to that branch.
    fn last_base(&self, request: &MergeRequest) -> Option<Sha> {
        let bound = self.state.bound.as_ref().filter(|bound| bound.target == request.target_branch);
        bound.map(|bound| bound.base.clone())
    }

    /// Whether the target branch is not where it was when the state was bound.
    fn another_base(&self, base: &Sha) -> bool {
        self.state.bound.as_ref().is_some_and(|bound| bound.base != *base)
    }

    /// Whether nothing is judged any more.
    fn past(&self, request: &MergeRequest) -> bool {
        matches!(request.status, MergeRequestStatus::Merged { .. }) && self.state.past_merge()
    }

    /// Whether anything differs from what the state is bound to.
    fn moved(
        &self,
        request: &MergeRequest,
        base: &Sha,
        policy: &Configuration,
        proposal: &Configuration,
    ) -> bool {
        let digest = |configuration: &Configuration| match configuration {
            Configuration::Valid(config) => Some(config.digest),
            Configuration::Absent | Configuration::Invalid { .. } => None,
        };
        let another = self.state.bound.as_ref().is_none_or(|bound| bound.head != request.head);
        another
            || self.state.last_bound(&request.head).is_none_or(|bound| {
                bound.base != *base
                    || bound.target != request.target_branch
                    || bound.policy != digest(policy)
                    || bound.proposal != digest(proposal)
            })
    }

    /// Whether the head replaced one that somebody approved, and nothing differs between the two.
    async fn same_content(&self, request: &MergeRequest) -> Result<bool, Failure> {
        let approved = |model: &ModelState| !model.approvals.is_empty() || !model.approved_by.is_empty();
        let open = request.status == MergeRequestStatus::Open;
        match &self.state.bound {
            Some(bound) if open && bound.head != request.head && self.state.models.values().any(approved) => {
                match self.forge.paths_between(self.id.repo, &bound.head, &request.head).await {
                    Ok(paths) => Ok(paths.is_empty()),
                    // One of them is nowhere to be seen: then nothing is known of it.
                    Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
            _ => Ok(false),
        }
    }

    /// The merge request as it is now. What is merged stays merged, so that it is not asked for at each of
    /// the steps that follow; a fast-forward is, as long as the forge may not name the commit yet.
    async fn merge_request(&self) -> Result<MergeRequest, ForgeError> {
        let known = self.memory.merged.get(&self.id);
        if let Some((request, read_at)) = known
            && self.now.since(read_at) < REPOSITORY_LASTS
        {
            return Ok(request);
        }
        let request = self.forge.merge_request(self.id).await?;
        if let MergeRequestStatus::Merged { commit, .. } = &request.status
            && *commit != request.head
        {
            self.memory.merged.put(self.id, (request.clone(), self.now));
        }
        Ok(request)
    }

    /// Reads since when it has its head, where that decides: for approvals, for a head that came back, and
    /// for a wish to publish whatever is newest.
    async fn head_since(&self, facts: &mut Facts) -> Result<(), Failure> {
        let request = &facts.merge_request;
        let approved = facts.open.as_ref().is_some_and(|open| !open.approvals.is_empty());
        let back = self.state.left.iter().any(|left| left.bound.head == request.head);
        let newest =
            self.commands(facts).iter().any(|one| matches!(one.verb, Verb::Publish { when_ready: true, .. }));
        if request.status == MergeRequestStatus::Open && (approved || back || newest) {
            facts.merge_request.head_since =
                self.forge.head_since(self.id, &facts.merge_request.head).await?;
        }
        Ok(())
    }

    async fn repository(&self) -> Result<Repository, Failure> {
        let repo = self.id.repo;
        let known = self.memory.repositories.get(&repo);
        if let Some((repository, read_at)) = known
            && self.now.since(read_at) < REPOSITORY_LASTS
            // Whoever was turned away may have come back under a name that is served.
            && self.repositories.contains(&repository.path)
        {
            return Ok(repository);
        }
        let repository = self.forge.repository(repo).await?;
        self.memory.repositories.put(repo, (repository.clone(), self.now));
        Ok(repository)
    }

    /// Our versions of the touched models, and the tags where a number is about to be taken.
    async fn registry(
        &self,
        touched: &BTreeSet<ModelName>,
        request: &MergeRequest,
        default_branch: &str,
    ) -> Result<BTreeMap<ModelName, Registry>, Failure> {
        let repo = self.id.repo;
        let publishes = matches!(request.status, MergeRequestStatus::Merged { .. })
            && request.target_branch == default_branch;
        let mut registry = BTreeMap::new();
        for name in touched {
            let versions = self.store.versions(repo, name).await?;
            let numbered = self.state.models.get(name).is_some_and(|model| {
                model.unblessed.is_some()
                    || model.publication.as_ref().is_some_and(|publication| self.has_number(publication))
            });
            let tags = if publishes && !numbered {
                self.forge.tags(repo, &format!("{name}@")).await?
            } else {
                Vec::new()
            };
            let anew = self.state.models.get(name).is_some_and(|model| model.judged_anew().is_some());
            let mut known = Registry { versions, tags, ..Registry::default() };
            // A merged head is judged once more before it is decided about, by what it was judged by while open.
            if !self.past(request) || anew {
                self.compared_with(name, &mut known).await?;
            }
            registry.insert(name.clone(), known);
        }
        Ok(registry)
    }

    /// Whether the number is taken, or the tag that takes it is under way: what it comes to is told.
    fn has_number(&self, publication: &Publication) -> bool {
        let tagging = publication.version.is_some() && publication.asked.is_some();
        let told = match self.event {
            Event::Effect { outcome, .. } => matches!(outcome, Outcome::Done(_)),
            _ => true,
        };
        publication.tagged || (tagging && told)
    }

    /// What a candidate is compared with, where the policy says so, and with what it is not.
    async fn compared_with(&self, name: &ModelName, known: &mut Registry) -> Result<(), Failure> {
        let id = ModelId { repo: self.id.repo, model: name.clone() };
        let state = self.store.environments(&id).await?.state;
        known.production = state.live(PRODUCTION).map(|live| live.version.clone());
        known.retired = state.retired.into_keys().collect();
        Ok(())
    }
}
