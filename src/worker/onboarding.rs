//! Where a default branch has a configuration and none of our CI files, a merge request proposes them.

use crate::config::repository::{self, FILE_NAME};
use crate::config::valid::RepositoryConfig;
use crate::domain::{Audit, Digest, Effect, FileChange, ForgeKind, Outcome, RepoId, Repository, Sha};
use crate::engine::Configuration;
use crate::engine::onboarding::{self, BRANCH, KnownProposal, OnboardingFacts};
use crate::forge::{ErrorKind, Forge, Proposed};
use crate::generator::{self, Dialect, Existing};
use crate::storage::Decision;

use super::Inner;
use super::facts::configuration_at;
use super::facts::generated::{LARGEST, existing};
use super::failure::Failure;

/// Where the generated file is proposed while people's own stands in its place.
const GITLAB_BESIDE: &str = ".gitlab-ci.mergewright.yml";

/// What the default branch has.
enum Found {
    /// Nothing that we could act on at this commit.
    Nothing,
    /// Files of ours: from now on it is up to people.
    Ours,
    /// A configuration alone.
    Configuration { config: Box<RepositoryConfig>, existing: Existing },
}

/// Whether CI files are to be proposed.
pub(super) enum Proposal {
    /// The word says why not, at least now.
    None(&'static str),
    /// These calls propose them.
    Wanted(Vec<Effect>),
    /// The default branch has files of ours.
    NotNeeded,
}

impl Inner {
    /// Looks at the default branch's newest commit; `again` where an earlier try of the job came to nothing.
    pub(super) async fn propose(
        &self,
        forge: &dyn Forge,
        place: &Repository,
        head: &Sha,
        again: bool,
    ) -> Result<Proposal, Failure> {
        let repo = place.id;
        if self.memory.onboarded.get(&repo).is_some() {
            return Ok(Proposal::NotNeeded);
        }
        // A sweep finds most branches where they were. A closed merge request is no reason to look.
        if !again && self.memory.looked_at.get(&repo).is_some_and(|before| before == *head) {
            return Ok(Proposal::None("looked-at-before"));
        }
        let effects = match self.found(forge, repo, head).await? {
            Found::Nothing => Vec::new(),
            Found::Ours => {
                self.memory.onboarded.put(repo, ());
                return Ok(Proposal::NotNeeded);
            }
            Found::Configuration { config, existing } => {
                let facts = gather(forge, repo, place, head, (&config, &existing)).await?;
                facts.as_ref().and_then(onboarding::propose).into_iter().collect()
            }
        };
        self.memory.looked_at.put(repo, head.clone());
        Ok(Proposal::Wanted(effects))
    }

    async fn found(&self, forge: &dyn Forge, repo: RepoId, head: &Sha) -> Result<Found, Failure> {
        let Configuration::Valid(config) = configuration_at(forge, &self.memory, repo, head).await? else {
            return Ok(Found::Nothing);
        };
        let existing = existing(forge, repo, head).await?;
        if existing.values().any(|text| generator::is_generated(text)) {
            return Ok(Found::Ours);
        }
        // Once it was proposed beside people's own and merged, the rest is up to them.
        if repo.forge == ForgeKind::GitLab
            && !existing.is_empty()
            && forge.file(repo, GITLAB_BESIDE, head, LARGEST).await?.is_some()
        {
            return Ok(Found::Ours);
        }
        Ok(Found::Configuration { config, existing })
    }
}

/// A good configuration at a commit; none where there is none, or one that cannot be used.
async fn configuration(
    forge: &dyn Forge,
    repo: RepoId,
    at: &Sha,
) -> Result<Option<RepositoryConfig>, Failure> {
    let bytes = match forge.file(repo, FILE_NAME, at, LARGEST).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Refused => None,
        Err(error) => return Err(error.into()),
    };
    Ok(bytes.and_then(|bytes| repository::parse_bytes(&bytes).ok()))
}

/// What is proposed, and how far that is done; none where nothing can be generated.
async fn gather(
    forge: &dyn Forge,
    repo: RepoId,
    place: &Repository,
    head: &Sha,
    (config, theirs): (&RepositoryConfig, &Existing),
) -> Result<Option<OnboardingFacts>, Failure> {
    let branch = match forge.branch_head(repo, BRANCH).await {
        Ok(branch) => Some(branch),
        Err(error) if error.kind == ErrorKind::Gone => None,
        Err(error) => return Err(error.into()),
    };
    let Some(proposals) = proposals(forge, repo).await? else { return Ok(None) };
    if let Some(branch) = &branch
        && proposals.iter().any(|one| one.open)
        && configuration(forge, repo, branch).await?.is_some_and(|known| known.digest == config.digest)
    {
        // It was made from this very configuration; what people changed there since is theirs.
        return Ok(None);
    }
    let standing = match &branch {
        Some(branch) => on_branch(forge, repo, branch, theirs).await?,
        None => Existing::new(),
    };
    // Lines that people kept on the branch survive.
    let files = match generator::generate(config, Dialect::of(repo.forge), &standing) {
        Ok(files) => files,
        Err(error) => {
            tracing::info!(%error, "CI files cannot be proposed");
            return Ok(None);
        }
    };
    let (mut paths, mut beside, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let stands = standing.get(&file.path);
        let path = match theirs.contains_key(&file.path) {
            false => file.path,
            true if repo.forge == ForgeKind::GitLab => {
                beside.push((file.path, GITLAB_BESIDE.to_owned()));
                GITLAB_BESIDE.to_owned()
            }
            // GitHub would run whatever lies beside a workflow: it is left to people.
            true => continue,
        };
        if stands != Some(&file.content) {
            let exists = stands.is_some();
            missing.push(FileChange { path: path.clone(), content: Some(file.content), exists });
        }
        paths.push(path);
    }
    if let Some(branch) = &branch {
        missing.extend(configuration_of(forge, repo, head, branch).await?);
    }
    Ok(Some(OnboardingFacts {
        target: place.default_branch.clone(),
        head: head.clone(),
        digest: config.digest,
        files: paths,
        beside,
        branch,
        missing,
        proposals,
    }))
}

/// Our files as they stand on our branch, each by the path that it is generated for.
async fn on_branch(
    forge: &dyn Forge,
    repo: RepoId,
    branch: &Sha,
    theirs: &Existing,
) -> Result<Existing, Failure> {
    let mut standing = existing(forge, repo, branch).await?;
    standing.retain(|path, _| !theirs.contains_key(path));
    if repo.forge == ForgeKind::GitLab && !theirs.is_empty() {
        let beside = forge.file(repo, GITLAB_BESIDE, branch, LARGEST).await?;
        let text = beside.map(|bytes| String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
        let path = theirs.keys().next().cloned();
        standing.extend(path.zip(text));
    }
    Ok(standing)
}

/// The default branch's configuration, where our branch has another one: its CI files are judged by it.
async fn configuration_of(
    forge: &dyn Forge,
    repo: RepoId,
    head: &Sha,
    branch: &Sha,
) -> Result<Option<FileChange>, Failure> {
    let newest = forge.file(repo, FILE_NAME, head, LARGEST).await?;
    let standing = forge.file(repo, FILE_NAME, branch, LARGEST).await?;
    if newest == standing {
        return Ok(None);
    }
    let content = newest.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let exists = standing.is_some();
    Ok(Some(FileChange { path: FILE_NAME.to_owned(), content, exists }))
}

/// Merge requests of ours; none as long as somebody else's has the branch.
async fn proposals(forge: &dyn Forge, repo: RepoId) -> Result<Option<Vec<KnownProposal>>, Failure> {
    let us = forge.whoami().await?;
    let mut known = Vec::new();
    for one in forge.merge_requests_from(repo, BRANCH).await? {
        let Proposed { open, author, head, description, .. } = one;
        if author.id != us.id {
            if open {
                return Ok(None);
            }
            continue;
        }
        let mut digests: Vec<Digest> = onboarding::digest_of(&description).into_iter().collect();
        if let Some(head) = head.filter(|_| !open) {
            digests.extend(configuration(forge, repo, &head).await?.map(|config| config.digest));
        }
        known.push(KnownProposal { open, digests });
    }
    Ok(Some(known))
}

/// What became of a proposal goes into the audit log.
pub(super) fn told(repo: RepoId, outcome: &Outcome) -> Decision {
    let what = match outcome {
        Outcome::Done(_) => format!("{repo}: the generated CI files are proposed"),
        Outcome::Refused { reason } | Outcome::Conflict { reason } => {
            format!("{repo}: the generated CI files could not be proposed: {reason}")
        }
    };
    let detail = serde_json::json!({ "repository": repo, "outcome": outcome });
    let audit = vec![Audit { kind: "onboarding".to_owned(), actor: None, what, detail }];
    Decision { audit, ..Decision::default() }
}
