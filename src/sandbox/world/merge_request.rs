//! Merge requests: opening, changing, approving, closing.

use std::collections::BTreeSet;

use crate::domain::{Sha, Timestamp};

use super::{Occurrence, Project, Refusal, ReviewState, Role, State};

/// A merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRequest {
    /// Number over all projects.
    pub id: u64,
    /// Number within the project.
    pub number: u64,
    /// Who opened it.
    pub author: u64,
    /// Title.
    pub title: String,
    /// Whether it is marked as not ready: by its title on GitLab, by a field on GitHub.
    pub draft: bool,
    /// Description.
    pub description: String,
    /// The project that the branch is in; it may be gone.
    pub source_project: u64,
    /// The branch that it brings.
    pub source_branch: String,
    /// The branch that it wants to join.
    pub target_branch: String,
    /// Newest commit of the source branch.
    pub head: Sha,
    /// Where it stands.
    pub state: MergeRequestState,
    /// Labels.
    pub labels: BTreeSet<String>,
    /// People who were asked to review; on GitLab also those who did.
    pub reviewers: BTreeSet<u64>,
    /// Reviewers whose state is that they asked for changes, on GitLab.
    pub changes_requested: BTreeSet<u64>,
    /// Standing approvals.
    pub approvals: Vec<Approval>,
    /// Every head it had, the oldest first, with the time and the base of the difference.
    pub versions: Vec<HeadVersion>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The branch that it wanted to join before, told when it is aimed elsewhere.
    pub(crate) aimed_before: Option<String>,
    /// How many more times the forge says that it has not yet computed the mergeability.
    pub checking: u32,
}

/// One head that a merge request had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadVersion {
    /// Number.
    pub id: u64,
    /// The head.
    pub head: Sha,
    /// Where source and target part.
    pub base: Option<Sha>,
    /// The target branch then.
    pub start: Option<Sha>,
    /// When.
    pub at: Timestamp,
}

/// Where a merge request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeRequestState {
    /// Open.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged {
        /// The commit on the target branch.
        commit: Sha,
        /// The squashed commit, when all became one.
        squash: Option<Sha>,
        /// The merge commit, when one was made.
        merge_commit: Option<Sha>,
        /// Who.
        by: u64,
        /// When.
        at: Timestamp,
    },
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: u64,
    /// When.
    pub at: Timestamp,
}

impl MergeRequest {
    /// Whether it is marked as not ready.
    #[must_use]
    pub const fn is_draft(&self) -> bool {
        self.draft
    }

    /// The commit on the target branch, once it is merged.
    #[must_use]
    pub const fn merge_commit(&self) -> Option<&Sha> {
        match &self.state {
            MergeRequestState::Merged { commit, .. } => Some(commit),
            _ => None,
        }
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == MergeRequestState::Open
    }
}

/// Whether a title says that it is not ready, as GitLab reads it.
pub(super) fn says_draft(title: &str) -> bool {
    let title = title.to_lowercase();
    ["draft:", "[draft]", "(draft)"].iter().any(|mark| title.starts_with(mark))
}

/// A merge request to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewMergeRequest<'a> {
    /// The project of the branch, where it is a fork.
    pub(crate) fork: Option<u64>,
    pub(crate) source: &'a str,
    pub(crate) target: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    /// Where that is no matter of the title.
    pub(crate) draft: bool,
}

impl State {
    /// Opens a merge request between two branches of a project, or from a branch of a fork.
    pub(crate) fn open_merge_request(
        &mut self,
        project: u64,
        person: u64,
        new: NewMergeRequest<'_>,
    ) -> Result<u64, Refusal> {
        let NewMergeRequest { fork, source, target, title, description, draft } = new;
        let draft = if self.dialect.is_github() { draft } else { says_draft(title) };
        let source_project = fork.unwrap_or(project);
        self.require(source_project, person, Role::Developer)?;
        self.require(project, person, Role::Guest)?;
        let place = self.project(project)?;
        let missing = |branch: &str| Refusal::Invalid(format!("branch {branch} does not exist"));
        let head = self.project(source_project)?.git.branch(source).ok_or_else(|| missing(source))?;
        place.git.branch(target).ok_or_else(|| missing(target))?;
        self.bring(source_project, project, &head)?;
        let twin = place.merge_requests.values().find(|other| {
            other.is_open()
                && (other.source_project, other.source_branch.as_str()) == (source_project, source)
                && other.target_branch == target
        });
        if let Some(twin) = twin {
            let text =
                format!("Another open merge request already exists for this source branch: !{}", twin.number);
            return Err(Refusal::Conflict(text));
        }
        let number = place.merge_requests.keys().max().copied().unwrap_or(0).saturating_add(1);
        let (id, now) = (self.next("merge_request", 1001), self.now());
        let version = self.version(project, &head, target)?;
        let merge_request = MergeRequest {
            id,
            number,
            author: person,
            title: title.to_owned(),
            draft,
            description: description.to_owned(),
            source_project,
            source_branch: source.to_owned(),
            target_branch: target.to_owned(),
            head: head.clone(),
            state: MergeRequestState::Open,
            labels: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            changes_requested: BTreeSet::new(),
            approvals: Vec::new(),
            versions: vec![version],
            created_at: now,
            updated_at: now,
            aimed_before: None,
            checking: 0,
        };
        let name = self.head_ref(number);
        let place = self.project_mut(project)?;
        place.merge_requests.insert(number, merge_request);
        place.git.set_ref(&name, &head)?;
        self.tell_of(project, person, number, "open", None);
        self.start_merge_request_pipeline_if_any(project, person, number, "opened");
        Ok(number)
    }

    /// Where git keeps the head of a merge request.
    pub(crate) fn head_ref(&self, number: u64) -> String {
        let folder = if self.dialect.is_github() { "pull" } else { "merge-requests" };
        format!("refs/{folder}/{number}/head")
    }

    fn version(&mut self, project: u64, head: &Sha, target: &str) -> Result<HeadVersion, Refusal> {
        let id = self.next("version", 801);
        let git = &self.project(project)?.git;
        let start = git.branch(target);
        let base = start.as_ref().and_then(|start| git.merge_base(start, head));
        Ok(HeadVersion { id, head: head.clone(), base, start, at: self.now() })
    }

    /// Open merge requests that bring a branch of a project: the project that each is in, and its number.
    pub(crate) fn open_from(&self, source: u64, branch: &str) -> Vec<(u64, u64)> {
        let brings = |one: &&MergeRequest| {
            one.is_open() && one.source_project == source && one.source_branch == branch
        };
        let of = |place: &Project| {
            place.merge_requests.values().filter(brings).map(|one| (place.id, one.number)).collect::<Vec<_>>()
        };
        self.projects.values().flat_map(of).collect()
    }

    /// Takes over a new head of a source branch.
    pub(crate) fn new_heads(
        &mut self,
        source: u64,
        person: u64,
        branch: &str,
        head: &Sha,
    ) -> Result<(), Refusal> {
        for (project, number) in self.open_from(source, branch) {
            self.bring(source, project, head)?;
            let target = self.project(project)?.merge_request(number)?.target_branch.clone();
            let (version, now) = (self.version(project, head, &target)?, self.now());
            let name = self.head_ref(number);
            let place = self.project_mut(project)?;
            place.git.set_ref(&name, head)?;
            let one = place.merge_request_mut(number)?;
            let before = std::mem::replace(&mut one.head, head.clone());
            one.versions.push(version);
            one.updated_at = now;
            self.tell_of(project, person, number, "update", Some(before));
        }
        Ok(())
    }

    /// Changes a merge request and tells of it.
    pub(crate) fn change(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        action: &'static str,
        change: impl FnOnce(&mut MergeRequest) -> Result<bool, Refusal>,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let one = self.project_mut(project)?.merge_request_mut(number)?;
        if change(one)? {
            one.updated_at = now;
            self.tell_of(project, person, number, action, None);
            self.turn_queues()?;
        }
        Ok(())
    }

    /// Closes it without a merge.
    pub(crate) fn close(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        self.author_or(project, person, number, Role::Developer)?;
        self.change(project, person, number, "close", |one| match one.state {
            MergeRequestState::Open => {
                one.state = MergeRequestState::Closed;
                Ok(true)
            }
            _ => Err(Refusal::Invalid("only an open merge request can be closed".to_owned())),
        })
    }

    /// Opens it again.
    pub(crate) fn reopen(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        self.author_or(project, person, number, Role::Developer)?;
        let one = self.project(project)?.merge_request(number)?;
        let source = one.source_project;
        let head = self.project(source).ok().and_then(|place| place.git.branch(&one.source_branch));
        if let Some(head) = &head {
            self.bring(source, project, head)?;
            let name = self.head_ref(number);
            self.project(project)?.git.set_ref(&name, head)?;
        }
        self.change(project, person, number, "reopen", |one| match (&one.state, head) {
            (MergeRequestState::Closed, Some(head)) => {
                one.state = MergeRequestState::Open;
                one.head = head;
                Ok(true)
            }
            _ => Err(Refusal::Invalid(
                "only a closed merge request with a source branch can be reopened".to_owned(),
            )),
        })?;
        if self.dialect.is_github() {
            self.start_merge_request_pipeline_if_any(project, person, number, "reopened");
        }
        Ok(())
    }

    /// Approves; with `sha`, only if that is the head.
    pub(crate) fn approve(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        sha: Option<&str>,
    ) -> Result<(), Refusal> {
        if self.dialect.is_github() {
            return self.review(project, person, number, ReviewState::Approved, sha, "").map(drop);
        }
        self.require(project, person, Role::Developer)?;
        let now = self.now();
        self.change(project, person, number, "approved", |one| {
            if sha.is_some_and(|sha| sha != one.head.as_str()) {
                return Err(Refusal::Conflict("SHA does not match HEAD of source branch".to_owned()));
            }
            if one.author == person || one.approvals.iter().any(|approval| approval.by == person) {
                return Err(Refusal::Forbidden("401 Unauthorized".to_owned()));
            }
            one.approvals.push(Approval { by: person, at: now });
            one.changes_requested.remove(&person);
            Ok(true)
        })
    }

    /// Takes an approval back.
    pub(crate) fn unapprove(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        if self.dialect.is_github() {
            return self.dismiss_own(project, person, number);
        }
        self.change(project, person, number, "unapproved", |one| {
            let before = one.approvals.len();
            one.approvals.retain(|approval| approval.by != person);
            if before == one.approvals.len() {
                return Err(Refusal::NotFound("404".to_owned()));
            }
            Ok(true)
        })
    }

    pub(super) fn author_or(
        &self,
        project: u64,
        person: u64,
        number: u64,
        least: Role,
    ) -> Result<(), Refusal> {
        if self.project(project)?.merge_request(number)?.author == person {
            return Ok(());
        }
        self.require(project, person, least)
    }

    pub(crate) fn tell_of(
        &mut self,
        project: u64,
        by: u64,
        number: u64,
        action: &'static str,
        before: Option<Sha>,
    ) {
        self.tell(&Occurrence::MergeRequest { project, by, number, action, before });
    }
}

impl Project {
    /// The commit where the merge request's branch parts from its target, as of now.
    pub(crate) fn fork_point(&self, one: &MergeRequest) -> Option<Sha> {
        // Once merged, the target contains the head: the recorded base stays right.
        let recorded = one.versions.last().and_then(|version| version.base.clone());
        match self.git.branch(&one.target_branch).filter(|_| one.is_open()) {
            Some(target) => self.git.merge_base(&target, &one.head),
            None => recorded,
        }
    }
}
