//! What owners decide beside the gates: hold, unhold, waive; and who asks why.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, Role};

use super::forges::{on_both_forges, released_files};
use super::play::{AUTHOR, OWNER};
use super::{IRIS, Play};

on_both_forges! {
    a_hold_stops_what_is_ready_until_it_is_ended,
    a_hold_outlives_pushes_and_what_is_armed_fires_when_it_ends,
    merged_by_a_person_while_held_it_is_not_published,
    a_hold_of_what_was_published_blocks_its_promotion_everywhere,
    a_hold_of_one_model_holds_the_merge_of_all,
    strangers_neither_hold_nor_unhold_nor_waive,
    a_waived_rule_is_published_with_its_waiver_in_tag_release_and_page,
    a_waiver_is_for_one_head_and_does_not_come_back_with_it,
    a_required_rule_an_unknown_one_and_one_that_passes_are_not_waived,
    the_author_may_waive_if_an_owner_and_the_report_says_so,
    explain_names_rule_line_numbers_baseline_and_what_was_refused,
    a_reason_that_mentions_and_commands_is_only_shown,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BETTER: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;
const WORSE: &str = r#"{"accuracy": 0.85, "latency_ms": 12}"#;
const WAIVE: &str = "/model waive accuracy the holdout is mislabelled";

/// A command is refused by this rule; what the reply says.
async fn refused(play: &mut Play, login: &str, number: u64, line: &str, rule: &str) -> String {
    let comment = play.says(login, number, line).await;
    let reply = play.reply(number, comment);
    assert!(reply.contains(&format!("`{rule}`")), "{line}: {reply}");
    reply
}

/// Another head whose parameters say this.
async fn pushes(play: &mut Play, number: u64, epochs: u32) {
    let params = format!("{{\"epochs\": {epochs}}}\n");
    play.pushes(number, &[File::write("models/iris/params.json", params)]).await;
}

async fn a_hold_stops_what_is_ready_until_it_is_ended(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));

    let held = play.says(OWNER, number, "/model hold until the audit is done").await;
    assert_eq!(play.reactions(number, held), ["eyes"]);
    assert_eq!(play.label(number), "model::hold");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    let report = play.report(number);
    for said in ["iris: held", "alice", "until the audit is done", "/model unhold"] {
        assert!(report.contains(said), "`{said}` is not in\n{report}");
    }
    let reply = refused(&mut play, OWNER, number, "/model publish", "held").await;
    assert!(reply.contains("until the audit is done") && reply.contains("/model unhold iris"), "{reply}");

    play.says(OWNER, number, "/model unhold").await;
    assert_eq!(play.label(number), "model::ready");
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    assert!(!play.report(number).contains("audit"), "{}", play.report(number));
    refused(&mut play, OWNER, number, "/model unhold", "not-held").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    play.ends().await;
}

async fn a_hold_outlives_pushes_and_what_is_armed_fires_when_it_ends(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Train longer").await;
    play.says(OWNER, number, "/model hold").await;
    assert_eq!(play.label(number), "model::hold");
    pushes(&mut play, number, 30).await;
    assert_eq!(play.label(number), "model::hold");
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert_eq!(play.status(number, "mergewright/iris/test").as_deref(), Some("success"), "judged as ever");
    play.says(OWNER, number, "/model approve\n\n/model publish --when-ready").await;
    assert_eq!(play.label(number), "model::hold");
    assert_eq!(play.tags(), Vec::<String>::new());
    play.says(OWNER, number, "/model unhold").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    play.ends().await;
}

async fn merged_by_a_person_while_held_it_is_not_published(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve\n\n/model hold legal has not answered").await;
    play.project.merge(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    assert_eq!(play.tags(), Vec::<String>::new());
    let report = play.report(number);
    assert!(
        report.contains("merged while it was held") && report.contains("legal has not answered"),
        "{report}"
    );
    assert!(play.project.waiting_jobs().unwrap().is_empty());
    play.ends().await;
}

async fn a_hold_of_what_was_published_blocks_its_promotion_everywhere(forge: ForgeKind) {
    let policy =
        format!("{IRIS}    environments:\n      staging: {{}}\n    deploy: {{run: [\"sh deploy.sh\"]}}\n");
    let mut play = Play::with(forge, &policy).await;
    let first = play.released("Good", GOOD).await;
    let second = play.released("Better", BETTER).await;
    play.says(OWNER, second, "/model hold it leaks names").await;
    assert_eq!(play.label(second), "model::hold");
    let there = refused(&mut play, OWNER, second, "/model promote v1 staging", "held").await;
    assert!(there.contains("it leaks names"), "nothing is promoted from here: {there}");
    let elsewhere = refused(&mut play, OWNER, first, "/model promote v2 staging", "held").await;
    assert!(elsewhere.contains("it leaks names"), "{elsewhere}");
    let described = play.says(AUTHOR, first, "/model describe v2").await;
    assert!(play.reply(first, described).contains("it leaks names"));

    let free = play.says(OWNER, first, "/model promote v1 staging").await;
    assert!(play.reply(first, free).contains("v1 is on its way"), "another version is free");
    let waiting = play.project.waiting_jobs().unwrap();
    let job = waiting.iter().find(|job| job.name.ends_with(":deploy")).expect("a deploy job");
    play.project.job_succeeds(job.pipeline, &job.name, "deployed\n", &[]).unwrap();
    play.settle().await;

    play.says(OWNER, second, "/model unhold").await;
    assert_eq!(play.label(second), "model::published");
    let goes = play.says(OWNER, first, "/model promote v2 staging").await;
    assert!(play.reply(first, goes).contains("v2 is on its way"));
    play.ends().await;
}

async fn a_hold_of_one_model_holds_the_merge_of_all(forge: ForgeKind) {
    let (_, iris) = IRIS.split_once("  iris:").unwrap();
    let rose = format!("  rose:{}", iris.replace("models/iris", "models/rose"));
    let mut play = Play::with(forge, &format!("{IRIS}{rose}")).await;
    let main = play.project.branch("main").unwrap();
    let files =
        ["iris", "rose"].map(|model| File::write(&format!("models/{model}/params.json"), "{\"a\": 1}\n"));
    play.project.branch_off(AUTHOR, "both", &main, &files, "Both").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "both", "Both").unwrap();
    play.settle().await;
    for model in ["iris", "rose"] {
        play.builds_of(model, number, model).await;
        play.measures_of(model, number, GOOD).await;
        play.says(OWNER, number, &format!("/model approve {model}")).await;
    }
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.says(OWNER, number, "/model hold rose too early").await;
    assert_eq!(play.label(number), "model::hold");
    let reply = refused(&mut play, OWNER, number, "/model publish iris", "held").await;
    assert!(reply.contains("rose") && reply.contains("too early"), "{reply}");
    play.says(OWNER, number, "/model unhold rose").await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn strangers_neither_hold_nor_unhold_nor_waive(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let _account = play.sandbox.person("mallory");
    play.project.member("mallory", Role::Reporter).unwrap();
    let number = play.candidate("Worse", WORSE).await;
    for login in [AUTHOR, "mallory"] {
        for line in ["/model hold", "/model unhold", WAIVE] {
            refused(&mut play, login, number, line, "not-owner").await;
        }
    }
    assert_eq!(play.label(number), "model::failed");
    play.says(OWNER, number, "/model hold").await;
    for login in [AUTHOR, "mallory"] {
        refused(&mut play, login, number, "/model unhold", "not-owner").await;
    }
    play.ends().await;
}

async fn a_waived_rule_is_published_with_its_waiver_in_tag_release_and_page(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Worse", WORSE).await;
    assert_eq!(play.label(number), "model::failed");
    assert!(play.report(number).contains("/model waive RULE REASON"), "{}", play.report(number));
    let waived = play.says(OWNER, number, WAIVE).await;
    assert_eq!(play.reactions(number, waived), ["eyes"]);
    assert_eq!(play.label(number), "model::review", "{}", play.report(number));
    let report = play.report(number).replace(['\u{200b}', '\\'], "");
    for said in ["✗ fail, waived", "waived by @alice: the holdout is mislabelled", "0.85"] {
        assert!(report.contains(said), "`{said}` is not in\n{report}");
    }
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("success"));
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;

    let tag = play.project.tags().unwrap().remove(0);
    let record = tag.message.unwrap();
    let record = record.lines().find(|line| line.starts_with('{')).expect("the lineage").to_owned();
    let lineage: serde_json::Value = serde_json::from_str(&record).unwrap();
    let waiver = &lineage["waivers"][0];
    assert_eq!(
        (&waiver["rule"], &waiver["by"], &waiver["verdict"]),
        (&"accuracy".into(), &OWNER.into(), &"fail".into())
    );
    assert_eq!(waiver["reason"], "the holdout is mislabelled");
    let (_, files) = released_files(&play.project, "iris@v1.0.0");
    let file: serde_json::Value = serde_json::from_slice(&files["lineage.json"]).unwrap();
    assert_eq!(file, lineage);
    let page = play.project.releases().unwrap().remove("iris@v1.0.0").unwrap().description;
    assert!(page.contains("the holdout is mislabelled"), "{page}");
    let described = play.says(AUTHOR, number, "/model describe v1").await;
    assert!(play.reply(number, described).contains("waived accuracy"));
    play.ends().await;
}

async fn a_waiver_is_for_one_head_and_does_not_come_back_with_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Worse", WORSE).await;
    let branch = play.project.merge_request(number).unwrap().source_branch;
    let first = play.project.branch(&branch).unwrap();
    play.says(OWNER, number, WAIVE).await;
    assert_eq!(play.label(number), "model::review");

    pushes(&mut play, number, 30).await;
    refused(&mut play, OWNER, number, WAIVE, "head-moved").await;
    play.builds(number, "other weights").await;
    play.measures(number, WORSE).await;
    assert_eq!(play.label(number), "model::failed", "the same numbers of another head");
    let report = play.report(number).replace(['\u{200b}', '\\'], "");
    assert!(report.contains("The waiver of `accuracy` by @alice is void: the head moved"), "{report}");

    play.project.force(AUTHOR, &branch, &first).unwrap();
    play.settle().await;
    assert_ne!(play.label(number), "model::review", "dropped for good: {}", play.report(number));
    play.ends().await;
}

async fn a_required_rule_an_unknown_one_and_one_that_passes_are_not_waived(forge: ForgeKind) {
    let policy = IRIS.replace("max_regression: 0.01}", "max_regression: 0.01, required: true}");
    let mut play = Play::with(forge, &policy).await;
    let number = play.candidate("Worse", WORSE).await;
    refused(&mut play, OWNER, number, WAIVE, "required-rule").await;
    let reply = refused(&mut play, OWNER, number, "/model waive latency because", "rule-unknown").await;
    assert!(reply.contains("latency_ms"), "{reply}");
    refused(&mut play, OWNER, number, "/model waive latency_ms because", "not-failing").await;
    let comment = play.says(OWNER, number, "/model waive accuracy").await;
    assert!(play.reply(number, comment).contains("the reason is missing"));
    assert_eq!(play.label(number), "model::failed");
    play.ends().await;
}

async fn the_author_may_waive_if_an_owner_and_the_report_says_so(forge: ForgeKind) {
    let policy =
        IRIS.replace("review: {approvals: 1}", "review: {approvals: 1, owners: [\"@alice\", \"@ben\"]}");
    let mut play = Play::with(forge, &policy).await;
    let number = play.candidate("Worse", WORSE).await;
    play.says(AUTHOR, number, WAIVE).await;
    assert_eq!(play.label(number), "model::review");
    let report = play.report(number).replace(['\u{200b}', '\\'], "");
    assert!(report.contains("waived by its author @ben"), "{report}");
    play.ends().await;
}

async fn explain_names_rule_line_numbers_baseline_and_what_was_refused(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.released("Good", GOOD).await;
    let number = play.candidate("Worse", WORSE).await;
    refused(&mut play, AUTHOR, number, WAIVE, "not-owner").await;
    let asked = play.says(AUTHOR, number, "/model explain").await;
    let reply = play.reply(number, asked);
    let line = IRIS.lines().position(|line| line.contains("metric: accuracy")).unwrap() + 1;
    let line = format!("line {line}, the target branch");
    for said in ["`accuracy`", line.as_str(), "0.85", "0.94", "v1", "may lose 0.01", "`not-owner`", "sha256:"]
    {
        assert!(reply.contains(said), "`{said}` is not in\n{reply}");
    }
    let asked = play.says(AUTHOR, number, "/model explain review").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("`review.approvals`") && !reply.contains("may lose"), "{reply}");
    play.ends().await;
}

async fn a_reason_that_mentions_and_commands_is_only_shown(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Worse", WORSE).await;
    let hostile = "@everyone see #1 and !2 at http://evil.test/x | or not";
    play.says(OWNER, number, &format!("/model waive accuracy {hostile}")).await;
    play.says(OWNER, number, &format!("/model hold {hostile}")).await;
    let asked = play.says(OWNER, number, "/model explain").await;
    let reply = play.reply(number, asked);
    for text in [play.report(number), reply] {
        assert!(text.contains("everyone"), "{text}");
        for live in ["@everyone", " #1", " !2", "http://evil"] {
            assert!(!text.contains(live), "`{live}` acts in\n{text}");
        }
    }
    play.ends().await;
}
