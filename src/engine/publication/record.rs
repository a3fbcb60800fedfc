//! What is written down about a version: its lineage, its tag, its place in the registry.

use crate::domain::{
    Lineage, ModelName, ModelState, Publication, Report, Sha, Version, VersionRecord, Waived,
};

use crate::engine::turn::Turn;
use crate::engine::{Registry, baseline};

/// A candidate's id; never to be taken for a version.
pub(in crate::engine) fn candidate(turn: &Turn<'_>, model: &ModelState, head: &Sha) -> String {
    format!("cand-{}.{}-g{}", turn.merge_request().id.number, model.candidate, head.short())
}

/// The lineage of a number, written down when the number is taken and the same from then on.
pub(super) fn settled(
    turn: &Turn<'_>,
    name: &ModelName,
    model: &ModelState,
    publication: &mut Publication,
    report: &Report,
    version: &Version,
) -> Lineage {
    if let Some(known) = publication.lineage.as_deref().filter(|known| known.version == *version) {
        return known.clone();
    }
    let lineage = lineage(turn, name, model, publication, report, version);
    publication.lineage = Some(Box::new(lineage.clone()));
    lineage
}

/// Where a version comes from, all of it from what was judged.
fn lineage(
    turn: &Turn<'_>,
    name: &ModelName,
    model: &ModelState,
    publication: &Publication,
    report: &Report,
    version: &Version,
) -> Lineage {
    let bound = &publication.bound;
    let configuration = bound.policy.or(bound.proposal).unwrap_or(publication.report);
    let versions = turn.facts.registry.get(name).map_or(&[][..], |registry| registry.versions.as_slice());
    let earlier = versions.iter().rev().find(|record| record.version != *version);
    Lineage {
        approved_by: model.approved_by.clone(),
        artifacts: report
            .artifacts
            .iter()
            .map(|file| format!("{}  {}", file.sha256.hex(), file.path))
            .collect(),
        author: turn.merge_request().author.login.clone(),
        base: bound.base.clone(),
        baseline: baseline::scored_anew(model),
        candidate: candidate(turn, model, &bound.head),
        commit: publication.commit.clone(),
        configuration,
        dataset: report.dataset.clone(),
        head: bound.head.clone(),
        merge_request: turn.merge_request().id.number,
        metrics: report.metrics.clone(),
        model: name.clone(),
        model_digest: report.model_digest(),
        predecessor: earlier.map(|record| record.version.clone()),
        report: publication.report,
        source: report.source.clone(),
        version: version.clone(),
        waivers: waived(model),
    }
}

/// What was waived, once a rule.
fn waived(model: &ModelState) -> Vec<Waived> {
    let mut waivers: Vec<Waived> = Vec::new();
    for waived in model.judged.iter().filter_map(|judged| judged.waived.as_ref()) {
        if !waivers.contains(waived) {
            waivers.push(waived.clone());
        }
    }
    waivers
}

/// Whether the tag stands already with exactly this lineage: then it is ours.
pub(super) fn is_tagged(turn: &Turn<'_>, name: &ModelName, lineage: &Lineage) -> bool {
    let tag = lineage.version.tag(name);
    let canonical = lineage.canonical();
    turn.facts.registry.get(name).is_some_and(|registry| {
        let mut tags = registry.tags.iter();
        tags.any(|other| {
            other.name == tag && other.commit == lineage.commit && other.message.contains(&canonical)
        })
    })
}

/// Whether a tag with the number of `version` says of itself what ours say.
pub(super) fn is_of_ours(registry: &Registry, name: &ModelName, version: &Version) -> bool {
    let tag = version.tag(name);
    registry.tags.iter().filter(|other| other.name == tag).any(|other| {
        let mut records = other.message.lines().filter_map(|line| serde_json::from_str::<Lineage>(line).ok());
        records.any(|record| {
            record.model == *name && record.version == *version && record.commit == other.commit
        })
    })
}

/// The registry's entry of a version that is out.
pub(super) fn version(
    turn: &Turn<'_>,
    name: &ModelName,
    publication: &Publication,
    report: &Report,
    lineage: Lineage,
) -> VersionRecord {
    VersionRecord {
        repo: turn.facts.repository.id,
        model: name.clone(),
        version: lineage.version.clone(),
        tag: lineage.version.tag(name),
        commit: publication.commit.clone(),
        merge_request: turn.merge_request().id,
        model_digest: lineage.model_digest,
        metrics: report.metrics.clone(),
        dataset: report.dataset.clone(),
        published_at: turn.now,
        lineage,
    }
}
