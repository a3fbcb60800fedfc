//! Whose word counts, for what exactly it was given, and what moves under it.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Fault, File, Role, RunsWait};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::forges::on_both_forges;
use super::play::{AUTHOR, BOT, OWNER};
use super::{IRIS, Play};

on_both_forges! {
    only_the_commenters_own_role_counts,
    nobody_who_wrote_it_and_no_machine_approves_it,
    an_approval_is_for_the_head_it_was_given_for,
    whatever_an_approval_was_bound_to_moves_it_is_void_and_says_why,
    a_head_with_the_same_content_keeps_its_approvals,
    a_label_says_nothing_to_the_bot,
    each_obstacle_has_its_own_refusal,
    a_reading_that_fails_before_the_merge_merges_nothing,
    who_is_blocked_or_renamed_after_the_comment_has_the_rights_of_now,
    a_tampered_report_is_written_again_and_audited,
    a_forged_status_is_set_right_and_audited,
    only_its_giver_takes_an_approval_back,
    the_forges_update_button_voids_approvals_and_measures_anew,
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const BETTER: &str = r#"{"accuracy": 0.95, "latency_ms": 12}"#;

/// Another maintainer, who may approve.
const SECOND: &str = "mia";

/// A built and measured merge request of this person.
async fn brought_by(play: &mut Play, login: &str, title: &str) -> u64 {
    let branch = title.to_lowercase().replace(' ', "-");
    let main = play.project.branch("main").unwrap();
    let files = [File::write("models/iris/params.json", format!("{{\"title\": \"{title}\"}}\n"))];
    play.project.branch_off(login, &branch, &main, &files, title).unwrap();
    let number = play.project.open_merge_request(login, &branch, title).unwrap();
    play.settle().await;
    measured(play, number, title, GOOD).await;
    number
}

async fn measured(play: &mut Play, number: u64, weights: &str, metrics: &str) {
    play.builds(number, weights).await;
    play.measures(number, metrics).await;
}

fn merges_asked(play: &Play) -> usize {
    let requests = play.sandbox.requests();
    requests.iter().filter(|one| one.by.as_deref() == Some(BOT) && one.url.ends_with("/merge")).count()
}

/// What the audit log says of this kind, oldest first.
async fn audited(play: &Play, kind: &str) -> Vec<String> {
    let file = format!("sqlite://{}", play.folder.path().join("bot.db").display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    let rows = sqlx::query("SELECT what FROM audit WHERE kind = $1 ORDER BY id").bind(kind);
    let rows = rows.fetch_all(&mut database).await.unwrap();
    rows.iter().map(|row| row.get("what")).collect()
}

async fn only_the_commenters_own_role_counts(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.project.member(SECOND, Role::Maintainer).unwrap();
    play.project.member("zoe", Role::Reporter).unwrap();
    for author in [AUTHOR, SECOND] {
        for commenter in [OWNER, "zoe"] {
            for labeller in [OWNER, "zoe"] {
                let who = format!("by {author} for {commenter} and {labeller}");
                let number = brought_by(&mut play, author, &who).await;
                play.project.labels(labeller, number, &["approved", "ok-to-run"], &[]).unwrap();
                play.settle().await;
                let asked = play.says(commenter, number, "/model approve").await;
                if commenter == OWNER {
                    assert_eq!(play.label(number), "model::ready", "{who}: {}", play.report(number));
                } else {
                    assert!(play.reply(number, asked).contains("`not-owner`"), "{who}");
                    assert_eq!(play.label(number), "model::review", "{who}");
                }
            }
        }
    }
    play.ends().await;
}

async fn nobody_who_wrote_it_and_no_machine_approves_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let machine = "project_7_bot_ci";
    let _account = play.sandbox.bot(machine);
    for login in [SECOND, "dora", machine, AUTHOR] {
        play.project.member(login, Role::Maintainer).unwrap();
    }
    let number = play.opens("Ours").await;
    let branch = play.project.merge_request(number).unwrap().source_branch;
    let one = [File::write("models/iris/one.json", "1\n")];
    let text = "Together\n\nCo-authored-by: Dora <dora@example.com>\n";
    play.project.push(SECOND, &branch, &one, text).unwrap();
    play.settle().await;
    measured(&mut play, number, "weights", GOOD).await;
    for login in [AUTHOR, SECOND, "dora"] {
        let asked = play.says(login, number, "/model approve").await;
        assert!(play.reply(number, asked).contains("`own-work`"), "{login}");
    }
    for login in [SECOND, "dora", machine] {
        play.clock.advance(Duration::from_secs(1));
        play.project.approve(login, number).unwrap();
        play.settle().await;
        assert_eq!(play.label(number), "model::review", "{login}: {}", play.report(number));
    }
    assert!(play.report(number).contains("authors do not approve their own work"), "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn an_approval_is_for_the_head_it_was_given_for(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    for by_command in [true, false] {
        play.clock.advance(Duration::from_secs(1));
        if by_command {
            play.says(OWNER, number, "/model approve").await;
        } else {
            play.project.approve(OWNER, number).unwrap();
            play.settle().await;
        }
        assert_eq!(play.label(number), "model::ready", "by command: {by_command}");
        let text = format!("{{\"by_command\": {by_command}}}\n");
        play.pushes(number, &[File::write("models/iris/params.json", text)]).await;
        let report = play.report(number);
        assert!(report.contains("is void: the head moved") && report.contains(OWNER), "{report}");
        measured(&mut play, number, &format!("weights {by_command}"), GOOD).await;
        assert_eq!(play.label(number), "model::review", "by command: {by_command}");
    }
    // While the evaluation runs there is no report yet that an approval without a commit could mean.
    play.pushes(number, &[File::write("models/iris/params.json", "{\"last\": true}\n")]).await;
    play.builds(number, "last").await;
    let early = play.says(OWNER, number, "/model approve").await;
    assert!(play.reply(number, early).contains("`head-moved`"), "{}", play.reply(number, early));
    play.measures(number, GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn whatever_an_approval_was_bound_to_moves_it_is_void_and_says_why(forge: ForgeKind) {
    for (what, why) in [
        ("base", "the target branch changed models/iris/schedule.json"),
        ("policy", "policy on the target branch changed"),
        ("report", "the report changed"),
    ] {
        let mut play = Play::start(forge).await;
        let number = play.candidate("Train longer", GOOD).await;
        play.says(OWNER, number, "/model approve").await;
        assert_eq!(play.label(number), "model::ready");
        let push = |path: &str, text: &str| {
            play.project
                .push(OWNER, "main", &[File::write(path, text.to_owned())], "Change it")
                .map(drop)
                .unwrap();
        };
        match what {
            "base" => push("models/iris/schedule.json", "{}\n"),
            "policy" => push(".mergewright.yml", &IRIS.replace("min: 0.90", "min: 0.91")),
            _ => {
                play.says(AUTHOR, number, "/model run").await;
                measured(&mut play, number, "weights", BETTER).await;
            }
        }
        play.settle().await;
        let report = play.report(number);
        assert!(report.contains("The approval of") && report.contains("is void: "), "{what}: {report}");
        assert!(report.replace('\\', "").contains(why), "{what}: {report}");
        assert_ne!(play.label(number), "model::ready", "{what}");
        play.ends().await;
    }
}

/// The author replaces the head by a commit with other words and the same content.
async fn rewords(play: &mut Play, number: u64, title: &str, text: &str) {
    let branch = play.project.merge_request(number).unwrap().source_branch;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("models/iris/params.json", format!("{{\"title\": \"{title}\"}}\n"))];
    let other = format!("{branch}-reworded");
    let commit = play.project.branch_off(AUTHOR, &other, &main, &files, text).unwrap();
    play.project.force(AUTHOR, &branch, &commit).unwrap();
    play.settle().await;
}

async fn a_head_with_the_same_content_keeps_its_approvals(forge: ForgeKind) {
    for (by_command, metrics) in [(true, GOOD), (false, GOOD), (true, BETTER)] {
        let mut play = Play::start(forge).await;
        let number = play.candidate("Same", GOOD).await;
        play.clock.advance(Duration::from_secs(1));
        if by_command {
            play.says(OWNER, number, "/model approve").await;
        } else {
            play.project.approve(OWNER, number).unwrap();
            play.settle().await;
        }
        assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
        rewords(&mut play, number, "Same", "Better words for the same").await;
        assert_eq!(play.label(number), "model::building", "it is measured like any other head");
        assert!(play.report(number).contains("is kept as long as the report stays the same"));
        measured(&mut play, number, "Same", metrics).await;
        let expected = if metrics == GOOD { "model::ready" } else { "model::review" };
        assert_eq!(play.label(number), expected, "by command: {by_command}: {}", play.report(number));
        play.ends().await;
    }
}

async fn a_label_says_nothing_to_the_bot(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.project.member("zoe", Role::Reporter).unwrap();
    let _account = play.sandbox.bot("triage-bot");
    play.project.member("triage-bot", Role::Maintainer).unwrap();
    play.project.runs_wait(RunsWait::Always).unwrap();
    let number = play.opens("Not yet").await;
    let before = play.label(number);
    for login in ["zoe", "triage-bot", OWNER] {
        let name = format!("ok-to-run-by-{login}");
        play.project.labels(login, number, &[name.as_str(), "approved"], &[]).unwrap();
        play.settle().await;
        play.project.labels(login, number, &[], &["approved"]).unwrap();
        play.settle().await;
    }
    assert_eq!(play.label(number), before);
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    let writes = play.sandbox.requests().into_iter().filter(|one| one.by.as_deref() == Some(BOT));
    let runs = writes.filter(|one| one.method == "POST" && one.url.contains("approve")).count();
    assert_eq!(runs, 0, "no run was let go by a label");
    play.ends().await;
}

async fn each_obstacle_has_its_own_refusal(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    let mut said = Vec::new();
    play.project.set_draft(AUTHOR, number, true).unwrap();
    play.settle().await;
    let asked = play.says(OWNER, number, "/model publish").await;
    said.push(("Mark the merge request as ready", play.reply(number, asked)));
    play.project.set_draft(AUTHOR, number, false).unwrap();
    play.settle().await;
    let closed = play.opens("Closed").await;
    play.project.close(AUTHOR, closed).unwrap();
    play.settle().await;
    let asked = play.says(OWNER, closed, "/model publish").await;
    said.push(("`closed`", play.reply(closed, asked)));
    let conflict = File::write("models/iris/params.json", "{\"other\": true}\n");
    play.project.push(OWNER, "main", &[conflict], "Something else").unwrap();
    play.settle().await;
    measured(&mut play, number, "again", GOOD).await;
    let asked = play.says(OWNER, number, "/model publish").await;
    said.push(("approv", play.reply(number, asked)));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    let asked = play.says(OWNER, number, "/model publish").await;
    said.push(("`not-mergeable`", play.reply(number, asked)));

    let failing = play.candidate("Worse", r#"{"accuracy": 0.5, "latency_ms": 12}"#).await;
    let asked = play.says(OWNER, failing, "/model publish").await;
    said.push(("GateFailed", play.reply(failing, asked)));
    // A job that is allowed to fail is judged like any other: by what it says of the model.
    let broken = play.opens("Broken").await;
    let run = play.run(broken, "iris");
    play.project.job_fails(run, "iris:build", "no data\n", &[]).unwrap();
    play.settle().await;
    let asked = play.says(OWNER, broken, "/model publish").await;
    said.push(("`no-report`", play.reply(broken, asked)));

    // The forge has not computed yet whether it can be merged: it is asked, and asked again.
    let checked = play.released("Checked", GOOD).await;
    let asked = play.says(OWNER, checked, "/model publish").await;
    said.push(("`commit-has-version`", play.reply(checked, asked)));
    for (expected, reply) in &said {
        assert!(reply.contains(expected), "`{expected}` is not in\n{reply}");
    }
    let asked = play.candidate("Unsure", GOOD).await;
    play.says(OWNER, asked, "/model approve").await;
    play.project.still_checking(asked, 4).unwrap();
    play.says(OWNER, asked, "/model publish").await;
    for _ in 0..6 {
        play.passes(Duration::from_secs(60)).await;
    }
    assert_eq!(play.label(asked), "model::publishing", "{}", play.report(asked));
    play.ends().await;
}

async fn a_reading_that_fails_before_the_merge_merges_nothing(forge: ForgeKind) {
    for name in ["merge request", "approvals", "one comment"] {
        let mut play = Play::start(forge).await;
        let number = play.candidate("Train longer", GOOD).await;
        play.says(OWNER, number, "/model approve").await;
        let before = play.sandbox.failures_left();
        play.meets(3, name, Fault::html(500));
        play.says(OWNER, number, "/model publish").await;
        assert_eq!(merges_asked(&play), 0, "{name}: nobody knew whether it may be merged");
        assert!(play.tags().is_empty());
        for _ in 0..4 {
            play.passes(Duration::from_secs(30)).await;
        }
        assert_eq!(play.sandbox.failures_left(), before, "{name} was not met");
        assert_eq!(merges_asked(&play), 1, "{name}: once it is known, it is done");
        play.ends().await;
    }
}

async fn who_is_blocked_or_renamed_after_the_comment_has_the_rights_of_now(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    for login in ["dora", "nina"] {
        play.project.member(login, Role::Maintainer).unwrap();
    }
    let number = play.candidate("Train longer", GOOD).await;
    play.clock.advance(Duration::from_secs(1));
    let comment = play.project.comment("dora", number, "/model approve").unwrap().unwrap();
    play.sandbox.block("dora");
    play.settle().await;
    assert!(play.reply(number, comment).contains("`not-owner`"), "{}", play.reply(number, comment));
    assert_eq!(play.label(number), "model::review");

    play.clock.advance(Duration::from_secs(1));
    play.project.comment("nina", number, "/model approve").unwrap().unwrap();
    play.sandbox.rename_person("nina", "nina-who-married");
    // Who takes the old name has none of her rights.
    let _account = play.sandbox.person("nina");
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "{}", play.report(number));
    play.ends().await;
}

async fn a_tampered_report_is_written_again_and_audited(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", r#"{"accuracy": 0.5, "latency_ms": 12}"#).await;
    let before = play.report(number);
    let comments = play.project.comments(number).unwrap();
    let ours = comments.iter().find(|comment| comment.body.contains("mergewright:report")).unwrap().id;
    for text in ["<!-- mergewright:report -->\n### ✓ iris: ready to publish", "gone"] {
        play.clock.advance(Duration::from_secs(1));
        play.project.edit_comment(OWNER, number, ours, text).unwrap();
        play.settle().await;
        assert_eq!(play.report(number), before, "the bot's own words stand again");
    }
    let told = audited(&play, "tampering").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|what| what.starts_with("alice changed the bot's report")), "{told:?}");
    // Twice within one second, which is all that the forges' times tell.
    for text in ["one", "two"] {
        play.project.edit_comment(OWNER, number, ours, text).unwrap();
        play.settle().await;
        assert_eq!(play.report(number), before, "{text} does not stay");
    }
    assert_eq!(audited(&play, "tampering").await.len(), 4);
    assert_eq!(play.label(number), "model::failed");
    // Its author may change a comment of somebody else in peace.
    let other = play.says(AUTHOR, number, "What now?").await;
    play.project.edit_comment(OWNER, number, other, "What now, please?").unwrap();
    play.settle().await;
    assert_eq!(audited(&play, "tampering").await.len(), 4);
    play.ends().await;
}

async fn a_forged_status_is_set_right_and_audited(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", r#"{"accuracy": 0.5, "latency_ms": 12}"#).await;
    let head = play.project.merge_request(number).unwrap().head;
    let failed = Some("failed");
    assert_eq!(play.status(number, "mergewright").as_deref(), failed);
    for context in ["mergewright", "mergewright/iris/test", "mergewright/iris/publish"] {
        play.project.set_status(AUTHOR, &head, context, "success").unwrap();
    }
    play.project.set_status(AUTHOR, &head, "lint", "success").unwrap();
    play.settle().await;
    // GitLab tells nobody of a status; the bot looks when somebody wants something.
    let asked = play.says(OWNER, number, "/model publish").await;
    assert!(play.reply(number, asked).contains("`not-ready`"));
    for context in ["mergewright", "mergewright/iris/test"] {
        assert_eq!(play.status(number, context).as_deref(), failed, "{context}");
    }
    let unused = play.status(number, "mergewright/iris/publish");
    assert!(matches!(unused.as_deref(), Some("failed" | "error")), "{unused:?}");
    assert_eq!(play.status(number, "lint").as_deref(), Some("success"), "not ours");
    let told = audited(&play, "tampering").await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("ben set the status mergewright"), "{told:?}");
    play.ends().await;
}

async fn only_its_giver_takes_an_approval_back(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.project.member(SECOND, Role::Maintainer).unwrap();
    play.project.member("zoe", Role::Reporter).unwrap();
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    for (login, rule) in [(SECOND, "`nothing-to-withdraw`"), (AUTHOR, "`not-owner`"), ("zoe", "`not-owner`")]
    {
        let asked = play.says(login, number, "/model unapprove").await;
        let reply = play.reply(number, asked);
        assert!(reply.contains(rule), "{login}: {reply}");
        assert_eq!(play.label(number), "model::ready", "{login}");
    }
    play.says(OWNER, number, "/model unapprove").await;
    assert_eq!(play.label(number), "model::review");
    play.ends().await;
}

async fn the_forges_update_button_voids_approvals_and_measures_anew(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.candidate("Train longer", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    play.project.push(OWNER, "main", &[File::write("README.md", "other words\n")], "Reword").unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::ready", "that is no file of the model");
    play.project.update_branch(AUTHOR, number).unwrap();
    play.settle().await;
    assert_eq!(play.label(number), "model::building", "{}", play.report(number));
    assert!(play.report(number).contains("is void: the head moved"), "{}", play.report(number));
    measured(&mut play, number, "again", GOOD).await;
    assert_eq!(play.label(number), "model::review");
    play.says(OWNER, number, "/model approve").await;
    play.says(OWNER, number, "/model publish").await;
    play.publishes().await;
    assert_eq!(play.label(number), "model::published", "{}", play.report(number));
    play.ends().await;
}
