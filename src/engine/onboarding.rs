//! A repository that describes its models and has no generated CI yet: one merge request proposes it.

use serde::{Deserialize, Serialize};

use crate::domain::{Digest, Effect, FileChange, NewCommit, Proposal, ProposalText, Sha};

/// The branch of the merge request.
pub const BRANCH: &str = "mergewright/onboarding";

/// What is known of a repository whose default branch has a configuration and none of our files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnboardingFacts {
    /// The default branch.
    pub target: String,
    /// Its newest commit.
    pub head: Sha,
    /// Digest of its configuration.
    pub digest: Digest,
    /// Files that belong into the repository, by path.
    pub files: Vec<String>,
    /// Pairs of a file that people wrote and the one that is proposed beside it.
    pub beside: Vec<(String, String)>,
    /// The newest commit of the branch, where there is one.
    pub branch: Option<Sha>,
    /// What the branch (the default branch, where there is none) lacks.
    pub missing: Vec<FileChange>,
    /// Merge requests of the branch.
    pub proposals: Vec<KnownProposal>,
}

/// A merge request of our branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProposal {
    /// Whether it is neither merged nor closed.
    pub open: bool,
    /// Digests of the configurations that it proposed files for: when it was opened, and at its end.
    pub digests: Vec<Digest>,
}

/// What is to be proposed now; nothing where all of it is there, or where people do not want it.
#[must_use]
pub fn propose(facts: &OnboardingFacts) -> Option<Effect> {
    if facts.files.is_empty() {
        return None;
    }
    let open = facts.proposals.iter().any(|one| one.open);
    let unwanted = || facts.proposals.iter().any(|one| one.digests.contains(&facts.digest));
    if open && facts.missing.is_empty() || !open && unwanted() {
        return None;
    }
    let commit = NewCommit {
        branch: BRANCH.to_owned(),
        parent: facts.branch.as_ref().unwrap_or(&facts.head).clone(),
        begins: facts.branch.is_none(),
        message: format!("Add CI files generated from .mergewright.yml\n\nConfiguration: {}\n", facts.digest),
        files: facts.missing.clone(),
    };
    let proposal = Proposal {
        branch: BRANCH.to_owned(),
        target: facts.target.clone(),
        title: "Add the CI files that mergewright generates".to_owned(),
        description: ProposalText {
            digest: facts.digest,
            files: facts.files.clone(),
            beside: facts.beside.clone(),
        },
        commit: Some(commit).filter(|commit| !commit.files.is_empty()),
    };
    Some(Effect::Propose { proposal: Box::new(proposal) })
}

/// The digest in a description of ours; none in any other text.
#[must_use]
pub fn digest_of(description: &str) -> Option<Digest> {
    let rest = description.trim_start().strip_prefix("<!-- mergewright:onboarding ")?;
    format!("sha256:{}", rest.split_whitespace().next()?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::scene::sha;

    fn facts() -> OnboardingFacts {
        let path = ".gitlab-ci.yml".to_owned();
        OnboardingFacts {
            target: "main".to_owned(),
            head: sha('a'),
            digest: Digest::of("one"),
            files: vec![path.clone()],
            beside: Vec::new(),
            branch: None,
            missing: vec![FileChange { path, content: Some("jobs".to_owned()), exists: false }],
            proposals: Vec::new(),
        }
    }

    fn known(open: bool, digest: &str) -> KnownProposal {
        KnownProposal { open, digests: vec![Digest::of(digest)] }
    }

    #[test]
    fn the_first_one_begins_the_branch_and_a_later_one_goes_on_there() {
        let mut facts = facts();
        let commit = |facts: &OnboardingFacts| match propose(facts) {
            Some(Effect::Propose { proposal }) => proposal.commit.unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!((commit(&facts).begins, commit(&facts).parent), (true, sha('a')));
        facts.branch = Some(sha('b'));
        facts.proposals = vec![known(true, "before")];
        assert_eq!((commit(&facts).begins, commit(&facts).parent), (false, sha('b')));
    }

    #[test]
    fn what_is_there_or_unwanted_is_not_proposed_again() {
        let mut facts = facts();
        facts.proposals = vec![known(false, "one")];
        assert_eq!(propose(&facts), None, "closed by a person");
        facts.proposals = vec![known(false, "before")];
        assert!(propose(&facts).is_some(), "another configuration");
        facts.proposals.push(known(true, "one"));
        facts.missing.clear();
        assert_eq!(propose(&facts), None, "all of it is there");
        facts.proposals.clear();
        assert!(propose(&facts).is_some(), "the branch is there, the merge request is not");
        facts.files.clear();
        assert_eq!(propose(&facts), None, "nothing to propose");
    }

    #[test]
    fn only_our_own_descriptions_name_a_digest() {
        let digest = Digest::of("one");
        let ours = format!("<!-- mergewright:onboarding {} -->\nwords", digest.hex());
        assert_eq!(digest_of(&ours), Some(digest));
        for other in ["", "words", "<!-- mergewright:onboarding x -->", "<!-- mergewright:report -->"] {
            assert_eq!(digest_of(other), None, "{other}");
        }
    }
}
