//! What is a command and what is only text, asked of the whole bot: a comment is acknowledged and answered,
//! or nobody hears of it.

use std::collections::BTreeSet;
use std::time::Duration;

use mergewright::command::table;
use mergewright::domain::ForgeKind;
use mergewright::sandbox::{File, PipelineState};

use super::Play;
use super::forges::on_both_forges;
use super::play::{AUTHOR, BOT, IRIS, OWNER};

on_both_forges! {
    a_line_of_its_own_is_a_command_however_its_lines_end,
    nothing_in_code_quotes_or_markup_is_a_command,
    after_what_hides_a_command_is_heard_once,
    what_only_looks_like_us_is_not_answered,
    capitals_are_heard_and_dressed_up_words_are_refused_once,
    an_invisible_character_makes_another_word,
    however_many_words_are_wrong_one_reply_says_so,
    two_commands_are_done_in_order,
    the_model_is_asked_for_only_where_there_are_two,
    what_is_wrong_with_an_argument_is_named,
    hostile_arguments_start_nothing,
    what_somebody_else_makes_of_a_comment_is_refused_and_audited,
    a_deleted_comment_runs_nothing_and_stops_nothing,
    the_forges_own_lines_are_no_commands,
    after_the_end_it_is_refused_with_the_reason,
    two_bots_do_not_talk_to_each_other,
    what_the_bot_quotes_does_not_act,
    a_title_or_a_branch_is_never_a_command,
    none_of_our_lines_is_the_forges_own_command,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;

/// Somebody comments; the answer, if it was a command. A command is acknowledged, and nothing else is.
async fn answer(play: &mut Play, login: &str, number: u64, text: &str) -> Option<String> {
    let comment = play.says(login, number, text).await;
    let replies = play.replies(number, comment);
    let eyes = play.reactions(number, comment) == ["eyes"];
    assert!(replies.len() <= 1, "{text:?} was answered {} times", replies.len());
    assert_eq!(eyes, !replies.is_empty(), "{text:?}: acknowledged, but not answered, or the other way round");
    replies.into_iter().next()
}

async fn silent(play: &mut Play, number: u64, text: &str) {
    assert_eq!(answer(play, OWNER, number, text).await, None, "{text:?}");
}

/// The same, but that it was answered with `expected` in the text.
async fn answered(play: &mut Play, number: u64, text: &str, expected: &str) -> String {
    let answer = answer(play, OWNER, number, text).await;
    let answer = answer.unwrap_or_else(|| panic!("{text:?} was not heard"));
    assert!(answer.contains(expected), "{text:?}: {answer}");
    answer
}

/// A question whose answer shows that it was heard.
const VERSIONS: &str = "No version of";

async fn a_line_of_its_own_is_a_command_however_its_lines_end(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Lines").await;
    for text in [
        "/model versions",
        "  /model versions  ",
        "/model versions\r\nthanks",
        "Hello\r\n/model versions\r\n",
        "hello\\\n/model   versions",
        "- one\n- /model versions",
        "1. first\n\n   /model versions",
        "@mergewright-bot versions",
    ] {
        answered(&mut play, number, text, VERSIONS).await;
    }
    play.ends().await;
}

async fn nothing_in_code_quotes_or_markup_is_a_command(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Hidden").await;
    for text in [
        // Code.
        "```\n/model versions\n```",
        "```sh\n/model versions\n```   ",
        "~~~\n/model versions\n~~~",
        "```\n/model versions",
        "a\n\n    /model versions",
        "`/model versions`",
        "```\r\n/model versions\r\n```\r\n",
        "````\n```\n/model versions\n```\n````",
        "```\n/model versions\n`````",
        "- a\n  ```\n  /model versions\n  ```",
        // Quotes.
        "> /model versions",
        "> > a\n> /model versions",
        "> a\n/model versions",
        // What nobody sees, or sees as something else.
        "a <!--\n/model versions\n--> b",
        "<!-- /model versions -->",
        "<details>\n\n/model versions\n\n</details>",
        "<b>/model versions</b>",
        "[/model versions](https://models.example)",
        "[/model versions]: https://models.example \"x\"\n\ntext",
        "# /model versions",
        "**/model versions**",
    ] {
        silent(&mut play, number, text).await;
    }
    play.ends().await;
}

async fn after_what_hides_a_command_is_heard_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Ended").await;
    for text in [
        "<!-- x -->\n/model versions",
        "```\nx\n```\n/model versions",
        "> quote\n\n/model versions",
        "<details>\nx\n</details>\n\n/model versions",
        // Inside and outside: once.
        "/model versions\n\n```\n/model publish\n```",
        "> /model publish\n\n/model versions\n\n    /model publish",
    ] {
        let answer = answered(&mut play, number, text, VERSIONS).await;
        assert_eq!(answer.matches(VERSIONS).count(), 1, "{text:?}: {answer}");
    }
    play.ends().await;
}

async fn what_only_looks_like_us_is_not_answered(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Alike").await;
    for text in [
        "/modelx versions",
        "/models versions",
        "a/model versions",
        "mail@mergewright-bot versions",
        "@mergewright-bot2 versions",
        "@mergewright versions",
        "please /model versions",
        "cc @mergewright-bot",
        "versions",
        "\u{200b}/model versions",
        "/mo\u{200b}del versions",
    ] {
        silent(&mut play, number, text).await;
    }
    // A bare verb is the forge's own, where it has one.
    if forge == ForgeKind::GitHub {
        silent(&mut play, number, "/approve").await;
        assert_eq!(play.status(number, "mergewright/iris/review").as_deref(), Some("pending"));
    }
    play.ends().await;
}

async fn capitals_are_heard_and_dressed_up_words_are_refused_once(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Capitals").await;
    answered(&mut play, number, "/MODEL Versions", VERSIONS).await;
    answered(&mut play, number, "@MergeWright-Bot VERSIONS", VERSIONS).await;
    answered(&mut play, number, "@mergewright-bot `versions`", "plain text").await;
    answered(&mut play, number, "/model **versions**", "plain text").await;
    play.ends().await;
}

async fn an_invisible_character_makes_another_word(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Unseen", GOOD).await;
    for invisible in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}'] {
        let line = format!("/model app{invisible}rove");
        answered(&mut play, number, &line, "there is no command").await;
    }
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn however_many_words_are_wrong_one_reply_says_so(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Wrong").await;
    let text = "/model pubish\n\nand\n\n/model aprove";
    let answer = answered(&mut play, number, text, "did you mean").await;
    assert!(answer.contains("publish") && answer.contains("/model help"), "{answer}");
    play.ends().await;
}

async fn two_commands_are_done_in_order(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Order", GOOD).await;
    // The other way round it is refused: what is not approved is not published.
    let refused = answered(&mut play, number, "/model publish\n\n- /model approve", "not-ready").await;
    assert!(refused.contains("/model approve"), "the second one's fate: {refused}");
    assert_eq!(play.label(number), "model::review");
    play.says(OWNER, number, "Good.\n- /model approve\n- /model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}

async fn the_model_is_asked_for_only_where_there_are_two(forge: ForgeKind) {
    let section = &IRIS[IRIS.find("  iris:").unwrap()..];
    let mut play = Play::with(forge, &format!("{IRIS}{}", section.replace("iris", "rose"))).await;
    let one = play.opens("One").await;
    answered(&mut play, one, "/model explain", "iris").await;
    let main = play.project.branch("main").unwrap();
    let files = ["iris", "rose"]
        .map(|model| File::write(&format!("models/{model}/params.json"), "{\"epochs\": 3}\n"));
    play.project.branch_off(AUTHOR, "two", &main, &files, "Two").unwrap();
    let two = play.project.open_merge_request(AUTHOR, "two", "Two").unwrap();
    play.settle().await;
    let asked = answered(&mut play, two, "/model explain", "rose").await;
    assert!(asked.contains("iris") && asked.contains("model-required"), "{asked}");
    play.ends().await;
}

async fn what_is_wrong_with_an_argument_is_named(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Arguments").await;
    for (line, message) in [
        ("approve please", "not expected"),
        ("status iris now", "not expected"),
        ("publish iris @other help", "not expected"),
        ("promote", "is missing"),
        ("waive latency", "the reason is missing"),
        ("hold \"\"", "the reason is empty"),
        ("hold \"waiting", "not closed"),
        ("publish --dry-run --dry-run", "--dry-run"),
        ("approve 99999999999999999999999999999999999999999999999999999999999999999", "not expected"),
        ("run -1", "not expected"),
    ] {
        let answer = answered(&mut play, number, &format!("/model {line}"), message).await;
        let verb = line.split(' ').next().unwrap();
        assert!(answer.contains(&format!("/model {verb}")), "its usage: {answer}");
    }
    assert_eq!(play.label(number), "model::building");
    play.ends().await;
}

async fn hostile_arguments_start_nothing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Hostile").await;
    let before = play.project.pipelines().unwrap().len();
    for word in ["../../../etc/passwd", "~root", "$(id)", "a&&id", "-chdir", "--help", "*", "v1;id"] {
        for line in [format!("run {word}"), format!("approve {word}"), format!("promote {word} production")] {
            answered(&mut play, number, &format!("/model {line}"), "").await;
        }
    }
    assert_eq!(play.project.pipelines().unwrap().len(), before);
    assert_eq!(play.label(number), "model::building");
    play.ends().await;
}

async fn what_somebody_else_makes_of_a_comment_is_refused_and_audited(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Changed", GOOD).await;
    let comment = play.project.comment(AUTHOR, number, "/model status").unwrap().unwrap();
    play.project.edit_comment(OWNER, number, comment, "/model approve").unwrap();
    play.settle().await;
    let reply = play.reply(number, comment);
    assert!(reply.contains("comment-changed"), "{reply}");
    assert_eq!(play.audit("refusal").await.len(), 1);
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn a_deleted_comment_runs_nothing_and_stops_nothing(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Deleted", GOOD).await;
    let unheard = play.project.comment(OWNER, number, "/model approve").unwrap().unwrap();
    play.project.delete_comment(OWNER, number, unheard).unwrap();
    play.settle().await;
    // It may only not be shown yet: a minute later it is taken to be gone.
    play.passes(Duration::from_secs(60)).await;
    assert_eq!(play.label(number), "model::review");
    assert_eq!(play.audit("refusal").await.len(), 1);
    // What runs already goes on.
    let heard = play.says(OWNER, number, "/model approve\n/model publish").await;
    assert_eq!(play.label(number), "model::publishing");
    play.project.delete_comment(OWNER, number, heard).unwrap();
    play.settle().await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published");
    play.ends().await;
}

async fn the_forges_own_lines_are_no_commands(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("System", GOOD).await;
    play.project.system_note(OWNER, number, "/model approve").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn after_the_end_it_is_refused_with_the_reason(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Closed", GOOD).await;
    play.project.close(AUTHOR, number).unwrap();
    play.settle().await;
    let refused = answered(&mut play, number, "/model approve", "closed").await;
    assert!(refused.contains("(`closed`)"), "{refused}");
    play.ends().await;
}

async fn two_bots_do_not_talk_to_each_other(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Bots", GOOD).await;
    // GitLab's programs are known by such logins, GitHub's by their kind.
    let other = if forge == ForgeKind::GitLab { "project_7_bot_0a1b2c" } else { "other-bot" };
    let _account = play.sandbox.bot(other);
    play.project.member(other, mergewright::sandbox::Role::Maintainer).unwrap();
    for login in [other, BOT] {
        for text in ["/model approve", "/model pubish", "@mergewright-bot versions"] {
            let comment = play.says(login, number, text).await;
            play.expects(comment);
            assert_eq!(play.replies(number, comment), Vec::<String>::new(), "{login}: {text}");
            assert!(play.reactions(number, comment).is_empty(), "{login}: {text}");
        }
    }
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn what_the_bot_quotes_does_not_act(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Quoted", GOOD).await;
    // The reply names the line that was not run; the report names what to say next.
    answered(&mut play, number, "/model publish\n/model approve", "/model approve").await;
    answered(&mut play, number, "/model hold @mergewright-bot approve `/model approve`", "").await;
    let comments = play.project.comments(number).unwrap().len();
    play.settle().await;
    assert_eq!(play.project.comments(number).unwrap().len(), comments);
    assert_ne!(play.label(number), "model::ready");
    play.ends().await;
}

async fn a_title_or_a_branch_is_never_a_command(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Title", GOOD).await;
    for title in ["/model approve", "@mergewright-bot approve"] {
        play.project.retitle(OWNER, number, title).unwrap();
        play.settle().await;
        assert_eq!(play.label(number), "model::review", "{title}");
    }
    play.ends().await;
}

async fn none_of_our_lines_is_the_forges_own_command(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Quick", GOOD).await;
    let words: BTreeSet<_> = table().iter().map(|entry| entry.word).collect();
    assert!(words.contains("approve") && words.len() > 15, "{words:?}");
    for word in words {
        // Of somebody who may do nothing of it, so that only the forge itself could act.
        let line = format!("/model {word}");
        let comment = play.says(AUTHOR, number, &line).await;
        let stored = play.project.comments(number).unwrap().into_iter().find(|one| one.id == comment);
        assert_eq!(stored.unwrap().body, line);
        let _answer = play.replies(number, comment);
    }
    let run = play.run(number, "iris");
    assert_ne!(play.project.pipeline_state(run).unwrap(), PipelineState::Canceled);
    play.ends().await;
}
