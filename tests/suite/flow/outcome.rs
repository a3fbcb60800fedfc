//! What is to be seen when a good merge request went its whole way, however it went.

use std::collections::BTreeMap;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{CheckRun, MergeRequestState, PipelineSource, Recorded, SandboxProject};

use super::Play;
use super::play::{BOT, OWNER, REPORT};

pub(crate) const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

/// Everything that a person can see when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) label: String,
    pub(crate) statuses: BTreeMap<String, String>,
    /// What the newest check of each name came to, or how far it is.
    pub(crate) checks: BTreeMap<String, String>,
    /// All checks that were ever made.
    pub(crate) checks_made: usize,
    /// What can be pressed on the umbrella.
    pub(crate) buttons: Vec<String>,
    /// What the umbrella says on what a queue tries, while it is there.
    pub(crate) queued: Option<String>,
    pub(crate) merged: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) releases: BTreeMap<String, (String, Vec<String>)>,
    pub(crate) packages: Vec<String>,
    pub(crate) reports: usize,
    /// Comments of ours that are no report: replies, and twins that were folded.
    pub(crate) others: usize,
    pub(crate) says_published: bool,
    pub(crate) reactions: Vec<Vec<String>>,
    pub(crate) runs_by_merge_request: usize,
    pub(crate) runs_by_us: usize,
}

/// A call by its method and what is below the repository, with every number and name in it made alike.
pub(crate) fn alike(method: &str, path: &str) -> String {
    // `/api/v4/projects/ID/…` or `/repos/OWNER/NAME/…`; what stands above a repository is itself.
    let above = match path {
        _ if path.starts_with("/api/") => 5,
        "/graphql" => 1,
        _ => 4,
    };
    let below = path.split('/').skip(above);
    let alike = below.map(|part| {
        let name = part.len() >= 20 || part.contains(['%', '.', '@']) || part == "main";
        if name || part.bytes().all(|byte| byte.is_ascii_digit()) { "*" } else { part }
    });
    format!("{method} {}", alike.collect::<Vec<_>>().join("/"))
}

/// How it stands now.
pub(crate) fn end(play: &Play, number: u64) -> End {
    End::of(&play.project, play.bot.id, number)
}

impl End {
    /// How a merge request stands, with what we (the account `bot`) left behind.
    pub(crate) fn of(project: &SandboxProject, bot: u64, number: u64) -> Self {
        let request = project.merge_request(number).unwrap();
        let statuses = project.statuses(&request.head).unwrap();
        let checks = project.checks(&request.head).unwrap();
        let releases = project.releases().unwrap();
        let comments = project.comments(number).unwrap();
        let runs = project.pipelines().unwrap();
        let of = |source: &PipelineSource| runs.iter().filter(|run| run.source == *source).count();
        let ours = comments.iter().filter(|comment| comment.author == bot && !comment.system);
        let reports = ours.clone().filter(|comment| comment.body.starts_with(REPORT));
        let labels: Vec<_> =
            request.labels.iter().filter(|label| label.starts_with("model::")).cloned().collect();
        End {
            label: labels.join(" "),
            statuses: statuses.into_iter().map(|(name, status)| (name, status.state)).collect(),
            buttons: checks.get("mergewright").into_iter().flat_map(buttons).collect(),
            checks: checks
                .into_iter()
                .map(|(name, check)| (name, check.conclusion.unwrap_or(check.status)))
                .collect(),
            checks_made: project.all_checks().unwrap().len(),
            queued: project.queued(number).unwrap().map(|queued| {
                let tried = queued.trial.map(|trial| project.statuses(&trial.commit).unwrap());
                let umbrella = tried.and_then(|mut statuses| statuses.remove("mergewright"));
                umbrella.map(|status| status.state).unwrap_or_default()
            }),
            merged: matches!(request.state, MergeRequestState::Merged { .. }),
            tags: project.tags().unwrap().into_iter().map(|tag| tag.name).collect(),
            releases: releases
                .into_iter()
                .map(|(tag, release)| {
                    let links = release.links.into_iter().map(|link| link.name);
                    let files = links.chain(release.assets.into_iter().map(|asset| asset.name));
                    (tag, (release.name, files.collect()))
                })
                .collect(),
            packages: project.packages().unwrap().into_iter().map(|file| file.name).collect(),
            reports: reports.clone().count(),
            others: ours.clone().count() - reports.clone().count(),
            says_published: reports.clone().any(|one| one.body.contains("ublished")),
            reactions: comments
                .iter()
                .filter(|comment| comment.author != bot)
                .map(|comment| comment.reactions.iter().map(|reaction| reaction.name.clone()).collect())
                .collect(),
            runs_by_merge_request: of(&PipelineSource::MergeRequest),
            runs_by_us: of(&PipelineSource::Api),
        }
    }
}

fn buttons(check: &CheckRun) -> Vec<String> {
    check.actions.iter().map(|action| action.identifier.clone()).collect()
}

/// The same end as an App, to whom everything is said by buttons: checks in the place of statuses.
pub(crate) fn published_by_app() -> End {
    let end = published(ForgeKind::GitHub);
    End {
        checks_made: end.statuses.len(),
        checks: end.statuses,
        statuses: BTreeMap::new(),
        reactions: Vec::new(),
        ..end
    }
}

/// The same end where a queue merges: GitLab's train has a pipeline of its own.
pub(crate) fn published_by_queue(forge: ForgeKind) -> End {
    let end = published(forge);
    let trains = usize::from(forge == ForgeKind::GitLab);
    End { runs_by_merge_request: end.runs_by_merge_request + trains, ..end }
}

/// The end that every play of one good merge request must come to.
pub(crate) fn published(forge: ForgeKind) -> End {
    let statuses = ["", "/generated", "/iris/build", "/iris/test", "/iris/review", "/iris/publish"];
    let files = || vec!["lineage.json".to_owned(), "manifest.txt".to_owned()];
    End {
        label: "model::published".to_owned(),
        statuses: statuses.map(|name| (format!("mergewright{name}"), "success".to_owned())).into(),
        checks: BTreeMap::new(),
        checks_made: 0,
        buttons: Vec::new(),
        queued: None,
        merged: true,
        tags: vec!["iris@v1.0.0".to_owned()],
        releases: [("iris@v1.0.0".to_owned(), ("iris v1".to_owned(), files()))].into(),
        // GitHub keeps a release's files itself.
        packages: if forge == ForgeKind::GitLab { files() } else { Vec::new() },
        reports: 1,
        others: 0,
        says_published: true,
        reactions: vec![vec!["eyes".to_owned()]; 2],
        runs_by_merge_request: 1,
        runs_by_us: 1,
    }
}

/// What the bot sent that must not happen twice, by kind.
pub(crate) fn sent(play: &Play) -> BTreeMap<&'static str, usize> {
    sent_by(play, BOT)
}

/// The same of the bot with this login.
pub(crate) fn sent_by(play: &Play, login: &str) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for request in play.sandbox.requests().iter().filter(|request| request.by.as_deref() == Some(login)) {
        if let Some(kind) = kind(request) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    counts
}

pub(crate) fn kind(request: &Recorded) -> Option<&'static str> {
    let path = request.url.split('?').next().unwrap_or_default();
    match request.method.as_str() {
        "POST" if path.ends_with("/notes") || path.ends_with("/comments") => Some("comment"),
        "POST" if path.ends_with("/repository/tags") || path.ends_with("/git/refs") => Some("tag"),
        "POST" if path.ends_with("/releases") => Some("release"),
        "POST" if path.ends_with("/pipeline") || path.ends_with("/dispatches") => Some("dispatch"),
        "POST" if path.ends_with("/award_emoji") || path.ends_with("/reactions") => Some("reaction"),
        "PUT" if path.ends_with("/merge") => Some("merge"),
        _ => None,
    }
}

pub(crate) fn once_each() -> BTreeMap<&'static str, usize> {
    ["comment", "tag", "release", "dispatch", "merge"]
        .into_iter()
        .map(|kind| (kind, 1))
        .chain([("reaction", 2)])
        .collect()
}

/// How an owner says that it is good, and that it is to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    Comments,
    Buttons,
}

/// A candidate that was built and measured, with a while after each step.
pub(crate) async fn patient_candidate(play: &mut Play) -> u64 {
    let number = play.opens("Train longer").await;
    a_while(play).await;
    play.builds(number, "weights").await;
    a_while(play).await;
    play.measures(number, GOOD).await;
    a_while(play).await;
    number
}

/// The lifecycle with a while after each step, in which whatever was put off is done.
pub(crate) async fn patient_lifecycle(play: &mut Play) -> u64 {
    patiently(play, Saying::Comments).await
}

/// The same, told in this way.
pub(crate) async fn patiently(play: &mut Play, by: Saying) -> u64 {
    let number = patient_candidate(play).await;
    for verb in ["approve", "publish"] {
        match by {
            Saying::Comments => {
                play.says(OWNER, number, &format!("/model {verb}")).await;
            }
            Saying::Buttons => {
                play.project.presses(OWNER, number, "mergewright", verb).unwrap();
                play.settle().await;
            }
        }
        a_while(play).await;
    }
    // A token that was refused is tried again after minutes only.
    play.passes(Duration::from_secs(900)).await;
    // What may have been started is not started again within a minute.
    a_while(play).await;
    play.publishes().await;
    a_while(play).await;
    number
}

pub(crate) async fn a_while(play: &mut Play) {
    for seconds in [5, 30, 60, 120] {
        play.passes(Duration::from_secs(seconds)).await;
    }
}
