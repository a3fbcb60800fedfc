//! Reviews as GitHub has them: each belongs to the commit that it was given for.

use crate::domain::{Sha, Timestamp};

use super::{Approval, MergeRequestState, Occurrence, Refusal, Role, State};

/// What somebody says of a pull request at one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Number.
    pub id: u64,
    /// The pull request's number.
    pub merge_request: u64,
    /// Who.
    pub by: u64,
    /// The verdict.
    pub state: ReviewState,
    /// The commit.
    pub commit: Sha,
    /// Markdown.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// The verdict of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    /// Good.
    Approved,
    /// Not good yet.
    ChangesRequested,
    /// A remark.
    Commented,
    /// Taken back.
    Dismissed,
}

impl State {
    /// Gives a review for `sha`, else for the head.
    pub(crate) fn review(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        state: ReviewState,
        sha: Option<&str>,
        body: &str,
    ) -> Result<Review, Refusal> {
        self.require(project, person, Role::Guest)?;
        let place = self.project(project)?;
        let one = place.merge_request(number)?;
        let verdict = matches!(state, ReviewState::Approved | ReviewState::ChangesRequested);
        if one.author == person && verdict {
            let act = if state == ReviewState::Approved { "approve" } else { "request changes on" };
            return Err(Refusal::Unprocessable(format!("Can not {act} your own pull request")));
        }
        if matches!(one.state, MergeRequestState::Closed) && verdict {
            return Err(Refusal::Unprocessable("Can not review a closed pull request".to_owned()));
        }
        let unknown = || Refusal::Unprocessable("commit_id is not part of the pull request".to_owned());
        let commit = match sha {
            None => one.head.clone(),
            Some(sha) => place.git.resolve(sha).ok_or_else(unknown)?,
        };
        let review = Review {
            id: self.next("review", 1401),
            merge_request: number,
            by: person,
            state,
            commit,
            body: body.to_owned(),
            at: self.now(),
        };
        let place = self.project_mut(project)?;
        place.reviews.insert(review.id, review.clone());
        place.merge_request_mut(number)?.reviewers.remove(&person);
        self.count_approvals(project, number)?;
        self.tell(&Occurrence::Reviewed { project, by: person, review: review.id });
        Ok(review)
    }

    /// Asks for changes: on GitLab that is the state of a reviewer, which whoever says it becomes.
    pub(crate) fn request_changes(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        text: &str,
    ) -> Result<(), Refusal> {
        if self.dialect.is_github() {
            return self.review(project, person, number, ReviewState::ChangesRequested, None, text).map(drop);
        }
        self.require(project, person, Role::Reporter)?;
        self.change(project, person, number, "update", |one| {
            one.reviewers.insert(person);
            one.approvals.retain(|approval| approval.by != person);
            Ok(one.changes_requested.insert(person))
        })
    }

    /// Says that somebody's request for changes is gone: dismissed on GitHub, asked to review again on
    /// GitLab.
    pub(crate) fn overrule(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        whose: u64,
    ) -> Result<(), Refusal> {
        let nothing = || Refusal::NotFound("404".to_owned());
        if self.dialect.is_github() {
            let all = self.project(project)?.reviews.values().rev();
            let mut own = all.filter(|one| one.merge_request == number && one.by == whose);
            let standing = own.find(|one| one.state == ReviewState::ChangesRequested).map(|one| one.id);
            return self.dismiss(project, person, standing.ok_or_else(nothing)?).map(drop);
        }
        self.require(project, person, Role::Developer)?;
        self.change(project, person, number, "update", |one| {
            if one.changes_requested.remove(&whose) { Ok(true) } else { Err(nothing()) }
        })
    }

    /// Makes these people, and nobody else, the reviewers: GitLab's way to ask.
    pub(crate) fn set_reviewers(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        wanted: &[u64],
    ) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        // Whoever cannot see the project is left out without a word.
        let known = wanted.iter().copied().filter(|id| place.members.contains_key(id));
        let known = known.collect::<std::collections::BTreeSet<_>>();
        self.change(project, person, number, "update", |one| {
            one.changes_requested.retain(|id| known.contains(id));
            let before = std::mem::replace(&mut one.reviewers, known);
            Ok(before != one.reviewers)
        })
    }

    /// Takes a verdict back.
    pub(crate) fn dismiss(&mut self, project: u64, person: u64, id: u64) -> Result<Review, Refusal> {
        self.require(project, person, Role::Developer)?;
        let found = self.project_mut(project)?.reviews.get_mut(&id);
        let review = found.ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
        if !matches!(review.state, ReviewState::Approved | ReviewState::ChangesRequested) {
            return Err(Refusal::Unprocessable("Can not dismiss a review that gave no verdict".to_owned()));
        }
        review.state = ReviewState::Dismissed;
        let review = review.clone();
        self.count_approvals(project, review.merge_request)?;
        self.tell(&Occurrence::Reviewed { project, by: person, review: id });
        Ok(review)
    }

    /// Takes the person's own newest approval back.
    pub(crate) fn dismiss_own(&mut self, project: u64, person: u64, number: u64) -> Result<(), Refusal> {
        let all = self.project(project)?.reviews.values().rev();
        let mut own = all.filter(|one| one.merge_request == number && one.by == person);
        let standing = own.find(|one| one.state == ReviewState::Approved).map(|one| one.id);
        let id = standing.ok_or_else(|| Refusal::NotFound("404".to_owned()))?;
        self.dismiss(project, person, id).map(drop)
    }

    /// Asks people for a review; the author and those who do not belong here are refused.
    pub(crate) fn request_reviews(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        asked: &[u64],
    ) -> Result<(), Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        let author = place.merge_request(number)?.author;
        if asked.contains(&author) {
            let text = "Review cannot be requested from pull request author.";
            return Err(Refusal::Unprocessable(text.to_owned()));
        }
        if asked.iter().any(|id| !place.members.contains_key(id)) {
            let text = "Reviews may only be requested from collaborators.";
            return Err(Refusal::Unprocessable(text.to_owned()));
        }
        self.change(project, person, number, "review_requested", |one| {
            let before = one.reviewers.len();
            one.reviewers.extend(asked);
            Ok(one.reviewers.len() != before)
        })
    }

    /// Whoever's newest verdict is an approval stands as approving.
    fn count_approvals(&mut self, project: u64, number: u64) -> Result<(), Refusal> {
        let place = self.project_mut(project)?;
        let mut standing: Vec<Approval> = Vec::new();
        for review in place.reviews.values().filter(|one| one.merge_request == number) {
            if review.state == ReviewState::Commented {
                continue;
            }
            standing.retain(|approval| approval.by != review.by);
            if review.state == ReviewState::Approved {
                standing.push(Approval { by: review.by, at: review.at });
            }
        }
        place.merge_request_mut(number)?.approvals = standing;
        Ok(())
    }
}
