//! What people and jobs try against the bot, and what it makes of it.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, Role};

use super::Play;
use super::forges::on_both_forges;
use super::play::{ALL_GOOD, AUTHOR, HUB_SECRET, OWNER, SIGNING_TOKEN};

on_both_forges! {
    a_log_that_prints_the_bots_secrets_shows_them_to_nobody,
    a_comment_that_holds_a_secret_of_the_bot_acts_like_any_other,
    test_names_and_metric_names_leak_nothing_either,
    somebody_elses_comment_with_our_marker_is_left_alone,
    a_deleted_report_comes_back_once_and_deleted_again_it_is_not_forced_upon_people,
    a_huge_log_is_shown_by_its_end,
    archives_that_attack_end_as_a_plain_failure,
    a_comment_of_a_million_characters_is_read_in_peace,
    a_member_removed_after_writing_the_comment_is_refused,
    publish_asked_twice_at_once_makes_one_version,
    a_retargeted_merge_request_is_approved_anew_under_the_other_branchs_policy,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const MARKER: &str = "<!-- mergewright:report -->";

async fn a_log_that_prints_the_bots_secrets_shows_them_to_nobody(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Leak").await;
    let token = play.bot.token().to_owned();
    let in_base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &token);
    let in_address = token.replace('-', "%2D").replace('_', "%5F");
    let mut secrets = vec![token.clone(), in_base64, in_address];
    match forge {
        ForgeKind::GitLab => {
            let pasted = SIGNING_TOKEN.trim_start_matches("whsec_");
            let key = "01234567890123456789012345678901";
            secrets.extend([SIGNING_TOKEN, pasted, pasted.trim_end_matches('='), key].map(str::to_owned));
        }
        ForgeKind::GitHub => secrets.push(HUB_SECRET.to_owned()),
    }
    let log = format!("token={}\nit broke\n", secrets.join("\nand "));
    let pipeline = play.run(number, "iris");
    play.project.job_fails(pipeline, "iris:build", &log, &[]).unwrap();
    play.settle().await;
    let report = play.report(number);
    assert!(report.contains("it broke") && report.contains("[redacted]"), "{report}");
    for secret in &secrets {
        assert!(!report.contains(secret.as_str()), "`{secret}` stands in\n{report}");
    }
    play.ends().await;
}

async fn a_comment_that_holds_a_secret_of_the_bot_acts_like_any_other(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Careless", GOOD).await;
    let token = play.bot.token().to_owned();
    play.says(OWNER, number, &format!("/model approve\n\nIs {token} still in use?")).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn test_names_and_metric_names_leak_nothing_either(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Leak").await;
    play.builds(number, "weights").await;
    let token = play.bot.token().to_owned();
    let pipeline = play.run(number, "iris");
    let metrics = format!(r#"{{"accuracy": 0.94, "latency_ms": 12, "{token}": 1}}"#);
    let junit = format!(
        r#"<testsuite><testcase name="{token}"><failure message="saw {token}"/></testcase></testsuite>"#
    );
    let files =
        [("models/iris/metrics.json", metrics.as_bytes()), ("models/iris/junit.xml", junit.as_bytes())];
    play.project.job_succeeds(pipeline, "iris:test", "evaluated\n", &files).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number).replace('\\', "");
    assert!(report.contains("[redacted]"), "{report}");
    assert!(!report.contains(&token), "{report}");
    play.ends().await;
}

async fn somebody_elses_comment_with_our_marker_is_left_alone(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let change = [File::write("models/iris/params.json", "{\"depth\": 3}\n")];
    play.project.branch_off(AUTHOR, "mask", &main, &change, "Mask").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "mask", "Mask").unwrap();
    let body = format!("{MARKER}\n### ✓ iris: published");
    let mask = play.project.comment(AUTHOR, number, &body).unwrap().unwrap();
    play.settle().await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    let comments = play.project.comments(number).unwrap();
    let look_alike = comments.iter().find(|comment| comment.id == mask).unwrap();
    assert_eq!(look_alike.body, body, "the bot wrote over a comment that is not its own");
    assert!(play.report(number).contains("0.94"), "{}", play.report(number));
    play.ends().await;
}

async fn a_deleted_report_comes_back_once_and_deleted_again_it_is_not_forced_upon_people(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Unwanted").await;
    for (shown_again, step) in [(true, "build"), (false, "test")] {
        let ours = play.project.comments(number).unwrap();
        let ours = ours.iter().find(|comment| comment.body.starts_with(MARKER)).unwrap().id;
        play.project.delete_comment(OWNER, number, ours).unwrap();
        match step {
            "build" => play.builds(number, "weights").await,
            _ => play.measures(number, GOOD).await,
        }
        assert_eq!(!play.report(number).is_empty(), shown_again, "after {step}");
    }
    assert_eq!(play.label(number), "model::review", "the work itself goes on");
    play.ends().await;
}

async fn a_huge_log_is_shown_by_its_end(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Chatty").await;
    let pipeline = play.run(number, "iris");
    let log = format!("the beginning\n{}the very end\n", "loss 0.1 @everyone #1\n".repeat(150_000));
    play.project.job_fails(pipeline, "iris:build", &log, &[]).unwrap();
    play.settle().await;
    let report = play.report(number);
    assert!(report.contains("the very end") && !report.contains("the beginning"), "{report}");
    assert!(report.chars().count() < 65_536, "{} characters", report.chars().count());
    play.ends().await;
}

async fn archives_that_attack_end_as_a_plain_failure(forge: ForgeKind) {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"accuracy\": 0.94, \"pad\": \"{}\"}}", "x".repeat(17 << 20));
    let entities = r#"<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
        <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><testsuite name="&c;"><testcase name="&c;"/></testsuite>"#;
    type Files<'a> = &'a [(&'a str, &'a [u8])];
    let cases: [(&str, Files<'_>); 4] = [
        (
            "Outside",
            &[
                ("../../../models/iris/metrics.json", GOOD.as_bytes()),
                ("models/iris/junit.xml", ALL_GOOD.as_bytes()),
            ],
        ),
        (
            "Deep",
            &[("models/iris/metrics.json", deep.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())],
        ),
        (
            "Large",
            &[("models/iris/metrics.json", large.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())],
        ),
        (
            "Entities",
            &[("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", entities.as_bytes())],
        ),
    ];
    let mut play = Play::start(forge).await;
    for (title, files) in cases {
        let number = play.opens(title).await;
        play.builds(number, title).await;
        let pipeline = play.run(number, "iris");
        play.project.job_succeeds(pipeline, "iris:test", "evaluated\n", files).unwrap();
        play.settle().await;
        assert_eq!(play.label(number), "model::failed", "{title}: {}", play.report(number));
    }
    play.ends().await;
}

async fn a_comment_of_a_million_characters_is_read_in_peace(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Long", GOOD).await;
    let text = format!("{}\n\n/model help\n", "[](<*`> ".repeat(120_000));
    let before = std::time::Instant::now();
    let comment = play.project.comment(OWNER, number, &text).unwrap().unwrap();
    play.settle().await;
    assert!(before.elapsed().as_secs() < 60, "a comment must not keep the bot busy");
    let all = play.project.comments(number).unwrap();
    let marker = format!("<!-- mergewright:reply:{comment} -->");
    if all.iter().any(|one| one.body.starts_with(&marker)) {
        let _answered = play.reply(number, comment);
    }
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_member_removed_after_writing_the_comment_is_refused(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let _account = play.sandbox.person("dora");
    play.project.member("dora", Role::Maintainer).unwrap();
    let number = play.candidate("Good", GOOD).await;
    let comment = play.project.comment("dora", number, "/model approve").unwrap().unwrap();
    play.project.remove_member("dora").unwrap();
    play.settle().await;
    let reply = play.reply(number, comment);
    assert!(reply.contains("not-owner"), "{reply}");
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn publish_asked_twice_at_once_makes_one_version(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.clock.advance(std::time::Duration::from_secs(1));
    let first = play.project.comment(OWNER, number, "/model publish").unwrap().unwrap();
    let second = play.project.comment(OWNER, number, "/model publish").unwrap().unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(play.tags(), ["iris@v1.0.0"]);
    assert_eq!(play.label(number), "model::published");
    assert!(play.project.waiting_jobs().unwrap().iter().all(|job| !job.name.ends_with(":publish")));
    let all = play.project.comments(number).unwrap();
    for comment in [first, second] {
        let marker = format!("<!-- mergewright:reply:{comment} -->");
        if all.iter().any(|one| one.body.starts_with(&marker)) {
            let _said = play.reply(number, comment);
        }
    }
    play.ends().await;
}

async fn a_retargeted_merge_request_is_approved_anew_under_the_other_branchs_policy(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let strict = super::play::IRIS.replace("min: 0.90", "min: 0.99");
    let policy = [File::write(".mergewright.yml", strict)];
    play.project.branch_off(OWNER, "strict", &main, &policy, "Strict").unwrap();
    let number = play.candidate("Good", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.project.retarget(AUTHOR, number, "strict").unwrap();
    play.settle().await;
    assert_ne!(play.label(number), "model::ready", "{}", play.report(number));
    let asked = play.says(OWNER, number, "/model publish").await;
    assert!(!play.reply(number, asked).is_empty());
    assert!(play.tags().is_empty());
    play.ends().await;
}
