//! `mergewright replay`: what one saved payload leads to, and that it is what the bot really does.

use std::path::{Path, PathBuf};
use std::process::Command;

use mergewright::cli::Answer;
use mergewright::cli::replay::{Arguments, replay};
use mergewright::domain::ForgeKind;
use serde_json::Value;

use crate::flow::IRIS;

mod live;

/// The saved payloads: file and event, at GitLab and GitHub.
const CASES: [(&str, &str, &str); 9] = [
    ("opened", "Merge Request Hook", "pull_request"),
    ("pushed", "Merge Request Hook", "pull_request"),
    ("push", "Push Hook", "push"),
    ("fork", "Merge Request Hook", "pull_request"),
    ("help", "Note Hook", "issue_comment"),
    ("approve", "Note Hook", "issue_comment"),
    ("refused", "Note Hook", "issue_comment"),
    ("chat", "Note Hook", "issue_comment"),
    ("strange", "Merge Request Hook", "pull_request"),
];

/// A clone in which `deeper` is one commit ahead of `main`.
struct Scene {
    folder: tempfile::TempDir,
    main: String,
    head: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("clone");
        std::fs::create_dir_all(clone.join("models/iris/data")).unwrap();
        git(&clone, &["init", "--quiet", "--initial-branch=main"]);
        let write = |path: &str, text: &str| std::fs::write(clone.join(path), text).unwrap();
        write(".mergewright.yml", IRIS);
        write("models/iris/params.json", "{}\n");
        write("models/iris/data/holdout.csv", "1,2,3\n");
        git(&clone, &["add", "."]);
        git(&clone, &["commit", "--quiet", "--message=Begin"]);
        let main = git(&clone, &["rev-parse", "HEAD"]);
        git(&clone, &["switch", "--quiet", "--create=deeper"]);
        write("models/iris/params.json", "{\"depth\": 3}\n");
        git(&clone, &["commit", "--quiet", "--all", "--message=Go deeper"]);
        let head = git(&clone, &["rev-parse", "HEAD"]);
        Self { folder, main, head }
    }

    fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    /// A file of tests/data/replay, its commits filled in.
    fn given(&self, forge: ForgeKind, name: &str) -> PathBuf {
        let text = std::fs::read_to_string(data(forge, name)).unwrap();
        let file = self.folder.path().join(name);
        std::fs::write(&file, text.replace("{{head}}", &self.head).replace("{{main}}", &self.main)).unwrap();
        file
    }

    /// What was printed, with the commits by their names.
    fn told(&self, text: &str) -> String {
        text.replace(&self.head, "{{head}}")
            .replace(&self.main, "{{main}}")
            .replace(&self.head[..8], "{{head8}}")
            .replace(&self.main[..8], "{{main8}}")
    }
}

fn data(forge: ForgeKind, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/replay/{forge}/{name}"))
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ben").env(format!("GIT_{role}_EMAIL"), "ben@example.com");
        command.env(format!("GIT_{role}_DATE"), "2026-11-23T08:00:00Z");
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let done = command.arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn event(forge: ForgeKind, gitlab: &str, github: &str) -> String {
    if forge == ForgeKind::GitLab { gitlab.to_owned() } else { github.to_owned() }
}

fn played(scene: &Scene, forge: ForgeKind, name: &str, event: String) -> Answer {
    let own = format!("{name}.facts.json");
    let facts = if data(forge, &own).is_file() { own.as_str() } else { "facts.json" };
    replay(&Arguments {
        file: scene.given(forge, &format!("{name}.json")),
        forge,
        event,
        facts: Some(scene.given(forge, facts)),
        repo: Some(scene.clone()),
    })
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// To write them anew: `MERGEWRIGHT_WRITE_GOLDENS=1 cargo test replay`, and read what changed.
#[test]
fn saved_payloads_lead_to_exactly_their_calls() {
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
        for (name, gitlab, github) in CASES {
            let answer = played(&scene, forge, name, event(forge, gitlab, github));
            assert_eq!((answer.status, answer.err.as_str()), (0, ""), "{forge} {name}");
            let told = scene.told(&answer.out);
            let golden = data(forge, &format!("{name}.jsonl"));
            if std::env::var_os("MERGEWRIGHT_WRITE_GOLDENS").is_some() {
                std::fs::write(&golden, &told).unwrap();
            }
            if std::fs::read_to_string(&golden).ok().as_deref() != Some(told.as_str()) {
                wrong.push(format!("{}:\n{told}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_opened_merge_request_is_reported_labelled_and_given_statuses() {
    let scene = Scene::new();
    for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
        let answer = played(&scene, forge, "opened", event(forge, "Merge Request Hook", "pull_request"));
        let lines = lines(&answer);
        let decision = &lines[0]["decision"];
        assert_eq!(decision["outcome"], "decided", "{decision}");
        assert_eq!(decision["models"]["iris"]["phase"], "AwaitingApproval", "{decision}");
        let calls: Vec<_> = lines[1..].iter().map(|call| call["url"].as_str().unwrap()).collect();
        let statuses = calls.iter().filter(|url| url.contains("/statuses/")).count();
        assert_eq!(statuses, 4, "umbrella, build, test and review: {calls:?}");
        let comment = lines[1..].iter().find(|call| {
            let body = call["body"]["body"].as_str().unwrap_or_default();
            body.starts_with("<!-- mergewright:report -->\n") && body.contains("0.94")
        });
        assert!(comment.is_some(), "{}", answer.out);
        assert!(answer.out.contains("model::review"), "{}", answer.out);
    }
}

#[test]
fn an_owners_approval_is_taken_and_that_of_the_author_refused() {
    let scene = Scene::new();
    for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
        let event = event(forge, "Note Hook", "issue_comment");
        let taken = played(&scene, forge, "approve", event.clone());
        assert_eq!(lines(&taken)[0]["decision"]["models"]["iris"]["phase"], "Ready", "{}", taken.out);
        let refused = played(&scene, forge, "refused", event);
        assert_eq!(lines(&refused)[0]["decision"]["models"]["iris"]["phase"], "AwaitingApproval");
        assert!(refused.out.contains("<!-- mergewright:reply:900 -->"), "{}", refused.out);
    }
}

#[test]
fn what_is_needed_and_unknown_is_listed() {
    let scene = Scene::new();
    for (forge, name, needed) in [
        (ForgeKind::GitLab, "Merge Request Hook", "GET /projects/7/repository/branches?search=%5Emain"),
        (ForgeKind::GitHub, "pull_request", "GET /repos/acme/iris/contents/.mergewright.yml?ref="),
    ] {
        let file = scene.given(forge, "opened.json");
        let answer = replay(&Arguments { file, forge, event: name.to_owned(), facts: None, repo: None });
        assert_eq!(answer.status, 0, "{}", answer.err);
        let lines = lines(&answer);
        assert_eq!(lines.len(), 1, "nothing follows from what is not decided: {}", answer.out);
        assert_eq!(lines[0]["decision"]["outcome"], "undecided");
        assert!(lines[0]["decision"]["why"].as_str().unwrap().contains("--facts"), "{}", answer.out);
        let unknown = lines[0]["decision"]["unknown"].to_string();
        assert!(unknown.contains(needed), "{unknown}");
    }
}

#[test]
fn a_payload_whose_commits_are_gone_is_played_on_its_branch() {
    let scene = Scene::new();
    for forge in [ForgeKind::GitLab, ForgeKind::GitHub] {
        let file = scene.given(forge, "opened.json");
        let other = std::fs::read_to_string(&file).unwrap().replace(&scene.head, &"b".repeat(40));
        std::fs::write(&file, other).unwrap();
        let event = event(forge, "Merge Request Hook", "pull_request");
        let answer = replay(&Arguments { file, forge, event, facts: None, repo: Some(scene.clone()) });
        let decision = &lines(&answer)[0]["decision"];
        assert_eq!(decision["outcome"], "decided", "{}", answer.out);
        let stands = format!("{} is not in the clone: {} stands for it", "b".repeat(40), scene.head);
        assert!(decision["assumed"].as_array().unwrap().contains(&stands.into()), "{decision}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_ends_with_one() {
    let scene = Scene::new();
    for (forge, place) in
        [(ForgeKind::GitLab, "malformed.json:4:0"), (ForgeKind::GitHub, "malformed.json:4:0")]
    {
        let answer = played(&scene, forge, "malformed", "pull_request".to_owned());
        assert_eq!((answer.status, answer.out.as_str()), (1, ""));
        assert!(answer.err.contains(place) && answer.err.contains("as the forge sent it"), "{}", answer.err);
    }
    let with = |facts: Option<PathBuf>, repo: Option<PathBuf>, file: PathBuf| {
        let forge = ForgeKind::GitHub;
        replay(&Arguments { file, forge, event: "pull_request".to_owned(), facts, repo })
    };
    let opened = scene.given(ForgeKind::GitHub, "opened.json");
    let absent = with(None, None, scene.folder.path().join("absent.json"));
    assert!(absent.status == 1 && absent.err.contains("absent.json"), "{}", absent.err);
    let facts = scene.folder.path().join("wrong.json");
    std::fs::write(&facts, "{\n  \"poeple\": {}\n}").unwrap();
    let wrong = with(Some(facts), None, opened.clone());
    assert!(wrong.status == 1 && wrong.err.contains("wrong.json:2:"), "{}", wrong.err);
    let folder = scene.folder.path().join("empty");
    std::fs::create_dir(&folder).unwrap();
    let no_clone = with(None, Some(folder), opened);
    assert!(no_clone.status == 1 && no_clone.err.contains("no clone"), "{}", no_clone.err);
}

#[test]
fn the_program_prints_the_decision_and_then_the_calls() {
    let scene = Scene::new();
    let file = scene.given(ForgeKind::GitHub, "chat.json");
    let done = Command::new(env!("CARGO_BIN_EXE_mergewright"))
        .args(["replay", file.to_str().unwrap(), "--forge", "github", "--event", "issue_comment"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(out.starts_with("{\"decision\":{") && out.contains("no-command"), "{out}");
    let wrong = Command::new(env!("CARGO_BIN_EXE_mergewright")).args(["replay", "x.json"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "a forge and an event are needed");
}
