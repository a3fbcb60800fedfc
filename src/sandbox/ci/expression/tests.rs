use proptest::prelude::*;

use super::*;

fn variables() -> BTreeMap<String, String> {
    let pairs = [
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_COMMIT_BRANCH", "main"),
        ("EMPTY", ""),
        ("PATTERN", "/^ma/"),
        ("PATH_LIKE", "models/iris"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn expressions_hold_as_the_forge_says() {
    let table = [
        (r#"$CI_PIPELINE_SOURCE == "merge_request_event""#, true),
        (r"$CI_PIPELINE_SOURCE == 'push'", false),
        (r"$CI_PIPELINE_SOURCE != 'push'", true),
        ("$CI_COMMIT_BRANCH", true),
        ("$EMPTY", false),
        ("$UNKNOWN", false),
        ("$UNKNOWN == null", true),
        ("null == $CI_COMMIT_BRANCH", false),
        ("$EMPTY == null", false),
        (r#"$EMPTY == """#, true),
        (r#"$UNKNOWN == """#, false),
        ("$CI_COMMIT_BRANCH =~ /^MA.N$/i", true),
        ("$CI_COMMIT_BRANCH =~ /^MA.N$/", false),
        ("$CI_COMMIT_BRANCH !~ /^release/", true),
        ("$UNKNOWN =~ /x/", false),
        ("$UNKNOWN !~ /x/", true),
        ("$CI_COMMIT_BRANCH =~ $PATTERN", true),
        (r"$PATH_LIKE =~ /models\/iris/", true),
        ("$EMPTY || $CI_COMMIT_BRANCH && $EMPTY", false),
        ("($EMPTY || $CI_COMMIT_BRANCH) && $CI_COMMIT_BRANCH", true),
        ("$CI_COMMIT_BRANCH || $EMPTY && $EMPTY", true),
        (r#"$CI_COMMIT_BRANCH == "a" || $CI_COMMIT_BRANCH == "main""#, true),
    ];
    for (text, expected) in table {
        assert_eq!(holds(text, &variables()), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_its_text() {
    let deep = format!("{}$A{}", "(".repeat(60), ")".repeat(60));
    let texts = [
        "",
        "$",
        "$A ==",
        "== $A",
        "$A === $B",
        "($A",
        "$A)",
        "$A $B",
        "\"open",
        "$A =~ /open",
        "$CI_COMMIT_BRANCH =~ /(/",
        "A == 1",
        "${A}",
        "$A & $B",
        deep.as_str(),
    ];
    for text in texts {
        let error = holds(text, &variables()).unwrap_err();
        assert!(error.0.starts_with("invalid expression syntax in `"), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _either = holds(&text, &variables());
    }

    #[test]
    fn no_order_of_its_own_words_makes_it_panic(words in prop::collection::vec(
        prop::sample::select(vec!["$A", "$EMPTY", "==", "!=", "=~", "!~", "&&", "||", "(", ")", "null", "\"x\"", "/a|b/", "/(/"]),
        0..40,
    )) {
        let _either = holds(&words.join(" "), &variables());
    }

    #[test]
    fn equality_is_that_of_the_texts(left in "[a-z]{0,4}", right in "[a-z]{0,4}") {
        let known = BTreeMap::from([("L".to_owned(), left.clone()), ("R".to_owned(), right.clone())]);
        prop_assert_eq!(holds("$L == $R", &known), Ok(left == right));
        prop_assert_eq!(holds("$L != $R", &known), Ok(left != right));
    }
}
