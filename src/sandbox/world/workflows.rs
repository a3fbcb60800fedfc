//! Starting workflow runs: every file under `.github/workflows` that is for what happened.

use std::collections::BTreeMap;

use crate::domain::Sha;
use crate::sandbox::ci::workflow::{RunPlan, Surroundings, Trigger, Workflow, plan};

use super::{
    Hand, Job, MergeRequest, Occurrence, Pipeline, PipelineSource, Project, Refusal, Role, State, Trial,
};

/// Where workflows lie.
const FOLDER: &str = ".github/workflows";

/// What happened, and on which code.
pub(super) struct Happening {
    pub(super) source: PipelineSource,
    pub(super) trigger: Trigger,
    /// The branch or tag that the run is listed under.
    pub(super) reference: String,
    /// The whole ref that jobs see.
    pub(super) full_ref: String,
    /// The commit that the run is for.
    pub(super) sha: Sha,
    /// The commit that jobs see, and that the files are read from.
    pub(super) code: Sha,
    pub(super) merge_request: Option<MergeRequest>,
}

/// A run to be, apart from its jobs.
pub(super) struct Begin {
    pub(super) id: u64,
    pub(super) path: String,
    pub(super) name: String,
}

impl State {
    /// The runs of a branch or tag that moved.
    pub(super) fn start_push_workflows(
        &mut self,
        project: u64,
        person: u64,
        reference: &str,
        source: PipelineSource,
        sha: &Sha,
    ) -> Result<(), Refusal> {
        let tag = source == PipelineSource::Tag;
        let changed = match &source {
            PipelineSource::Push { before: Some(before) } => {
                Some(paths(self.project(project)?, before, sha)?)
            }
            _ => None,
        };
        let name = |wanted: bool| wanted.then(|| reference.to_owned());
        let happening = Happening {
            source,
            trigger: Trigger::Push { branch: name(!tag), tag: name(tag), changed },
            reference: reference.to_owned(),
            full_ref: format!("refs/{}/{reference}", if tag { "tags" } else { "heads" }),
            sha: sha.clone(),
            code: sha.clone(),
            merge_request: None,
        };
        self.start_all(project, person, &happening)
    }

    /// The runs of a pull request to which something happened; none while it conflicts.
    pub(super) fn start_pull_request_workflows(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        action: &str,
    ) -> Result<(), Refusal> {
        let place = self.project(project)?;
        let one = place.merge_request(number)?.clone();
        let missing = || Refusal::NotFound("404".to_owned());
        let base = place.git.branch(&one.target_branch).ok_or_else(missing)?;
        let Some(tree) = place.git.merged_tree(&base, &one.head) else { return Ok(()) };
        let hand = Hand { person: self.person(person)?, at: self.now() };
        let message = format!("Merge {} into {base}", one.head);
        let merge = place.git.commit_tree(hand, &tree, &[&base, &one.head], &message)?;
        let full_ref = format!("refs/pull/{number}/merge");
        place.git.set_ref(&full_ref, &merge)?;
        let fork = place.fork_point(&one).ok_or_else(missing)?;
        let trigger = Trigger::PullRequest {
            action: action.to_owned(),
            base: one.target_branch.clone(),
            changed: paths(place, &fork, &one.head)?,
            fork: one.source_project != project,
        };
        let happening = Happening {
            source: PipelineSource::MergeRequest,
            trigger,
            reference: one.source_branch.clone(),
            full_ref,
            sha: one.head.clone(),
            code: merge,
            merge_request: Some(one),
        };
        self.start_all(project, person, &happening)
    }

    /// The runs of what a merge queue tries.
    pub(super) fn start_merge_group_workflows(
        &mut self,
        project: u64,
        person: u64,
        trial: &Trial,
    ) -> Result<(), Refusal> {
        let reference = trial.reference.strip_prefix("refs/heads/").unwrap_or(&trial.reference);
        let happening = Happening {
            source: PipelineSource::MergeGroup,
            trigger: Trigger::MergeGroup,
            reference: reference.to_owned(),
            full_ref: trial.reference.clone(),
            sha: trial.commit.clone(),
            code: trial.commit.clone(),
            merge_request: None,
        };
        self.start_all(project, person, &happening)
    }

    /// Starts one workflow on a branch or tag, with inputs.
    pub(crate) fn dispatch(
        &mut self,
        project: u64,
        person: u64,
        path: &str,
        reference: &str,
        inputs: BTreeMap<String, String>,
    ) -> Result<u64, Refusal> {
        self.require(project, person, Role::Developer)?;
        let place = self.project(project)?;
        let missing = || Refusal::NotFound("404".to_owned());
        // Only what the default branch knows can be started.
        let default = place.git.branch(&place.default_branch).ok_or_else(missing)?;
        place.git.file(path, &default).ok_or_else(missing)?;
        let short = reference.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/");
        let unknown = || Refusal::Unprocessable(format!("No ref found for: {reference}"));
        let (full_ref, sha) = match place.git.branch(short) {
            Some(sha) => (format!("refs/heads/{short}"), sha),
            None => {
                let full = format!("refs/tags/{short}");
                let sha = place.git.resolve(&full).ok_or_else(unknown)?;
                (full, sha)
            }
        };
        let happening = Happening {
            source: PipelineSource::Api,
            trigger: Trigger::Dispatch { inputs },
            reference: short.to_owned(),
            full_ref,
            sha: sha.clone(),
            code: sha,
            merge_request: None,
        };
        let started = self.start_workflow(project, person, &happening, path)?;
        let none = || Refusal::Unprocessable("Workflow does not have 'workflow_dispatch' trigger".to_owned());
        started.ok_or_else(none)
    }

    fn start_all(&mut self, project: u64, person: u64, happening: &Happening) -> Result<(), Refusal> {
        let git = &self.project(project)?.git;
        let Ok(entries) = git.tree(FOLDER, &happening.code, false) else { return Ok(()) };
        let is_file = |path: &str| path.ends_with(".yml") || path.ends_with(".yaml");
        for entry in entries.into_iter().filter(|one| one.kind == "blob" && is_file(&one.path)) {
            self.start_workflow(project, person, happening, &entry.path)?;
        }
        Ok(())
    }

    /// The run of one file; none when it is not for what happened. A file that cannot be used makes a
    /// run without jobs, but nobody can dispatch it.
    pub(super) fn start_workflow(
        &mut self,
        project: u64,
        person: u64,
        happening: &Happening,
        path: &str,
    ) -> Result<Option<u64>, Refusal> {
        let missing = || Refusal::NotFound("404".to_owned());
        let text = self.project(project)?.git.file(path, &happening.code).ok_or_else(missing)?;
        let (id, _number) = self.pipeline_numbers(project)?;
        let around = Surroundings { context: self.surroundings(project, person, id, happening)? };
        let read = Workflow::read(path, &String::from_utf8_lossy(&text));
        let name = read.as_ref().map_or_else(|_error| path.to_owned(), |known| known.name.clone());
        let begin = Begin { id, path: path.to_owned(), name };
        match read.and_then(|workflow| plan(&workflow, &happening.trigger, &around)) {
            Ok(None) => Ok(None),
            Ok(Some(planned)) => {
                self.start_run_with(project, person, happening, begin, Ok(planned)).map(Some)
            }
            Err(error) if happening.source == PipelineSource::Api => {
                Err(Refusal::Unprocessable(error.to_string()))
            }
            Err(error) => {
                self.start_run_with(project, person, happening, begin, Err(error.to_string())).map(Some)
            }
        }
    }

    /// A run with the jobs of a plan, or with why there are none.
    pub(super) fn start_run_with(
        &mut self,
        project: u64,
        person: u64,
        happening: &Happening,
        begin: Begin,
        planned: Result<RunPlan, String>,
    ) -> Result<u64, Refusal> {
        let (id, now) = (begin.id, self.now());
        let variables = self.variables(project, person, id, happening)?;
        self.workflow_number(project, &begin.path)?;
        let place = self.project(project)?;
        let of_workflow = |run: &&Pipeline| run.workflow.as_ref() == Some(&begin.path);
        let before = place.pipelines.values().filter(of_workflow).count();
        let (planned, error) = match planned {
            Ok(planned) => (Some(planned), None),
            Err(error) => (None, Some(error)),
        };
        let own = match &happening.merge_request {
            Some(one) => one.title.clone(),
            None if happening.source == PipelineSource::Api => begin.name.clone(),
            None => place.git.commit_named(&happening.sha)?.title().to_owned(),
        };
        let title = planned.as_ref().map(|plan| plan.title.clone()).filter(|title| !title.is_empty());
        let inputs = match &happening.trigger {
            Trigger::Dispatch { inputs } => inputs.clone(),
            _ => BTreeMap::new(),
        };
        let mut environment = variables;
        environment.extend(planned.iter().flat_map(|plan| plan.environment.clone()));
        let asks = happening.merge_request.as_ref().is_some_and(|one| self.run_waits(place, one.author));
        let asks = asks && error.is_none();
        let run = Pipeline {
            id,
            number: u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1),
            reference: happening.reference.clone(),
            merge_request: happening.merge_request.as_ref().map(|one| one.number),
            variables: inputs,
            environment,
            error,
            workflow: Some(begin.path),
            name: begin.name,
            title: title.unwrap_or(own),
            awaits_approval: asks,
            concurrency: planned.as_ref().and_then(|plan| plan.concurrency.clone()),
            ..Pipeline::new(happening.sha.clone(), happening.source.clone(), person, now)
        };
        self.project_mut(project)?.pipelines.insert(id, run.clone());
        for planned in planned.into_iter().flat_map(|plan| plan.jobs) {
            let job = Job::planned(self.next("job", 9001), &run, planned, now);
            self.project_mut(project)?.jobs.insert(job.id, job);
        }
        self.make_room(project, id)?;
        self.advance(project, id)?;
        self.crowd_out(project, id)?;
        self.pipeline_moved(project, id);
        let left_out = self.project(project)?.jobs_of(id).filter(|job| job.state.is_final());
        let left_out: Vec<u64> = left_out.map(|job| job.id).collect();
        for job in left_out.into_iter().filter(|_job| !asks) {
            self.tell(&Occurrence::Job { project, job });
        }
        Ok(id)
    }

    /// Of a group one run is at work and at most one waits: older ones are cancelled.
    fn make_room(&mut self, project: u64, id: u64) -> Result<(), Refusal> {
        let place = self.project(project)?;
        let Some(group) = place.pipeline(id)?.concurrency.clone() else { return Ok(()) };
        let same = |run: &&Pipeline| {
            run.id != id && run.concurrency.as_ref().is_some_and(|other| other.group == group.group)
        };
        let alive =
            |run: &&Pipeline| run.held || run.awaits_approval || !place.pipeline_state(run).is_final();
        let others: Vec<(u64, bool)> =
            place.pipelines.values().filter(same).filter(alive).map(|run| (run.id, run.held)).collect();
        for (other, held) in &others {
            if group.cancel_in_progress || *held {
                self.end_run(project, *other)?;
            }
        }
        let waits = !group.cancel_in_progress && others.iter().any(|(_id, held)| !held);
        if let Some(run) = self.project_mut(project)?.pipelines.get_mut(&id) {
            run.held = waits;
        }
        Ok(())
    }

    /// The number of a workflow, which it gets when it is first met.
    pub(crate) fn workflow_number(&mut self, project: u64, path: &str) -> Result<u64, Refusal> {
        if let Some(known) = self.project(project)?.workflows.get(path) {
            return Ok(*known);
        }
        let number = self.next("workflow", 1801);
        self.project_mut(project)?.workflows.insert(path.to_owned(), number);
        Ok(number)
    }

    /// What expressions may name.
    pub(super) fn surroundings(
        &self,
        project: u64,
        person: u64,
        id: u64,
        happening: &Happening,
    ) -> Result<BTreeMap<String, String>, Refusal> {
        let place = self.project(project)?;
        let branch = happening.full_ref.strip_prefix("refs/heads/");
        let protected = branch.is_some_and(|branch| place.protected.contains(branch));
        let secrets = place.secrets.iter().map(|(name, value)| (format!("secrets.{name}"), value.clone()));
        let mut context: BTreeMap<String, String> = secrets.collect();
        let mut put = |name: &str, value: &str| {
            context.insert(format!("github.{name}"), value.to_owned());
        };
        put("sha", happening.code.as_str());
        put("ref", &happening.full_ref);
        put("ref_name", &happening.reference);
        put("ref_protected", if protected { "true" } else { "false" });
        put("event_name", happening.trigger.word());
        put("repository", &place.path);
        put("repository_owner", place.namespace());
        put("actor", &self.person(person)?.login);
        put("run_id", &id.to_string());
        put("server_url", &self.url);
        put("api_url", &self.url);
        put("event.repository.default_branch", &place.default_branch);
        if let Some(one) = &happening.merge_request {
            put("head_ref", &one.source_branch);
            put("base_ref", &one.target_branch);
            put("event.pull_request.number", &one.number.to_string());
            put("event.pull_request.head.sha", one.head.as_str());
            put("event.pull_request.head.ref", &one.source_branch);
            put("event.pull_request.base.ref", &one.target_branch);
            let source = self.project(one.source_project).map_or("", |place| &place.path);
            put("event.pull_request.head.repo.full_name", source);
        }
        Ok(context)
    }

    /// What jobs find in their environment.
    fn variables(
        &self,
        project: u64,
        person: u64,
        id: u64,
        happening: &Happening,
    ) -> Result<BTreeMap<String, String>, Refusal> {
        let mut set = BTreeMap::from([("CI".to_owned(), "true".to_owned())]);
        set.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
        for (name, value) in self.surroundings(project, person, id, happening)? {
            if let Some(name) = name.strip_prefix("github.").filter(|name| !name.contains('.')) {
                set.insert(format!("GITHUB_{}", name.to_uppercase()), value);
            }
        }
        Ok(set)
    }
}

/// Paths that differ between two commits, old names and new.
pub(super) fn paths(place: &Project, from: &Sha, to: &Sha) -> Result<Vec<String>, Refusal> {
    let files = place.git.changed(from.as_str(), to.as_str())?;
    let mut paths: Vec<String> = files.into_iter().flat_map(|file| [file.old_path, file.new_path]).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}
