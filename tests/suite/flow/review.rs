//! Who may do what, and what is answered.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Fault, File, Role};

use super::Play;
use super::forges::on_both_forges;
use super::play::{ALL_GOOD, AUTHOR, OWNER};

on_both_forges! {
    the_author_cannot_approve,
    somebody_who_only_reads_is_refused_and_told_why,
    whose_rights_cannot_be_read_is_refused_and_may_say_it_again,
    who_is_asked_about_too_fast_is_heard_a_moment_later,
    the_forges_own_approval_counts_the_same_and_ends_with_its_withdrawal,
    a_comment_edited_before_it_is_read_does_not_act,
    an_edit_never_runs_a_command,
    a_command_in_a_quote_or_in_code_is_only_text,
    a_sha_that_is_not_the_head_is_refused,
    the_same_comment_told_twice_acts_once,
    an_unknown_verb_is_corrected,
    after_a_refusal_the_rest_of_the_comment_is_not_run,
    an_approve_is_not_for_a_report_that_was_decided_but_not_yet_written,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

async fn the_author_cannot_approve(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Mine", GOOD).await;
    let asked = play.says(AUTHOR, number, "/model approve").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("not-owner") || reply.contains("own"), "{reply}");
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn somebody_who_only_reads_is_refused_and_told_why(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let _account = play.sandbox.person("mallory");
    play.project.member("mallory", Role::Reporter).unwrap();
    let number = play.candidate("Good", GOOD).await;
    let asked = play.says("mallory", number, "/model approve").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("not-owner"), "{reply}");
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn whose_rights_cannot_be_read_is_refused_and_may_say_it_again(forge: ForgeKind) {
    let unknown = "rights-unknown";
    for (fault, rule) in
        [(Fault::html(500), unknown), (Fault::BreakBefore, unknown), (Fault::status(404), "not-owner")]
    {
        let mut play = Play::start(forge).await;
        let number = play.candidate("Train longer", GOOD).await;
        play.meets(1, "rights", fault);
        let asked = play.says(OWNER, number, "/model approve").await;
        assert!(play.reply(number, asked).contains(rule), "{rule}");
        assert_eq!(play.label(number), "model::review");
        play.says(OWNER, number, "/model approve").await;
        assert_eq!(play.label(number), "model::ready");
        play.ends().await;
    }
}

async fn who_is_asked_about_too_fast_is_heard_a_moment_later(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.meets(1, "rights", Fault::too_many("7"));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::review");
    play.passes(Duration::from_secs(8)).await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn the_forges_own_approval_counts_the_same_and_ends_with_its_withdrawal(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    play.project.approve(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready");
    play.project.unapprove(OWNER, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_comment_edited_before_it_is_read_does_not_act(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let comment = play.project.comment(OWNER, number, "/model approve").unwrap().unwrap();
    play.project.edit_comment(OWNER, number, comment, "/model publish").unwrap();
    play.settle().await;
    let reply = play.reply(number, comment);
    assert!(reply.contains("comment-changed"), "{reply}");
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn an_edit_never_runs_a_command(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let comment = play.says(OWNER, number, "Looks fine to me.").await;
    play.project.edit_comment(OWNER, number, comment, "/model approve").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review");
    assert!(play.reactions(number, comment).is_empty());
    play.ends().await;
}

async fn a_command_in_a_quote_or_in_code_is_only_text(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    for text in
        ["> /model approve", "```\n/model approve\n```", "<!--\n/model approve\n-->", "`/model approve`"]
    {
        play.says(OWNER, number, text).await;
        assert_eq!(play.label(number), "model::review", "{text}");
    }
    play.ends().await;
}

async fn a_sha_that_is_not_the_head_is_refused(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let asked = play.says(OWNER, number, "/model approve 0123456789ab").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("head-moved"), "{reply}");
    play.ends().await;
}

async fn the_same_comment_told_twice_acts_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let comment = play.project.comment(OWNER, number, "/model help").unwrap().unwrap();
    let twice = mergewright::sandbox::Manner {
        copies: mergewright::sandbox::Copies::OtherId,
        ..mergewright::sandbox::Manner::default()
    };
    play.settle_with(&twice).await;
    let reply = play.reply(number, comment);
    assert!(reply.contains("/model publish"), "{reply}");
    assert_eq!(play.reactions(number, comment), ["eyes"]);
    play.ends().await;
}

async fn an_unknown_verb_is_corrected(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let unknown = play.says(OWNER, number, "/model aprove").await;
    assert!(play.reply(number, unknown).contains("approve"), "{}", play.reply(number, unknown));
    play.ends().await;
}

async fn after_a_refusal_the_rest_of_the_comment_is_not_run(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    let asked = play.says(OWNER, number, "/model publish\n\n/model approve").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("/model approve"), "{reply}");
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn an_approve_is_not_for_a_report_that_was_decided_but_not_yet_written(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Good", GOOD).await;
    // The forge is slow to take what we write; what it tells is heard at once.
    let branch = play.project.merge_request(number).unwrap().source_branch;
    let files = [File::write("models/iris/params.json", "{\"epochs\": 30}\n")];
    play.project.push(AUTHOR, &branch, &files, "Go on").unwrap();
    let pipeline = play.run(number, "iris");
    let model = [("models/iris/model.json", &b"other"[..])];
    play.project.job_succeeds(pipeline, "iris:build", "trained\n", &model).unwrap();
    let numbers =
        [("models/iris/metrics.json", GOOD.as_bytes()), ("models/iris/junit.xml", ALL_GOOD.as_bytes())];
    play.project.job_succeeds(pipeline, "iris:test", "evaluated\n", &numbers).unwrap();
    play.hears().await;

    play.clock.advance(Duration::from_secs(1));
    let asked = play.project.comment(OWNER, number, "/model approve").unwrap().unwrap();
    play.hears().await;
    play.settle().await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("head-moved"), "alice saw the report of the old head: {reply}");
    assert_eq!(play.label(number), "model::review");
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}
