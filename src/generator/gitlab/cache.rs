//! What package managers download, kept for the next job: GitLab keeps only what lies in the checkout.

use serde::Serialize;

use crate::generator::pipeline::{Cache, CacheKind, Job};

/// Where it lies; never part of what a job leaves.
const FOLDER: &str = ".mergewright-cache";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CacheView {
    /// Tells the managers where to put it.
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) prefix: String,
    pub(super) files: Vec<String>,
    pub(super) paths: Vec<String>,
}

impl CacheView {
    pub(super) fn of(job: &Job, cache: &Cache) -> Self {
        let kind = cache.kind;
        let folder = format!("$CI_PROJECT_DIR/{FOLDER}/{}", kind.word());
        let variable = match kind {
            CacheKind::Pip => ("PIP_CACHE_DIR", folder),
            CacheKind::Uv => ("UV_CACHE_DIR", folder),
            CacheKind::Maven => ("MAVEN_OPTS", format!("-Dmaven.repo.local={folder}")),
            CacheKind::Gradle => ("GRADLE_USER_HOME", folder),
            CacheKind::Npm => ("npm_config_cache", folder),
        };
        let below = |file: &&str| {
            if job.root == "." { (*file).to_owned() } else { format!("{}/{file}", job.root) }
        };
        Self {
            variables: vec![variable],
            // Whatever the project's settings say, protected branches use only what they made, and what one
            // merge request downloads is seen by no other: it may come from a fork.
            prefix: format!("{}-{}-$CI_COMMIT_REF_PROTECTED-$CI_MERGE_REQUEST_IID", job.model, cache.key),
            files: kind.lock_files().iter().map(below).collect(),
            paths: vec![format!("{FOLDER}/{}/", kind.word())],
        }
    }

    /// What an artifact leaves out.
    pub(super) fn excluded() -> String {
        format!("{FOLDER}/**/*")
    }
}
