//! What differs between the forges for a test that is the same on both: names of hooks, addresses of calls,
//! and how the bot and the forge are introduced to each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mergewright::domain::ForgeKind;
use mergewright::generator::Dialect;
use mergewright::sandbox::{Sandbox, SandboxProject};

use super::play::{HUB_SECRET, SIGNING_TOKEN};

/// Makes each of these functions, `async fn(ForgeKind)`, a test on every forge: `gitlab::…` and
/// `github::…` below the file's own module.
macro_rules! on_both_forges {
    (two threads: $($(#[$attribute:meta])* $name:ident,)+) => {
        on_both_forges! { @ $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] $(#[$attribute])* $name,)+ }
    };
    ($($(#[$attribute:meta])* $name:ident,)+) => {
        on_both_forges! { @ $(#[tokio::test] $(#[$attribute])* $name,)+ }
    };
    (@ $($(#[$attribute:meta])* $name:ident,)+) => {
        mod gitlab {
            $(
                $(#[$attribute])*
                async fn $name() {
                    super::$name(mergewright::domain::ForgeKind::GitLab).await;
                }
            )+
        }
        mod github {
            $(
                $(#[$attribute])*
                async fn $name() {
                    super::$name(mergewright::domain::ForgeKind::GitHub).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_forges;

/// Where the forge's webhooks are received.
pub(crate) const fn door(forge: ForgeKind) -> &'static str {
    match forge {
        ForgeKind::GitLab => "/webhooks/gitlab",
        ForgeKind::GitHub => "/webhooks/github",
    }
}

/// Subscribes the bot at `address` (scheme, host and port) to everything.
pub(crate) fn subscribe(forge: ForgeKind, project: &SandboxProject, address: &str) {
    let url = format!("{address}{}", door(forge));
    match forge {
        ForgeKind::GitLab => project.hook(&url, Some(SIGNING_TOKEN), None).unwrap(),
        ForgeKind::GitHub => project.hook(&url, None, Some(HUB_SECRET)).unwrap(),
    };
}

pub(crate) const fn dialect(forge: ForgeKind) -> Dialect {
    match forge {
        ForgeKind::GitLab => Dialect::GitLab,
        ForgeKind::GitHub => Dialect::GitHub,
    }
}

/// The bot's configuration as text; secrets are named `TOKEN`, `SIGNING` and `HUB_SECRET`.
pub(crate) fn server_lines(forge: ForgeKind, lines: &str, sandbox: &Sandbox) -> String {
    let url = sandbox.url();
    let database = if lines.contains("database_url:") { "" } else { "database_url: sqlite://bot.db\n" };
    let mut text = format!("listen: 127.0.0.1:0\n{database}{lines}");
    let section = match forge {
        ForgeKind::GitLab => {
            format!("gitlab:\n  url: {url}\n  webhook_signing_tokens: [{{env: SIGNING}}]\n")
        }
        ForgeKind::GitHub => format!("github:\n  api_url: {url}\n  webhook_secrets: [{{env: HUB_SECRET}}]\n"),
    };
    writeln!(text, "{section}  token: {{env: TOKEN}}\n  write_interval: 0s").unwrap();
    text
}

/// A release's name and files: GitHub keeps them itself, GitLab links to its packages.
pub(crate) fn released_files(project: &SandboxProject, tag: &str) -> (String, BTreeMap<String, Vec<u8>>) {
    let release = project.releases().unwrap().remove(tag).unwrap();
    let linked: BTreeSet<_> = release.links.into_iter().map(|link| link.name).collect();
    let packages = project.packages().unwrap().into_iter().filter(|file| linked.contains(&file.name));
    let packed = packages.map(|file| (file.name, file.content));
    let assets = release.assets.into_iter().map(|asset| (asset.name, asset.content));
    (release.name, packed.chain(assets).collect())
}

/// Something that a forge tells us by a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Comment,
    Push,
    Tag,
    MergeRequest,
    Job,
    Run,
    Release,
    Deployment,
}

impl Told {
    /// The events' names; what one forge tells in one hook, the other may tell in two.
    pub(crate) const fn events(self, forge: ForgeKind) -> &'static [&'static str] {
        match (forge, self) {
            (ForgeKind::GitLab, Self::Comment) => &["Note Hook"],
            (ForgeKind::GitLab, Self::Push) => &["Push Hook"],
            (ForgeKind::GitLab, Self::Tag) => &["Tag Push Hook"],
            (ForgeKind::GitLab, Self::MergeRequest) => &["Merge Request Hook"],
            (ForgeKind::GitLab, Self::Job) => &["Job Hook"],
            (ForgeKind::GitLab, Self::Run) => &["Pipeline Hook"],
            (ForgeKind::GitLab, Self::Release) => &["Release Hook"],
            (ForgeKind::GitLab, Self::Deployment) => &["Deployment Hook"],
            (ForgeKind::GitHub, Self::Comment) => &["issue_comment"],
            (ForgeKind::GitHub, Self::Push) => &["push"],
            (ForgeKind::GitHub, Self::Tag) => &["create"],
            (ForgeKind::GitHub, Self::MergeRequest) => &["pull_request"],
            (ForgeKind::GitHub, Self::Job) => &["workflow_job"],
            (ForgeKind::GitHub, Self::Run) => &["workflow_run"],
            (ForgeKind::GitHub, Self::Release) => &["release"],
            (ForgeKind::GitHub, Self::Deployment) => &["deployment", "deployment_status"],
        }
    }

    /// Whether an event of this name tells it.
    pub(crate) fn by(self, forge: ForgeKind, event: &str) -> bool {
        self.events(forge).contains(&event)
    }
}

/// Method and address (as a pattern) of a call by what it is for. A name that this forge has no call for
/// is an error of the test.
pub(crate) fn call(forge: ForgeKind, name: &str) -> (&'static str, &'static str) {
    let others = match forge {
        ForgeKind::GitLab => OTHER_GITLAB.as_slice(),
        ForgeKind::GitHub => OTHER_GITHUB.as_slice(),
    };
    let found = calls(forge).iter().chain(others).find(|call| call.0 == name);
    let (_, method, path) = found.unwrap_or_else(|| panic!("no call of {forge} is for: {name}"));
    (method, path)
}

/// Calls that a good lifecycle does without.
const OTHER_GITLAB: [(&str, &str, &str); 5] = [
    ("log", "GET", "*/trace"),
    ("merge requests", "GET", "*/merge_requests"),
    ("versions", "GET", "*/merge_requests/1/versions"),
    ("commit files", "POST", "*/repository/commits"),
    ("open merge request", "POST", "*/merge_requests"),
];
const OTHER_GITHUB: [(&str, &str, &str); 4] = [
    ("log", "GET", "*/actions/jobs/*/logs"),
    ("merge requests", "GET", "*/pulls"),
    ("commit files", "PATCH", "*/git/refs/heads/*"),
    ("open merge request", "POST", "*/pulls"),
];

/// Every kind of call in a lifecycle: what it is for, its method and address.
pub(crate) fn calls(forge: ForgeKind) -> &'static [(&'static str, &'static str, &'static str)] {
    match forge {
        ForgeKind::GitLab => &GITLAB,
        ForgeKind::GitHub => &GITHUB,
    }
}

const GITLAB: [(&str, &str, &str); 22] = [
    ("who we are", "GET", "*/user"),
    ("merge request", "GET", "*/merge_requests/1"),
    ("changes", "GET", "*/merge_requests/1/diffs"),
    ("approvals", "GET", "*/merge_requests/1/approvals"),
    ("runs", "GET", "*/merge_requests/1/pipelines"),
    ("jobs", "GET", "*/pipelines/*/jobs"),
    ("archive", "GET", "*/artifacts"),
    ("file", "GET", "*/repository/files/*"),
    ("branch", "GET", "*/repository/branches*"),
    ("rights", "GET", "*/members/all/*"),
    ("comments", "GET", "*/merge_requests/1/notes"),
    ("one comment", "GET", "*/merge_requests/1/notes/*"),
    ("create comment", "POST", "*/merge_requests/1/notes"),
    ("edit comment", "PUT", "*/merge_requests/1/notes/*"),
    ("reaction", "POST", "*/award_emoji"),
    ("status", "POST", "*/statuses/*"),
    ("label", "PUT", "*/merge_requests/1"),
    ("merge", "PUT", "*/merge_requests/1/merge"),
    ("tag", "POST", "*/repository/tags"),
    ("dispatch", "POST", "*/pipeline"),
    ("release", "POST", "*/releases"),
    // A file's address ends with its name.
    ("upload", "PUT", "*/packages/generic/*"),
];

const GITHUB: [(&str, &str, &str); 24] = [
    ("who we are", "GET", "*/user"),
    ("merge request", "GET", "*/pulls/1"),
    ("changes", "GET", "*/pulls/1/files"),
    ("approvals", "GET", "*/pulls/1/reviews"),
    ("authors", "GET", "*/pulls/1/commits"),
    ("runs", "GET", "*/actions/runs"),
    ("jobs", "GET", "*/actions/runs/*/jobs"),
    ("archive", "GET", "*/actions/artifacts/*/zip"),
    ("file", "GET", "*/contents/*"),
    ("branch", "GET", "*/git/ref/heads/*"),
    ("rights", "GET", "*/collaborators/*/permission"),
    ("comments", "GET", "*/issues/1/comments"),
    ("one comment", "GET", "*/issues/comments/*"),
    ("create comment", "POST", "*/issues/1/comments"),
    ("edit comment", "PATCH", "*/issues/comments/*"),
    ("reaction", "POST", "*/reactions"),
    ("status", "POST", "*/statuses/*"),
    ("label", "POST", "*/issues/1/labels"),
    ("merge", "PUT", "*/pulls/1/merge"),
    ("tag object", "POST", "*/git/tags"),
    ("tag", "POST", "*/git/refs"),
    ("dispatch", "POST", "*/actions/workflows/*/dispatches"),
    ("release", "POST", "*/releases"),
    ("upload", "POST", "*/releases/*/assets*"),
];
