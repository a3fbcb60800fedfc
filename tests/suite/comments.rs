//! The bot's comments at the forge: written once, found again, and left alone where people say so.

use mergewright::config::server::Mode;
use mergewright::domain::{Answer, CommentId, Effect, ModelSection, Outcome, Phase, Reply, StickyReport};
use mergewright::sandbox::Fault;
use mergewright::storage::Store;

use crate::stand::{BOT, Stand};

const NOTES: &str = "*/merge_requests/1/notes";

fn report(stand: &Stand, next_step: &str) -> Effect {
    let section = ModelSection {
        model: "iris".parse().unwrap(),
        phase: Phase::Building,
        head: stand.head.clone(),
        candidate: format!("cand-1.1-g{}", stand.head.short()),
        stages: vec![],
        gates: vec![],
        baseline: String::new(),
        charts: vec![],
        whole_report: None,
        card: None,
        other_metrics: vec![],
        failing_tests: vec![],
        more_failing: 0,
        logs: vec![],
        approvals_needed: 0,
        approved_by: vec![],
        policy_changes: vec![],
        evaluation_changes: vec![],
        notices: vec![],
        next_step: next_step.to_owned(),
        lineage: vec![],
    };
    let report = StickyReport { invalid_configuration: None, models: vec![section] };
    Effect::Report { report: Box::new(report) }
}

/// Wants a report with this sentence in it and performs all that is due.
async fn show(stand: &Stand, next_step: &str) {
    stand.want(vec![report(stand, next_step)]).await;
    stand.perform(Mode::Act).await;
}

#[tokio::test]
async fn the_first_report_is_one_comment_and_later_ones_edit_it() {
    let stand = Stand::open().await;
    show(&stand, "one").await;
    show(&stand, "two").await;
    let comments = stand.bot_comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.starts_with("<!-- mergewright:report -->\n"), "{}", comments[0].body);
    assert!(comments[0].body.contains("**Next:** two"), "{}", comments[0].body);
}

#[tokio::test]
async fn a_comment_whose_answer_was_lost_is_found_by_its_marker() {
    for fault in [Fault::BreakAfter, Fault::BreakBefore, Fault::html(502)] {
        let stand = Stand::open().await;
        stand.forge.fail_next(1, "POST", NOTES, fault.clone()).unwrap();
        show(&stand, "one").await;
        assert_eq!(stand.forge.failures_left(), 0, "{fault:?} was not met");
        assert_eq!(stand.bot_comments().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_process_that_dies_between_the_call_and_the_record_writes_no_second_comment() {
    let stand = Stand::open().await;
    show(&stand, "one").await;
    // The next process knows nothing of the comment: its database was lost.
    let stand = Stand { store: Store::open("sqlite::memory:").await.unwrap(), ..stand };
    stand.want(vec![report(&stand, "two")]).await;
    stand.die_while_performing().await;
    stand.perform(Mode::Act).await;
    let comments = stand.bot_comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.contains("two"));
}

#[tokio::test]
async fn the_comment_is_found_among_hundreds_and_on_short_pages() {
    let stand = Stand::open().await;
    stand.forge.short_pages(true);
    for n in 0..120 {
        stand.project.comment("ada", 1, &format!("Remark {n}")).unwrap();
    }
    show(&stand, "one").await;
    for n in 0..120 {
        stand.project.comment("ada", 1, &format!("Further remark {n}")).unwrap();
    }
    let stand = Stand { store: Store::open("sqlite::memory:").await.unwrap(), ..stand };
    show(&stand, "two").await;
    let comments = stand.bot_comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.contains("two"));
}

#[tokio::test]
async fn of_two_markers_the_older_wins_and_a_strangers_look_alike_is_left() {
    let stand = Stand::open().await;
    let forged =
        stand.project.comment("ada", 1, "<!-- mergewright:report -->\nAll is well").unwrap().unwrap();
    stand.project.comment(BOT, 1, "<!-- mergewright:report -->\nold").unwrap();
    stand.project.comment(BOT, 1, "<!-- mergewright:report -->\nyoung").unwrap();
    show(&stand, "one").await;
    let comments = stand.bot_comments();
    assert_eq!(comments.len(), 2);
    assert!(comments[0].body.contains("**Next:** one"), "{}", comments[0].body);
    assert!(comments[1].body.starts_with("<!-- mergewright:superseded -->"), "{}", comments[1].body);
    let all = stand.project.comments(1).unwrap();
    let look_alike = all.iter().find(|comment| comment.id == forged).unwrap();
    assert_eq!(look_alike.body, "<!-- mergewright:report -->\nAll is well");
}

#[tokio::test]
async fn a_deleted_comment_is_written_anew_once_and_then_left_alone() {
    let stand = Stand::open().await;
    show(&stand, "one").await;
    let first = stand.bot_comments()[0].id;
    stand.project.delete_comment("mia", 1, first).unwrap();
    show(&stand, "two").await;
    let second = stand.bot_comments();
    assert_eq!(second.len(), 1, "it comes back once");
    assert_ne!(second[0].id, first);
    show(&stand, "three").await;
    assert!(stand.bot_comments()[0].body.contains("three"), "and is kept up to date");
    stand.project.delete_comment("mia", 1, second[0].id).unwrap();
    show(&stand, "four").await;
    assert_eq!(stand.bot_comments().len(), 0, "deleted twice means unwanted");
    let before = stand.forge.requests().len();
    show(&stand, "five").await;
    assert_eq!(stand.bot_comments().len(), 0);
    assert_eq!(stand.forge.requests().len(), before, "and the forge is not asked again");
}

#[tokio::test]
async fn one_reply_stands_under_a_comment_however_often_it_is_tried() {
    let stand = Stand::open().await;
    let asked = stand.project.comment("ada", 1, "/model status").unwrap().unwrap();
    let reply = Reply { answers: vec![Answer::Text { markdown: "It is building.".to_owned() }] };
    stand.forge.fail_next(1, "POST", NOTES, Fault::BreakAfter).unwrap();
    stand
        .want(vec![
            Effect::Acknowledge { comment: CommentId(asked) },
            Effect::Reply { to: CommentId(asked), reply: Box::new(reply) },
        ])
        .await;
    stand.perform(Mode::Act).await;
    let comments = stand.bot_comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].body.trim_end(), format!("<!-- mergewright:reply:{asked} -->\nIt is building."));
    let all = stand.project.comments(1).unwrap();
    let question = all.iter().find(|comment| comment.id == asked).unwrap();
    assert_eq!(question.reactions.len(), 1);
}

#[tokio::test]
async fn a_reaction_to_a_comment_that_is_gone_is_no_alarm() {
    let stand = Stand::open().await;
    let asked = stand.project.comment("ada", 1, "/model help").unwrap().unwrap();
    stand.project.delete_comment("ada", 1, asked).unwrap();
    stand.want(vec![Effect::Acknowledge { comment: CommentId(asked) }]).await;
    assert_eq!(stand.perform(Mode::Act).await, 1);
    assert_eq!(stand.store.dead_effects(10).await.unwrap(), vec![]);
}

#[tokio::test]
async fn observing_writes_nothing() {
    let stand = Stand::open().await;
    let before = stand.forge.requests().len();
    stand.want(vec![report(&stand, "one")]).await;
    assert_eq!(stand.perform(Mode::Observe).await, 1);
    assert_eq!(stand.forge.requests().len(), before);
    assert_eq!(stand.perform(Mode::Act).await, 0, "what was observed is over");
}

#[tokio::test]
async fn the_forge_is_asked_again_when_it_wishes_and_not_before() {
    let stand = Stand::open().await;
    stand.forge.fail_next(1, "POST", NOTES, Fault::too_many("120")).unwrap();
    stand.want(vec![report(&stand, "one")]).await;
    let outbox = stand.outbox(Mode::Act);
    assert!(outbox.perform_one().await.unwrap());
    stand.later(std::time::Duration::from_secs(119));
    assert!(!outbox.perform_one().await.unwrap(), "too early");
    stand.later(std::time::Duration::from_secs(2));
    assert!(outbox.perform_one().await.unwrap());
    assert_eq!(stand.bot_comments().len(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_and_the_forge_refuses_becomes_a_dead_letter() {
    let stand = Stand::open().await;
    stand.forge.fail_next(1, "POST", NOTES, Fault::status(403)).unwrap();
    stand.want(vec![report(&stand, "one")]).await;
    assert_eq!(stand.perform(Mode::Act).await, 1, "repeating does not help");
    let dead = stand.store.dead_effects(10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].0.clone(), dead[0].1.as_str()), (stand.id.into(), "report"));
    assert_eq!(stand.heard().await, Vec::<(String, Outcome)>::new());
}
