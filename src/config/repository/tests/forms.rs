//! How things are written: YAML and the small notations.

use insta::assert_snapshot;

use super::{SMALLEST, only_model, problems, with};

#[test]
fn a_key_given_twice_is_refused() {
    assert_snapshot!(problems(&with("root: a\nroot: b")), @r#"
    .mergewright.yml:7:5: the key `root` was already given on line 6
       |
     7 |     root: b
       |     ^^^^
      = keep one of the two
    "#);
}

#[test]
fn a_second_document_is_refused() {
    assert_snapshot!(problems(&format!("{SMALLEST}---\nversion: 1\n")), @r#"
    .mergewright.yml:6:1: a second document begins here
       |
     6 | ---
       | ^^^
      = the file holds one document: remove the `---` and what follows
    "#);
}

#[test]
fn broken_yaml_is_shown_where_it_breaks() {
    assert_snapshot!(problems("version: 1\nmodels:\n\tiris: {}\n"), @r#"
    .mergewright.yml:3:2: this is not valid YAML: tabs disallowed within this context (block indentation)
       |
     3 |  iris: {}
       |  ^
      = the rest of the file is judged once this can be read as YAML
    "#);
}

#[test]
fn an_empty_file_says_so() {
    assert_snapshot!(problems(""), @r#"
    .mergewright.yml:1:1: the file is empty
      = `mergewright init` writes one to start from
    "#);
    assert!(problems("# only a comment\n").contains("the file is empty"));
    assert!(problems("~").contains("the file is empty"));
    assert!(
        problems("[version, 1]").contains("the file expects keys and values (a mapping), and found a list")
    );
}

#[test]
fn nothing_is_converted_silently() {
    for (line, complaint) in [
        ("toolchain: {kind: python, version: 3.10}", "put it in quotes: \"3.10\""),
        ("toolchain: {kind: python, version: true}", "reads as a truth value"),
        ("review: {approvals: 0755}", "without a leading zero"),
        ("review: {approvals: \"1\"}", "found a text"),
        ("review: {approvals: 1e3}", "whole number"),
        ("gates: {rules: [{metric: m, direction: higher, min: 1_000}]}", "found a text"),
        ("review: {approvals: -1}", "whole number"),
        ("gates: {rules: [{metric: m, direction: higher, required: yes}]}", "expects true or false"),
        ("gates: {rules: [{metric: m, direction: higher, min: .inf}]}", "expects a number"),
        ("gates: {rules: [{metric: m, direction: higher, max_regression: \"0.1\"}]}", "expects a number"),
        ("gates: {rules: [{metric: m, direction: higher, max_regression: -1%}]}", "is negative"),
        ("gates: {rules: [{metric: m, direction: higher, min: 2, max: 1}]}", "a `min` above its `max`"),
        (
            "gates: {rules: [{metric: m, direction: higher, min: 0.1234567890123456789012345678901}]}",
            "28 digits",
        ),
        ("gates: {rules: [{metric: m, direction: higher, min: 0755}]}", "`0755` cannot be read as one"),
        ("gates: {rules: [{metric: m, direction: higher, min: .5}]}", "`.5` cannot be read as one"),
        ("gates: {rules: [{metric: m, direction: higher, max_regression: 010%}]}", "expects a number"),
        ("gates: {rules: [{metric: m, direction: higher, max_regression: -0%}]}", "is negative"),
        ("gates: {rules: [{metric: m, direction: higher, required: True}]}", "in small letters: `true`"),
        ("gates: {rules: [{metric: m, direction: higher, slice: 0x1F}]}", "put it in quotes: \"0x1F\""),
        ("gates: {rules: [{metric: m, direction: higher, slice: .nan}]}", "put it in quotes: \".nan\""),
        ("build: {run: [yes, ~]}", "expects a text, and found nothing"),
        ("build: {timeout: 0s}", "no length of time"),
        ("build: {artifacts: [\"../x\"]}", "out of the repository"),
        ("build: {artifacts: [\"a[\"]}", "is no glob"),
        ("root: /etc", "out of the repository"),
        ("root: $HOME", "the character `$`"),
        ("paths: []", "lists nothing"),
        ("build: [x]", "expects keys and values"),
        ("version2: !!int 3", "YAML tags"),
        ("publish: {to: [{kind: relase}]}", "did you mean `release`?"),
        ("publish: {to: release}", "expects a list"),
        ("environments: {production: {canary: {steps: [50, 10, 100]}}}", "does not rise to 100"),
        ("environments: {production: {canary: {steps: [10, 50]}}}", "does not rise to 100"),
        ("environments: {production: {freeze: [\"Fri 16:00 Mon 08:00\"]}}", "no window of time"),
        (
            "environments: {production: {freeze: [\"Fri 16:00 - Mon 08:00 Mars/Olympus\"]}}",
            "names no time zone: `Mars/Olympus`",
        ),
        ("schedules: {deploy: {cron: \"0 9 * * *\", task: retrain}}", "cannot be the name of a schedule"),
        (
            "schedules: {nightly: {cron: \"0 9 * * *\", timezone: asia/shangai, task: retrain}}",
            "did you mean `Asia/Shanghai`?",
        ),
        ("schedules: {nightly: {cron: \"0 9 * *\", task: retrain}}", "4 fields instead of five"),
        ("schedules: {nightly: {cron: \"0 25 * * *\", task: retrain}}", "wrong hour"),
        (
            "schedules: {nightly: {cron: \"0 9 * * *\", task: run}}",
            "`models.iris.schedules.nightly.run` is missing",
        ),
        ("deploy: {kind: kserve, run: [x], manifest: a.yaml}", "no meaning for the kind `kserve`"),
        ("deploy: {}", "`models.iris.deploy.run` is missing"),
        ("? [a, b]\n: c", "cannot be a key"),
    ] {
        let shown = problems(&with(line));
        assert!(shown.contains(complaint), "{line}\nshould say `{complaint}`:\n{shown}");
    }
}

#[test]
fn plain_words_that_only_old_yaml_converts_stay_text() {
    let model = only_model(&with("build: {run: [yes, on, 2026-01-01]}"));
    assert_eq!(model.build.run, ["yes", "on", "2026-01-01"]);
}

#[test]
fn an_alias_means_what_it_names() {
    let model = only_model(&with("build: {run: &lines [one, two]}\npublish: {run: *lines}"));
    assert_eq!(model.publish.run, ["one", "two"]);
}
