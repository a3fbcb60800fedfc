//! Effects that move a merge request: an answer that is lost doubles nothing.

use std::collections::BTreeMap;

use mergewright::config::server::Mode;
use mergewright::domain::{
    Digest, Done, Effect, FileChange, Lineage, MergeMethod, ModelName, NewCommit, Outcome, Proposal,
    ProposalText, RetirementKind, RetirementNote, Sha, Timestamp, Version, WorkOrder,
};
use mergewright::sandbox::{Fault, File, MergeRequestState};

use crate::stand::{BOT, Stand};

fn iris() -> ModelName {
    "iris".parse().unwrap()
}

fn lineage(stand: &Stand, commit: &Sha) -> Lineage {
    Lineage {
        approved_by: vec!["mia".to_owned()],
        artifacts: vec![],
        author: "ada".to_owned(),
        base: stand.main.clone(),
        baseline: None,
        candidate: "cand-1.1-g00000000".to_owned(),
        commit: commit.clone(),
        configuration: Digest::of("configuration"),
        dataset: None,
        head: stand.head.clone(),
        merge_request: 1,
        metrics: BTreeMap::new(),
        model: iris(),
        model_digest: Digest::of("model"),
        predecessor: None,
        report: Digest::of("report"),
        source: "1".to_owned(),
        version: Version::sequence(1),
        waivers: vec![],
    }
}

fn merge(head: &Sha) -> Effect {
    Effect::Merge { head: head.clone(), method: MergeMethod::Auto, target: "main".to_owned(), attempt: 0 }
}

fn tag(stand: &Stand, commit: &Sha) -> Effect {
    let lineage = Box::new(lineage(stand, commit));
    Effect::CreateTag { model: iris(), version: Version::sequence(1), lineage }
}

#[tokio::test]
async fn a_merge_whose_answer_was_lost_is_read_back() {
    for fault in [Fault::BreakAfter, Fault::BreakBefore, Fault::html(502)] {
        let stand = Stand::open().await;
        stand.forge.fail_next(1, "PUT", "*/merge_requests/1/merge", fault.clone()).unwrap();
        let outcome = stand.outcome(merge(&stand.head)).await;
        let main = stand.project.branch("main").unwrap();
        assert_eq!(outcome, Outcome::Done(Done::Merged { commit: main }), "{fault:?}");
        assert_eq!(stand.forge.failures_left(), 0, "{fault:?} was not met");
    }
}

#[tokio::test]
async fn a_merge_after_a_crash_finds_what_was_done() {
    let stand = Stand::open().await;
    stand.want(vec![merge(&stand.head)]).await;
    stand.die_while_performing().await;
    stand.project.merge(BOT, 1).unwrap();
    stand.perform(Mode::Act).await;
    let main = stand.project.branch("main").unwrap();
    assert_eq!(
        stand.heard().await,
        [(merge(&stand.head).slot(), Outcome::Done(Done::Merged { commit: main }))]
    );
    assert_eq!(stand.asked("PUT", "/merge"), 0, "it was merged already");
}

#[tokio::test]
async fn a_head_that_moved_is_not_merged() {
    let stand = Stand::open().await;
    let files = [File::write("params.json", "{\"depth\": 9}\n")];
    stand.project.push("ada", "deeper", &files, "Deeper still").unwrap();
    let outcome = stand.outcome(merge(&stand.head)).await;
    assert!(matches!(outcome, Outcome::Conflict { .. }), "{outcome:?}");
    assert_eq!(stand.project.merge_request(1).unwrap().state, MergeRequestState::Open);
}

#[tokio::test]
async fn a_tag_whose_answer_was_lost_is_ours_and_a_strangers_is_not() {
    let stand = Stand::open().await;
    stand.forge.fail_next(1, "POST", "*/repository/tags", Fault::BreakAfter).unwrap();
    let outcome = stand.outcome(tag(&stand, &stand.main)).await;
    let Outcome::Done(Done::Tagged { tag: made }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((made.name.as_str(), &made.commit), ("iris@v1.0.0", &stand.main));
    assert_eq!(made.message.trim_end(), lineage(&stand, &stand.main).canonical());
    assert_eq!(stand.project.tags().unwrap().len(), 1);

    let other = Stand::open().await;
    other.project.tag("mia", "iris@v1.0.0", "main", Some("mine")).unwrap();
    let outcome = other.outcome(tag(&other, &other.main)).await;
    let Outcome::Conflict { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("iris@v1.0.0 exists already"), "{reason}");
}

#[tokio::test]
async fn a_release_whose_answer_was_lost_is_completed() {
    let stand = Stand::open().await;
    stand.outcome(tag(&stand, &stand.main)).await;
    stand.forge.fail_next(1, "POST", "*/releases", Fault::BreakAfter).unwrap();
    let release = Effect::Release {
        model: iris(),
        version: Version::sequence(1),
        lineage: Box::new(lineage(&stand, &stand.main)),
        manifest: "00  1  model.json\n".to_owned(),
    };
    let outcome = stand.outcome(release).await;
    assert!(
        matches!(&outcome, Outcome::Done(Done::Released { web_url }) if !web_url.is_empty()),
        "{outcome:?}"
    );
    let releases = stand.project.releases().unwrap();
    assert_eq!(releases.keys().collect::<Vec<_>>(), ["iris@v1.0.0"]);
    assert_eq!(releases["iris@v1.0.0"].name, "iris v1");
    assert!(releases["iris@v1.0.0"].description.starts_with("iris v1, from merge request 1"));
}

#[tokio::test]
async fn a_refusal_is_told_and_not_repeated() {
    let stand = Stand::open().await;
    stand.forge.fail_next(30, "POST", "*/repository/tags", Fault::status(403)).unwrap();
    let outcome = stand.outcome(tag(&stand, &stand.main)).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert_eq!(stand.asked("POST", "/repository/tags"), 1);
}

#[tokio::test]
async fn an_outage_of_hours_ends_as_a_dead_letter_that_the_engine_hears_of() {
    let stand = Stand::open().await;
    stand.forge.fail_next(100, "POST", "*/repository/tags", Fault::html(502)).unwrap();
    stand.want(vec![tag(&stand, &stand.main)]).await;
    let mut tries = 0;
    for _ in 0..60 {
        tries += stand.perform(Mode::Act).await;
    }
    assert_eq!(tries, 30);
    assert_eq!(stand.store.dead_effects(10).await.unwrap().len(), 1);
    let heard = stand.heard().await;
    assert!(matches!(heard.as_slice(), [(_, Outcome::Refused { .. })]), "{heard:?}");
}

#[tokio::test]
async fn a_dispatch_whose_answer_was_lost_starts_one_run() {
    let ci = include_str!("../data/golden/gitlab/iris.gitlab-ci.yml");
    let stand = Stand::with(&[File::write(".gitlab-ci.yml", ci)]).await;
    stand.outcome(tag(&stand, &stand.main)).await;
    stand.forge.fail_next(1, "POST", "*/pipeline", Fault::BreakAfter).unwrap();
    let order = WorkOrder {
        action: "publish".to_owned(),
        model: iris(),
        version: Some(Version::sequence(1).into()),
        commit: stand.main.clone(),
        environment: None,
        traffic: None,
        source: "1".to_owned(),
    };
    let outcome = stand.outcome(Effect::Dispatch { branch: "main".to_owned(), order, attempt: 0 }).await;
    assert!(matches!(outcome, Outcome::Done(Done::Run { .. })), "{outcome:?}");
    assert_eq!(stand.forge.failures_left(), 0);
    assert_eq!(stand.asked("POST", "/pipeline"), 1);
}

/// A commit of the bot's on the merge request's branch.
fn commit(stand: &Stand) -> NewCommit {
    let file = FileChange { path: "ci.yml".to_owned(), content: Some("jobs\n".to_owned()), exists: false };
    NewCommit {
        branch: "deeper".to_owned(),
        parent: stand.head.clone(),
        begins: false,
        message: "Regenerate".to_owned(),
        files: vec![file],
    }
}

#[tokio::test]
async fn a_commit_after_a_crash_is_found_by_its_files_and_another_push_is_not_taken_for_it() {
    let effect = |stand: &Stand| Effect::CommitFiles { commit: Box::new(commit(stand)), attempt: 1 };
    let stand = Stand::open().await;
    stand.want(vec![effect(&stand)]).await;
    stand.die_while_performing().await;
    let made = stand.project.push(BOT, "deeper", &[File::write("ci.yml", "jobs\n")], "Regenerate").unwrap();
    stand.perform(Mode::Act).await;
    let done = Outcome::Done(Done::Committed { commit: made.clone() });
    assert_eq!(stand.heard().await, [(effect(&stand).slot(), done)]);
    assert_eq!(stand.project.branch("deeper").unwrap(), made, "no second commit");

    let other = Stand::open().await;
    let head = other.project.push("ada", "deeper", &[File::write("ci.yml", "mine\n")], "Mine").unwrap();
    let outcome = other.outcome(effect(&other)).await;
    assert!(matches!(outcome, Outcome::Conflict { .. }), "{outcome:?}");
    assert_eq!(other.project.branch("deeper").unwrap(), head);
}

#[tokio::test]
async fn a_proposal_after_a_crash_is_opened_once_and_its_branch_is_not_written_twice() {
    let stand = Stand::open().await;
    let begun =
        NewCommit { branch: "new".to_owned(), begins: true, parent: stand.main.clone(), ..commit(&stand) };
    let description =
        ProposalText { digest: Digest::of("one"), files: vec!["ci.yml".to_owned()], beside: Vec::new() };
    let proposal = Proposal {
        branch: "new".to_owned(),
        target: "main".to_owned(),
        title: "Add".to_owned(),
        description,
        commit: Some(begun),
    };
    let effect = Effect::Propose { proposal: Box::new(proposal) };
    stand.want(vec![effect.clone()]).await;
    stand.die_while_performing().await;
    let main = stand.main.clone();
    let made =
        stand.project.branch_off(BOT, "new", &main, &[File::write("ci.yml", "jobs\n")], "Add").unwrap();
    let number = stand.project.open_merge_request(BOT, "new", "Add").unwrap();
    stand.perform(Mode::Act).await;
    assert_eq!(stand.heard().await, [(effect.slot(), Outcome::Done(Done::Proposed { number }))]);
    assert_eq!(stand.project.branch("new").unwrap(), made);
    assert!(stand.project.merge_request(number + 1).is_err(), "never two");
}

#[tokio::test]
async fn a_retirement_after_a_crash_finds_its_tag() {
    let stand = Stand::open().await;
    let note = RetirementNote {
        by: "mia".to_owned(),
        commit: stand.main.clone(),
        kind: RetirementKind::Retired,
        merge_request: 1,
        model: iris(),
        reason: "leaked data".to_owned(),
        retired_at: Timestamp(5),
        version: Version::sequence(1),
    };
    let effect = Effect::Retire { note: Box::new(note.clone()) };
    stand.want(vec![effect.clone()]).await;
    stand.die_while_performing().await;
    stand.project.tag(BOT, &note.tag(), stand.main.as_str(), Some(&note.canonical())).unwrap();
    stand.perform(Mode::Act).await;
    let heard = stand.heard().await;
    assert!(matches!(heard.as_slice(), [(_, Outcome::Done(Done::Tagged { .. }))]), "{heard:?}");
    assert_eq!(stand.project.tags().unwrap().len(), 1);
}
