//! JUnit files as test runners write them, good and hostile.

use proptest::prelude::*;

use super::*;

#[test]
fn passed_skipped_failed_and_erred_tests_are_told_apart() {
    let summary = junit(
        br#"<?xml version="1.0"?>
        <testsuites><testsuite name="s" tests="4">
          <testcase classname="iris" name="loads"/>
          <testcase classname="iris" name="skips"><skipped/></testcase>
          <testcase classname="iris" name="fails"><failure message="0.8 &lt; 0.9">assert</failure></testcase>
          <testcase name="errs"><error>boom</error></testcase>
        </testsuite></testsuites>"#,
    )
    .unwrap();
    assert_eq!((summary.total, summary.skipped), (4, 1));
    let failed = summary.failed.iter().map(|test| (test.name.as_str(), test.message.as_str()));
    assert_eq!(failed.collect::<Vec<_>>(), [("iris.fails", "0.8 < 0.9\nassert"), ("errs", "boom")]);
}

#[test]
fn a_single_suite_and_a_byte_order_mark_are_read() {
    let summary = junit("\u{feff}<testsuite><testcase name='a'/></testsuite>".as_bytes()).unwrap();
    assert_eq!(summary.total, 1);
}

#[test]
fn where_a_failing_test_stands_is_read_where_the_file_says_it() {
    let long = "x".repeat(501);
    let cases = format!(
        r#"<testsuites><testsuite file="suite.js">
          <testcase name="a" file="tests/test_a.py" line="12"><failure/></testcase>
          <testcase name="b" file=" " line="3"><failure/></testcase>
          <testcase name="c" line="0"><failure/></testcase>
          <testcase name="d" file="{long}" line="3"><failure/></testcase>
          <testcase name="e" line="many"><failure/></testcase>
        </testsuite><testsuite><testcase name="f" line="9"><failure/></testcase></testsuite></testsuites>"#
    );
    let failed = junit(cases.as_bytes()).unwrap().failed;
    let places = failed.iter().map(|test| (test.file.as_deref(), test.line)).collect::<Vec<_>>();
    assert_eq!(
        places,
        [
            (Some("tests/test_a.py"), Some(12)),
            (None, None),
            (Some("suite.js"), Some(1)),
            (None, None),
            (Some("suite.js"), None),
            (None, None)
        ]
    );
}

#[test]
fn long_messages_and_many_failures_are_cut() {
    let case = format!("<testcase name='t'><failure message='{}'/></testcase>", "x".repeat(5_000));
    let summary = junit(format!("<testsuite>{}</testsuite>", case.repeat(103)).as_bytes()).unwrap();
    assert_eq!((summary.failed.len(), summary.failed_more), (100, 3));
    assert_eq!(summary.failed[0].message.chars().count(), 2_000);
    assert_eq!(summary.total, 103);
}

#[test]
fn hostile_files_are_refused_with_a_reason() {
    let bomb = br#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>"#;
    let external = br#"<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite>&a;</testsuite>"#;
    assert!(matches!(junit(bomb), Err(UnreadableTests::NotXml(_))));
    assert!(matches!(junit(external), Err(UnreadableTests::NotXml(_))));
    assert!(matches!(junit(b"<testsuite><testcase"), Err(UnreadableTests::NotXml(_))));
    assert_eq!(junit(b"<html/>"), Err(UnreadableTests::NotJunit));
    assert_eq!(junit(b"\xff\xfe"), Err(UnreadableTests::NotText));
    assert_eq!(junit(&vec![b' '; LARGEST + 1]), Err(UnreadableTests::TooLarge));
}

#[test]
fn deep_nesting_ends_in_an_answer() {
    let deep = format!("{}{}", "<testsuite>".repeat(50_000), "</testsuite>".repeat(50_000));
    let _read_or_refused = junit(deep.as_bytes());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _read = junit(text.as_bytes());
        let _inside = junit(format!("<testsuite>{text}</testsuite>").as_bytes());
    }
}
