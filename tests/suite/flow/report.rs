//! The sticky comment on a real merge request: one, found again, within the forge's limit, with a card and a
//! chart in it.

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Fault, File};

use super::Play;
use super::forges::on_both_forges;
use super::play::{AUTHOR, BOT, IRIS, OWNER, REPORT};

on_both_forges! {
    the_first_report_is_one_comment_and_what_is_unchanged_is_not_written_again,
    a_report_whose_answer_was_lost_is_found_on_page_three_of_short_pages,
    of_two_reports_the_older_of_ours_is_kept_and_a_look_alike_is_untouched,
    the_largest_report_is_cut_to_the_limit_and_leads_to_all_of_it,
    a_missing_model_card_keeps_the_model_from_being_published_and_a_commit_mends_it,
    a_head_that_asks_for_no_card_any_more_is_held_to_the_target_branchs_wish,
    a_card_that_cannot_be_read_is_as_good_as_none,
    a_candidate_is_drawn_beside_the_versions_before_it,
}

/// What the bot wrote into comments so far: method and status of each call.
fn writings(play: &Play) -> Vec<(String, Option<u16>)> {
    let ours = play.sandbox.requests().into_iter().filter(|request| request.by.as_deref() == Some(BOT));
    let writes = ours.filter(|request| request.method != "GET");
    let comments = writes.filter(|request| {
        let path = request.url.as_str();
        let reaction = path.ends_with("/award_emoji") || path.ends_with("/reactions");
        (path.contains("/notes") || path.contains("/comments")) && !reaction
    });
    comments.map(|request| (request.method, request.status)).collect()
}

/// A merge request that the bot has not heard of yet; the first one.
fn unheard(play: &Play) -> u64 {
    let main = play.project.branch("main").unwrap();
    let change = [File::write("models/iris/params.json", "{\"depth\": 3}\n")];
    play.project.branch_off(AUTHOR, "deeper", &main, &change, "Deeper").unwrap();
    play.project.open_merge_request(AUTHOR, "deeper", "Deeper").unwrap()
}

async fn the_first_report_is_one_comment_and_what_is_unchanged_is_not_written_again(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = play.opens("Good").await;
    play.builds(number, "weights").await;
    play.measures(number, r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    let written = writings(&play);
    assert_eq!(written.iter().filter(|(method, _)| method == "POST").count(), 1, "{written:?}");
    assert!(written.len() > 1, "later reports edit it");
    play.project.labels(AUTHOR, number, &["their-own"], &[]).unwrap();
    play.settle().await;
    assert_eq!(writings(&play), written, "nothing changed");
    // The same numbers from another run of the jobs: the report says who measured, the numbers stay.
    assert!(play.report(number).contains("0.94"));
    play.ends().await;
}

async fn a_report_whose_answer_was_lost_is_found_on_page_three_of_short_pages(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    play.sandbox.short_pages(true);
    let number = unheard(&play);
    for n in 0..250 {
        play.project.comment(AUTHOR, number, &format!("Remark {n}")).unwrap();
    }
    play.meets(1, "create comment", Fault::BreakAfter);
    play.settle().await;
    play.passes(std::time::Duration::from_secs(60)).await;
    assert!(play.report(number).contains("building"), "{}", play.report(number));
    let created = writings(&play).iter().filter(|(method, _)| method == "POST").count();
    assert_eq!(created, 1, "found, not written twice");
    play.ends().await;
}

async fn of_two_reports_the_older_of_ours_is_kept_and_a_look_alike_is_untouched(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let number = unheard(&play);
    let forged = format!("{REPORT}All is well");
    let look_alike = play.project.comment(AUTHOR, number, &forged).unwrap().unwrap();
    let [older, younger] = ["old", "young"].map(|text| {
        let body = format!("{REPORT}{text}");
        play.project.comment(BOT, number, &body).unwrap().unwrap()
    });
    play.settle().await;
    play.builds(number, "weights").await;
    let body = |id: u64| {
        let all = play.project.comments(number).unwrap();
        all.into_iter().find(|comment| comment.id == id).unwrap().body
    };
    assert!(body(older).contains("testing"), "{}", body(older));
    assert!(body(younger).starts_with("<!-- mergewright:superseded -->\n"), "{}", body(younger));
    assert_eq!(body(look_alike), forged);
    play.expects(younger);
    play.ends().await;
}

async fn the_largest_report_is_cut_to_the_limit_and_leads_to_all_of_it(forge: ForgeKind) {
    let rules: String = (0..500)
        .map(|n| format!("        - {{id: rule-{n}, metric: m.{n}, direction: higher, min: 0.5}}\n"))
        .collect();
    let sliced = "        - {id: by-region, metric: auc, slice: region, direction: higher, min: 0.9}\n";
    let policy = IRIS.replace(
        "        - {metric: latency_ms, direction: lower, max: 50, level: warn}\n",
        &format!("{sliced}{rules}"),
    );
    let mut play = Play::with(forge, &policy).await;
    let number = play.opens("Everything").await;
    play.builds(number, "weights").await;
    let regions: Vec<_> =
        (0..200).map(|n| format!("\"@region/{n}\": 0.{}", if n % 2 == 0 { 8 } else { 95 })).collect();
    let metrics: Vec<_> =
        (0..9_500).map(|n| format!("\"{n}\": 0.{}", if n % 3 == 0 { 4 } else { 6 })).collect();
    let metrics = format!(
        r#"{{"accuracy": 0.94, "auc": {{"region": {{{}}}}}, "m": {{{}}}}}"#,
        regions.join(","),
        metrics.join(",")
    );
    let cases: String = (0..400)
        .map(|n| {
            format!(
                "<testcase name=\"test_{n} 日本語 @everyone\"><failure message=\"{}\"/></testcase>",
                "`#1 ".repeat(400)
            )
        })
        .collect();
    let junit = format!("<testsuite>{cases}</testsuite>");
    let files =
        [("models/iris/metrics.json", metrics.as_bytes()), ("models/iris/junit.xml", junit.as_bytes())];
    let run = play.run(number, "iris");
    play.project.job_succeeds(run, "iris:test", &"loss 0.1\n".repeat(50_000), &files).unwrap();
    play.settle().await;

    assert_eq!(play.label(number), "model::failed");
    let report = play.report(number);
    let limit = if forge == ForgeKind::GitHub { 65_536 } else { 1_000_000 };
    assert!(report.encode_utf16().count() + REPORT.len() <= limit, "{} characters", report.chars().count());
    assert!(report.starts_with("### ✗ iris: "), "{report}");
    let refused = writings(&play).into_iter().filter(|(_, status)| status.is_none_or(|status| status >= 400));
    assert_eq!(refused.count(), 0, "the forge took every comment");
    for expected in ["more rules", "Failing tests: 400", "… and 3", "more metrics are not shown."] {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    let (_, link) = report.split_once("[the test job](").expect("a link to the whole report");
    let address = link.split_once(')').unwrap().0;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(address).send().await.unwrap().status(), 200, "{address} is a dead link");
    play.ends().await;
}

/// [`IRIS`] with a model card that has two sections.
fn with_card() -> String {
    IRIS.replace(
        "{approvals: 1}",
        "{approvals: 1, card: CARD.md, card_sections: [Intended use, limitations]}",
    )
}

const GOOD: &str = r#"{"accuracy": 0.94, "latency_ms": 12}"#;
const CARD: &str = "models/iris/CARD.md";

async fn a_missing_model_card_keeps_the_model_from_being_published_and_a_commit_mends_it(forge: ForgeKind) {
    let mut play = Play::with(forge, &with_card()).await;
    let number = play.candidate("Nameless", GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright/iris/review").as_deref(), Some("failed"));
    assert_eq!(play.status(number, "mergewright").as_deref(), Some("pending"));
    assert_eq!(play.label(number), "model::review");
    let report = play.report(number);
    for expected in
        ["Model card `models/iris/CARD.md`: ✗ incomplete", "There is no such file", "`limitations`"]
    {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    let asked = play.says(OWNER, number, "/model publish").await;
    let reply = play.reply(number, asked);
    assert!(reply.contains("card-incomplete") && reply.contains("CARD.md"), "{reply}");
    assert!(play.tags().is_empty());

    let half = "# Iris\n\n## intended use\n\nFlowers.\n\n```\n## Limitations\nnone\n```\n";
    play.pushes(number, &[File::write(CARD, half)]).await;
    assert!(play.report(number).contains("There is no heading `limitations`"), "{}", play.report(number));
    let whole =
        "---\nlicense: mit\n---\n# Iris\n\n## INTENDED USE\n\nFlowers.\n\nLimitations\n---\n\nMany.\n";
    play.pushes(number, &[File::write(CARD, whole)]).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    assert!(play.report(number).contains("✓ complete"), "{}", play.report(number));
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.status(number, "mergewright/iris/review").as_deref(), Some("success"));
    assert_eq!(play.label(number), "model::ready");
    play.ends().await;
}

async fn a_head_that_asks_for_no_card_any_more_is_held_to_the_target_branchs_wish(forge: ForgeKind) {
    let mut play = Play::with(forge, &with_card()).await;
    let number = play.opens("Quietly").await;
    play.pushes(number, &[File::write(".mergewright.yml", IRIS)]).await;
    play.builds(number, "weights").await;
    play.measures(number, GOOD).await;
    play.says(OWNER, number, "/model approve").await;
    assert_eq!(play.label(number), "model::review");
    assert!(play.report(number).contains("✗ incomplete"), "{}", play.report(number));
    play.ends().await;
}

async fn a_card_that_cannot_be_read_is_as_good_as_none(forge: ForgeKind) {
    let mut play = Play::with(forge, &with_card()).await;
    let number = play.opens("Endless").await;
    for (card, expected) in [
        (format!("# Intended use\n\n{}\n", "x".repeat(1_100_000)), "It cannot be read"),
        ("---\ntags: [a\n---\n# Intended use\nx\n# Limitations\nx\n".to_owned(), "front matter is no YAML"),
        ("# Intended use\n\n# Limitations\n\n<!-- @everyone -->\n".to_owned(), "Nothing is said under"),
    ] {
        play.pushes(number, &[File::write(CARD, card)]).await;
        let report = play.report(number);
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    play.ends().await;
}

async fn a_candidate_is_drawn_beside_the_versions_before_it(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let first = play.released("One", r#"{"accuracy": 0.94, "latency_ms": 12}"#).await;
    assert!(play.report(first).contains("First version: thresholds apply"), "{}", play.report(first));
    assert!(!play.report(first).contains("mermaid"), "one point is no line");
    play.released("Two", r#"{"accuracy": 0.95, "latency_ms": 11.5}"#).await;
    let number = play.candidate("Three", r#"{"accuracy": 0.93, "latency_ms": 12}"#).await;
    let report = play.report(number);
    for expected in [
        "```mermaid\nxychart-beta\n",
        "title \"accuracy\"",
        "x-axis [\"v1\", \"v2\", \"candidate\"]",
        "line [0.94, 0.95, 0.93]",
    ] {
        assert!(report.contains(expected), "`{expected}` is not in\n{report}");
    }
    play.ends().await;
}
