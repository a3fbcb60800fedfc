//! What the test job of exactly this head measured, read from the archives of its jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use rust_decimal::Decimal;

use crate::config::valid::Model;
use crate::domain::{Artifact, FailureCause, Job, JobStatus, ModelName, Report, Run, Sha, TestSummary};
use crate::engine::measure::{self, junit};
use crate::engine::{Configuration, ReportFact};
use crate::forge::{Archive, ArchiveLimits, ArtifactKind};
use crate::worker::failure::Failure;

use super::{Found, Gatherer};
use crate::worker::logs::is_final;

/// How much of the archive with the reports is read.
const REPORTS: ArchiveLimits =
    ArchiveLimits { compressed: 256 << 20, expanded: 1 << 30, entries: 20_000, wanted: 16 << 20 };

/// How much of the archive with the model's files is read; their content is only digested.
const MODEL: ArchiveLimits =
    ArchiveLimits { compressed: 8 << 30, expanded: 32 << 30, entries: 100_000, wanted: 0 };

/// Said where a model has no files of its own.
const NO_ARTIFACTS: &str =
    "`build.artifacts` names no file, so there is nothing to judge and publish; name the model's files there";

/// How long artifacts that could not be read are taken to be unreadable.
const UNREADABLE_LASTS: Duration = Duration::from_secs(60);

impl Gatherer<'_> {
    /// Reads the report of one model at `commit` (the head, or the merge commit in its place) into `found`,
    /// where its newest test job has ended.
    pub(super) async fn read_report(
        &self,
        name: &ModelName,
        commit: &Sha,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let known = self.state.models.get(name);
        let proposal = match known.is_some_and(|known| known.anew.is_some()) {
            true => found.facts.merged_configuration(),
            false => &found.facts.proposal,
        };
        let Configuration::Valid(config) = proposal else { return Ok(()) };
        let Some(model) = config.models.get(name) else { return Ok(()) };
        let Some(open) = &found.facts.open else { return Ok(()) };
        let counts = |run: &&Run| !self.state.other_target.contains(&run.id);
        let Some((test, build)) = newest(open.runs.iter().filter(counts), name) else { return Ok(()) };
        let stale = known.is_some_and(|known| known.stale.contains(&test.id));
        if stale || !measured(&test.status) {
            return Ok(());
        }
        let repo = self.id.repo;
        let fact = if let Some(stored) = self.store.report(repo, test.id).await? {
            ReportFact::Read(Box::new(stored))
        } else if let Some(why) = self.known_unreadable(test) {
            ReportFact::Unreadable { why }
        } else {
            match self.measure(model, commit, test, build).await? {
                Ok(report) => {
                    found.reports.push((repo, test.id, report.clone()));
                    ReportFact::Read(Box::new(report))
                }
                Err(why) => {
                    self.memory.unreadable.put((repo, test.id), (why.clone(), self.now));
                    ReportFact::Unreadable { why }
                }
            }
        };
        found.facts.open.get_or_insert_default().reports.insert(name.clone(), fact);
        Ok(())
    }

    pub(super) fn known_unreadable(&self, test: &Job) -> Option<String> {
        let (why, at) = self.memory.unreadable.get(&(self.id.repo, test.id))?;
        (self.now.since(at) < UNREADABLE_LASTS).then_some(why)
    }

    /// The report, or why there is none.
    pub(super) async fn measure(
        &self,
        model: &Model,
        head: &Sha,
        test: &Job,
        build: Option<&Job>,
    ) -> Result<Result<Report, String>, Failure> {
        let Some(build) = build else {
            return Ok(Err("the run has no build job that ended well".to_owned()));
        };
        if model.build.artifacts.is_empty() {
            return Ok(Err(NO_ARTIFACTS.to_owned()));
        }
        let metrics = globs(&model.root, &model.test.metrics);
        let tests = globs(&model.root, &model.test.junit);
        let wanted = |path: &str| metrics.is_match(path) || tests.is_match(path);
        let reports = match self.archive(test, ArtifactKind::Reports, &wanted, REPORTS).await? {
            Ok(archive) => archive,
            Err(why) => return Ok(Err(format!("the artifacts of the test job: {why}"))),
        };
        let files = match self.archive(build, ArtifactKind::Model, &|_path| false, MODEL).await? {
            Ok(archive) => archive,
            Err(why) => return Ok(Err(format!("the artifacts of the build job: {why}"))),
        };
        let numbers = numbers(&reports, &metrics);
        let tests = match summary(&reports, &tests, &model.test.junit) {
            Ok(tests) => tests,
            // A script that failed early leaves no results; its failure says enough.
            Err(_) if test.status != JobStatus::Succeeded => None,
            Err(why) => return Ok(Err(why)),
        };
        let dataset = match &model.test.dataset {
            Some(path) => self.forge.object(self.id.repo, &below(&model.root, path), head).await?,
            None => None,
        };
        let ours = globs(&model.root, &model.build.artifacts);
        let artifacts = files.entries.into_iter().filter(|entry| ours.is_match(&entry.path));
        let artifacts = artifacts
            .map(|entry| Artifact { path: entry.path, size: entry.size, sha256: entry.sha256 })
            .collect::<Vec<_>>();
        if artifacts.is_empty() {
            let named = model.build.artifacts.join(", ");
            return Ok(Err(format!("the build job left no file at {named}, so there is nothing to publish")));
        }
        Ok(Ok(Report {
            model: model.name.clone(),
            head: head.clone(),
            job: test.id,
            source: build.source.clone(),
            metrics: numbers.numbers,
            repeated: numbers.repeated,
            unusable: numbers.unusable,
            tests,
            artifacts,
            dataset,
        }))
    }

    /// The numbers that a job left which measured another version's files, or why there are none.
    pub(super) async fn scores(
        &self,
        model: &Model,
        job: &Job,
    ) -> Result<Result<BTreeMap<String, Decimal>, String>, Failure> {
        if let Some(why) = self.known_unreadable(job) {
            return Ok(Err(why));
        }
        let metrics = globs(&model.root, &model.test.metrics);
        let wanted = |path: &str| metrics.is_match(path);
        let read = match self.archive(job, ArtifactKind::Reports, &wanted, REPORTS).await? {
            Ok(reports) => Ok(numbers(&reports, &metrics).numbers),
            Err(why) => Err(format!("the artifacts of the evaluate job: {why}")),
        };
        let read = read.and_then(|found| match found.is_empty() {
            true => Err(format!("the evaluate job left no number at {}", model.test.metrics.join(", "))),
            false => Ok(found),
        });
        if let Err(why) = &read {
            self.memory.unreadable.put((self.id.repo, job.id), (why.clone(), self.now));
        }
        Ok(read)
    }

    async fn archive(
        &self,
        job: &Job,
        kind: ArtifactKind,
        wanted: &(dyn for<'p> Fn(&'p str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Result<Archive, String>, Failure> {
        match self.forge.archive(self.id.repo, job, kind, wanted, limits).await {
            Ok(archive) => Ok(Ok(archive)),
            Err(error) if is_final(&error) => Ok(Err(error.external)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The newest test job of a model, and the build job beside it that ended well before the test began.
pub(super) fn newest<'r>(
    mut runs: impl Iterator<Item = &'r Run>,
    name: &ModelName,
) -> Option<(&'r Job, Option<&'r Job>)> {
    let job = |run: &'r Run, task: &str| {
        run.jobs
            .iter()
            .filter(|job| job.model.as_ref() == Some(name) && job.task == task)
            .max_by_key(|job| job.id)
    };
    let (run, test) = runs.find_map(|run| Some((run, job(run, "test")?)))?;
    Some((
        test,
        job(run, "build").filter(|build| build.status == JobStatus::Succeeded && build.ended_before(test)),
    ))
}

/// What the files among these say that hold metrics.
fn numbers(reports: &Archive, metrics: &GlobSet) -> measure::Metrics {
    let files = reports.files.iter().filter(|(path, _)| metrics.is_match(path));
    measure::metrics(files.map(|(path, bytes)| (&**path, &**bytes)))
}

/// Whether a job ended by itself, so that what it left says something.
fn measured(status: &JobStatus) -> bool {
    matches!(status, JobStatus::Succeeded | JobStatus::Failed(FailureCause::Script))
}

/// All JUnit files as one; none where none is declared.
fn summary(archive: &Archive, wanted: &GlobSet, declared: &[String]) -> Result<Option<TestSummary>, String> {
    if declared.is_empty() {
        return Ok(None);
    }
    let mut all = TestSummary::default();
    let mut found = false;
    for (path, bytes) in archive.files.iter().filter(|(path, _)| wanted.is_match(path)) {
        let one = junit(bytes).map_err(|error| format!("{path}: {error}"))?;
        all = all.and(one);
        found = true;
    }
    if found { Ok(Some(all)) } else { Err(format!("no test results were found at {}", declared.join(", "))) }
}

/// A path below a model's root, as seen from the repository's root.
fn below(root: &str, path: &str) -> String {
    let root = root.trim_start_matches("./").trim_end_matches('/');
    let path = path.trim_start_matches("./");
    if root.is_empty() || root == "." { path.to_owned() } else { format!("{root}/{path}") }
}

/// Globs below a model's root. The configuration was validated, so that each is a good glob.
fn globs(root: &str, patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if let Ok(glob) =
            GlobBuilder::new(&below(&globset::escape(root), pattern)).literal_separator(true).build()
        {
            set.add(glob);
        }
    }
    set.build().unwrap_or_else(|_too_large| GlobSet::empty())
}
