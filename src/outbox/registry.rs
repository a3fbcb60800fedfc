//! Tags and releases: a tag takes a number, the release holds what a version's number means.

use crate::domain::{Done, Lineage, ModelName, Outcome, RepoId, Sha, Version};
use crate::forge::{Asset, ErrorKind, Forge, NewRelease};

use super::OutboxError;
use super::perform::Performed;

/// Creates an annotated tag, or finds that we created it before.
pub(crate) async fn create_tag(
    forge: &dyn Forge,
    repo: RepoId,
    name: &str,
    commit: &Sha,
    message: &str,
) -> Result<Performed, OutboxError> {
    let refused = match forge.create_tag(repo, name, commit, message).await {
        Ok(tag) => return Ok(Performed::done(Done::Tagged { tag })),
        Err(error) if error.kind == ErrorKind::Conflict => error,
        Err(error) => return Err(error.into()),
    };
    // The name is taken: by us in a try whose answer was lost, or by somebody else.
    match forge.tag(repo, name).await? {
        Some(tag) if tag.commit == *commit && tag.message.trim_end() == message => {
            Ok(Performed::done(Done::Tagged { tag }))
        }
        Some(tag) => {
            let reason = format!("the tag {name} exists already, on commit {}", tag.commit.short());
            Ok(Performed { outcome: Outcome::Conflict { reason }, comment: None })
        }
        None => Err(refused.into()),
    }
}

/// Creates or completes the version's release.
pub(crate) async fn release(
    forge: &dyn Forge,
    repo: RepoId,
    (model, version): (&ModelName, &Version),
    lineage: &Lineage,
    manifest: &str,
    notes: String,
    fresh: bool,
) -> Result<Performed, OutboxError> {
    let number = version.as_str();
    let wanted = NewRelease {
        tag: version.tag(model),
        name: format!("{model} {version}"),
        notes,
        model: model.clone(),
        package_version: number.strip_prefix('v').unwrap_or(number).to_owned(),
        assets: vec![
            Asset { name: "lineage.json".to_owned(), content: lineage.canonical().into_bytes() },
            Asset { name: "manifest.txt".to_owned(), content: manifest.as_bytes().to_vec() },
        ],
        fresh,
    };
    let release = forge.create_release(repo, &wanted).await?;
    Ok(Performed::done(Done::Released { web_url: release.web_url }))
}
