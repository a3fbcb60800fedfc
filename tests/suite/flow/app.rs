//! The bot as a GitHub App: it is let into each repository apart, and not for ever.

use std::collections::BTreeSet;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Recorded, SandboxProject};
use serde_json::json;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::IRIS;
use super::Play;
use super::forges::{Told, subscribe};
use super::play::{AUTHOR, GRANTED, OWNER, founded_at, usual_files};

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
/// Longer than a token lasts.
const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

/// Every request of the bot that asked to be let in.
fn admissions(play: &Play) -> Vec<Recorded> {
    let all = play.sandbox.requests().into_iter();
    all.filter(|one| one.method == "POST" && one.url.ends_with("/access_tokens")).collect()
}

/// The repositories that tokens were asked for; none for one that opens no repository.
fn opened(play: &Play) -> Vec<Option<u64>> {
    let all = admissions(play).into_iter();
    all.map(|one| one.body.get("repository_ids").map(|ids| ids[0].as_u64().unwrap())).collect()
}

/// A second organization's repository, where the same App is installed too.
fn other_organization(play: &Play) -> SandboxProject {
    let files = usual_files(ForgeKind::GitHub, IRIS);
    let other = founded_at(&play.sandbox, "other/models", &files);
    play.signed_in.as_ref().unwrap().install("other").unwrap();
    other
}

#[tokio::test]
async fn a_model_is_built_tested_approved_published_and_released() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    assert_eq!(play.label(number), "model::review");
    let approval = play.says(OWNER, number, "@mergewright approve").await;
    assert_eq!(play.reactions(number, approval), ["eyes"]);
    assert_eq!(play.label(number), "model::ready");
    play.says(OWNER, number, "@mergewright publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    assert!(play.project.releases().unwrap().contains_key("iris@v1.0.0"));
    assert_eq!(play.bot.login, "mergewright[bot]");

    let admissions = admissions(&play);
    let rights: serde_json::Map<_, _> =
        GRANTED.iter().map(|(name, level)| ((*name).to_owned(), json!(level))).collect();
    assert_eq!(admissions.len(), 2, "one to learn who we are, one for the repository: {admissions:?}");
    assert_eq!(admissions[0].body, json!({"permissions": {"metadata": "read"}}));
    assert_eq!(admissions[1].body, json!({"permissions": rights, "repository_ids": [play.project.id()]}));
    play.ends().await;
}

#[tokio::test]
async fn only_its_name_speaks_to_it_and_its_login_is_no_command() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "@mergewright-bot approve").await;
    assert_eq!(play.label(number), "model::review");
    let help = play.says(OWNER, number, "@MergeWright help").await;
    assert!(play.reply(number, help).contains("approve"));
    play.ends().await;
}

#[tokio::test]
async fn each_organization_lets_it_in_apart() {
    let mut play = Play::as_app().await;
    let other = other_organization(&play);
    let first = play.project.id();
    play.released("Train longer", GOOD).await;
    let project = std::mem::replace(&mut play.project, other);
    play.released("Train wider", GOOD).await;
    assert_eq!(play.tags(), ["iris@v1.0.0"], "each repository counts for itself");
    assert_eq!(project.tags().unwrap().len(), 1);
    assert_eq!(opened(&play), [None, Some(first), Some(play.project.id())]);
    let places: BTreeSet<_> = admissions(&play).into_iter().map(|one| one.url).collect();
    assert_eq!(places.len(), 2, "by two installations: {places:?}");
    play.ends().await;
}

#[tokio::test]
async fn what_takes_longer_than_a_token_lasts_goes_on_under_another() {
    let mut play = Play::as_app().await;
    let project = play.project.id();
    let number = play.candidate("Train longer", GOOD).await;
    play.passes(TWO_HOURS).await;
    play.says(OWNER, number, "/model approve").await;
    play.passes(TWO_HOURS).await;
    play.says(OWNER, number, "/model publish").await;
    play.passes(TWO_HOURS).await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    let opened = opened(&play);
    assert!((4..=5).contains(&opened.len()), "not one for each request: {opened:?}");
    assert!(opened.iter().skip(1).all(|one| *one == Some(project)), "{opened:?}");
    let refused = play.sandbox.requests().into_iter().filter(|one| one.status == Some(401)).count();
    assert_eq!(refused, 0, "a token is renewed before its end, not after");
    play.ends().await;
}

#[tokio::test]
async fn a_token_that_is_taken_back_is_replaced_and_what_was_asked_is_done() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    play.signed_in.as_ref().unwrap().revoke_tokens();
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    assert_eq!(opened(&play).len(), 3);
    play.ends().await;
}

#[tokio::test]
async fn while_its_installation_is_suspended_it_waits_and_then_goes_on() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    play.project.comment(OWNER, number, "/model approve").unwrap();
    let app = play.signed_in.clone().unwrap();
    app.suspend("group", true).unwrap();
    app.revoke_tokens();
    play.settle().await;
    assert_eq!(play.label(number), "model::review", "nothing can be read or written");
    play.passes(Duration::from_secs(3600)).await;
    let told = play.errors();
    assert!(!told.is_empty() && told.iter().all(|one| one.contains("suspended")), "{told:?}");
    assert!(told.iter().all(|one| !one.contains("ghs_")), "{told:?}");

    app.suspend("group", false).unwrap();
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.errors();
    play.ends().await;
}

#[tokio::test]
async fn what_the_repositorys_hook_and_the_apps_both_tell_is_done_once() {
    let mut play = Play::as_app().await;
    subscribe(ForgeKind::GitHub, &play.project, &play.door);
    let number = play.released("Train longer", GOOD).await;
    let help = play.says(OWNER, number, "/model help").await;
    assert!(!play.reply(number, help).is_empty(), "answered, and once");

    let all = play.sandbox.deliveries();
    let comments: Vec<_> = all.iter().filter(|one| Told::Comment.by(ForgeKind::GitHub, one.event)).collect();
    let ids: BTreeSet<_> = comments.iter().map(|one| &one.id).collect();
    let from_app = comments.iter().filter(|one| one.app.is_some()).count();
    assert!(from_app >= 3 && from_app * 2 == comments.len(), "{comments:?}");
    assert_eq!(ids.len(), comments.len(), "two ids for one fact");
    assert!(comments.iter().all(|one| one.answer == Some(Ok(202))), "{comments:?}");
    for (method, ending, times) in [
        ("PUT", "/merge", 1),
        ("POST", "/git/refs", 1),
        ("POST", "/dispatches", 1),
        ("POST", "/releases", 1),
        ("POST", "/issues/1/comments", 2),
        ("POST", "/reactions", 3),
    ] {
        let done = play.sandbox.requests().into_iter();
        let done = done.filter(|one| one.method == method && one.url.ends_with(ending)).count();
        assert_eq!(done, times, "{method} {ending}");
    }
    play.ends().await;
}

#[tokio::test]
async fn what_an_app_is_told_unasked_is_kept_and_ignored_by_name() {
    let mut play = Play::as_app().await;
    let app = play.signed_in.clone().unwrap();
    app.install_for("group", &["group/models"]).unwrap();
    app.forgotten_by(AUTHOR).unwrap();
    app.suspend("group", true).unwrap();
    app.suspend("group", false).unwrap();
    play.settle().await;
    let database = play.folder.path().join("bot.db");
    let mut connection =
        SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    let rows = sqlx::query("SELECT event, outcome, coalesce(reason, '') AS reason FROM delivery ORDER BY id");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let kept: Vec<String> = rows
        .iter()
        .map(|row| ["event", "outcome", "reason"].map(|name| row.get::<String, _>(name)).join(" "))
        .collect();
    assert_eq!(
        kept,
        [
            "installation_repositories ignored app",
            "github_app_authorization ignored app",
            "installation ignored app",
            "installation ignored app",
        ]
    );
    play.ends().await;
}

#[tokio::test]
async fn where_it_is_not_installed_any_more_nothing_is_taken_for_missing() {
    let mut play = Play::as_app().await;
    let number = play.candidate("Train longer", GOOD).await;
    let report = play.report(number);
    play.project.comment(OWNER, number, "/model approve").unwrap();
    play.signed_in.as_ref().unwrap().uninstall("group").unwrap();
    play.settle().await;
    play.passes(Duration::from_secs(60)).await;
    assert_eq!(opened(&play).len(), 2, "nobody lets it in");
    assert_eq!(play.report(number), report, "no word of a configuration or a comment that is gone");
    play.signed_in.as_ref().unwrap().install("group").unwrap();
    play.passes(Duration::from_secs(3600)).await;
    assert_eq!(play.label(number), "model::ready", "the comment was not lost: {}", play.report(number));
    play.ends().await;
}

#[tokio::test]
async fn the_umbrella_on_what_a_merge_queue_tries_is_a_check() {
    let mut play = Play::as_app().await;
    play.project.merge_queue(&["mergewright", "lint"]).unwrap();
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "@mergewright approve").await;
    play.says(OWNER, number, "@mergewright publish").await;
    let tried = play.project.queued(number).unwrap().and_then(|queued| queued.trial).unwrap().commit;
    let check = play.project.checks(&tried).unwrap().remove("mergewright").unwrap();
    assert_eq!((check.conclusion.as_deref(), check.actions.len()), (Some("success"), 0));
    assert!(play.project.statuses(&tried).unwrap().is_empty());
    play.project.set_status(OWNER, &tried, "lint", "success").unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}
