//! One repository: what the forge lists against what was decided.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::{
    Comment, InternalEvent, Lane, MergeRequestId, MergeRequestSummary, ModelId, Phase, RepoId, Sha,
    Timestamp, User,
};
use crate::forge::{ErrorKind, Forge};
use crate::storage::{KnownMergeRequest, NewJob, Store};

use super::{OVERLAP, SweepError};

/// What was looked at this recently is not looked at again without a reason.
const FRESH: Duration = Duration::from_secs(60);

/// How long after a failure somebody may be expected to run its job again at the forge.
const MENDED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// Compares one repository.
pub(super) struct Comparison<'a> {
    pub(super) store: &'a Store,
    pub(super) forge: &'a dyn Forge,
    pub(super) repo: RepoId,
    /// What changed before was compared already, or is history.
    pub(super) from: Timestamp,
    pub(super) now: Timestamp,
    /// Whether it was never compared before.
    pub(super) first: bool,
    /// Whether this process was there since the sweep before.
    pub(super) awake: bool,
}

/// What is to be done about the differences.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) jobs: Vec<NewJob>,
    pub(super) looks: usize,
    pub(super) comments: usize,
}

impl Comparison<'_> {
    pub(super) async fn compare(&self) -> Result<Differences, SweepError> {
        let listed = self.forge.changed_merge_requests(self.repo, self.from).await?;
        let unfinished = self.store.unfinished(self.repo).await?;
        let mut known: BTreeMap<MergeRequestId, KnownMergeRequest> =
            unfinished.into_iter().map(|one| (one.id, one)).collect();
        let mut looks: BTreeSet<MergeRequestId> =
            known.values().filter(|one| self.may_move(one)).map(|one| one.id).collect();
        looks.extend(self.rebased(&known, &listed).await?);
        let mut comments = Vec::new();
        for request in &listed {
            if !known.contains_key(&request.id)
                && let Some(one) = self.store.known(request.id).await?
            {
                known.insert(request.id, one);
            }
            let one = known.get(&request.id);
            if one.is_none_or(|one| differs(one, request)) {
                looks.insert(request.id);
            }
            comments.extend(self.unanswered(request.id, one).await?);
        }
        let mut found = differences(looks, comments);
        for model in self.store.moving_models(self.repo).await? {
            let lane = Lane::Model(ModelId { repo: self.repo, model });
            found.jobs.push(NewJob { lane, event: InternalEvent::Refresh.to_json() });
            found.looks += 1;
        }
        // Whether CI files are to be proposed; most often nobody has to be asked.
        let lane = Lane::Repository(self.repo);
        found.jobs.push(NewJob { lane, event: InternalEvent::Refresh.to_json() });
        Ok(found)
    }

    /// Whether something may have happened of which the merge request's own time of change says
    /// nothing: jobs run, or a merge or publication is under way.
    fn may_move(&self, one: &KnownMergeRequest) -> bool {
        if self.awake && self.now.since(one.decided_at) < FRESH {
            return false;
        }
        self.first
            || one.state.models.values().any(|model| match model.phase {
                Phase::Building
                | Phase::Testing
                | Phase::AwaitingRun
                | Phase::InfraError
                | Phase::Inconclusive
                | Phase::Merging
                | Phase::Publishing => true,
                Phase::GateFailed | Phase::PublishFailed => self.now.since(model.since) < MENDED_WITHIN,
                Phase::Untracked
                | Phase::Draft
                | Phase::AwaitingApproval
                | Phase::Ready
                | Phase::Held
                | Phase::Merged
                | Phase::Published
                | Phase::Unblessed
                | Phase::Closed => false,
            })
    }

    /// Open merge requests whose target branch is not where it was when they were bound.
    async fn rebased(
        &self,
        known: &BTreeMap<MergeRequestId, KnownMergeRequest>,
        listed: &[MergeRequestSummary],
    ) -> Result<Vec<MergeRequestId>, SweepError> {
        let closed: BTreeSet<_> = listed.iter().filter(|one| !one.open).map(|one| one.id).collect();
        let mut heads: BTreeMap<&str, Option<Sha>> = BTreeMap::new();
        let mut rebased = Vec::new();
        for one in known.values().filter(|one| one.open && !closed.contains(&one.id)) {
            let Some(bound) = &one.state.bound else { continue };
            let head = match heads.get(bound.target.as_str()) {
                Some(head) => head.clone(),
                None => {
                    let head = match self.forge.branch_head(self.repo, &bound.target).await {
                        Ok(head) => Some(head),
                        Err(error) if error.kind == ErrorKind::Gone => None,
                        Err(error) => return Err(error.into()),
                    };
                    heads.insert(&bound.target, head.clone());
                    head
                }
            };
            if head.is_some_and(|head| head != bound.base) {
                rebased.push(one.id);
            }
        }
        Ok(rebased)
    }

    /// Comments that nobody answered, the oldest first. Which of them hold commands is found out by
    /// whoever reads them.
    async fn unanswered(
        &self,
        id: MergeRequestId,
        known: Option<&KnownMergeRequest>,
    ) -> Result<Vec<(MergeRequestId, Comment)>, SweepError> {
        let us = self.forge.whoami().await?;
        let all = match self.forge.comments(id).await {
            Ok(all) => all,
            Err(error) if error.kind == ErrorKind::Gone => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let answered = |comment: &Comment| known.is_some_and(|one| one.state.answered.contains(&comment.id));
        let told = |comment: &Comment| speaks(comment, &us) && comment.created_at >= self.from;
        Ok(all.into_iter().filter(|one| told(one) && !answered(one)).map(|one| (id, one)).collect())
    }
}

/// Whether a comment may hold commands: a person wrote it for everybody, and nobody changed it since.
fn speaks(comment: &Comment, us: &User) -> bool {
    !comment.system
        && !comment.internal
        && !comment.author.bot
        && comment.author.id != us.id
        && comment.updated_at == comment.created_at
}

/// Whether the forge's word is newer or other than what was decided.
fn differs(known: &KnownMergeRequest, listed: &MergeRequestSummary) -> bool {
    let bound = known.state.bound.as_ref();
    known.open != listed.open
        || bound.is_some_and(|bound| listed.open && bound.target != listed.target_branch)
        || bound.is_some_and(|bound| listed.head.as_ref().is_some_and(|head| *head != bound.head))
        || listed.updated_at.after(OVERLAP) >= known.decided_at
}

fn differences(looks: BTreeSet<MergeRequestId>, comments: Vec<(MergeRequestId, Comment)>) -> Differences {
    let job = |id, event: &InternalEvent| NewJob { lane: Lane::MergeRequest(id), event: event.to_json() };
    let mut found = Differences { looks: looks.len(), comments: comments.len(), jobs: Vec::new() };
    found.jobs.extend(looks.into_iter().map(|id| job(id, &InternalEvent::Refresh)));
    let told = comments.into_iter();
    found.jobs.extend(told.map(|(id, comment)| job(id, &InternalEvent::Comment { id: comment.id })));
    found
}
