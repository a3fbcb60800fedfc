//! Who owns a model where its policy does not say so, and who is asked for a review where it does.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Fault, File, Role};

use super::forges::on_both_forges;
use super::play::{AUTHOR, BOT, OWNER};
use super::{IRIS, Play};

on_both_forges! {
    whom_codeowners_names_for_every_changed_path_may_approve,
    a_list_in_the_policy_rules_alone,
    codeowners_that_cannot_be_used_leave_it_to_the_maintainers,
    a_change_of_codeowners_counts_once_it_is_on_the_target_branch,
    owners_are_asked_for_their_review_once,
    an_owner_whom_the_forge_does_not_accept_is_no_alarm,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

/// A stage with this CODEOWNERS on the target branch; carol and dan are developers, erin is in a team.
async fn owned(forge: ForgeKind, file: &str) -> Play {
    let mut play = Play::start(forge).await;
    for login in ["carol", "dan", "erin"] {
        play.project.member(login, Role::Developer).unwrap();
    }
    play.sandbox.group("group/ml", &["erin"]);
    play.project
        .push(OWNER, "main", &[File::write("CODEOWNERS", file.to_owned())], "Say who owns what")
        .unwrap();
    play.settle().await;
    play
}

async fn refused(play: &mut Play, login: &str, number: u64, rule: &str) {
    let asked = play.says(login, number, "/model approve").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains(&format!("`{rule}`")), "{login}: {reply}");
    assert_eq!(play.label(number), "model::review", "{login}");
}

async fn whom_codeowners_names_for_every_changed_path_may_approve(forge: ForgeKind) {
    let file = "* @nobody-here\n/models/iris/ @carol @group/ml dan@example.com\n/models/iris/data/ @dan\n";
    let mut play = owned(forge, file).await;
    for login in ["carol", "dan", "erin"] {
        let number = play.candidate(&format!("For {login}"), GOOD).await;
        refused(&mut play, AUTHOR, number, "not-owner").await;
        play.says(login, number, "/model approve").await;
        assert_eq!(play.label(number), "model::ready", "{login}: {}", play.report(number));
    }
    // One more path, which only one of them owns; somebody who owns it alone does not own the rest.
    let number = play.candidate("Two paths", GOOD).await;
    play.pushes(number, &[File::write("models/iris/data/notes.md", "more\n")]).await;
    play.builds(number, "again").await;
    play.measures(number, GOOD).await;
    refused(&mut play, "carol", number, "not-owner").await;
    refused(&mut play, "erin", number, "not-owner").await;
    play.clock.advance(Duration::from_secs(1));
    play.project.approve("dan", number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "the forge's own approval too: {}", play.report(number));
    // A path that nobody owns: the maintainers are asked.
    play.project
        .push(OWNER, "main", &[File::write("CODEOWNERS", "/models/iris/params.json @carol\n")], "Less")
        .unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn a_list_in_the_policy_rules_alone(forge: ForgeKind) {
    let policy = IRIS.replace("approvals: 1", "approvals: 1, owners: [\"@dan\"]");
    let mut play = Play::with(forge, &policy).await;
    for login in ["carol", "dan"] {
        play.project.member(login, Role::Developer).unwrap();
    }
    play.project
        .push(OWNER, "main", &[File::write("CODEOWNERS", "* @carol\n")], "Say who owns what")
        .unwrap();
    play.settle().await;
    let number = play.candidate("Train longer", GOOD).await;
    refused(&mut play, "carol", number, "not-owner").await;
    refused(&mut play, OWNER, number, "not-owner").await;
    play.says("dan", number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    let read = |one: &mergewright::sandbox::Recorded| one.url.contains("CODEOWNERS");
    assert!(!play.sandbox.requests().iter().any(read), "it is not even read");
    play.ends().await;
}

async fn codeowners_that_cannot_be_used_leave_it_to_the_maintainers(forge: ForgeKind) {
    let large = format!("* @carol\n{}", "# more and more\n".repeat(80_000));
    for (file, fault) in [(large.as_str(), None), ("* @carol\n", Some(Fault::status(403)))] {
        let mut play = owned(forge, file).await;
        let path =
            if forge == ForgeKind::GitLab { "*/files/CODEOWNERS/raw" } else { "*/contents/CODEOWNERS" };
        if let Some(fault) = fault {
            play.sandbox.fail_next(1, "GET", path, fault).unwrap();
        }
        let number = play.candidate("Train longer", GOOD).await;
        let report = play.report(number).replace('\\', "");
        assert!(report.contains("CODEOWNERS cannot be used: "), "{report}");
        refused(&mut play, "carol", number, "not-owner").await;
        play.says(OWNER, number, "/model approve").await;
        assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
        play.ends().await;
    }
}

async fn a_change_of_codeowners_counts_once_it_is_on_the_target_branch(forge: ForgeKind) {
    let mut play = owned(forge, "* @carol\n").await;
    let number = play.opens("Mine").await;
    play.pushes(number, &[File::write("CODEOWNERS", "* @dan\n")]).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    refused(&mut play, "dan", number, "not-owner").await;
    play.says("carol", number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

/// The bodies of the bot's requests for a review.
fn asked(play: &Play) -> Vec<String> {
    let ours = play.sandbox.requests().into_iter().filter(|one| one.by.as_deref() == Some(BOT));
    let asked = ours.filter(|one| {
        one.url.ends_with("/requested_reviewers")
            || one.method == "PUT" && one.body.get("reviewer_ids").is_some()
    });
    asked.map(|one| one.body.to_string()).collect()
}

fn reviewers(play: &Play, number: u64) -> Vec<String> {
    let ids = play.project.merge_request(number).unwrap().reviewers;
    let login = |login: &str| ids.contains(&play.sandbox.person(login).id).then(|| login.to_owned());
    ["alice", "ben", "carol", "dan", "erin", "frank"].into_iter().filter_map(login).collect()
}

/// The policy names its owners.
fn named(owners: &str) -> String {
    IRIS.replace("approvals: 1", &format!("approvals: 1, owners: [{owners}]"))
}

async fn owners_are_asked_for_their_review_once(forge: ForgeKind) {
    let mut play =
        Play::with(forge, &named(r#""@Carol", "@ben", "@dan", "@alice", "@group/ml", "@other/team""#)).await;
    for login in ["carol", "dan", "erin", "frank"] {
        play.project.member(login, Role::Developer).unwrap();
    }
    play.sandbox.group("group/ml", &["erin"]);
    let number = play.opens("Train longer").await;
    assert_eq!(reviewers(&play, number), Vec::<String>::new(), "nobody is asked before there is a report");
    let head = play.project.merge_request(number).unwrap().head;
    play.says("dan", number, &format!("/model approve {}", head.short())).await;
    play.says("dan", number, "/model unapprove").await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    let team = if forge == ForgeKind::GitHub { vec!["erin"] } else { Vec::new() };
    let expected: Vec<_> = ["alice", "carol", "dan"].into_iter().chain(team).collect();
    assert_eq!(reviewers(&play, number), expected, "neither the author nor another organization's team");
    assert_eq!(asked(&play).len(), 1, "{:?}", asked(&play));

    // Whom people take off the list stays off, whatever comes.
    play.project.take_off(OWNER, number, "carol").unwrap();
    play.settle().await;
    play.pushes(number, &[File::write("models/iris/params.json", "{\"epochs\": 30}\n")]).await;
    play.builds(number, "second").await;
    play.measures(number, GOOD).await;
    assert!(!reviewers(&play, number).contains(&"carol".to_owned()));
    assert_eq!(asked(&play).len(), 1);
    play.says("carol", number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn an_owner_whom_the_forge_does_not_accept_is_no_alarm(forge: ForgeKind) {
    let mut play = Play::with(forge, &named(r#""@stranger", "@carol""#)).await;
    let _account = play.sandbox.person("stranger");
    play.project.member("carol", Role::Developer).unwrap();
    let number = play.candidate("Train longer", GOOD).await;
    assert_eq!(reviewers(&play, number), ["carol"], "the others are asked all the same");
    play.ends().await;

    let mut play = Play::with(forge, &named(r#""@stranger""#)).await;
    let _account = play.sandbox.person("stranger");
    let number = play.candidate("Train longer", GOOD).await;
    assert_eq!(reviewers(&play, number), Vec::<String>::new());
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}
