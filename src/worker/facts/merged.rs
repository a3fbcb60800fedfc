//! What a merge made of the target branch.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::repository::FILE_NAME;
use crate::domain::{MergeRequest, MergeRequestStatus, ModelState, Phase, Sha};
use crate::engine::MergeFacts;
use crate::event::Event;
use crate::forge::ErrorKind;
use crate::worker::failure::Failure;
use crate::worker::logs;

use super::Gatherer;

/// The most commits that a forge puts upon another one by one; of more it makes a merge or one commit.
const MOST_REBASED: u32 = 100;

impl Gatherer<'_> {
    /// What the merge was put upon; none for a fast-forward and before the merge.
    pub(super) async fn parent(&self, request: &MergeRequest) -> Result<Option<Sha>, Failure> {
        let MergeRequestStatus::Merged { commit, .. } = &request.status else { return Ok(None) };
        if *commit == request.head {
            return Ok(None);
        }
        let parents = self.parents(commit).await?;
        let own = request.commits.unwrap_or(1);
        let made_of_all = parents.len() != 1 || !(2..=MOST_REBASED).contains(&own);
        match parents.into_iter().next() {
            Some(first) if !made_of_all => {
                Ok(Some(self.below(first, own, request.old_target.as_ref()).await?))
            }
            first => Ok(first),
        }
    }

    /// What one commit or so many of them were put upon, of which the newest has this parent. Nothing but the
    /// forge's own doing tells a squash from a rebase, so that a commit below the newest may be the merge
    /// request's own: it is the bound base (or what the forge calls the target's) if that is reached, else what
    /// lies below as many as there may be. In no case does a commit that the merge request wrote say which
    /// policy holds.
    async fn below(&self, first: Sha, own: u32, old_target: Option<&Sha>) -> Result<Sha, Failure> {
        let bound = self.state.bound.as_ref().map(|bound| &bound.base).or(old_target);
        let mut at = first;
        for _ in 1..own {
            if Some(&at) == bound {
                break;
            }
            match self.parents(&at).await?.into_iter().next() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        Ok(at)
    }

    /// The commit of the target branch to judge against.
    pub(super) async fn base(&self, request: &MergeRequest, parent: Option<&Sha>) -> Result<Sha, Failure> {
        let bound = self.state.bound.as_ref().map(|bound| &bound.base);
        let known = match &request.status {
            MergeRequestStatus::Open => None,
            // Nothing is judged against the branch of a closed one.
            MergeRequestStatus::Closed => bound.cloned(),
            MergeRequestStatus::Merged { .. } => match parent.or(bound) {
                Some(known) => Some(known.clone()),
                // A fast-forward of which nothing was seen before: all that lies between is its own.
                None => match &request.old_target {
                    Some(point) => Some(point.clone()),
                    None => self.parents(&request.head).await?.into_iter().next(),
                },
            },
        };
        match known {
            Some(base) => Ok(base),
            None => Ok(self.forge.branch_head(self.id.repo, &request.target_branch).await?),
        }
    }

    /// Parent, drift, configuration and runs on the target branch of one that was merged as `commit`.
    pub(super) async fn merge_facts(
        &self,
        (head, commit): (&Sha, &Sha),
        parent: Option<Sha>,
    ) -> Result<MergeFacts, Failure> {
        let mut drift = match (&self.state.bound, &parent) {
            (Some(bound), Some(parent)) => self.drift(&bound.base, parent).await?,
            _ => None,
        };
        if let Some(parent) = &parent
            && self.state.bound.is_some()
            && !self.state.past_merge()
            && !self.parents(commit).await?.contains(parent)
        {
            // What lies between may be its own or somebody else's: then what was merged tells, compared with
            // what was judged.
            let mut apart = self.drift(head, commit).await?.unwrap_or_default();
            if apart.contains(FILE_NAME) {
                apart.extend(self.forge.changed_paths(self.id).await?);
            }
            drift.get_or_insert_default().extend(apart);
        }
        let configuration = match self.may_be_judged_anew() {
            true => Some(self.configuration(commit).await?),
            false => None,
        };
        let (mut runs, mut gone) = (BTreeMap::new(), BTreeSet::new());
        for model in self.state.models.values().filter(|model| model.phase != Phase::Published) {
            let judges = model.judged_anew().and_then(|anew| anew.run);
            // A publish job that was seen to end well has nothing more to say.
            let publication = model.publication.as_ref().filter(|publication| !publication.ran);
            let publishes = publication.and_then(|publication| publication.run);
            if let Some(run) = judges.or(publishes) {
                match self.forge.run(self.id.repo, run).await {
                    Ok(mut read) => {
                        logs::read(self.forge, self.memory, self.id.repo, &mut read).await;
                        runs.insert(run.0, read);
                    }
                    // A forge may not show yet everywhere what it has just started.
                    Err(error) if error.kind == ErrorKind::Gone && !self.young => {
                        gone.insert(run.0);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(MergeFacts { parent, drift, configuration, runs, gone })
    }

    /// Whether a model was not published, or somebody speaks while that is decided.
    fn may_be_judged_anew(&self) -> bool {
        let unpublished = |model: &ModelState| model.phase == Phase::Unblessed || model.anew.is_some();
        let undecided = !self.state.past_merge() && matches!(self.event, Event::Comment { .. });
        undecided || self.state.models.values().any(unpublished)
    }

    /// Paths that differ between two commits of the target branch; none when they are the same one.
    pub(super) async fn drift(&self, from: &Sha, to: &Sha) -> Result<Option<BTreeSet<String>>, Failure> {
        if from == to {
            return Ok(None);
        }
        let repo = self.id.repo;
        let key = (repo, from.clone(), to.clone());
        if let Some(known) = self.memory.paths.get(&key) {
            return Ok(Some(known));
        }
        match self.forge.paths_between(repo, from, to).await {
            Ok(paths) => {
                self.memory.paths.put(key, paths.clone());
                Ok(Some(paths))
            }
            // The old base was rewritten away, or the two are not compared for us (there is too much of them, or
            // too little that we may see): whatever the merge request changes may differ now.
            Err(error) if matches!(error.kind, ErrorKind::Gone | ErrorKind::Refused) => {
                Ok(Some(self.forge.changed_paths(self.id).await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn parents(&self, commit: &Sha) -> Result<Vec<Sha>, Failure> {
        let repo = self.id.repo;
        let key = (repo, commit.clone());
        if let Some(known) = self.memory.parents.get(&key) {
            return Ok(known);
        }
        let parents = self.forge.parents(repo, commit).await?;
        self.memory.parents.put(key, parents.clone());
        Ok(parents)
    }
}
