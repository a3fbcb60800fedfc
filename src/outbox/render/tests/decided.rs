//! What owners decided, and why everything is so: waived rules and explanations in words.

use super::*;
use crate::domain::{CommentId, Reply, Sheet, Timestamp, Waived};

const HOSTILE: &str = "@everyone | `a` #1 <b>";

fn waived(reason: &str) -> Waived {
    Waived {
        at: Timestamp(0),
        author: true,
        by: "ben".into(),
        reason: reason.into(),
        rule: "accuracy".into(),
        verdict: Verdict::Fail,
    }
}

fn answer(sheet: Sheet, limit: usize) -> String {
    let reply = Reply { answers: vec![Answer::Sheet { sheet: Box::new(sheet) }] };
    Renderer::new().unwrap().reply(CommentId(32), &reply, limit).unwrap()
}

#[test]
fn a_waived_rule_keeps_its_verdict_and_says_by_whom_and_why() {
    let mut section = good("iris");
    let mut row = judged("accuracy", ("0.85", "0.95"), Verdict::Fail, "0.85 is too low", "≥ 0.9");
    row.waived = Some(waived(HOSTILE));
    section.gates.push(row);
    let report = StickyReport { invalid_configuration: None, models: vec![section] };
    let text = Renderer::new().unwrap().report(&report, 65_536).unwrap();
    assert!(text.contains("| `accuracy` | 0.85 | 0.95 | −0.1 | ✗ fail, waived | ≥ 0.9 |"), "{text}");
    assert!(
        text.contains("- `accuracy`: waived by its author \\@\u{200b}ben: \\@\u{200b}everyone"),
        "{text}"
    );
    assert!(
        text.contains("0.85 is too low") && !text.contains("<b>") && !text.contains("@everyone"),
        "{text}"
    );
    assert!(text.contains("the gates are passed"), "it does not count as failed: {text}");
}

#[test]
fn an_explanation_is_a_table_of_sentences_in_which_nothing_acts() {
    let row = ["test", "`a|b`", "line 3", "fail", HOSTILE].map(str::to_owned).to_vec();
    let columns = ["stage", "rule", "where", "verdict", "why"].map(str::to_owned).to_vec();
    let sheet =
        Sheet { title: "`iris`".into(), columns, rows: vec![row], sentences: true, ..Sheet::default() };
    let text = answer(sheet, 65_536);
    let line = text.lines().find(|line| line.starts_with("| test")).expect("the row");
    assert_eq!(line, "| test | a\\|b | line 3 | fail | \\@\u{200b}everyone \\| `a` \\#\u{200b}1 \\<b\\> |");
}

#[test]
fn a_long_explanation_is_cut_to_the_limit_and_keeps_its_first_rows() {
    let why = "loses 0.2 against v1's 0.94, only 0.01 allowed; ".repeat(30);
    let row = |number: usize| vec!["test".to_owned(), format!("`rule-{number}`"), why.clone()];
    let columns = ["stage", "rule", "why"].map(str::to_owned).to_vec();
    let rows = (0..400).map(row).collect();
    let notes = vec![why.clone(); 50];
    let sheet =
        Sheet { title: "All of it".into(), notes, columns, rows, sentences: true, ..Sheet::default() };
    let text = answer(sheet, 65_536);
    assert!(text.encode_utf16().count() <= 65_536, "{}", text.len());
    assert!(text.contains("`rule-0`") && text.contains("more rows are left out here"), "{text}");
}

#[test]
fn the_notes_of_a_release_name_what_was_waived() {
    let mut lineage = released();
    lineage.waivers.push(waived("the labels are wrong"));
    let text = Renderer::new().unwrap().release(&lineage.model, &lineage.version, &lineage).unwrap();
    let row = "| waiver | `accuracy` (fail) was waived by its author \\@\u{200b}ben: the labels are wrong |";
    assert!(text.contains(row), "{text}");
}
