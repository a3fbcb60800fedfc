//! Owners that the policy names are asked for their review by the forge's own means, once.

use std::collections::BTreeMap;

use crate::domain::{Effect, ForgeKind, MergeRequestStatus, ModelName, Phase};

use super::setting::Rules;
use super::turn::Turn;

/// The most people and teams that are asked about one merge request at a time.
const MOST: usize = 5;

/// Asks the owners of every model that waits for approval. Everybody is thought of once in a merge request:
/// whom people take off the list again stays off.
pub(super) fn ask(turn: &mut Turn<'_>, rules: &BTreeMap<ModelName, Rules<'_>>) {
    let request = turn.merge_request();
    if request.status != MergeRequestStatus::Open {
        return;
    }
    let awaited = |(name, _): &(&ModelName, &Rules<'_>)| {
        turn.state.models.get(*name).is_some_and(|model| model.phase == Phase::AwaitingApproval)
    };
    let owners = rules.iter().filter(awaited).flat_map(|(_, rules)| &rules.policy.review.owners);
    let owners = owners.map(|owner| owner.to_lowercase()).collect::<Vec<_>>();
    let new = |owner: &String| turn.state.asked_to_review.insert(owner.clone());
    let new: Vec<_> = owners.into_iter().filter(new).collect();
    let (teams, people): (Vec<_>, Vec<_>) = new.into_iter().partition(|owner| owner.contains('/'));
    let people: Vec<_> = people.into_iter().filter(|login| !is_settled(turn, login)).take(MOST).collect();
    let own = own_teams(turn, teams).into_iter();
    let teams: Vec<_> = own.take(MOST.saturating_sub(people.len())).collect();
    if people.is_empty() && teams.is_empty() {
        return;
    }
    let asked = people.iter().chain(&teams).cloned().collect::<Vec<_>>().join(", ");
    turn.record(
        "review",
        None,
        format!("a review was asked of {asked}"),
        serde_json::json!({ "people": people, "teams": teams }),
    );
    turn.want(Effect::RequestReviews { people, teams });
}

/// Whether nothing is to be asked of this person: a review is under way or done, or cannot be given.
fn is_settled(turn: &Turn<'_>, login: &str) -> bool {
    let is = |other: &str| other.eq_ignore_ascii_case(login);
    let request = turn.merge_request();
    let open = turn.open();
    let wrote = open.is_some_and(|open| {
        open.authors.iter().any(|author| author.login.as_ref().is_some_and(|login| is(login)))
    });
    let spoke = open.is_some_and(|open| {
        open.approvals.iter().any(|approval| is(&approval.by.login))
            || open.changes_requested.iter().any(|by| is(&by.login))
    });
    let approved = turn.state.models.values().any(|model| model.approved_by.iter().any(|by| is(by)));
    is(&request.author.login)
        || is(&turn.facts.bot.user.login)
        || request.reviewers.iter().any(|one| is(&one.login))
        || wrote
        || spoke
        || approved
}

/// Teams that can be asked: GitHub's, of the organization that the repository belongs to.
fn own_teams(turn: &Turn<'_>, teams: Vec<String>) -> Vec<String> {
    let repository = &turn.facts.repository;
    if repository.id.forge != ForgeKind::GitHub {
        return Vec::new();
    }
    let organization = repository.path.split('/').next().unwrap_or_default();
    let own = |team: String| {
        let (owner, name) = team.split_once('/')?;
        owner.eq_ignore_ascii_case(organization).then(|| name.to_owned())
    };
    teams.into_iter().filter_map(own).collect()
}
