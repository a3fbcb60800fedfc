//! Versions are taken out of use: for good, with a reason, and never while anything refers to them.

use mergewright::domain::ForgeKind;

use super::Play;
use super::environments::program;
use super::forges::on_both_forges;
use super::play::{AUTHOR, IRIS, OWNER};

on_both_forges! {
    a_version_that_nothing_refers_to_is_retired_and_stays_describable,
    a_failed_publication_is_given_up_and_the_next_version_gets_the_next_number,
    a_retired_version_is_no_baseline_any_more,
    the_tag_is_made_once_though_the_answer_is_lost,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BETTER: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;

fn policy() -> String {
    format!("{IRIS}    environments:\n      staging: {{}}\n    deploy: {{run: [\"sh deploy.sh\"]}}\n")
}

async fn answered(play: &mut Play, login: &str, number: u64, line: &str) -> String {
    let comment = play.says(login, number, line).await;
    play.reply(number, comment)
}

async fn promoted(play: &mut Play, number: u64, version: &str) {
    let comment = play.says(OWNER, number, &format!("/model promote {version} staging")).await;
    let jobs = play.project.waiting_jobs().unwrap();
    let job = jobs.iter().find(|job| job.name.ends_with(":deploy")).unwrap();
    play.project.job_succeeds(job.pipeline, &job.name, "deployed\n", &[]).unwrap();
    play.settle().await;
    assert!(play.reply(number, comment).contains("is live in `staging`"));
}

/// What a tag says.
fn note(play: &Play, name: &str) -> serde_json::Value {
    let tags = play.project.tags().unwrap();
    let tag = tags.iter().find(|tag| tag.name == name).unwrap_or_else(|| panic!("no {name}: {tags:?}"));
    serde_json::from_str(tag.message.as_deref().unwrap()).unwrap()
}

async fn a_version_that_nothing_refers_to_is_retired_and_stays_describable(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let first = play.released("Train longer", GOOD).await;
    promoted(&mut play, first, "v1").await;
    let said = answered(&mut play, OWNER, first, "/model retire v1 leaked data").await;
    assert!(said.contains("`version-in-use`") && said.contains("live in `staging`"), "{said}");
    let second = play.released("Train better", BETTER).await;
    promoted(&mut play, second, "v2").await;
    let said = answered(&mut play, OWNER, first, "/model retire v1 leaked data").await;
    assert!(said.contains("`version-in-use`") && said.contains("goes back to"), "{said}");
    let third = play.released("Train best", r#"{"accuracy": 0.96, "latency_ms": 12}"#).await;
    promoted(&mut play, third, "v3").await;

    let said = answered(&mut play, AUTHOR, first, "/model retire v1 leaked data").await;
    assert!(said.contains("`not-owner`"), "{said}");
    let said = answered(&mut play, OWNER, first, "/model retire v1").await;
    assert!(said.contains("retire [MODEL] REF REASON"), "a reason is needed: {said}");
    let said = answered(&mut play, OWNER, third, "/model retire v1 leaked @everyone data").await;
    assert!(said.contains("v1 of `iris` is retired") && said.contains("iris@v1.0.0!"), "{said}");
    assert!(!said.contains(" @everyone"), "nobody is called: {said}");

    assert!(play.tags().contains(&"iris@v1.0.0".to_owned()), "nothing is deleted");
    let told = note(&play, "iris@v1.0.0!");
    assert_eq!((&told["kind"], &told["by"]), (&"retired".into(), &OWNER.into()));
    assert_eq!(told["reason"], "leaked @everyone data");
    for line in ["/model promote v1 staging", "/model rollback staging to v1", "/model retire v1 again"] {
        let said = answered(&mut play, OWNER, first, line).await;
        assert!(said.contains("`retired`"), "{line}: {said}");
    }
    // Old versions stay describable, also when their files are gone.
    for run in play.project.pipelines().unwrap() {
        if let Ok(job) = play.project.job(run.id, "iris:build") {
            play.project.expire_artifacts(job.id).unwrap();
        }
    }
    let said = answered(&mut play, AUTHOR, first, "/model describe v1").await;
    assert!(said.contains("retired by alice") && said.contains("0.94"), "{said}");
    let said = answered(&mut play, AUTHOR, first, "/model versions").await;
    assert!(said.contains("3 versions") && said.contains("retired because"), "{said}");
    let (status, record) = program(&play, &["describe", "v1", "--json"]);
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!((status, &record["retired"]["by"]), (Some(0), &OWNER.into()), "{record}");
    let (status, all) = program(&play, &["versions"]);
    assert!(status == Some(0) && all.contains("leaked"), "{all}");
    play.ends().await;
}

async fn a_failed_publication_is_given_up_and_the_next_version_gets_the_next_number(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Train first", GOOD).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    let said = answered(&mut play, OWNER, number, "/model retire v2 no use").await;
    assert!(said.contains("`version-unpublished`"), "while it is under way: {said}");
    let job = play.project.waiting_jobs().unwrap().remove(0);
    play.project.job_fails(job.pipeline, &job.name, "the package registry said no\n", &[]).unwrap();
    play.settle().await;
    let said = answered(&mut play, OWNER, number, "/model retire v2 the registry is gone for good").await;
    assert!(said.contains("v2 of `iris` is given up"), "{said}");
    let told = note(&play, "iris@v2.0.0!");
    assert_eq!(
        (&told["kind"], &told["reason"]),
        (&"given_up".into(), &"the registry is gone for good".into())
    );
    assert_eq!(play.label(number), "model::failed");
    assert!(play.report(number).contains("given up"), "{}", play.report(number));
    for (line, rule) in [
        ("/model retry", "version-void"),
        ("/model publish", "version-void"),
        ("/model retire v2 again", "version-void"),
    ] {
        let said = answered(&mut play, OWNER, number, line).await;
        assert!(said.contains(&format!("`{rule}`")), "{line}: {said}");
    }
    let said = answered(&mut play, AUTHOR, number, "/model describe v2").await;
    assert!(said.contains("was given up") && said.contains("the registry is gone for good"), "{said}");

    let next = play.released("Train again", BETTER).await;
    let said = answered(&mut play, AUTHOR, next, "/model versions").await;
    assert!(said.contains("v3") && said.contains("v2 is void, given up by alice"), "{said}");
    let tags = play.tags();
    assert_eq!(tags, ["iris@v1.0.0", "iris@v2.0.0", "iris@v2.0.0!", "iris@v3.0.0"]);
    assert!(!play.project.releases().unwrap().contains_key("iris@v2.0.0"));
    let (status, record) = program(&play, &["describe", "v2", "--json"]);
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!((status, &record["void"]["tag"]), (Some(0), &"iris@v2.0.0!".into()), "{record}");
    let errors = play.errors();
    assert!(matches!(errors.as_slice(), [one] if one.contains("publish_failed")), "one alarm: {errors:?}");
    play.ends().await;
}

async fn a_retired_version_is_no_baseline_any_more(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Train first", GOOD).await;
    let wrong = play.released("Train on the holdout", r#"{"accuracy": 0.999, "latency_ms": 12}"#).await;
    let number = play.candidate("Train honestly", BETTER).await;
    assert_eq!(play.label(number), "model::failed", "{}", play.report(number));
    let said = answered(&mut play, OWNER, wrong, "/model retire v2 it was trained on the holdout").await;
    assert!(said.contains("is retired"), "{said}");
    let number = play.candidate("Train honestly again", BETTER).await;
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    assert!(play.report(number).contains("Compared with v1"), "{}", play.report(number));
    play.ends().await;
}

async fn the_tag_is_made_once_though_the_answer_is_lost(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.released("Train first", GOOD).await;
    play.meets(1, "tag", mergewright::sandbox::Fault::BreakAfter);
    let comment = play.says(OWNER, number, "/model retire v1 a slip").await;
    play.passes(std::time::Duration::from_secs(60)).await;
    assert!(play.reply(number, comment).contains("is retired"));
    assert_eq!(play.tags(), ["iris@v1.0.0", "iris@v1.0.0!"]);
    play.ends().await;
}
