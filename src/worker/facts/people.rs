//! Rights of the people who count now: read now, never kept.

use std::collections::BTreeSet;

use crate::domain::{CodeOwners, ModelName, Permission, Standing, UserId};
use crate::engine::{Configuration, Facts};
use crate::forge::ErrorKind;
use crate::worker::failure::Failure;

use super::{Gatherer, REPOSITORY_LASTS};

impl Gatherer<'_> {
    /// Reads the standing of everybody whose word counts in this decision, also about `others` that are not
    /// touched.
    pub(super) async fn people(
        &self,
        touched: &BTreeSet<ModelName>,
        others: &BTreeSet<ModelName>,
        facts: &mut Facts,
    ) -> Result<(), Failure> {
        let mut people: BTreeSet<UserId> = facts.comments.iter().map(|comment| comment.author.id).collect();
        people.extend(facts.press.iter().map(|press| press.by.id));
        if self.approvals_matter(touched, facts) {
            people.extend(facts.open.iter().flat_map(|open| &open.approvals).map(|approval| approval.by.id));
            people.extend(facts.open.iter().flat_map(|open| &open.changes_requested).map(|by| by.id));
            let given = self.state.models.values().flat_map(|model| &model.approvals);
            people.extend(given.map(|approval| approval.by.id));
            let waived = self.state.models.values().flat_map(|model| &model.waivers);
            people.extend(waived.map(|waiver| waiver.by.id));
            let armed = self.state.models.values().filter_map(|model| model.armed.as_ref());
            people.extend(armed.map(|by| by.id));
        }
        let known = self.state.models.values().map(|model| &model.code_owners);
        let meant = touched | others;
        let teams = match &facts.changed_paths {
            Some(_) => teams(&meant, facts, facts.code_owners.values()),
            None => teams(&meant, facts, known),
        };
        for person in people {
            let standing = match self.forge.standing(self.id.repo, person, &teams).await {
                Ok(standing) => standing,
                // To be asked to come later is no answer about anybody.
                Err(error) if matches!(error.kind, ErrorKind::Retry { after: Some(_) }) => {
                    return Err(error.into());
                }
                Err(error) => {
                    // Not knowing denies; the person is told to try again.
                    tracing::warn!(%error, user.id = person.0, "rights could not be read");
                    Standing::Unknown
                }
            };
            facts.people.insert(person, standing);
        }
        if self.approvals_matter(touched, facts) {
            self.author(facts).await;
        }
        Ok(())
    }

    /// The author never approves: the addresses only tell whose the commits are, so that they may be as
    /// old as the repository's name may be.
    async fn author(&self, facts: &mut Facts) {
        let author = facts.merge_request.author.id;
        let key = (self.id.repo, author);
        if facts.people.contains_key(&author) {
            return;
        }
        let known = self.memory.authors_standing.get(&key);
        let known = known.filter(|(_, read_at)| self.now.since(*read_at) < REPOSITORY_LASTS);
        let standing = match known {
            Some((standing, _)) => standing,
            None => match self.forge.addresses(self.id.repo, author).await {
                Ok(emails) => {
                    let (permission, teams) = (Permission::None, BTreeSet::new());
                    let standing = Standing::Known { permission, teams, emails };
                    self.memory.authors_standing.put(key, (standing.clone(), self.now));
                    standing
                }
                Err(error) => {
                    tracing::warn!(%error, user.id = author.0, "the author's addresses could not be read");
                    Standing::Unknown
                }
            },
        };
        facts.people.insert(author, standing);
    }

    /// Whether approvals are counted in this decision: there is a report to approve, a model that goes
    /// (it has none), or somebody says something.
    pub(super) fn approvals_matter(&self, touched: &BTreeSet<ModelName>, facts: &Facts) -> bool {
        let stays = |name: &ModelName| match &facts.proposal {
            Configuration::Valid(config) => config.models.contains_key(name),
            Configuration::Invalid { .. } => true,
            Configuration::Absent => false,
        };
        let removed = touched.iter().any(|name| !stays(name));
        let reported = |open: &crate::engine::OpenFacts| {
            !open.reports.is_empty() || self.state.models.values().any(|model| model.report.is_some())
        };
        facts.open.as_ref().is_some_and(|open| {
            reported(open) || removed || !facts.comments.is_empty() || facts.press.is_some()
        })
    }
}

/// The `group/team` owners of these models, on both sides and by CODEOWNERS.
fn teams<'c>(
    meant: &BTreeSet<ModelName>,
    facts: &Facts,
    named: impl IntoIterator<Item = &'c CodeOwners>,
) -> Vec<String> {
    let sides = [Some(&facts.policy), Some(&facts.proposal), facts.current.as_ref()];
    let models = sides.into_iter().flatten().flat_map(|side| match side {
        Configuration::Valid(config) => meant.iter().filter_map(|name| config.models.get(name)).collect(),
        Configuration::Absent | Configuration::Invalid { .. } => Vec::new(),
    });
    let code_owners = named.into_iter().flat_map(|named| &named.sets).flatten();
    // An address may have a slash in it, a team never an @.
    let code_owners = code_owners.filter(|owner| !owner.contains('@'));
    let teams = models.flat_map(|model| &model.review.owners).chain(code_owners);
    let teams = teams.filter(|owner| owner.contains('/'));
    teams.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}
