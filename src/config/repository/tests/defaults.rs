//! `defaults`: merged into the models, and judged whatever the models say.

use crate::config::repository::parse;

#[test]
fn defaults_are_merged_key_by_key_and_models_win() {
    let text = "version: 1
defaults:
  review: {approvals: 2, owners: ['@alice', '@bob']}
  build: {timeout: 5m, run: [make]}
  test: {reports: {metrics: m.json}}
  version: {strategy: sequence}
models:
  a: {}
  b:
  c: {review: {approvals: 0}, build: {run: [cargo]}}
";
    let config = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    let names: Vec<_> = config.models.keys().map(crate::domain::ModelName::as_str).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let c = &config.models[&"c".parse().unwrap()];
    assert_eq!(
        (c.review.approvals, c.review.owners.as_slice()),
        (0, ["alice".to_owned(), "bob".to_owned()].as_slice())
    );
    assert_eq!((c.build.timeout.as_secs(), c.build.run.as_slice()), (300, ["cargo".to_owned()].as_slice()));
    assert_eq!(config.models[&"b".parse().unwrap()].review.approvals, 2);
}

#[test]
fn a_mistake_in_the_defaults_is_told_once() {
    let text = "version: 1
defaults: {build: {timeout: soon}, roof: a, test: {reports: {metrics: m.json}}, version: {strategy: sequence}}
models: {a: {}, b: {}, c: {root: x}}
";
    let found = parse(text).unwrap_err();
    let messages: Vec<_> = found.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert!(messages[0].contains("build.timeout") && messages[1].contains("roof"), "{messages:#?}");
}

#[test]
fn a_mistake_in_the_defaults_is_told_even_where_every_model_says_something_else() {
    let text = "version: 1
secrets: [GOOD]
defaults:
  build: {timeout: 0m, secrets: [\"p@ssw0rd\", UNKNOWN]}
  version: semver
  gates: {rules: [{metric: a, directoin: higher, min: 0.1}]}
  publish: {to: [{kid: release}], merge: octopus}
  review: {owners: [{a: b}], approvals: many}
models:
  iris:
    build: {timeout: 1h, secrets: [GOOD]}
    test: {reports: {metrics: metrics.json}}
    version: {strategy: sequence}
    gates: {rules: []}
    publish: {to: [{kind: release}], merge: squash}
    review: {owners: ['@a'], approvals: 1}
";
    let found = parse(text).unwrap_err();
    let places: Vec<_> = found.iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(
        places,
        [(4, 20), (4, 34), (4, 46), (5, 12), (6, 31), (7, 19), (7, 42), (8, 21), (8, 41)],
        "{found}"
    );
    assert!(!found.to_string().contains("p@ssw0rd"), "{found}");
    // What a default lacks, a model may say.
    let half = "version: 1
defaults: {test: {timeout: 2h}, environments: {production: {canary: {hold: 5m}}}}
models:
  iris:
    test: {reports: {metrics: m.json}}
    version: {strategy: sequence}
    environments: {production: {canary: {steps: [50, 100]}}}
";
    parse(half).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn two_mistakes_in_one_place_of_the_defaults_are_both_told_and_each_once() {
    let rule = "{metric: m, direction: higher, min: 2, max: 1, required: true, level: warn}";
    let text = format!(
        "version: 1
defaults: {{schedules: {{nightly: {{}}}}, gates: {{rules: [{rule}]}}, test: {{reports: {{metrics: m.json}}}}, version: {{strategy: calver}}}}
models: {{a: , b: {{root: x}}}}
"
    );
    let found = parse(&text).unwrap_err();
    let messages: Vec<_> = found.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages.len(), 4, "{messages:#?}");
    for (message, words) in
        messages.iter().zip(["cron` is missing", "task` is missing", "above its", "only warns"])
    {
        assert!(message.contains(words), "{messages:#?}");
    }
}
