//! A project: its code, its people and everything that hangs on them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CheckRun, Comment, CommitStatus, Deployment, Environment, Hook, Job, MergeRequest, PackageFile, Pipeline,
    Queue, Refusal, Release, Repository, Review, Role, Schedule, State, WorkflowState,
};

/// How the project's settings let merge requests be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStyle {
    /// With a merge commit.
    #[default]
    Merge,
    /// With a merge commit, only when the source contains the target.
    RebaseMerge,
    /// The target moves forward, only when the source contains it.
    FastForward,
}

/// Which ways of merging a repository allows, on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeMethods {
    /// With a merge commit.
    pub merge: bool,
    /// All commits as one.
    pub squash: bool,
    /// The commits anew on top of the target.
    pub rebase: bool,
}

impl MergeMethods {
    /// All of them, as in a new repository.
    pub const ALL: Self = Self { merge: true, squash: true, rebase: true };
}

/// Whose pull requests' runs wait for somebody's permission, on GitHub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunsWait {
    /// Nobody's.
    Never,
    /// Of people from outside of whom nothing was merged yet.
    #[default]
    ForNewcomers,
    /// Of people from outside.
    ForOutsiders,
    /// Everybody's.
    Always,
}

/// A project and all that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// Number.
    pub(crate) id: u64,
    /// Full path, `group/name`.
    pub(crate) path: String,
    /// The default branch.
    pub(crate) default_branch: String,
    /// Branches that only maintainers push to.
    pub(crate) protected: BTreeSet<String>,
    /// How merge requests are merged.
    pub(crate) merge_style: MergeStyle,
    /// Which ways of merging are allowed.
    pub(crate) merge_methods: MergeMethods,
    /// Whether a pipeline must succeed before a merge.
    pub(crate) merge_needs_pipeline: bool,
    /// Where merging goes by a queue, what waits.
    pub(crate) queue: Option<Queue>,
    /// Whose runs of pull requests wait for somebody's permission.
    pub(crate) runs_wait: RunsWait,
    /// Whether what is cancelled goes on for a while, and the runs that do.
    pub(crate) ends_slowly: bool,
    pub(crate) ending: BTreeSet<u64>,
    /// Whether everybody may read, fork and comment.
    pub(crate) public: bool,
    /// The project that this one is a fork of.
    pub(crate) forked_from: Option<u64>,
    /// What jobs get that ask for it: on GitHub the steps that name it, on GitLab every job.
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) members: BTreeMap<u64, Role>,
    pub(crate) git: Repository,
    pub(crate) hooks: BTreeMap<u64, Hook>,
    pub(crate) merge_requests: BTreeMap<u64, MergeRequest>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) reviews: BTreeMap<u64, Review>,
    /// Numbers of workflows by path.
    pub(crate) workflows: BTreeMap<String, u64>,
    /// Whether the clocks of workflows go, by path; all others do.
    pub(crate) workflow_states: BTreeMap<String, WorkflowState>,
    /// GitLab's pipeline schedules by number.
    pub(crate) schedules: BTreeMap<u64, Schedule>,
    pub(crate) pipelines: BTreeMap<u64, Pipeline>,
    pub(crate) jobs: BTreeMap<u64, Job>,
    pub(crate) statuses: Vec<CommitStatus>,
    pub(crate) checks: BTreeMap<u64, CheckRun>,
    pub(crate) deployments: BTreeMap<u64, Deployment>,
    /// Environments by name.
    pub(crate) environments: BTreeMap<String, Environment>,
    pub(crate) releases: BTreeMap<String, Release>,
    pub(crate) packages: Vec<PackageFile>,
    /// Every label that exists here.
    pub(crate) labels: BTreeSet<String>,
}

impl Project {
    /// The last part of the path.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Everything before the last part of the path.
    #[must_use]
    pub(crate) fn namespace(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(namespace, _name)| namespace)
    }

    /// Where the bare repository lies on disk.
    #[must_use]
    pub(crate) fn git_folder(&self) -> &std::path::Path {
        self.git.folder()
    }

    pub(crate) fn merge_request(&self, number: u64) -> Result<&MergeRequest, Refusal> {
        self.merge_requests.get(&number).ok_or_else(|| Refusal::NotFound("404".to_owned()))
    }

    pub(crate) fn merge_request_mut(&mut self, number: u64) -> Result<&mut MergeRequest, Refusal> {
        self.merge_requests.get_mut(&number).ok_or_else(|| Refusal::NotFound("404".to_owned()))
    }

    pub(crate) fn pipeline(&self, id: u64) -> Result<&Pipeline, Refusal> {
        self.pipelines.get(&id).ok_or_else(|| Refusal::NotFound("404".to_owned()))
    }

    pub(crate) fn job(&self, id: u64) -> Result<&Job, Refusal> {
        self.jobs.get(&id).ok_or_else(|| Refusal::NotFound("404".to_owned()))
    }

    /// Jobs of a pipeline in the order of their creation, those that were retried left out.
    pub(crate) fn jobs_of(&self, pipeline: u64) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(move |job| job.pipeline == pipeline && !job.retried)
    }
}

impl State {
    /// A new project with an empty bare repository and its default branch protected.
    pub(crate) fn add_project(&mut self, path: &str) -> Result<u64, Refusal> {
        if self.project_at(path).is_some() {
            return Err(Refusal::Conflict(format!("project {path} has already been taken")));
        }
        let id = self.next("project", 101);
        let git = Repository::create(&self.folder.join(format!("{id}.git")), "main")?;
        let project = Project {
            id,
            path: path.to_owned(),
            default_branch: "main".to_owned(),
            protected: BTreeSet::from(["main".to_owned()]),
            merge_style: MergeStyle::Merge,
            merge_methods: MergeMethods::ALL,
            merge_needs_pipeline: false,
            queue: None,
            runs_wait: RunsWait::default(),
            ends_slowly: false,
            ending: BTreeSet::new(),
            public: false,
            forked_from: None,
            secrets: BTreeMap::new(),
            members: BTreeMap::new(),
            git,
            hooks: BTreeMap::new(),
            merge_requests: BTreeMap::new(),
            comments: BTreeMap::new(),
            reviews: BTreeMap::new(),
            workflows: BTreeMap::new(),
            workflow_states: BTreeMap::new(),
            schedules: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            jobs: BTreeMap::new(),
            statuses: Vec::new(),
            checks: BTreeMap::new(),
            deployments: BTreeMap::new(),
            environments: BTreeMap::new(),
            releases: BTreeMap::new(),
            packages: Vec::new(),
            labels: BTreeSet::new(),
        };
        self.projects.insert(id, project);
        Ok(id)
    }

    /// The project's address for people.
    pub(crate) fn project_url(&self, project: &Project) -> String {
        format!("{}/{}", self.url, project.path)
    }
}
