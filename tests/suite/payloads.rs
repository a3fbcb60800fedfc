//! Every recorded payload of the outside corpus is understood or put aside, never refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mergewright::domain::{ForgeKind, User, UserId};
use mergewright::event::{Event, Subject, parse};

/// The corpus beside the project; absent in a plain checkout.
fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts/payloads");
    folder.join("index.tsv").is_file().then_some(folder)
}

fn us() -> User {
    User { id: UserId(999_999_999), login: "mergewright".to_owned(), bot: true }
}

#[test]
fn every_recorded_payload_becomes_an_event_or_is_put_aside() {
    let Some(folder) = corpus() else {
        // Not by `eprintln!`: the test harness would swallow it.
        let said = b"NOT RUN: no recorded payloads: ../shared/contracts is absent beside the project\n";
        std::io::stderr().write_all(said).unwrap();
        return;
    };
    let mut failures = Vec::new();
    let mut counts = BTreeMap::<String, usize>::new();
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    for line in index.lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, event) = (columns.next().unwrap(), columns.nth(1).unwrap());
        let forge = if file.starts_with("gitlab/") { ForgeKind::GitLab } else { ForgeKind::GitHub };
        let body = fs::read(folder.join(file)).unwrap();
        match parse(forge, event, &body, &us()) {
            Ok(incoming) => *counts.entry(word(&incoming.subject, &incoming.event)).or_default() += 1,
            Err(error) => failures.push(format!("{file}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let total: usize = counts.values().sum();
    assert!(total >= 360, "only {total} payloads were read");
    // Not everything may be put aside.
    for (what, least) in [
        ("comment", 7),
        ("review", 1),
        ("merge request", 60),
        ("run", 14),
        ("branch", 5),
        ("commit", 3),
        ("tried", 1),
    ] {
        let found = counts.get(what).copied().unwrap_or(0);
        assert!(found >= least, "{what}: {found} of at least {least}; all: {counts:?}");
    }
}

fn word(subject: &Subject, event: &Event) -> String {
    match (subject, event) {
        (_, Event::Comment { .. }) => "comment".to_owned(),
        (_, Event::Review { .. }) => "review".to_owned(),
        (_, Event::Tried) => "tried".to_owned(),
        (Subject::MergeRequest(_), _) => "merge request".to_owned(),
        (Subject::Run { .. }, _) => "run".to_owned(),
        (Subject::Branch { .. }, _) => "branch".to_owned(),
        (Subject::Deployment { .. }, _) => "deployment".to_owned(),
        (Subject::Commit { .. }, _) => "commit".to_owned(),
        (Subject::Nothing { why }, _) => format!("nothing: {why}"),
    }
}
