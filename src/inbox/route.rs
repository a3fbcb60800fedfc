//! Where a delivery belongs: one pass over the body that takes a handful of fields and builds
//! nothing else, so that it can be done before the answer.

use crate::domain::{ForgeKind, Lane, MergeRequestId, RepoId};

use super::tolerant::{List, Number, Text, tolerant};

/// The lane of a delivery and the repository's full path, as far as the body names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Its lane.
    pub(super) lane: Lane,
    /// `group/sub/project` or `owner/name`.
    pub(super) repository: Option<String>,
}

/// A verified body that is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a JSON object")]
pub(super) struct NotAnObject;

impl Route {
    /// Reads the route out of a body. Any JSON object has one: what it does not name, or names oddly,
    /// makes the lane wider. `gitlab_base` is the folder that GitLab lives in, where it has one.
    pub(super) fn of(forge: ForgeKind, body: &str, gitlab_base: &str) -> Result<Self, NotAnObject> {
        let read = match forge {
            ForgeKind::GitHub => {
                serde_json::from_str::<GithubBody<'_>>(body).map(|body| body.is_object.then(|| body.route()))
            }
            ForgeKind::GitLab => serde_json::from_str::<GitlabBody<'_>>(body)
                .map(|body| body.is_object.then(|| body.route(gitlab_base))),
        };
        match read {
            Ok(Some(route)) => Ok(route),
            Ok(None) => Err(NotAnObject),
            // A number that fits no type breaks the typed reading of an otherwise sound object. Whose
            // it is cannot be said, so it is nobody's: a name that no list but `**` holds.
            Err(_) if is_object(body) => {
                Ok(Self { lane: Lane::Forge(forge), repository: Some(String::new()) })
            }
            Err(_) => Err(NotAnObject),
        }
    }
}

/// The lane of a body that somebody saved; none where it is not a JSON object.
#[must_use]
pub fn lane_of(forge: ForgeKind, body: &str) -> Option<Lane> {
    Route::of(forge, body, "").ok().map(|route| route.lane)
}

/// Whether the text is one well-formed JSON object, whatever its fields hold.
fn is_object(body: &str) -> bool {
    body.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok()
}

/// The narrowest lane that these numbers allow.
fn lane(forge: ForgeKind, repository: Option<u64>, merge_request: Option<u64>) -> Lane {
    match (repository, merge_request) {
        (Some(number), Some(merge_request)) => {
            Lane::MergeRequest(MergeRequestId { repo: RepoId { forge, number }, number: merge_request })
        }
        (Some(number), None) => Lane::Repository(RepoId { forge, number }),
        (None, _) => Lane::Forge(forge),
    }
}

tolerant! {
    struct GithubBody<'a> {
        number: Number,
        repository: GithubRepository<'a>,
        pull_request: Numbered<'a>,
        issue: GithubIssue<'a>,
        check_run: GithubRun<'a>,
        check_suite: GithubRun<'a>,
        workflow_run: GithubRun<'a>,
    }

    struct GithubRepository<'a> {
        id: Number,
        full_name: Text<'a>,
    }

    struct Numbered<'a> {
        number: Number,
    }

    struct GithubIssue<'a> {
        number: Number,
        pull_request: Numbered<'a>,
    }

    struct GithubRun<'a> {
        pull_requests: List<GithubPullRequest<'a>>,
    }

    struct GithubPullRequest<'a> {
        number: Number,
        base: GithubBase<'a>,
    }

    struct GithubBase<'a> {
        repo: GithubRepository<'a>,
    }
}

impl GithubBody<'_> {
    fn route(&self) -> Route {
        let repository = self.repository.id.0;
        let of_issue = if self.issue.pull_request.is_object { self.issue.number.0 } else { None };
        let of_run = [&self.check_run, &self.check_suite, &self.workflow_run]
            .into_iter()
            .flat_map(|run| &run.pull_requests.0)
            .find(|pull| pull.base.repo.id.0.is_none_or(|base| Some(base) == repository))
            .and_then(|pull| pull.number.0);
        let pull = self.pull_request.number.0.or(of_issue).or(self.number.0).or(of_run);
        Route {
            lane: lane(ForgeKind::GitHub, repository, pull),
            repository: self.repository.full_name.0.as_deref().map(str::to_owned),
        }
    }
}

tolerant! {
    struct GitlabBody<'a> {
        object_kind: Text<'a>,
        event_type: Text<'a>,
        project_id: Number,
        path_with_namespace: Text<'a>,
        project: GitlabProject<'a>,
        repository: GitlabAddresses<'a>,
        object_attributes: GitlabAttributes<'a>,
        merge_request: GitlabMergeRequest<'a>,
    }

    struct GitlabProject<'a> {
        id: Number,
        path_with_namespace: Text<'a>,
    }

    struct GitlabAddresses<'a> {
        homepage: Text<'a>,
    }

    struct GitlabAttributes<'a> {
        iid: Number,
        target_project_id: Number,
    }

    struct GitlabMergeRequest<'a> {
        iid: Number,
        target_project_id: Number,
    }
}

impl GitlabBody<'_> {
    fn route(&self, base: &str) -> Route {
        let own = self.project.id.0.or(self.project_id.0);
        let kind = self.object_kind.0.as_deref().or(self.event_type.0.as_deref());
        let (merge_request, target) = if kind == Some("merge_request") {
            (self.object_attributes.iid.0, self.object_attributes.target_project_id.0)
        } else {
            (self.merge_request.iid.0, self.merge_request.target_project_id.0)
        };
        let number = if merge_request.is_some() { target.or(own) } else { own };
        Route {
            lane: lane(ForgeKind::GitLab, number, merge_request),
            repository: self.path(base).map(str::to_owned),
        }
    }

    /// Job hooks of older servers carry no path, only the address of the project's page.
    fn path(&self, base: &str) -> Option<&str> {
        let named = self.project.path_with_namespace.0.as_deref().or(self.path_with_namespace.0.as_deref());
        named.or_else(|| {
            let (_scheme, rest) = self.repository.homepage.0.as_deref()?.split_once("://")?;
            let (_host, path) = rest.split_once('/')?;
            let inside = if base.is_empty() { path } else { path.strip_prefix(base)?.strip_prefix('/')? };
            Some(inside.trim_end_matches('/'))
        })
    }
}

#[cfg(test)]
mod tests;
