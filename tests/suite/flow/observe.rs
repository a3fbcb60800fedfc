//! A bot that only observes decides like the bot that acts, and writes nothing.

use mergewright::domain::{ForgeKind, MergeRequestId, ModelState, RepoId};
use mergewright::sandbox::{CheckAction, File};
use serde_json::json;

use super::Play;
use super::checks::failing;
use super::forges::on_both_forges;
use super::outcome::GOOD;
use super::play::{AUTHOR, OWNER};

on_both_forges! {
    a_whole_lifecycle_is_observed_without_one_write,
    what_people_say_is_weighed_alike,
    a_merge_without_green_gates_is_seen_by_both,
}

async fn a_whole_lifecycle_is_observed_without_one_write(forge: ForgeKind) {
    let mut play = Play::observed(forge).await;
    let number = play.released("Train longer", GOOD).await;
    assert_eq!(play.label(number), "model::published", "by the one that acts");
    play.ends().await;
}

async fn what_people_say_is_weighed_alike(forge: ForgeKind) {
    let mut play = Play::observed(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    let own = play.says(AUTHOR, number, "/model approve").await;
    assert!(play.reply(number, own).contains("Refused"));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.pushes(number, &[File::write("models/iris/params.json", "{\"again\": 1}\n")]).await;
    play.builds(number, "other").await;
    play.measures(number, r#"{"accuracy": 0.2, "latency_ms": 12}"#).await;
    assert_eq!(play.label(number), "model::failed");
    play.ends().await;
}

async fn a_merge_without_green_gates_is_seen_by_both(forge: ForgeKind) {
    let mut play = Play::observed(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    play.ends().await;
}

/// How the only model of a merge request stands for the bot.
async fn stands(play: &Play, number: u64) -> ModelState {
    let id = MergeRequestId { repo: RepoId { forge: play.forge, number: play.project.id() }, number };
    let (_name, model) = play.app.store.state(id).await.unwrap().state.models.pop_first().unwrap();
    model
}

#[tokio::test]
async fn an_app_that_only_watches_asks_for_no_right_to_write_and_weighs_comments_and_presses() {
    let mut play = Play::as_watching_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    let failed = play.opens("Train wider").await;
    play.builds(failed, "weights").await;
    let run = play.run(failed, "iris");
    let tests = failing(51);
    let files = [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", tests.as_bytes())];
    play.project.job_succeeds(run, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
    assert_eq!(stands(&play, failed).await.phase.to_string(), "GateFailed", "with its annotations");
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(stands(&play, number).await.phase.to_string(), "Ready");

    // A check of the time when it acted.
    let head = play.project.merge_request(number).unwrap().head;
    let (token, before) = (play.signed_in.as_ref().unwrap().token("group").unwrap(), play.sandbox.requests());
    let made = reqwest::Client::new()
        .post(format!("{}/repos/group/models/check-runs", play.sandbox.url()))
        .bearer_auth(token)
        .json(&json!({
            "name": "mergewright", "head_sha": head, "status": "in_progress",
            "external_id": format!("github:{}!{number} 0 - -", play.project.id()),
            "actions": [{"label": "Hold", "description": "Hold", "identifier": "hold"}],
        }))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let after = play.sandbox.requests().len();
    play.project.presses(OWNER, number, "mergewright", "hold").unwrap();
    play.settle().await;
    assert_eq!(stands(&play, number).await.phase.to_string(), "Held");

    let asked = before.into_iter().chain(play.sandbox.requests().split_off(after));
    let writes: Vec<_> = asked.filter(|one| !matches!(one.method.as_str(), "GET" | "HEAD")).collect();
    assert!(!writes.is_empty(), "it was let in");
    for one in writes {
        assert!(one.url.ends_with("/access_tokens"), "mode: observe wrote to the forge: {one:?}");
        let rights = one.body["permissions"].as_object().unwrap();
        assert!(rights.values().all(|level| level == "read"), "{rights:?}");
    }
    assert!(play.project.comments(number).unwrap().len() == 1, "the owner's");
    let checks = play.project.all_checks().unwrap();
    let hold = |action: &CheckAction| action.identifier == "hold";
    assert!(checks.len() == 1 && checks[0].actions.iter().all(hold), "{checks:?}");
    play.ends().await;
}
