mod decided;

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::{
    Answer, Card, Chart, Digest, Judged, LogTail, Mark, ModelSection, Phase, Sha, Stage, StageMark,
    TestFailure, Verdict,
};

fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn marks(marks: [Mark; 4]) -> Vec<StageMark> {
    Stage::ALL.into_iter().zip(marks).map(|(stage, mark)| StageMark { stage, mark }).collect()
}

fn judged(metric: &str, numbers: (&str, &str), verdict: Verdict, reason: &str, bounds: &str) -> Judged {
    Judged {
        rule: metric.into(),
        metric: metric.into(),
        candidate: numbers.0.parse().ok(),
        baseline: numbers.1.parse().ok(),
        required: false,
        runs: None,
        slices: None,
        waived: None,
        verdict,
        reason: reason.into(),
        bounds: bounds.into(),
        line: None,
    }
}

/// A model whose gates are passed.
fn good(name: &str) -> ModelSection {
    ModelSection {
        model: name.parse().unwrap(),
        phase: Phase::AwaitingApproval,
        head: sha('a'),
        candidate: "cand-7.1-gaaaaaaaa".into(),
        stages: marks([Mark::Passed, Mark::Passed, Mark::Active, Mark::Waiting]),
        gates: vec![
            judged(
                "accuracy",
                ("0.96", "0.95"),
                Verdict::Pass,
                "0.96 is at least 0.90",
                "≥ 0.90, may lose 0.01",
            ),
            judged("latency_p95_ms", ("41", "41.0"), Verdict::Pass, "41 is at most 50", "≤ 50"),
        ],
        baseline: "Compared with v3, the last published version.".into(),
        charts: vec![],
        whole_report: None,
        card: None,
        other_metrics: vec![("f1|macro".into(), decimal("0.951"))],
        failing_tests: vec![],
        more_failing: 0,
        logs: vec![],
        approvals_needed: 2,
        approved_by: vec!["alice".into()],
        policy_changes: vec![],
        evaluation_changes: vec![],
        notices: vec!["The approval of `bob` is void: the head moved.".into()],
        next_step: "One more owner must approve: comment `/model approve`.".into(),
        lineage: vec![("configuration".into(), "sha256:0123".into()), ("dataset".into(), "4567".into())],
    }
}

/// A model whose gate failed, with everything hostile that a log can hold.
fn bad(name: &str) -> ModelSection {
    let mut model = good(name);
    model.phase = Phase::GateFailed;
    model.stages = marks([Mark::Passed, Mark::Failed, Mark::Waiting, Mark::Waiting]);
    model.gates = vec![
        judged("latency_p95_ms", ("41", "40"), Verdict::Pass, "41 is at most 50", "≤ 50"),
        judged(
            "accuracy",
            ("0.93", "0.95"),
            Verdict::Fail,
            "0.93 loses 0.02 of `v3`'s 0.95",
            "≥ 0.90, may lose 0.01",
        ),
        judged("auc", ("", "0.9"), Verdict::Missing, "there is no number named auc", "≥ 0.8"),
    ];
    model.failing_tests = vec![TestFailure {
        name: "test_iris.Holdout::test_shape[@alice]".into(),
        message: "expected 4 columns\n</details> Fixes #3, got <b>5</b>".into(),
        file: None,
        line: None,
    }];
    model.logs = vec![LogTail {
        job: "test".into(),
        web_url: "https://gitlab.example/acme/iris/-/jobs/9".into(),
        text: "running\n```\n/merge\n</details> @everyone #12 <!--\n".into(),
    }];
    model.approved_by = vec![];
    model.notices = vec![];
    model.lineage = vec![];
    model.other_metrics = vec![];
    model.next_step = "Push a commit that brings accuracy back to 0.94.".into();
    model
}

fn report(models: Vec<ModelSection>) -> StickyReport {
    StickyReport { invalid_configuration: None, models }
}

fn render(report: &StickyReport) -> String {
    visible(&Renderer::new().unwrap().report(report, 1_000_000).unwrap())
}

/// The text with the invisible breaks shown as `‖`.
fn visible(text: &str) -> String {
    text.replace('\u{200b}', "‖")
}

#[test]
fn a_good_candidate() {
    insta::assert_snapshot!(render(&report(vec![good("iris")])), @r#"
<!-- mergewright:report -->
### … iris: the gates are passed, people must approve

build ✓ · test ✓ · review … · publish

Candidate `cand-7.1-gaaaaaaaa`, head `aaaaaaaa`.

**Next:** One more owner must approve: comment `/model approve`.

| metric | candidate | baseline | change | verdict | rule |
|---|---:|---:|---:|---|---|
| `accuracy` | 0.96 | 0.95 | +0.01 | ✓ pass | ≥ 0.90, may lose 0.01 |
| `latency_p95_ms` | 41 | 41.0 | ±0 | ✓ pass | ≤ 50 |

Compared with v3, the last published version.

Approvals: 1 of 2 (`alice`)

- The approval of `bob` is void: the head moved.

<details><summary>Other metrics</summary>

| metric | candidate |
|---|---:|
| f1\|macro | 0.951 |

</details>

<details><summary>Lineage</summary>

| | |
|---|---|
| configuration | `sha256:0123` |
| dataset | `4567` |

</details>
"#);
}

#[test]
fn a_failed_gate_with_a_hostile_log() {
    insta::assert_snapshot!(render(&report(vec![bad("iris")])), @r#"
<!-- mergewright:report -->
### ✗ iris: 2 rules are not met

build ✓ · test ✗ · review · publish

Candidate `cand-7.1-gaaaaaaaa`, head `aaaaaaaa`.

**Next:** Push a commit that brings accuracy back to 0.94.

| metric | candidate | baseline | change | verdict | rule |
|---|---:|---:|---:|---|---|
| `accuracy` | 0.93 | 0.95 | −0.02 | ✗ fail | ≥ 0.90, may lose 0.01 |
| `auc` | – | 0.9 | – | ✗ missing | ≥ 0.8 |
| `latency_p95_ms` | 41 | 40 | +1 | ✓ pass | ≤ 50 |

Compared with v3, the last published version.

- `accuracy`: 0.93 loses 0.02 of `v3`'s 0.95
- `auc`: there is no number named auc

**Failing tests: 1**

- `test_iris.Holdout::test_shape[@alice]`: expected 4 columns \</details\> Fixes \#‖3, got \<b\>5\</b\>

<details><summary>The end of the test job's log</summary>

````text
running
```
 /merge
</details> @everyone #12 <!--
````

[The whole log](https://gitlab.example/acme/iris/-/jobs/9)

</details>

Approvals: 0 of 2
"#);
}

#[test]
fn several_models() {
    let mut published = good("price");
    published.phase = Phase::Published;
    published.stages = marks([Mark::Passed; 4]);
    published.gates.clear();
    published.baseline.clear();
    published.other_metrics.clear();
    published.notices.clear();
    published.lineage.clear();
    published.approved_by.push("carol".into());
    published.next_step = "Nothing: `v4` is out.".into();
    let mut waiting = published.clone();
    waiting.model = "iris".parse().unwrap();
    waiting.phase = Phase::Building;
    waiting.stages = marks([Mark::Active, Mark::Waiting, Mark::Waiting, Mark::Waiting]);
    waiting.approved_by.clear();
    waiting.next_step = "The build job must end.".into();
    insta::assert_snapshot!(render(&report(vec![waiting, published])), @r#"
<!-- mergewright:report -->
### … iris: building

build … · test · review · publish

Candidate `cand-7.1-gaaaaaaaa`, head `aaaaaaaa`.

**Next:** The build job must end.

Approvals: 0 of 2

### ✓ price: published

build ✓ · test ✓ · review ✓ · publish ✓

Candidate `cand-7.1-gaaaaaaaa`, head `aaaaaaaa`.

**Next:** Nothing: `v4` is out.

Approvals: 2 of 2 (`alice`, `carol`)
"#);
}

#[test]
fn an_invalid_configuration() {
    let excerpt =
        "error: unknown key `modles`, did you mean `models`?\n --> .mergewright.yml:2:1\n2 | modles:\n";
    let report = StickyReport { invalid_configuration: Some(excerpt.into()), models: vec![] };
    insta::assert_snapshot!(render(&report), @r#"
<!-- mergewright:report -->
### ✗ `.mergewright.yml` is not valid, so nothing runs

```text
error: unknown key `modles`, did you mean `models`?
 --> .mergewright.yml:2:1
2 | modles:
```

**Next:** correct the file there and push.
"#);
}

#[test]
fn answers_to_one_comment() {
    let reply = Reply {
        answers: vec![
            Answer::Text { markdown: "**iris** stands at *Ready*.\n\n- build ✓".into() },
            Answer::Refused {
                command: "/model approve".into(),
                rule: "head-moved".into(),
                message: "the head is `bbbbbbbb` now, the report spoke of `aaaaaaaa` (@alice pushed, see #4)"
                    .into(),
                remedy: "wait for the report of `bbbbbbbb`, then comment `/model approve` again".into(),
            },
            Answer::NotRun { command: "/model publish".into() },
        ],
    };
    let text = Renderer::new().unwrap().reply(CommentId(31), &reply, 1_000_000).unwrap();
    insta::assert_snapshot!(visible(&text), @r#"
<!-- mergewright:reply:31 -->
**iris** stands at *Ready*.

- build ✓

**Refused** (`head-moved`): `/model approve`

the head is `bbbbbbbb` now, the report spoke of `aaaaaaaa` (\@‖alice pushed, see \#‖4)

**What helps:** wait for the report of `bbbbbbbb`, then comment `/model approve` again

**Not run:** `/model publish`, since an earlier command of the same comment was refused.
"#);
    let reply = Reply {
        answers: vec![Answer::Misunderstood {
            command: "/model pubish `rm -rf`".into(),
            message: "there is no command `pubish`; did you mean `publish`?".into(),
            usage: "/model publish [MODEL] [SHA] [--dry-run] [--when-ready]".into(),
        }],
    };
    let text = Renderer::new().unwrap().reply(CommentId(32), &reply, 1_000_000).unwrap();
    insta::assert_snapshot!(text, @r#"
<!-- mergewright:reply:32 -->
**Not understood:** `` /model pubish `rm -rf` ``

there is no command `pubish`; did you mean `publish`?

**Usage:** `/model publish [MODEL] [SHA] [--dry-run] [--when-ready]`
"#);
}

/// The lineage of version 4.
fn released() -> Lineage {
    Lineage {
        approved_by: vec!["alice".into(), "bob".into()],
        artifacts: vec![],
        author: "carol".into(),
        base: sha('b'),
        baseline: None,
        candidate: "cand-7.1-gaaaaaaaa".into(),
        commit: sha('c'),
        configuration: Digest::of("configuration"),
        dataset: None,
        head: sha('a'),
        merge_request: 7,
        metrics: BTreeMap::from([("accuracy".to_owned(), decimal("0.96"))]),
        model: "iris".parse().unwrap(),
        model_digest: Digest::of("model"),
        predecessor: Some(Version::sequence(3)),
        report: Digest::of("report"),
        source: "9".into(),
        version: Version::sequence(4),
        waivers: vec![],
    }
}

#[test]
fn a_check_says_what_the_comment_says_without_its_marker_and_within_its_own_limit() {
    let renderer = Renderer::new().unwrap();
    let report = report(vec![bad("iris")]);
    let comment = renderer.report(&report, 65_536).unwrap();
    let summary = renderer.summary(&report, 65_535).unwrap();
    assert_eq!(comment, format!("{}\n{summary}", Renderer::REPORT_MARKER));
    let many = self::report(vec![bad("iris"); 400]);
    let cut = renderer.summary(&many, 65_535).unwrap();
    assert!(cut.starts_with("### ") && budget::length(&cut) <= 65_535, "{}", budget::length(&cut));
    assert_eq!(acts(&Renderer::sentence("changes requested by @alice, see #12")), Vec::<String>::new());
}

#[test]
fn the_answer_to_a_press_is_found_again_by_the_press() {
    let answers = vec![Answer::Refused {
        command: "the button Approve on mergewright, pressed by alice".to_owned(),
        rule: "head-moved".to_owned(),
        message: "The check is of 1a2b3c4d.".to_owned(),
        remedy: "Press there.".to_owned(),
    }];
    let text = Renderer::new().unwrap().answer("71:2:approve:42", &Reply { answers }, 65_536).unwrap();
    let lines: Vec<_> = text.lines().take(2).collect();
    assert_eq!(lines[0], "<!-- mergewright:press:71:2:approve:42 -->");
    assert_eq!(lines[1], "**Refused** (`head-moved`): `the button Approve on mergewright, pressed by alice`");
}

#[test]
fn notes_of_a_release() {
    let lineage = released();
    let text = Renderer::new().unwrap().release(&lineage.model, &lineage.version, &lineage).unwrap();
    insta::assert_snapshot!(text, @r#"
iris v4, from merge request 7 by `carol`.

| | |
|---|---|
| commit | `cccccccccccccccccccccccccccccccccccccccc` |
| model digest | `sha256:9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4` |
| approved by | `alice`, `bob` |
| predecessor | v3 |
| dataset | none |

| metric | value |
|---|---:|
| `accuracy` | 0.96 |

`lineage.json` says where every byte and number comes from; `manifest.txt` lists the files with their digests.
"#);
}

#[test]
fn a_chart_a_card_and_a_long_table_are_put_where_they_help() {
    let mut model = good("iris");
    model.gates = (0..40).map(|n| judged(&format!("m{n}"), ("1", "1"), Verdict::Pass, "", "≥ 0")).collect();
    for at in [3, 7] {
        model.gates[at].verdict = Verdict::Fail;
        model.gates[at].reason = "1 is below the minimum 2".into();
    }
    model.charts = vec![Chart {
        metric: "a|c`@alice".into(),
        points: vec![("v1".into(), decimal("0.5")), ("candidate".into(), decimal("0.6"))],
        bounds: vec![],
        on_other_data: 1,
    }];
    model.card = Some(Card {
        path: "models/iris/CARD.md".into(),
        problems: vec!["There is no heading `limits @alice`: add it.".into()],
    });
    let text = render(&report(vec![model]));
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| `m")).collect();
    assert_eq!(rows.len(), 40);
    assert!(rows[0].contains("✗ fail") && rows[1].contains("✗ fail") && rows[2].contains("✓ pass"), "{text}");
    let (_, after) = text.split_once("10 more rules").unwrap();
    let (_, after) = after.split_once("| `m39` |").unwrap();
    insta::assert_snapshot!(after.split_once("<details><summary>Other").unwrap().0.trim(), @r#"
    1 | 1 | ±0 | ✓ pass | ≥ 0 |

    </details>

    Compared with v3, the last published version.

    - `m3`: 1 is below the minimum 2
    - `m7`: 1 is below the minimum 2

    <details><summary>The last versions and this candidate</summary>

    The metric ``a|c`@alice``:

    ```mermaid
    xychart-beta
        title "a_c_@alice"
        x-axis ["v1", "candidate"]
        y-axis 0.49 --> 0.61
        line [0.5, 0.6]
    ```

    1 version is left out: it was measured on other data.

    </details>

    Model card `models/iris/CARD.md`: ✗ incomplete

    - There is no heading `limits @alice`: add it.

    Approvals: 1 of 2 (`alice`)

    - The approval of `bob` is void: the head moved.
    "#);
}

#[test]
fn what_is_left_out_is_said_in_numbers_with_a_link_to_all_of_it() {
    let mut model = bad("iris");
    model.gates = (0..500)
        .map(|n| judged(&format!("rule-{n}"), ("0.1", "0.9"), Verdict::Fail, "bad", "≥ 0.5"))
        .collect();
    model.other_metrics = (0..10_000).map(|n| (format!("metric.{n}"), decimal("0.5"))).collect();
    model.whole_report = Some("https://forge.example/acme/iris/-/jobs/9".into());
    for limit in [65_536, 1_000_000] {
        let text = Renderer::new().unwrap().report(&report(vec![model.clone()]), limit).unwrap();
        assert!(budget::length(&text) <= limit);
        assert!(text.lines().nth(1).unwrap().contains("✗ iris: 500 rules are not met"), "{text}");
        let left = |what: &str| text.lines().any(|line| line.contains(what));
        assert!(left("more rules") && left("- … and 4"), "{text}");
        assert!(left("more metrics are not shown."), "{text}");
        assert!(left("[the test job](https://forge.example/acme/iris/-/jobs/9)"), "{text}");
        assert!(text.chars().count() <= 200_000, "no page shows more");
    }
    model.whole_report = Some("javascript:alert(1)".into());
    let text = Renderer::new().unwrap().report(&report(vec![model]), 65_536).unwrap();
    assert!(!text.contains("javascript") && !text.contains("the test job]"), "only what is a web address");
}

/// What a Markdown text leaves open at its end.
fn open(text: &str) -> (bool, usize, usize) {
    let mut fence: Option<&str> = None;
    let (mut opened, mut closed) = (0, 0);
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if ticks >= open.len() && line.len() == ticks => fence = None,
            None if ticks >= 3 => fence = line.get(..ticks),
            Some(_) => {}
            None => {
                opened += usize::from(line.starts_with("<details>"));
                closed += usize::from(line.trim_start().starts_with("</details>"));
            }
        }
    }
    (fence.is_some(), opened, closed)
}

/// What a report does beside showing text, tables, lists, folds and the links to jobs that we make.
fn acts(markdown: &str) -> Vec<String> {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let (mut found, mut prose, mut code) = (Vec::new(), String::new(), 0_usize);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => code -= 1,
            Event::Start(Tag::Link { dest_url, .. }) if dest_url.ends_with("/-/jobs/9") => {}
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::BlockQuote(_) | Tag::Strikethrough) => {
                found.push(format!("{event:?}"));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let fold = html.starts_with("<details><summary>") && html.matches('<').count() == 3;
                let ours = fold || matches!(html.trim(), "</details>" | "<!-- mergewright:report -->");
                if !ours {
                    found.push(html.into_string());
                }
            }
            Event::Text(text) if code == 0 => prose.push_str(&text),
            _ => prose.push(' '),
        }
    }
    for pair in prose.chars().collect::<Vec<_>>().windows(2) {
        if matches!(pair[0], '@' | '#' | '!') && pair[1].is_alphanumeric() {
            found.push(pair.iter().collect());
        }
    }
    found.extend(markdown.lines().filter(|line| line.starts_with('/')).map(str::to_owned));
    found
}

#[test]
fn a_long_report_is_cut_where_it_hurts_least_and_says_so() {
    let mut model = bad("iris");
    model.logs[0].text = "日本語のログ\n".repeat(40_000);
    model.failing_tests = (0..400)
        .map(|n| TestFailure {
            name: format!("test_{n}"),
            message: "x".repeat(2_000),
            file: None,
            line: None,
        })
        .collect();
    let text = Renderer::new().unwrap().report(&report(vec![model.clone()]), 65_536).unwrap();
    assert!(budget::length(&text) <= 65_536);
    assert!(text.starts_with("<!-- mergewright:report -->\n### ✗ iris: 2 rules are not met\n"), "{text}");
    assert!(text.contains("Its beginning is left out here."), "{text}");
    assert!(text.contains("… and 350 more"), "{text}");
    let text = Renderer::new().unwrap().report(&report(vec![model; 100]), 65_536).unwrap();
    assert!(budget::length(&text) <= 65_536);
    assert!(text.contains("more models are not shown"), "{text}");
    assert!(text.contains("The logs of failed jobs are left out"), "{text}");
}

#[test]
fn a_table_of_ten_thousand_rules_keeps_the_failures() {
    let mut model = bad("iris");
    let fail = model.gates.remove(1);
    let pass = model.gates.remove(0);
    model.gates = vec![pass; 10_000];
    model.gates.push(fail);
    let text = Renderer::new().unwrap().report(&report(vec![model]), 65_536).unwrap();
    assert!(budget::length(&text) <= 65_536);
    assert!(text.contains("✗ fail"), "{text}");
    assert!(text.contains("more rules are not shown"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_report_is_over_the_limit_or_left_open(
        limit in 40_usize..6_000,
        models in 0_usize..8,
        rules in 0_usize..80,
        others in 0_usize..80,
        log in "(.|```|</details>|<details>|\n|日){0,400}",
        words in "(.|`|<details>|\n|@alice|#12|\n/merge\n|\\[x\\]\\(y\\)|<b>|```|~~~|\\||\\*a\\*|%%|\\{){0,60}",
    ) {
        let mut model = bad("iris");
        model.logs[0].text = log;
        model.next_step = words.clone();
        model.gates[1].reason = words.clone();
        model.charts = vec![Chart {
            metric: words.clone(),
            points: vec![(words.clone(), decimal("1")), ("candidate".into(), decimal("2"))],
            bounds: vec![decimal("1.5")],
            on_other_data: 3,
        }];
        model.card = Some(Card { path: words.clone(), problems: vec![words.clone(); 3] });
        model.whole_report = Some(words.clone());
        model.other_metrics = vec![(words.clone(), decimal("1")); others];
        model.gates.extend(vec![model.gates[1].clone(); rules]);
        model.failing_tests[0].message = words;
        model.failing_tests.extend(vec![model.failing_tests[0].clone(); rules]);
        let text = Renderer::new().unwrap().report(&report(vec![model; models]), limit).unwrap();
        prop_assert!(budget::length(&text) <= limit, "{} > {limit}", budget::length(&text));
        let (fence, opened, closed) = open(&text);
        prop_assert!(!fence && opened == closed, "{text}");
        prop_assert!(text.starts_with("<!-- mergewright:report -->") || limit < 60, "{text}");
        let verdict = text.lines().nth(1).unwrap_or_default();
        prop_assert!(models == 0 || limit < 5_000 || verdict.starts_with("### ✗ iris: "), "{text}");
        prop_assert_eq!(acts(&text), Vec::<String>::new(), "{}", text);
    }

    #[test]
    fn no_answer_is_over_the_limit_or_left_open(
        limit in 90_usize..3_000,
        answers in 1_usize..6,
        line in "[a-z日 ]{0,60}",
    ) {
        let markdown = format!("<details>\n\n```text\n{}```\n\n</details>\n", format!("{line}\n").repeat(40));
        let reply = Reply { answers: vec![Answer::Text { markdown }; answers] };
        let text = Renderer::new().unwrap().reply(CommentId(1), &reply, limit).unwrap();
        prop_assert!(budget::length(&text) <= limit, "{} > {limit}", budget::length(&text));
        let (fence, opened, closed) = open(&text);
        prop_assert!(!fence && opened == closed, "{text}");
    }
}
