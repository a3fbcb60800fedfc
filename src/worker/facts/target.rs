//! What stands on the target branch: the report of its newest commit that has one. A push there builds and
//! tests a model whose files it changes, so that the newest such run is of the newest commit that matters.

use std::time::Duration;

use crate::config::valid::{BaselineChoice, Model};
use crate::domain::{Job, JobStatus, MergeRequestStatus, ModelName, Report, Run};
use crate::engine::{Configuration, TargetFact};
use crate::forge::{ErrorKind, PushedRun};
use crate::worker::failure::Failure;

use super::reports::newest;
use super::{Found, Gatherer};

/// How long it is taken to be as it was found, while a newer run is at work or none has left a report.
const UNSETTLED_LASTS: Duration = Duration::from_secs(30);
/// How long otherwise: only what failed and is run again by hand would change it.
const SETTLED_LASTS: Duration = Duration::from_secs(300);

/// What one run says of the model.
enum Said {
    /// It has no jobs of the model, or they left nothing that can be used.
    Nothing,
    /// They are at work.
    UnderWay(String),
    /// They measured.
    Report(Box<Report>),
}

impl Gatherer<'_> {
    /// Reads it into `found` where the policy compares with it.
    pub(super) async fn read_target(&self, name: &ModelName, found: &mut Found) -> Result<(), Failure> {
        let reported = found.facts.open.as_ref().is_some_and(|open| open.reports.contains_key(name));
        let compares = compares(&found.facts.policy, &found.facts.proposal, name);
        if !reported || !compares || found.facts.target_gone {
            return Ok(());
        }
        let key = (self.id.repo, found.facts.base.clone(), name.clone());
        let known = self.memory.targets.get(&key).filter(|(_, until)| self.now < *until);
        let fact = match known {
            Some((fact, _)) => fact,
            None => {
                let (fact, settled) = self.target(name, found).await?;
                let lasts = if settled { SETTLED_LASTS } else { UNSETTLED_LASTS };
                self.memory.targets.put(key, (fact.clone(), self.now.after(lasts)));
                fact
            }
        };
        found.facts.open.get_or_insert_default().targets.insert(name.clone(), fact);
        Ok(())
    }

    /// What the runs say, the newest first; and whether nothing at work can change that.
    async fn target(&self, name: &ModelName, found: &mut Found) -> Result<(TargetFact, bool), Failure> {
        let branch = &found.facts.merge_request.target_branch;
        let runs = self.forge.pushed(self.id.repo, branch, name).await?;
        // What this very merge request brought there is nothing to compare it with.
        let own = match &found.facts.merge_request.status {
            MergeRequestStatus::Merged { commit, .. } => Some(commit.clone()),
            MergeRequestStatus::Open | MergeRequestStatus::Closed => None,
        };
        let mut under_way = None;
        for pushed in runs.into_iter().filter(|run| Some(&run.commit) != own.as_ref()) {
            match self.said(name, &pushed, found).await? {
                Said::Nothing => {}
                Said::UnderWay(page) => {
                    under_way.get_or_insert((pushed.commit, page));
                }
                Said::Report(report) => return Ok((TargetFact::Measured(report), under_way.is_none())),
            }
        }
        Ok(match under_way {
            Some((commit, page)) => (TargetFact::UnderWay { commit, page }, false),
            None => (TargetFact::Nothing, false),
        })
    }

    async fn said(&self, name: &ModelName, pushed: &PushedRun, found: &mut Found) -> Result<Said, Failure> {
        let Some(run) = self.pushed_run(pushed).await? else { return Ok(Said::Nothing) };
        let ours = |job: &&Job| job.model.as_ref() == Some(name) && matches!(&*job.task, "build" | "test");
        let mut jobs = run.jobs.iter().filter(ours).peekable();
        let began = jobs.peek().is_some();
        let good = |status: &JobStatus| {
            matches!(status, JobStatus::Waiting | JobStatus::Running | JobStatus::Succeeded)
        };
        if began && jobs.all(|job| good(&job.status)) {
            let Some((test, build)) = newest(std::iter::once(&run), name) else {
                return Ok(Said::UnderWay(run.web_url));
            };
            if test.status != JobStatus::Succeeded {
                return Ok(Said::UnderWay(run.web_url));
            }
            return self.report_at(name, pushed, (test, build), found).await;
        }
        Ok(Said::Nothing)
    }

    /// The report of the run of exactly this commit, by the commit's own configuration.
    async fn report_at(
        &self,
        name: &ModelName,
        pushed: &PushedRun,
        (test, build): (&Job, Option<&Job>),
        found: &mut Found,
    ) -> Result<Said, Failure> {
        let repo = self.id.repo;
        if let Some(stored) = self.store.report(repo, test.id).await? {
            let ours = stored.model == *name && stored.head == pushed.commit;
            return Ok(if ours { Said::Report(Box::new(stored)) } else { Said::Nothing });
        }
        let configuration = self.configuration(&pushed.commit).await?;
        let Some(model) = model_of(&configuration, name) else { return Ok(Said::Nothing) };
        if self.known_unreadable(test).is_some() {
            return Ok(Said::Nothing);
        }
        match self.measure(model, &pushed.commit, test, build).await? {
            Ok(report) => {
                found.reports.push((repo, test.id, report.clone()));
                Ok(Said::Report(Box::new(report)))
            }
            Err(why) => {
                self.memory.unreadable.put((repo, test.id), (why, self.now));
                Ok(Said::Nothing)
            }
        }
    }

    /// A run with its jobs; one that has ended is not read again for a while. None when it is gone.
    async fn pushed_run(&self, pushed: &PushedRun) -> Result<Option<Run>, Failure> {
        let key = (self.id.repo, pushed.id);
        if let Some((known, _)) = self.memory.pushed.get(&key).filter(|(_, until)| self.now < *until) {
            return Ok(Some(known));
        }
        let run = match self.forge.run(self.id.repo, pushed.id).await {
            Ok(run) => run,
            Err(error) if error.kind == ErrorKind::Gone => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if run.sha != pushed.commit {
            return Ok(None);
        }
        if !run.jobs.is_empty() && run.jobs.iter().all(|job| job.status.is_final()) {
            self.memory.pushed.put(key, (run.clone(), self.now.after(SETTLED_LASTS)));
        }
        Ok(Some(run))
    }
}

/// Whether the rules that hold for the model compare with the target branch.
fn compares(policy: &Configuration, proposal: &Configuration, name: &ModelName) -> bool {
    let rules = model_of(policy, name).or_else(|| model_of(proposal, name));
    rules.is_some_and(|model| model.gates.baseline == BaselineChoice::TargetBranch)
}

fn model_of<'c>(configuration: &'c Configuration, name: &ModelName) -> Option<&'c Model> {
    match configuration {
        Configuration::Valid(config) => config.models.get(name),
        Configuration::Absent | Configuration::Invalid { .. } => None,
    }
}
