//! A merge request to talk about: facts as the worker would read them, and one engine turn at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::{config::repository, domain::*, event::Event};

use crate::engine::{
    Addressed, Configuration, Facts, MergeFacts, OpenFacts, Registry, ReportFact, ToldComment, step,
};

/// The usual policy: one gate with a threshold and a regression rule, one approval by alice.
pub(super) const POLICY: &str = "
version: 1
models:
  iris:
    paths: ['models/iris/**']
    root: models/iris
    build: {run: ['python3 train.py'], artifacts: [model.json]}
    test:
      run: ['python3 evaluate.py']
      reports: {metrics: metrics.json}
      dataset: data/holdout.csv
      protect: [evaluate.py]
    gates:
      rules:
        - {metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}
    review: {approvals: 1, owners: ['@alice']}
    version: {strategy: sequence}
    publish: {run: ['sh publish.sh']}
";

pub(super) struct Scene {
    pub(super) facts: Facts,
    pub(super) state: State,
    pub(super) now: Timestamp,
    /// What the last turn asked for.
    pub(super) effects: Vec<Effect>,
    pub(super) audit: Vec<Audit>,
    pub(super) wake_at: Option<Timestamp>,
    pub(super) published: Vec<VersionRecord>,
    next: u64,
}

impl Scene {
    /// An open merge request of bob at head `a`, no run yet.
    pub(super) fn new() -> Self {
        let now = Timestamp(1_800_000_000_000);
        let repo = RepoId { forge: ForgeKind::GitLab, number: 5 };
        let facts = Facts {
            healing: None,
            bot: Addressed {
                user: user("mergewright"),
                addressing: crate::command::Addressing {
                    prefix: "/model".to_owned(),
                    login: "mergewright".to_owned(),
                },
                checks: false,
            },
            repository: Repository {
                id: repo,
                path: "acme/models".to_owned(),
                default_branch: "main".to_owned(),
                web_url: "https://forge.test/acme/models".to_owned(),
            },
            merge_request: MergeRequest {
                id: MergeRequestId { repo, number: 7 },
                title: "Train longer".to_owned(),
                author: user("bob"),
                source_branch: "longer".to_owned(),
                target_branch: "main".to_owned(),
                from_fork: false,
                head: sha('a'),
                head_since: Some(now),
                status: MergeRequestStatus::Open,
                commits: None,
                old_target: None,
                draft: false,
                reviewers: Vec::new(),
                mergeability: Mergeability::Mergeable,
                web_url: "https://forge.test/acme/models/-/merge_requests/7".to_owned(),
            },
            base: sha('0'),
            target_gone: false,
            policy: config(POLICY),
            proposal: config(POLICY),
            changed_paths: Some(paths(&["models/iris/train.py"])),
            code_owners: BTreeMap::new(),
            same_content: false,
            base_moved: None,
            open: Some(OpenFacts {
                authors: [CommitAuthor { login: None, email: "bob@acme.test".to_owned() }].into(),
                ..OpenFacts::default()
            }),
            merged: None,
            queue: None,
            sharing: Vec::new(),
            comments: Vec::new(),
            press: None,
            people: BTreeMap::new(),
            registry: [(iris(), Registry::default())].into(),
            environments: BTreeMap::new(),
            generated: None,
            regeneration: None,
            current: None,
        };
        let scene = Self {
            facts,
            state: State::default(),
            now,
            effects: Vec::new(),
            audit: Vec::new(),
            wake_at: None,
            published: Vec::new(),
            next: 100,
        };
        scene
            .person("alice", Permission::Write)
            .person("bob", Permission::Write)
            .person("mia", Permission::Maintain)
            .person("dave", Permission::Write)
            .person("eve", Permission::Read)
    }

    pub(super) fn person(mut self, login: &str, permission: Permission) -> Self {
        let emails = [format!("{login}@acme.test")].into();
        let standing = Standing::Known { permission, teams: BTreeSet::new(), emails };
        self.facts.people.insert(user(login).id, standing);
        self
    }

    pub(super) fn config(mut self, text: &str) -> Self {
        self.facts.policy = config(text);
        self.facts.proposal = config(text);
        self
    }

    /// The usual configuration with one piece of text replaced, on both sides.
    pub(super) fn with(self, from: &str, to: &str) -> Self {
        assert!(POLICY.contains(from), "{from}");
        self.config(&POLICY.replace(from, to))
    }

    /// Pushes a head: runs and reports are of the old one.
    pub(super) fn push(&mut self, name: char) -> &mut Self {
        self.tick();
        self.facts.merge_request.head = sha(name);
        self.facts.merge_request.head_since = Some(self.now);
        let open = self.open();
        open.runs.clear();
        open.reports.clear();
        self
    }

    pub(super) fn open(&mut self) -> &mut OpenFacts {
        self.facts.open.get_or_insert_default()
    }

    /// The newest run gets a job of iris, or the job it has gets this status.
    pub(super) fn job(&mut self, task: &str, status: JobStatus) -> &mut Self {
        if self.open().runs.is_empty() {
            self.run();
        }
        let id = JobId(self.number());
        let run = &mut self.open().runs[0];
        match run.jobs.iter_mut().find(|job| job.task == task) {
            Some(job) => job.status = status,
            None => run.jobs.push(job(id, task, status)),
        }
        self
    }

    /// A new run without jobs.
    pub(super) fn run(&mut self) -> RunId {
        let id = RunId(self.number());
        let sha = self.facts.merge_request.head.clone();
        let run = Run {
            id,
            sha,
            web_url: "https://forge.test/run".to_owned(),
            created_at: self.now,
            first_at: None,
            jobs: vec![],
        };
        self.open().runs.insert(0, run);
        id
    }

    /// A job that was run again: the same task under another number.
    pub(super) fn rerun(&mut self, task: &str, status: JobStatus) -> &mut Self {
        let id = JobId(self.number());
        self.open().runs[0].jobs.retain(|job| job.task != task);
        self.open().runs[0].jobs.push(job(id, task, status));
        self
    }

    /// Build and test ended well and left these metrics.
    pub(super) fn tested(&mut self, metrics: &[(&str, &str)]) -> &mut Self {
        self.job("build", JobStatus::Succeeded).job("test", JobStatus::Succeeded).reported(metrics)
    }

    /// The newest test job left these metrics.
    pub(super) fn reported(&mut self, metrics: &[(&str, &str)]) -> &mut Self {
        let head = self.facts.merge_request.head.clone();
        let jobs = &self.open().runs[0].jobs;
        let test = jobs.iter().find(|job| job.task == "test").unwrap().id;
        let report = Report { job: test, ..report_of(head, metrics) };
        self.open().reports.insert(iris(), ReportFact::Read(Box::new(report)));
        self
    }

    pub(super) fn report(&mut self) -> &mut Report {
        match self.open().reports.get_mut(&iris()) {
            Some(ReportFact::Read(report)) => report,
            other => panic!("no report: {other:?}"),
        }
    }

    /// A version that was published before.
    pub(super) fn published_before(&mut self, number: u64, metrics: &[(&str, &str)]) -> &mut Self {
        let record = record(number, metrics);
        self.facts.registry.entry(iris()).or_default().versions.push(record);
        self
    }

    /// Everything is green and approved.
    pub(super) fn ready() -> Self {
        let mut scene = Self::new();
        scene.tested(&[("accuracy", "0.95")]).look();
        scene.says("alice", "/model approve");
        assert_eq!(scene.phase(), Phase::Ready);
        scene
    }

    /// The forge shows it merged, as commit `m`.
    pub(super) fn merged(&mut self, by: &str) -> &mut Self {
        self.facts.merge_request.status = MergeRequestStatus::Merged { commit: sha('m'), by: Some(user(by)) };
        self.facts.merged = Some(MergeFacts { parent: Some(sha('0')), ..MergeFacts::default() });
        self
    }

    pub(super) fn tick(&mut self) {
        self.now = Timestamp(self.now.0 + 1_000);
    }

    /// One turn.
    pub(super) fn turn(&mut self, event: &Event) -> &mut Self {
        let transition = step(&self.state, &self.facts, event, self.now);
        self.state = transition.state;
        self.effects = transition.effects;
        self.audit = transition.audit;
        self.wake_at = transition.wake_at;
        self.published = transition.published;
        self
    }

    /// Time passes, and the engine looks at the facts.
    pub(super) fn look(&mut self) -> &mut Self {
        self.tick();
        self.turn(&Event::Refresh)
    }

    /// Somebody comments.
    pub(super) fn says(&mut self, login: &str, body: &str) -> &mut Self {
        self.tick();
        let told = self.comment(login, body);
        self.facts.comments = vec![told];
        self.turn(&Event::Refresh);
        self.facts.comments.clear();
        self
    }

    /// A comment as it is told and as it stands.
    pub(super) fn comment(&mut self, login: &str, body: &str) -> ToldComment {
        let id = CommentId(self.number());
        let now = Comment {
            id,
            author: user(login),
            body: body.to_owned(),
            created_at: self.now,
            updated_at: self.now,
            system: false,
            internal: false,
        };
        ToldComment { id, author: user(login), body: body.to_owned(), now: Some(now), seen: None }
    }

    /// The forge's own approval, its hook lost unless it is heard.
    pub(super) fn approves(&mut self, login: &str) -> &mut Self {
        self.tick();
        let at = Some(self.now);
        self.open().approvals.push(ForgeApproval { by: user(login), sha: None, at });
        self
    }

    /// The effect with this beginning of a slot came to an end.
    pub(super) fn outcome(&mut self, slot: &str, outcome: Outcome) -> &mut Self {
        self.tick();
        let slot = slot.to_owned();
        self.turn(&Event::Effect { slot, outcome })
    }

    pub(super) fn phase(&self) -> Phase {
        self.model().phase
    }

    pub(super) fn model(&self) -> &ModelState {
        &self.state.models[&iris()]
    }

    /// The slots that the last turn asked for, without what only shows or tells.
    pub(super) fn acts(&self) -> Vec<String> {
        let shows = |effect: &&Effect| {
            matches!(
                effect,
                Effect::Report { .. }
                    | Effect::Status { .. }
                    | Effect::Check { .. }
                    | Effect::Label { .. }
                    | Effect::RequestReviews { .. }
            )
        };
        self.effects.iter().filter(|effect| !shows(effect)).map(Effect::slot).collect()
    }

    /// The status of this context that was sent last for the head.
    pub(super) fn status(&self, context: &str) -> Option<StatusState> {
        self.state.shown.statuses_on.as_ref().filter(|(sha, _)| *sha == self.facts.merge_request.head)?;
        self.state.shown.statuses.get(context).map(|status| status.state)
    }

    /// The sticky comment of the last turn.
    pub(super) fn sticky(&self) -> &StickyReport {
        let mut reports = self.effects.iter().filter_map(|effect| match effect {
            Effect::Report { report } => Some(report),
            _ => None,
        });
        reports.next_back().expect("a sticky comment")
    }

    pub(super) fn section(&self) -> &ModelSection {
        &self.sticky().models[0]
    }

    /// The answers of the last turn.
    pub(super) fn answers(&self) -> Vec<Answer> {
        let replies = self.effects.iter().filter_map(|effect| match effect {
            Effect::Reply { reply, .. } => Some(reply.answers.clone()),
            _ => None,
        });
        replies.flatten().collect()
    }

    /// The rule of the only refusal.
    pub(super) fn refusal(&self) -> String {
        match self.answers().as_slice() {
            [Answer::Refused { rule, message, remedy, .. }] => {
                assert!(!message.is_empty() && !remedy.is_empty());
                rule.clone()
            }
            other => panic!("not one refusal: {other:?}"),
        }
    }

    /// The only answer, to a question.
    pub(super) fn text(&self) -> String {
        match self.answers().as_slice() {
            [Answer::Text { markdown }] => markdown.clone(),
            other => panic!("not one text: {other:?}"),
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

pub(in crate::engine) fn iris() -> ModelName {
    "iris".parse().unwrap()
}

/// A commit by one character; those that are no hex digit are spelt by their number.
pub(in crate::engine) fn sha(name: char) -> Sha {
    format!("{:02x}", u32::from(name)).repeat(20).parse().unwrap()
}

/// An account whose number follows from its login.
pub(in crate::engine) fn user(login: &str) -> User {
    let id = login.bytes().fold(7_u64, |sum, byte| sum * 31 + u64::from(byte));
    User { id: UserId(id), login: login.to_owned(), bot: false }
}

pub(in crate::engine) fn config(text: &str) -> Configuration {
    match repository::parse(text) {
        Ok(config) => Configuration::Valid(Box::new(config)),
        Err(problems) => panic!("{problems}"),
    }
}

pub(super) fn paths(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

pub(in crate::engine) fn job(id: JobId, task: &str, status: JobStatus) -> Job {
    let log_tail = matches!(status, JobStatus::Failed(_)).then(|| "Traceback".to_owned());
    Job {
        id,
        model: Some(iris()),
        task: task.to_owned(),
        status,
        web_url: format!("https://forge.test/jobs/{id}"),
        source: id.to_string(),
        started_at: None,
        finished_at: None,
        log_tail,
    }
}

/// What a test job of a commit left, on dataset `d`.
pub(in crate::engine) fn report_of(head: Sha, metrics: &[(&str, &str)]) -> Report {
    Report {
        model: iris(),
        job: JobId(1),
        source: "42".to_owned(),
        metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), value.parse().unwrap())).collect(),
        repeated: Default::default(),
        unusable: BTreeMap::new(),
        tests: None,
        artifacts: vec![Artifact {
            path: "models/iris/model.json".to_owned(),
            size: 9,
            sha256: Digest::of(head.as_str()),
        }],
        dataset: Some(sha('d')),
        head,
    }
}

pub(in crate::engine) fn record(number: u64, metrics: &[(&str, &str)]) -> VersionRecord {
    let metrics: BTreeMap<_, _> =
        metrics.iter().map(|(name, value)| ((*name).to_owned(), value.parse().unwrap())).collect();
    let version = Version::sequence(number);
    let repo = RepoId { forge: ForgeKind::GitLab, number: 5 };
    let lineage = Lineage {
        approved_by: vec![],
        artifacts: vec![],
        author: "bob".to_owned(),
        base: sha('0'),
        baseline: None,
        candidate: "cand-1.1-g00000000".to_owned(),
        commit: sha('v'),
        configuration: Digest::of("config"),
        dataset: Some(sha('d')),
        head: sha('h'),
        merge_request: 1,
        metrics: metrics.clone(),
        model: iris(),
        model_digest: Digest::of(number.to_string()),
        predecessor: None,
        report: Digest::of("report"),
        source: "1".to_owned(),
        version: version.clone(),
        waivers: vec![],
    };
    VersionRecord {
        repo,
        model: iris(),
        tag: version.tag(&iris()),
        version,
        commit: sha('v'),
        merge_request: MergeRequestId { repo, number: 1 },
        model_digest: lineage.model_digest,
        metrics,
        dataset: Some(sha('d')),
        published_at: Timestamp(0),
        lineage,
    }
}
