//! Starting pipelines: the file at the commit, the forge's own variables, the jobs.

use std::collections::BTreeMap;

use crate::domain::Sha;
use crate::sandbox::ci::{self, Cancels, CiFile, Context};

use super::{
    Job, JobState, MergeRequest, Occurrence, Pipeline, PipelineSource, Project, Refusal, Rerun, Role, State,
};

/// The file that a project's CI is read from.
const CI_FILE: &str = ".gitlab-ci.yml";

/// What a pipeline shall run on.
struct Start {
    source: PipelineSource,
    reference: String,
    sha: Sha,
    /// With the project that it is in.
    merge_request: Option<(u64, MergeRequest)>,
    given: BTreeMap<String, String>,
}

/// What came of the wish for a pipeline.
enum Started {
    Pipeline(u64),
    /// The file or its rules want none; in the forge's words.
    Nothing(String),
}

impl State {
    /// The pipeline of a branch or tag that moved, where the file wants one.
    pub(crate) fn start_automatic(
        &mut self,
        project: u64,
        person: u64,
        reference: &str,
        source: PipelineSource,
        sha: &Sha,
    ) {
        if self.dialect.is_github() {
            // In a fork Actions are off until its owner switches them on.
            if self.project(project).is_ok_and(|place| place.forked_from.is_none()) {
                let _none = self.start_push_workflows(project, person, reference, source, sha);
            }
            return;
        }
        let start = Start {
            source,
            reference: reference.to_owned(),
            sha: sha.clone(),
            merge_request: None,
            given: BTreeMap::new(),
        };
        // No file and no wanted job are ordinary here: nothing starts.
        let _none = self.start(project, person, start);
    }

    /// The pipeline of a merge request's head, where the file wants one; `action` is GitHub's word for
    /// what happened to it.
    pub(crate) fn start_merge_request_pipeline_if_any(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        action: &str,
    ) {
        if self.dialect.is_github() {
            let _none = self.start_pull_request_workflows(project, person, number, action);
            return;
        }
        let Ok(start) = self.merge_request_start(project, number) else { return };
        // A fork's branch is built in the fork, with what the fork has.
        let Ok(source) = self.project(project).and_then(|place| place.merge_request(number)) else { return };
        let _none = self.start(source.source_project, person, start);
    }

    /// The pipeline of a merge request's head, on somebody's wish.
    pub(crate) fn start_merge_request_pipeline(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
    ) -> Result<u64, Refusal> {
        self.require(project, person, Role::Developer)?;
        if self.dialect.is_github() {
            let missing = || Refusal::NotFound(format!("a run for the head of #{number}"));
            let newest = self.project(project)?.head_pipeline(number).ok_or_else(missing)?.id;
            self.rerun(project, person, newest, Rerun::All)?;
            return Ok(newest);
        }
        let start = self.merge_request_start(project, number)?;
        self.started(project, person, start)
    }

    /// The pipeline of what a merge train tries, where the file wants one.
    pub(super) fn start_train_pipeline(
        &mut self,
        project: u64,
        person: u64,
        one: &MergeRequest,
        reference: &str,
        commit: &Sha,
    ) -> Option<u64> {
        let start = Start {
            source: PipelineSource::MergeRequest,
            reference: reference.to_owned(),
            sha: commit.clone(),
            merge_request: Some((project, one.clone())),
            given: BTreeMap::new(),
        };
        match self.start(project, person, start) {
            Ok(Started::Pipeline(id)) => Some(id),
            Ok(Started::Nothing(_)) | Err(_) => None,
        }
    }

    /// A pipeline on a branch or tag, with variables.
    pub(crate) fn start_pipeline(
        &mut self,
        project: u64,
        person: u64,
        reference: &str,
        given: BTreeMap<String, String>,
    ) -> Result<u64, Refusal> {
        if self.dialect.is_github() {
            return self.start_by_variables(project, person, reference, &given);
        }
        let place = self.project(project)?;
        let protected = place.protected.contains(reference);
        self.require(project, person, if protected { Role::Maintainer } else { Role::Developer })?;
        let missing = || Refusal::Invalid("Reference not found".to_owned());
        let sha = place.git.resolve(reference).ok_or_else(missing)?;
        let reference = reference.to_owned();
        let start = Start { source: PipelineSource::Api, reference, sha, merge_request: None, given };
        self.started(project, person, start)
    }

    /// The pipeline of a schedule, where the file wants one.
    pub(super) fn start_scheduled(
        &mut self,
        project: u64,
        person: u64,
        reference: &str,
        given: BTreeMap<String, String>,
    ) -> Result<Option<u64>, Refusal> {
        let missing = || Refusal::Invalid("Reference not found".to_owned());
        let sha = self.project(project)?.git.resolve(reference).ok_or_else(missing)?;
        let (source, reference) = (PipelineSource::Schedule, reference.to_owned());
        match self.start(project, person, Start { source, reference, sha, merge_request: None, given })? {
            Started::Pipeline(id) => Ok(Some(id)),
            Started::Nothing(_) => Ok(None),
        }
    }

    /// The dispatch that GitLab's variables stand for.
    fn start_by_variables(
        &mut self,
        project: u64,
        person: u64,
        reference: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<u64, Refusal> {
        let mut inputs = BTreeMap::new();
        for (name, value) in given {
            let input = name.strip_prefix("MERGEWRIGHT_").unwrap_or(name).to_lowercase();
            inputs.insert(input, value.clone());
        }
        let model = inputs.remove("model").unwrap_or_default();
        self.dispatch(project, person, &format!(".github/workflows/model-{model}.yml"), reference, inputs)
    }

    fn started(&mut self, project: u64, person: u64, start: Start) -> Result<u64, Refusal> {
        match self.start(project, person, start)? {
            Started::Pipeline(id) => match &self.project(project)?.pipeline(id)?.error {
                None => Ok(id),
                Some(error) => Err(Refusal::Invalid(error.clone())),
            },
            Started::Nothing(why) => Err(Refusal::Invalid(why)),
        }
    }

    fn merge_request_start(&self, project: u64, number: u64) -> Result<Start, Refusal> {
        let one = self.project(project)?.merge_request(number)?.clone();
        Ok(Start {
            source: PipelineSource::MergeRequest,
            reference: format!("refs/merge-requests/{number}/head"),
            sha: one.head.clone(),
            merge_request: Some((project, one)),
            given: BTreeMap::new(),
        })
    }

    fn start(&mut self, project: u64, person: u64, start: Start) -> Result<Started, Refusal> {
        let place = self.project(project)?;
        let Some(text) = place.git.file(CI_FILE, &start.sha) else {
            return Ok(Started::Nothing("Missing CI config file".to_owned()));
        };
        let (id, number) = self.pipeline_numbers(project)?;
        let place = self.project(project)?;
        let context = Context {
            predefined: self.predefined(place, person, id, number, &start)?,
            given: start.given.clone(),
            changed: self.changed(place, &start)?,
            merge_request: start.merge_request.is_some(),
        };
        let file = CiFile::read(&String::from_utf8_lossy(&text));
        let planned = file.and_then(|file| Ok((ci::plan(&file, &context)?, file)));
        let (plan, stages, cancels, error) = match planned {
            Ok((None, _file)) => {
                let text = "Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being added to the pipeline.";
                return Ok(Started::Nothing(text.to_owned()));
            }
            Ok((Some(plan), file)) => (Some(plan), file.stages, file.cancels, None),
            Err(error) => (None, Vec::new(), Cancels::Nothing, Some(error.to_string())),
        };
        self.cancel_older(project, &start, cancels)?;
        let now = self.now();
        let (environment, jobs) = plan.map_or_else(Default::default, |plan| (plan.environment, plan.jobs));
        let used = |stage: &&String| jobs.iter().any(|job| job.stage == **stage);
        let pipeline = Pipeline {
            id,
            number,
            reference: start.reference,
            merge_request: start.merge_request.as_ref().map(|(_, one)| one.number),
            fork_of: start.merge_request.map(|(target, _)| target).filter(|target| *target != project),
            variables: start.given,
            environment,
            stages: stages.iter().filter(used).cloned().collect(),
            error,
            ..Pipeline::new(start.sha, start.source, person, now)
        };
        self.project_mut(project)?.pipelines.insert(id, pipeline.clone());
        let order = |stage: &str| pipeline.stages.iter().position(|other| other == stage);
        let mut jobs = jobs;
        jobs.sort_by_key(|job| order(&job.stage));
        for plan in jobs {
            let job = Job::planned(self.next("job", 9001), &pipeline, plan, now);
            let number = job.id;
            self.project_mut(project)?.jobs.insert(number, job);
            self.follow_with_deployment(project, number);
        }
        self.advance(project, id)?;
        self.tell(&Occurrence::Pipeline { project, pipeline: id });
        Ok(Started::Pipeline(id))
    }

    /// What a new commit makes needless, as the file says.
    fn cancel_older(&mut self, project: u64, start: &Start, cancels: Cancels) -> Result<(), Refusal> {
        let place = self.project(project)?;
        let older = |pipeline: &&Pipeline| pipeline.reference == start.reference && pipeline.sha != start.sha;
        let mut doomed = Vec::new();
        for pipeline in place.pipelines.values().filter(older) {
            let open: Vec<&Job> = place.jobs_of(pipeline.id).filter(|job| !job.state.is_final()).collect();
            let begun = |job: &&&Job| job.state == JobState::Running && !job.plan.interruptible;
            match cancels {
                Cancels::Nothing => {}
                Cancels::Conservative if open.iter().any(|job| begun(&job)) => {}
                Cancels::Conservative => doomed.extend(open.iter().map(|job| job.id)),
                Cancels::Interruptible => {
                    doomed.extend(open.iter().filter(|job| job.plan.interruptible).map(|job| job.id));
                }
            }
        }
        for job in doomed {
            self.set_job(project, job, JobState::Canceled)?;
        }
        Ok(())
    }

    /// The variables that the forge sets by itself.
    fn predefined(
        &self,
        place: &Project,
        person: u64,
        id: u64,
        number: u64,
        start: &Start,
    ) -> Result<BTreeMap<String, String>, Refusal> {
        let person = self.person(person)?;
        let commit = place.git.commit_named(&start.sha)?;
        let url = self.project_url(place);
        let host = self.url.split_once("://").map_or(self.url.as_str(), |(_scheme, host)| host);
        let protected = start.merge_request.is_none() && place.protected.contains(&start.reference);
        let name = start.merge_request.as_ref().map_or(&start.reference, |(_, one)| &one.source_branch);
        let mut set = place.secrets.clone();
        let mut put = |key: &str, value: &str| {
            set.insert(key.to_owned(), value.to_owned());
        };
        put("CI", "true");
        put("GITLAB_CI", "true");
        put("CI_SERVER", "yes");
        put("CI_SERVER_NAME", "GitLab");
        put("CI_SERVER_URL", &self.url);
        put("CI_SERVER_HOST", host.split(':').next().unwrap_or(host));
        put("CI_API_V4_URL", &format!("{}/api/v4", self.url));
        put("CI_PROJECT_ID", &place.id.to_string());
        put("CI_PROJECT_NAME", place.name());
        put("CI_PROJECT_NAMESPACE", place.namespace());
        put("CI_PROJECT_PATH", &place.path);
        put("CI_PROJECT_PATH_SLUG", &slug(&place.path));
        put("CI_PROJECT_URL", &url);
        put("CI_DEFAULT_BRANCH", &place.default_branch);
        put("CI_PIPELINE_ID", &id.to_string());
        put("CI_PIPELINE_IID", &number.to_string());
        put("CI_PIPELINE_SOURCE", start.source.word());
        put("CI_PIPELINE_URL", &format!("{url}/-/pipelines/{id}"));
        put("CI_COMMIT_SHA", start.sha.as_str());
        put("CI_COMMIT_SHORT_SHA", start.sha.short());
        put("CI_COMMIT_TITLE", commit.title());
        put("CI_COMMIT_MESSAGE", &commit.message);
        put("CI_COMMIT_TIMESTAMP", &commit.at.to_string());
        put("CI_COMMIT_AUTHOR", &format!("{} <{}>", commit.author_name, commit.author_email));
        put("CI_COMMIT_REF_NAME", name);
        put("CI_COMMIT_REF_SLUG", &slug(name));
        put("CI_COMMIT_REF_PROTECTED", if protected { "true" } else { "false" });
        put("GITLAB_USER_ID", &person.id.to_string());
        put("GITLAB_USER_LOGIN", &person.login);
        put("GITLAB_USER_NAME", &person.name);
        put("GITLAB_USER_EMAIL", &person.email);
        match &start.merge_request {
            None if start.source == PipelineSource::Tag => put("CI_COMMIT_TAG", &start.reference),
            None => put("CI_COMMIT_BRANCH", &start.reference),
            Some((target, one)) => {
                let target = self.project(*target)?;
                put("CI_MERGE_REQUEST_ID", &one.id.to_string());
                put("CI_MERGE_REQUEST_IID", &one.number.to_string());
                let kind = if start.reference.ends_with("/train") { "merge_train" } else { "detached" };
                put("CI_MERGE_REQUEST_EVENT_TYPE", kind);
                put("CI_MERGE_REQUEST_PROJECT_ID", &target.id.to_string());
                put("CI_MERGE_REQUEST_PROJECT_PATH", &target.path);
                put("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", &one.source_project.to_string());
                put("CI_MERGE_REQUEST_REF_PATH", &start.reference);
                put("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", &one.source_branch);
                put("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", &one.target_branch);
                put("CI_MERGE_REQUEST_TITLE", &one.title);
                let base = target.fork_point(one);
                put("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.as_ref().map_or("", Sha::as_str));
            }
        }
        Ok(set)
    }

    /// The paths that `rules:changes` looks at.
    fn changed(&self, place: &Project, start: &Start) -> Result<Option<Vec<String>>, Refusal> {
        let (place, base) = match (&start.merge_request, &start.source) {
            (Some((target, one)), _) => {
                let target = self.project(*target)?;
                (target, target.fork_point(one))
            }
            (None, PipelineSource::Push { before }) => (place, before.clone()),
            // Elsewhere the forge takes every `changes` as true.
            (None, _) => (place, None),
        };
        let Some(base) = base else { return Ok(None) };
        super::workflows::paths(place, &base, &start.sha).map(Some)
    }
}

/// Lower case, nothing but letters, digits and dashes, at most 63.
fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = text.chars().map(plain).take(63).collect();
    text.trim_matches('-').to_owned()
}
