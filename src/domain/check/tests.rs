//! What checks are made of: limits, marks, and documents that were stored before.

use super::*;
use crate::domain::{Effect, ForgeKind, RepoId, Sha, Shown};

fn mark() -> CheckMark {
    let repo = RepoId { forge: ForgeKind::GitHub, number: 12 };
    let merge_request = MergeRequestId { repo, number: 7 };
    CheckMark { merge_request, edition: 3, measured: Some(Digest::of("numbers")), annotated: None }
}

#[test]
fn a_mark_reads_back_what_it_writes() {
    let annotated = CheckMark { annotated: Some("0123456789ab".to_owned()), ..mark() };
    let unmeasured = CheckMark { measured: None, ..mark() };
    for mark in [mark(), annotated, unmeasured] {
        let text = mark.to_string();
        assert!(text.len() <= 255, "{text}");
        assert_eq!(text.parse::<CheckMark>().unwrap(), mark);
    }
    for text in
        ["", "42", "github:12 3 - -", "github:12!7 x - -", "github:12!7 3 sha256:00 -", "github:12!7 3 -"]
    {
        assert!(text.parse::<CheckMark>().is_err(), "{text}");
    }
}

#[test]
fn remarks_change_the_mark_and_nothing_else_does_but_what_it_names() {
    let mut check = Check {
        name: "mergewright/iris/test".to_owned(),
        progress: Progress::Completed(Conclusion::Failure),
        title: "1 test fails".to_owned(),
        report: None,
        annotations: Vec::new(),
        buttons: Buttons::default(),
        edition: 0,
        measured: None,
    };
    let plain = check.mark(mark().merge_request);
    assert_eq!(plain.annotated, None);
    check.title = "2 tests fail".to_owned();
    assert_eq!(check.mark(mark().merge_request), plain);
    check.annotations.push(Annotation {
        path: "a.py".to_owned(),
        line: 1,
        title: "t".to_owned(),
        message: "m".to_owned(),
    });
    assert!(check.mark(mark().merge_request).annotated.is_some());
}

#[test]
fn each_button_has_a_word_of_its_own_and_at_most_three_are_read() {
    for button in Button::ALL {
        assert_eq!(button.identifier().parse::<Button>().unwrap(), button);
    }
    assert!("Approve".parse::<Button>().is_err());
    assert!("".parse::<Button>().is_err());
    let read = |json: &str| serde_json::from_str::<Buttons>(json);
    assert_eq!(read(r#"["approve","hold"]"#).unwrap().all(), [Button::Approve, Button::Hold]);
    assert!(read(r#"["run","run","run","run"]"#).is_err());
}

#[test]
fn a_check_says_which_models_stage_it_shows() {
    assert_eq!(model_of_check("mergewright/iris/review"), "iris".parse().ok());
    for name in ["mergewright", "mergewright/generated", "other/iris/review", "mergewright/Iris/review"] {
        assert_eq!(model_of_check(name), None, "{name}");
    }
}

#[test]
fn the_effect_has_the_place_of_a_status_and_reads_back_what_was_stored() {
    let check = Check {
        name: "mergewright".to_owned(),
        progress: Progress::Completed(Conclusion::Success),
        title: "good".to_owned(),
        report: Some(Box::default()),
        annotations: Vec::new(),
        buttons: Buttons::of([Button::Publish]),
        edition: 1,
        measured: Some(Digest::of("numbers")),
    };
    let sha: Sha = "a".repeat(40).parse().unwrap();
    let effect = Effect::Check { sha: sha.clone(), check: Box::new(check) };
    assert_eq!((effect.kind(), effect.priority(), effect.reports_back()), ("check", 2, false));
    assert_eq!(effect.slot(), format!("check:{sha}:mergewright"));
    let stored = serde_json::to_string(&effect).unwrap();
    assert_eq!(serde_json::from_str::<Effect>(&stored).unwrap(), effect);
    assert!(stored.contains(r#""progress":{"completed":"success"}"#), "{stored}");
}

#[test]
fn what_was_shown_before_there_were_checks_is_still_read() {
    let stored = r#"{"statuses":{},"statuses_on":null,"label":null,"report":null}"#;
    assert_eq!(serde_json::from_str::<Shown>(stored).unwrap(), Shown::default());
}
