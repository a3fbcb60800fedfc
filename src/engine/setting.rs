//! Which rules hold: policy from the target branch, build and test from the head.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::valid::{Build, Gates, Model, Publish, Review, Rule, VersionStrategy};
use crate::domain::{CodeOwners, Digest, MergeRequestStatus, ModelName, Scrutiny, State};

use super::paths::{Globs, below, made_from, owns_any, touched};
use super::{Configuration, Facts, difference};

/// Where the policy stands.
pub(super) const CONFIGURATION_FILE: &str = ".mergewright.yml";

/// The most files and keys of an evaluation that are named.
const MOST_NAMED: usize = 100;

/// What the two configuration files say about this merge request.
pub(super) enum Setting<'a> {
    /// Neither side has a file: we are not here.
    Quiet,
    /// A file cannot be used; its problems, ready to show.
    Invalid(String),
    /// The models concerned, perhaps none.
    Models(BTreeMap<ModelName, Rules<'a>>),
}

/// The rules for one model.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// What rules: the target's section, or the head's where the target has none.
    pub(super) policy: &'a Model,
    /// What is proposed; none when the head removes the model.
    pub(super) proposal: Option<&'a Model>,
    /// Digest of the target's section.
    pub(super) digest: Option<Digest>,
    /// What makes people look harder.
    pub(super) scrutiny: Scrutiny,
    /// Whom CODEOWNERS names beside the maintainers, where the policy names nobody itself.
    pub(super) code_owners: Option<&'a CodeOwners>,
}

impl<'a> Setting<'a> {
    pub(super) fn read(state: &'a State, facts: &'a Facts) -> Self {
        let merged = matches!(facts.merge_request.status, MergeRequestStatus::Merged { .. });
        if merged && state.past_merge() {
            return Self::Models(rules(facts, state.models.keys().cloned(), state));
        }
        for (side, configuration) in [("target branch", &facts.policy), ("head", &facts.proposal)] {
            if let Configuration::Invalid { problems } = configuration {
                return Self::Invalid(format!("On the {side}:\n{problems}"));
            }
        }
        if facts.policy == Configuration::Absent && facts.proposal == Configuration::Absent {
            return Self::Quiet;
        }
        Self::Models(match &facts.changed_paths {
            Some(changed) => rules(facts, touched(&facts.policy, &facts.proposal, changed), state),
            None => rules(facts, state.models.keys().cloned(), state),
        })
    }
}

impl<'a> Rules<'a> {
    /// The rules of a section that stands on the default branch and is not being changed.
    pub(super) fn of(policy: &'a Model) -> Self {
        let scrutiny = Scrutiny::default();
        Self { policy, proposal: Some(policy), digest: Some(policy.digest), scrutiny, code_owners: None }
    }
}

impl Rules<'_> {
    /// The models that it depends on, by the target's section or the head's.
    pub(super) fn upstream(&self) -> impl Iterator<Item = &ModelName> {
        [Some(self.policy), self.proposal].into_iter().flatten().flat_map(|side| &side.depends_on)
    }

    /// The first of these paths that the model is made from, by the target's or the head's configuration: its
    /// own, or one of a model that it depends on.
    pub(super) fn made_from<'p>(&self, facts: &Facts, paths: &'p BTreeSet<String>) -> Option<&'p str> {
        let sides = [(&facts.policy, Some(self.policy)), (&facts.proposal, self.proposal)];
        sides.into_iter().find_map(|(side, model)| made_from(side, model?, paths))
    }

    /// Why this build cannot serve the model, if so.
    pub(super) fn unserved(&self) -> Option<String> {
        (self.policy.version != VersionStrategy::Sequence).then(|| {
            "This build numbers versions by the strategy `sequence` only. Set `version: {strategy: sequence}` \
             for the model."
                .to_owned()
        })
    }
}

/// The rules of these models; one that neither side describes has none.
fn rules<'a>(
    facts: &'a Facts,
    names: impl IntoIterator<Item = ModelName>,
    state: &'a State,
) -> BTreeMap<ModelName, Rules<'a>> {
    let mut all = BTreeMap::new();
    for name in names {
        let anew = state.models.get(&name).is_some_and(|model| model.anew.is_some());
        let proposed = if anew { facts.merged_configuration() } else { &facts.proposal };
        let (target, proposal) = (facts.policy.model(&name), proposed.model(&name));
        let Some(policy) = target.or(proposal) else { continue };
        let scrutiny = match &facts.changed_paths {
            Some(changed) => scrutiny(target, proposal, changed),
            None => state.models.get(&name).map(|model| model.scrutiny).unwrap_or_default(),
        };
        let digest = target.map(|model| model.digest);
        let code_owners = match &facts.changed_paths {
            Some(_) => facts.code_owners.get(&name),
            None => state.models.get(&name).map(|model| &model.code_owners),
        };
        all.insert(name, Rules { policy, proposal, digest, scrutiny, code_owners });
    }
    all
}

/// What makes people look harder at this change of a model.
fn scrutiny(target: Option<&Model>, proposal: Option<&Model>, changed: &BTreeSet<String>) -> Scrutiny {
    let both = target.zip(proposal);
    // What the target branch changed in the file since the head parted from it is none of the head's doing.
    let configured = changed.contains(CONFIGURATION_FILE);
    Scrutiny {
        new_model: target.is_none(),
        removed: proposal.is_none(),
        policy_changed: configured
            && target.is_some()
            && both.is_none_or(|(before, after)| !same_policy(before, after)),
        // Of a model that goes nothing is measured any more.
        evaluation_changed: proposal.is_some()
            && (both.is_some_and(|(before, after)| before.test != after.test)
                || [target, proposal]
                    .into_iter()
                    .flatten()
                    .any(|model| measures(model).first(changed).is_some())),
    }
}

/// Files and keys that a merge request changes of what measures the model.
pub(super) fn evaluation_changes(rules: &Rules<'_>, changed: &BTreeSet<String>) -> Vec<String> {
    if !rules.scrutiny.evaluation_changed {
        return Vec::new();
    }
    let sides = [Some(rules.policy), rules.proposal];
    let measures: Vec<Globs> = sides.into_iter().flatten().map(measures).collect();
    let files = changed.iter().filter(|path| measures.iter().any(|globs| globs.matches(path))).cloned();
    let keys = rules.proposal.map(|proposal| difference::test(rules.policy, proposal)).unwrap_or_default();
    files.chain(keys).take(MOST_NAMED).collect()
}

/// The changed paths that are a model's: its files, what measures it, and the configuration where its
/// section differs.
pub(super) fn changed_of<'p>(
    name: &ModelName,
    policy: &Configuration,
    proposal: &Configuration,
    changed: &'p BTreeSet<String>,
) -> BTreeSet<&'p str> {
    let (before, after) = (policy.model(name), proposal.model(name));
    let sides: Vec<&Model> = [before, after].into_iter().flatten().collect();
    let measures: Vec<Globs> = sides.iter().map(|model| measures(model)).collect();
    let owned = owns_any(&sides);
    let section = before.map(|model| model.digest) != after.map(|model| model.digest);
    let ours = |path: &&str| {
        owned.matches(path)
            || measures.iter().any(|globs| globs.matches(path))
            || section && *path == CONFIGURATION_FILE
    };
    changed.iter().map(String::as_str).filter(ours).collect()
}

/// Whether two sections rule alike: build, test and where they run are the head's own business, and a
/// rule that only moved to another line is the same rule.
fn same_policy(before: &Model, after: &Model) -> bool {
    let rules_alone = |model: &Model| Model {
        digest: before.digest,
        root: before.root.clone(),
        toolchain: before.toolchain.clone(),
        gitlab_runners: before.gitlab_runners.clone(),
        github_runners: before.github_runners.clone(),
        build: Build { secrets: model.build.secrets.clone(), ..before.build.clone() },
        test: before.test.clone(),
        review: Review { line: None, ..model.review.clone() },
        publish: Publish { line: None, ..model.publish.clone() },
        gates: Gates {
            rules: model.gates.rules.iter().map(|rule| Rule { line: None, ..rule.clone() }).collect(),
            ..model.gates
        },
        ..model.clone()
    };
    rules_alone(before) == rules_alone(after)
}

/// The files that measure a model: what it protects, and the generated CI that runs the tests.
fn measures(model: &Model) -> Globs {
    let protected = model.test.protect.iter().chain(&model.test.dataset).map(|path| below(&model.root, path));
    let generated = [
        ".gitlab-ci.yml".to_owned(),
        format!(".gitlab/mergewright/{}.yml", model.name),
        format!(".github/workflows/model-{}.yml", model.name),
    ];
    let all = protected.chain(generated).collect::<Vec<_>>();
    Globs::new(all.iter().map(String::as_str))
}
