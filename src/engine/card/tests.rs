use super::*;

fn judged(card: &str, sections: &[&str]) -> Vec<String> {
    let sections: Vec<_> = sections.iter().map(|section| (*section).to_owned()).collect();
    problems(&CardFact::Read(outline(card.as_bytes()).unwrap()), &sections)
}

#[track_caller]
fn complete(card: &str, sections: &[&str]) {
    assert_eq!(judged(card, sections), Vec::<String>::new(), "{card}");
}

#[track_caller]
fn lacks(card: &str, section: &str, expected: &str) {
    let problems = judged(card, &[section]);
    assert!(
        problems.iter().any(|problem| problem.contains(expected)),
        "{expected} is not in {problems:?} of\n{card}"
    );
}

#[test]
fn headings_of_both_forms_count_whatever_their_case() {
    complete("# Iris\n\n## Intended USE\n\nFlowers.\n", &["intended use"]);
    complete("Iris\n====\n\nIntended use\n---\nFlowers.\n", &["Intended Use"]);
    complete("## **Intended**   `use`: ##\nFlowers.\n", &["intended use"]);
    complete("# ÜBERSICHT\nBlumen.\n\n# 限制\n花\n", &["übersicht", "限制"]);
    complete("# Iris\r\n\r\n## Limits\r\n\r\nMany.\r\n", &["limits"]);
    complete("\u{feff}# Limits\nMany.\n", &["limits"]);
}

#[test]
fn what_only_looks_like_a_heading_is_none() {
    for card in [
        "```\n## Limits\nMany.\n```\n",
        "    ## Limits\n\ntext\n",
        "> ## Limits\n> Many.\n",
        "- ## Limits\n  Many.\n",
        "<!--\n## Limits\nMany.\n-->\ntext\n",
        "`## Limits`\n",
        "##Limits\nMany.\n",
        "\\## Limits\nMany.\n",
        "# Limits of growth\nMany.\n",
    ] {
        lacks(card, "limits", "There is no heading `limits`");
    }
    lacks("## Limitation\nMany.\n", "limitations", "there is `Limitation`");
}

#[test]
fn a_section_says_something_itself_or_in_a_part_of_it() {
    for card in [
        "# Limits\n\n- one\n",
        "# Limits\n\n| a |\n|---|\n| b |\n",
        "# Limits\n\n```\ncode\n```\n",
        "# Limits\n\n![](plot.png)\n",
        "# Limits\n\n> quoted\n",
        "# Limits\n\n<p>in HTML</p>\n",
        "# Limits\n\n<img src='plot.png'>\n",
        "# Limits\n\n## Bias\n\nThere is some.\n",
        "# Limits\n\nTODO\n\nand one thing\n",
        "# Limits\n\n# Else\ntext\n\n# Limits\nMany.\n",
    ] {
        complete(card, &["limits"]);
    }
}

#[test]
fn a_section_in_which_nothing_is_said_is_as_good_as_none() {
    for card in [
        "# Limits\n",
        "# Limits\n\n# Else\ntext\n",
        "## Limits\n\n# Else\ntext\n",
        "# Limits\n\n## Bias\n\n# Else\ntext\n",
        "# Limits\n\n<!-- say something -->\n\n# Else\ntext\n",
        "# Limits\n\n<div></div>\n\n# Else\ntext\n",
        "# Limits\n\n---\n\n# Else\ntext\n",
        "# Limits\n\n[More Information Needed]\n\n# Else\ntext\n",
        "# Limits\n\n- TODO\n- tbd.\n\n# Else\ntext\n",
        "# Limits\n\n&nbsp;\n\n# Else\ntext\n",
        "# Limits\n\n<!-- never closed\n\ntext",
    ] {
        lacks(card, "limits", "Nothing is said under the heading `limits`");
    }
}

#[test]
fn an_empty_card_describes_nothing() {
    for card in ["", "\n\n", "---\nlicense: mit\n---\n", "# Iris\n", "<!-- later -->\n"] {
        lacks(card, "limits", "It says nothing");
    }
    complete("Flowers.\n", &[]);
}

#[test]
fn front_matter_is_a_yaml_mapping_or_not_there() {
    complete(
        "---\nlicense: mit\ntags: [a, b]\nmodel-index: [{name: iris}]\n---\n# Limits\nMany.\n",
        &["limits"],
    );
    complete("---\n# nothing yet\n---\n# Limits\nMany.\n", &["limits"]);
    complete("---\n---\ntext", &[]);
    complete("text\n\n---\n\nmore\n", &[]);
    for (card, expected) in [
        ("---\nlicense: mit\n# Limits\nMany.\n", "no later line `---` ends it"),
        ("---\n- a\n- b\n---\ntext", "is no mapping"),
        ("---\njust words\n---\ntext", "is no mapping"),
        ("---\na: 1\nb: 2\na: 3\n---\ntext", "the key `a` twice"),
        ("---\na: 1\nb: [\n---\ntext", "is no YAML, see line"),
        ("---\na: \"x\n---\ntext", "is no YAML, see line"),
        ("---\na: *gone\n---\ntext", "is no YAML, see line"),
    ] {
        let problems = judged(card, &[]);
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{card}: {problems:?}");
    }
    // Keys of parts are the parts' own business.
    complete("---\na: {b: 1}\nc: {b: 2}\n? [x]\n: {a: 1}\nb: a\n---\ntext", &[]);
}

#[test]
fn hostile_cards_end_in_an_answer() {
    let deep = format!("---\n{}1{}\n---\ntext", "[".repeat(10_000), "]".repeat(10_000));
    assert!(judged(&deep, &[])[0].starts_with("Its front matter"), "{:?}", judged(&deep, &[]));
    let mut bomb = "---\na0: &a0 [x, x]\n".to_owned();
    for n in 1..60 {
        bomb.push_str(&format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1));
    }
    assert!(judged(&format!("{bomb}---\ntext"), &[])[0].contains("larger or nested deeper"), "aliases");
    let many = "# x\n".repeat(50_000);
    lacks(&format!("{many}# Limits\ntext\n"), "limits", "among the headings that were read");
    lacks(&format!("# {}\ntext\n", "y".repeat(100_000)), "limits", "There is no heading");
    assert!(outline(b"\xff\xfe").unwrap_err().contains("UTF-8"));
    for open in ["> ", "- ", "[", "*", "<a ", "`"] {
        let _answer = judged(&open.repeat(20_000), &["limits"]);
    }
}

#[test]
fn a_file_that_is_not_there_or_cannot_be_read_says_what_to_do() {
    let sections = ["intended use".to_owned(), "limits".to_owned()];
    let absent = problems(&CardFact::Absent, &sections);
    assert_eq!(
        absent,
        ["There is no such file: describe the model in it, with the headings `intended use`, `limits`."]
    );
    assert_eq!(problems(&CardFact::Absent, &[]).len(), 1);
    let unreadable = CardFact::Unreadable { why: "it is larger than 9 bytes".to_owned() };
    assert_eq!(problems(&unreadable, &[]), ["It cannot be read: it is larger than 9 bytes."]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _answer = outline(&bytes);
    }

    #[test]
    fn any_text_is_judged(text in "(---\n|# |[a-z: ]{0,9}|\n|`|<|>|!|\\[){0,60}") {
        let outline = outline(text.as_bytes()).unwrap();
        proptest::prop_assert!(problems(&CardFact::Read(outline), &["limits".to_owned()]).len() <= 3);
    }
}
