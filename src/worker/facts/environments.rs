//! What a merge request's decision needs to know of environments: only where somebody asks about them.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::{self, Command, Verb};
use crate::config::valid::Model;
use crate::domain::{ModelId, ModelName, ReplyPart, Tag, Timestamp, Version, VersionRecord};
use crate::engine::environments::{INDEPENDENT_FROM, resolve};
use crate::engine::{Configuration, Facts, ModelEnvironments, Registry};
use crate::event::Event;
use crate::forge::ErrorKind;
use crate::worker::failure::Failure;

use super::{Found, Gatherer};

impl Gatherer<'_> {
    /// Reads it into `found`, with the default branch's configuration where something shall be moved. The
    /// models that are asked about by name though the merge request does not change them.
    pub(super) async fn environments(
        &self,
        touched: &BTreeSet<ModelName>,
        found: &mut Found,
    ) -> Result<BTreeSet<ModelName>, Failure> {
        let wish = self.wish();
        if wish.moves {
            let branch = &found.facts.repository.default_branch;
            let newest = self.forge.branch_head(self.id.repo, branch).await?;
            found.facts.current = Some(self.configuration(&newest).await?);
        }
        let told = self.told();
        let commands = self.commands(&found.facts);
        let others = self.others(&commands, touched, found).await?;
        let names = if wish.asks { touched | &others } else { BTreeSet::new() };
        for name in names.into_iter().chain(told.keys().cloned()) {
            if found.facts.environments.contains_key(&name) {
                continue;
            }
            let id = ModelId { repo: self.id.repo, model: name.clone() };
            let stored = self.store.environments(&id).await?;
            let mut known = ModelEnvironments { state: stored.state, ..ModelEnvironments::default() };
            for number in told.get(&name).into_iter().flatten() {
                if let Some(rollout) = self.store.rollout(&id, *number).await? {
                    known.rollouts.insert(*number, rollout);
                }
            }
            let versions = found.facts.registry.get(&name).map(|registry| registry.versions.clone());
            let policy = match &found.facts.current {
                Some(Configuration::Valid(config)) => config.models.get(&name),
                _ => None,
            };
            for Command { verb, .. } in &commands {
                let versions = versions.as_deref().unwrap_or_default();
                self.named(&id, verb, versions, &mut known).await?;
                self.writers(&id, (verb, policy), versions, &mut known).await?;
            }
            found.expected.insert(name.clone(), stored.version);
            found.facts.environments.insert(name, known);
        }
        Ok(others)
    }

    /// Reads the versions of models that are named in a command about versions, and not touched. One that no
    /// configuration describes and that has no version is none.
    async fn others(
        &self,
        commands: &[Command],
        touched: &BTreeSet<ModelName>,
        found: &mut Found,
    ) -> Result<BTreeSet<ModelName>, Failure> {
        let about = commands.iter().filter(|command| command.verb.is_about_versions());
        let named = about.filter_map(|command| command.model.clone()).filter(|name| !touched.contains(name));
        let described = described(&found.facts);
        let mut others = BTreeSet::new();
        for name in named.collect::<BTreeSet<_>>() {
            let versions = self.store.versions(self.id.repo, &name).await?;
            if described.contains(&name) || !versions.is_empty() {
                let registry = Registry { versions, ..Registry::default() };
                found.facts.registry.insert(name.clone(), registry);
                others.insert(name);
            }
        }
        Ok(others)
    }

    /// What one command names: a moment in an environment, or a version that is not published.
    async fn named(
        &self,
        id: &ModelId,
        verb: &Verb,
        versions: &[VersionRecord],
        known: &mut ModelEnvironments,
    ) -> Result<(), Failure> {
        let reference = match verb {
            Verb::Blame { environment, time } => {
                let at = time.as_deref().and_then(Timestamp::parse);
                // The forge's clock tells since when; it may be ahead of ours.
                let moment = at.unwrap_or(Timestamp(i64::MAX));
                let live = self.store.live_at(id, environment, moment).await?;
                known.asked.push((environment.clone(), at, live));
                return Ok(());
            }
            Verb::Promote { reference, .. }
            | Verb::Rollback { reference: Some(reference), .. }
            | Verb::Retire { reference, .. } => reference,
            _ => return Ok(()),
        };
        if resolve(&id.model, versions, &known.state, reference).is_err() {
            known.tags.extend(self.unpublished(id, reference).await?);
        }
        Ok(())
    }

    /// Who wrote what is promoted to where more than one other person must say so.
    async fn writers(
        &self,
        id: &ModelId,
        (verb, policy): (&Verb, Option<&Model>),
        versions: &[VersionRecord],
        known: &mut ModelEnvironments,
    ) -> Result<(), Failure> {
        let Verb::Promote { reference, environment } = verb else { return Ok(()) };
        let mut places = policy.iter().flat_map(|policy| &policy.environments);
        let independent =
            places.any(|place| place.name == *environment && place.approvals >= INDEPENDENT_FROM);
        let Some(record) = resolve(&id.model, versions, &known.state, reference).ok().filter(|_| independent)
        else {
            return Ok(());
        };
        let key = (record.merge_request, record.lineage.head.clone(), record.lineage.base.clone());
        let authors = match self.memory.authors.get(&key) {
            Some(authors) => authors,
            None => match self.forge.commit_authors(record.merge_request).await {
                Ok(authors) => {
                    self.memory.authors.put(key, authors.clone());
                    authors
                }
                // Who opened it is known from the lineage all the same.
                Err(error) if error.kind == ErrorKind::Gone => BTreeSet::new(),
                Err(error) => return Err(error.into()),
            },
        };
        known.wrote.insert(record.version.clone(), authors);
        Ok(())
    }

    /// Tags of a version that is not published: its own, and the one that makes it void.
    async fn unpublished(&self, id: &ModelId, reference: &str) -> Result<Vec<Tag>, Failure> {
        let local = reference.rsplit('@').next().unwrap_or_default();
        let Ok(version) = local.parse::<Version>() else { return Ok(Vec::new()) };
        let name = version.tag(&id.model);
        let mut found = Vec::new();
        for name in [format!("{name}!"), name] {
            found.extend(self.forge.tag(id.repo, &name).await?);
        }
        Ok(found)
    }

    /// Rollouts that unfinished replies tell of.
    fn told(&self) -> BTreeMap<ModelName, BTreeSet<u64>> {
        let mut told = BTreeMap::<_, BTreeSet<_>>::new();
        for part in self.state.replies.values().flat_map(|open| &open.parts) {
            if let ReplyPart::Rollout { model, number } = part {
                told.entry(model.clone()).or_default().insert(*number);
            }
        }
        told
    }

    /// Whether the comment asks about environments at all; read before the models are known.
    fn wish(&self) -> Wish {
        let Event::Comment { body, .. } = self.event else { return Wish::default() };
        let parsed = command::parse(body, &self.bot.addressing, &BTreeSet::new());
        let verbs = parsed.into_iter().filter_map(|parsed| parsed.command.ok()).map(|command| command.verb);
        verbs.fold(Wish::default(), |wish, verb| match verb {
            Verb::Promote { .. } | Verb::Rollback { .. } | Verb::Abort { .. } | Verb::Retire { .. } => {
                Wish { asks: true, moves: true }
            }
            // A hold reaches the version that was published.
            Verb::Versions
            | Verb::Describe { .. }
            | Verb::Blame { .. }
            | Verb::Hold { .. }
            | Verb::Unhold => Wish { asks: true, ..wish },
            _ => wish,
        })
    }

    /// The commands as the engine will read them.
    pub(super) fn commands(&self, facts: &Facts) -> Vec<Command> {
        let Event::Comment { body, .. } = self.event else { return Vec::new() };
        let parsed = command::parse(body, &self.bot.addressing, &described(facts));
        parsed.into_iter().filter_map(|parsed| parsed.command.ok()).collect()
    }
}

/// The models that any configuration describes which was read.
fn described(facts: &Facts) -> BTreeSet<ModelName> {
    let sides = [Some(&facts.policy), Some(&facts.proposal), facts.current.as_ref()];
    let models = sides.into_iter().flatten().flat_map(|side| match side {
        Configuration::Valid(config) => config.models.keys().cloned().collect::<Vec<_>>(),
        Configuration::Absent | Configuration::Invalid { .. } => Vec::new(),
    });
    models.collect()
}

#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    /// Somebody asks about versions or environments.
    asks: bool,
    /// Somebody wants a version moved.
    moves: bool,
}
