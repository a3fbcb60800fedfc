//! Models that depend on each other: judged together, published in order.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::File;

use super::Play;
use super::forges::on_both_forges;
use super::play::{AUTHOR, IRIS, OWNER};

on_both_forges! {
    a_change_has_what_depends_on_it_judged_too_and_published_after_it,
    what_depends_on_a_failed_publication_waits_and_goes_on_when_that_is_mended,
    what_is_made_of_the_same_bytes_after_all_gets_no_new_version,
    a_base_that_moves_under_what_a_model_depends_on_has_it_judged_anew,
    a_model_that_depends_on_none_of_what_changed_is_left_alone,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

/// Three models: `iris` depends on `rose`, and `tulip` stands alone. Nothing is compared with the
/// version before: two of them have no data for it.
fn policy() -> String {
    let iris = IRIS.replace(", max_regression: 0.01", "");
    let section = &iris[iris.find("  iris:").unwrap()..];
    let [rose, tulip] = ["rose", "tulip"].map(|name| section.replace("iris", name));
    format!("{iris}    depends_on: [rose]\n{rose}{tulip}")
}

/// A merge request that changes these files.
async fn brings(play: &mut Play, branch: &str, files: &[File]) -> u64 {
    let main = play.project.branch("main").unwrap();
    play.project.branch_off(AUTHOR, branch, &main, files, branch).unwrap();
    let number = play.project.open_merge_request(AUTHOR, branch, branch).unwrap();
    play.settle().await;
    number
}

fn params(model: &str, text: &str) -> File {
    File::write(&format!("models/{model}/params.json"), format!("{{\"a\": \"{text}\"}}\n"))
}

/// Both models are built (with these weights), measured, approved, and the merge is asked for.
async fn goes_out(play: &mut Play, number: u64, iris: &str, rose: &str) {
    for (model, weights) in [("rose", rose), ("iris", iris)] {
        play.builds_of(model, number, weights).await;
        play.measures_of(model, number, GOOD).await;
    }
    for model in ["rose", "iris"] {
        play.says(OWNER, number, &format!("/model approve {model}")).await;
    }
    play.says(OWNER, number, "/model publish iris").await;
}

async fn a_change_has_what_depends_on_it_judged_too_and_published_after_it(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let number = brings(&mut play, "better-rose", &[params("rose", "better")]).await;
    let report = play.report(number);
    assert!(report.contains("`rose`, which it depends on, is changed here too"), "{report}");
    assert!(!report.contains("tulip"), "{report}");
    assert_eq!(play.status(number, "mergewright/iris/build").as_deref(), Some("pending"));

    play.builds_of("rose", number, "rose").await;
    play.measures_of("rose", number, GOOD).await;
    play.says(OWNER, number, "/model approve rose").await;
    let early = play.says(OWNER, number, "/model publish rose").await;
    let reply = play.reply(number, early);
    assert!(
        reply.contains("not-ready") && reply.contains("iris"),
        "what depends on it is not judged: {reply}"
    );

    play.builds_of("iris", number, "iris").await;
    play.measures_of("iris", number, GOOD).await;
    play.says(OWNER, number, "/model approve iris").await;
    play.says(OWNER, number, "/model publish rose").await;
    assert_eq!(play.tags(), ["rose@v1.0.0"], "iris waits for rose");
    assert!(play.report(number).contains("It waits for `rose`"), "{}", play.report(number));
    play.publishes().await;
    assert_eq!(play.tags(), ["iris@v1.0.0", "rose@v1.0.0"]);
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    play.ends().await;
}

async fn what_depends_on_a_failed_publication_waits_and_goes_on_when_that_is_mended(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let number = brings(&mut play, "better-rose", &[params("rose", "better")]).await;
    goes_out(&mut play, number, "iris", "rose").await;
    let job =
        play.project.waiting_jobs().unwrap().into_iter().find(|job| job.name == "rose:publish").unwrap();
    play.project.job_fails(job.pipeline, &job.name, "the registry said no\n", &[]).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    assert_eq!(play.tags(), ["rose@v1.0.0"]);
    let report = play.report(number);
    assert!(report.contains("whose publishing failed") && report.contains("/model publish rose"), "{report}");
    assert_eq!(play.errors().len(), 1, "one alarm");

    play.says(OWNER, number, "/model publish rose").await;
    play.publishes().await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    assert_eq!(play.tags(), ["iris@v1.0.0", "rose@v1.0.0"]);
    play.ends().await;
}

async fn what_is_made_of_the_same_bytes_after_all_gets_no_new_version(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let first = brings(&mut play, "first", &[params("rose", "first")]).await;
    goes_out(&mut play, first, "iris", "rose").await;
    play.publishes().await;
    play.publishes().await;

    let second = brings(&mut play, "second", &[params("rose", "second")]).await;
    goes_out(&mut play, second, "iris", "another rose").await;
    play.publishes().await;
    assert_eq!(play.label(second), "model::published", "{}", play.report(second));
    assert_eq!(play.tags(), ["iris@v1.0.0", "rose@v1.0.0", "rose@v2.0.0"]);
    assert!(play.report(second).contains("exactly those of v1"), "{}", play.report(second));
    play.ends().await;
}

async fn a_base_that_moves_under_what_a_model_depends_on_has_it_judged_anew(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let number = brings(&mut play, "better-iris", &[params("iris", "better")]).await;
    play.builds(number, "iris").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.project.push(OWNER, "main", &[params("tulip", "else")], "Something else").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review", "nothing that it is made from");
    play.project.push(OWNER, "main", &[params("rose", "other")], "Another rose").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    assert!(play.report(number).contains("models/rose/params.json"), "{}", play.report(number));
    play.ends().await;
}

async fn a_model_that_depends_on_none_of_what_changed_is_left_alone(forge: ForgeKind) {
    let mut play = Play::with(forge, &policy()).await;
    let number = brings(&mut play, "better-iris", &[params("iris", "better")]).await;
    assert_eq!(play.status(number, "mergewright/rose/build"), None, "what it depends on is not touched");
    assert_eq!(play.status(number, "mergewright/iris/build").as_deref(), Some("pending"));
    assert!(!play.report(number).contains("depends on"), "{}", play.report(number));
    play.ends().await;
}
