use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::*;

/// What foreign texts like to be made of.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "@everyone",
            "@alice",
            "#12",
            "!7",
            "Fixes #3",
            "closes acme/iris#4",
            "GH-12",
            "&5",
            "%\"1.0\"",
            "~bug",
            "$3",
            "^alert#1",
            "[vulnerability:9]",
            "/merge",
            "\n/merge\n",
            "/model publish",
            "```",
            "````",
            "~~~",
            "`",
            "``",
            "<!--",
            "-->",
            "</details>",
            "<img src=x>",
            "<script>",
            "![x](y)",
            "[x](y)",
            "[a]: b",
            "|",
            "\\|",
            "\\",
            "\n",
            "\r\n",
            "\t",
            "\n\n",
            "    ",
            "- ",
            "# ",
            "1. ",
            "2)",
            "> ",
            "---",
            "===",
            "***",
            "*a*",
            "__b__",
            "&lt;",
            "&#64;bob",
            "https://a.example/b/issues/1",
            "www.example.com",
            "a@b.example",
            "\u{202e}",
            "\u{0}",
            "\u{1b}[31m",
            "日本",
            "ü",
            "\u{200b}",
            "x",
            " ",
            "word",
            "=",
            "+",
            ":",
            ".",
            "mailto:a@b",
            "<a@b.c>",
            "<https://x>",
            "{+ a +}",
            "$`x`$",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What a rendered comment does besides showing text: anything here is an escape that failed.
fn acts(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut prose = String::new();
    let mut code = false;
    for event in Parser::new_ext(markdown, Options::all()) {
        match event {
            Event::Start(Tag::Paragraph | Tag::CodeBlock(_)) => {
                code = matches!(event, Event::Start(Tag::CodeBlock(_)))
            }
            Event::Start(tag) => found.push(format!("{tag:?}")),
            Event::Text(text) if !code => prose.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => found.push(html.into_string()),
            Event::FootnoteReference(name) => found.push(name.into_string()),
            Event::Rule | Event::HardBreak | Event::SoftBreak | Event::TaskListMarker(_) => {
                found.push(format!("{event:?}"));
            }
            Event::InlineMath(_) | Event::DisplayMath(_) => found.push(format!("{event:?}")),
            Event::Code(_) => prose.push(' '),
            Event::Text(_) | Event::End(_) => {}
        }
    }
    let chars: Vec<char> = prose.chars().collect();
    for pair in chars.windows(2) {
        let word = pair[1].is_alphanumeric() || pair[1] == '_' || pair[1] == '"';
        if matches!(pair[0], '@' | '#' | '!' | '&' | '%' | '~' | '$' | '^' | '[') && word {
            found.push(pair.iter().collect());
        }
    }
    let lower = prose.to_lowercase();
    for link in ["://", "www.", "gh-"] {
        if lower.contains(link) {
            found.push(link.to_owned());
        }
    }
    if markdown.lines().any(|line| line.starts_with('/')) {
        found.push("a quick action".to_owned());
    }
    found
}

#[test]
fn an_invisible_character_does_not_hide_a_quick_action() {
    assert_eq!(fence("\u{200e}/merge"), "```text\n /merge\n```");
}

#[test]
fn an_invisible_character_does_not_split_a_run_of_backticks() {
    assert_eq!(fence("``````\u{feff}```"), "``````````text\n`````````\n``````````");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acts_in_prose(text in hostile()) {
        let escaped = prose(&text);
        prop_assert_eq!(acts(&escaped), Vec::<String>::new(), "{}", escaped);
        prop_assert!(!escaped.contains('\n'));
    }

    #[test]
    fn nothing_acts_in_a_sentence_that_keeps_its_code_spans(text in hostile()) {
        let escaped = words(&text);
        prop_assert_eq!(acts(&escaped), Vec::<String>::new(), "{}", escaped);
    }

    #[test]
    fn a_code_span_holds_whatever_it_is_given(text in hostile()) {
        let span = format!("x {} y", code(&text));
        let events: Vec<_> = Parser::new_ext(&span, Options::all()).collect();
        let spans = events.iter().filter(|event| matches!(event, Event::Code(_))).count();
        prop_assert_eq!(acts(&span), Vec::<String>::new(), "{}", span);
        let shown = text.chars().any(|c| shown(c) && !c.is_whitespace());
        prop_assert_eq!(spans, usize::from(shown), "{}", span);
    }

    #[test]
    fn a_fence_holds_whatever_it_is_given(text in hostile()) {
        let block = format!("{}\n\nafter", fence(&text));
        prop_assert_eq!(acts(&block), Vec::<String>::new(), "{}", block);
        let ends = Parser::new_ext(&block, Options::all()).any(|event| event == Event::Text("after".into()));
        prop_assert!(ends, "the fence swallowed what follows: {}", block);
    }

    #[test]
    fn a_cell_stays_one_cell(text in hostile(), other in hostile()) {
        let table = format!("| a | b |\n|---|---|\n| x{} | x{} |\n", cell_code(&text), prose(&other));
        let cells = Parser::new_ext(&table, Options::ENABLE_TABLES)
            .filter(|event| matches!(event, Event::Start(Tag::TableCell)))
            .count();
        prop_assert_eq!(cells, 4, "{}", table);
        let rest = table.lines().nth(2).unwrap().trim_matches('|');
        prop_assert_eq!(acts(rest.trim()), Vec::<String>::new(), "{}", table);
    }
}

#[test]
fn text_is_shown_as_it_is() {
    assert_eq!(words("Comment `/model publish` now."), "Comment `/model publish` now.");
    assert_eq!(words("`/model run`"), "`/model run`");
    assert_eq!(prose("0.95 is below 0.96"), "0.95 is below 0.96");
    assert_eq!(code("a`b"), "``a`b``");
    assert_eq!(code("`"), "`` ` ``");
    assert_eq!(code(" \n"), "–");
    assert_eq!(cell_code("a|b"), "a\\|b");
}

#[test]
fn a_fence_is_longer_than_any_inside_and_hides_quick_actions() {
    assert_eq!(fence("a\n```\n/merge\n  /close\r\nb\n\n"), "````text\na\n```\n /merge\n   /close\nb\n````");
}

#[test]
fn mentions_references_and_links_are_broken() {
    assert_eq!(prose("@bob Fixes #3"), "\\@\u{200b}bob Fixes \\#\u{200b}3");
    assert_eq!(prose("see https://x.example"), "see https:\u{200b}//x.example");
    assert_eq!(prose("/merge"), "\\/merge");
    assert_eq!(prose("1. one"), "1\\. one");
}
