mod contradictions;
mod defaults;
mod forms;
mod hostile;
mod id_tokens;
mod keys;
mod secrets;

use insta::assert_snapshot;

use super::*;
use crate::config::valid::{
    BaselineChoice, Deploy, Direction, PublishTarget, Tolerance, ToolchainKind, VersionStrategy,
};

/// The smallest file that is complete.
const SMALLEST: &str = "version: 1
models:
  iris:
    test: {reports: {metrics: metrics.json}}
    version: {strategy: sequence}
";

/// A complete file whose model `iris` has these further lines, indented by four.
fn with(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("{SMALLEST}{lines}")
}

fn problems(text: &str) -> String {
    parse(text).expect_err("the file was accepted").to_string()
}

fn only_model(text: &str) -> crate::config::valid::Model {
    let config = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.models.len(), 1);
    config.models.into_values().next().unwrap()
}

#[test]
fn the_smallest_file_gets_every_documented_default() {
    let model = only_model(SMALLEST);
    assert_eq!((model.name.as_str(), model.root.as_str()), ("iris", "."));
    assert_eq!(model.paths, ["**"]);
    assert_eq!(model.toolchain.kind, ToolchainKind::Custom);
    assert_eq!((model.review.approvals, model.review.owners.len()), (1, 0));
    assert_eq!(model.gates.baseline, BaselineChoice::Production);
    assert_eq!(model.publish.to, [PublishTarget::Release]);
    assert_eq!(model.publish.when, crate::config::valid::PublishWhen::Merge);
    assert_eq!(model.version, VersionStrategy::Sequence);
    assert_eq!((model.build.timeout.as_secs(), model.test.metrics), (3600, vec!["metrics.json".to_owned()]));
    assert_eq!((model.retention.last, model.retention.candidates.as_secs()), (10, 14 * 86_400));
}

/// Every key of the documented format, in one file.
const EVERYTHING: &str = r#"
version: 1
secrets: [MAVEN_USERNAME, MAVEN_PASSWORD]
registry_key: ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
defaults: {}
models:
  iris:
    paths: ["models/iris/**", params.yaml]
    root: models/iris
    toolchain: {kind: python, version: "3.12"}
    runners: {gitlab: [docker], github: [ubuntu-24.04]}
    build: {run: ["python3 train.py --out model.json"], artifacts: [model.json], timeout: 20m, secrets: []}
    test:
      run: ["python3 evaluate.py --json metrics.json"]
      reports: {junit: junit.xml, metrics: metrics.json}
      dataset: data/holdout.csv
      protect: [evaluate.py, "data/**"]
    scan: {run: ["bandit -r ."], timeout: 10m}
    gates:
      baseline: production
      rules:
        - {metric: accuracy, direction: higher, min: 0.90, max_regression: 0.01}
        - {id: latency, metric: latency_p95_ms, direction: lower, max: 50, max_regression: 10%, level: warn}
        - {metric: safety.violation_rate, direction: lower, max: 0.002, required: true}
        - {id: auc-region, metric: auc, slice: region, direction: higher, max_regression: 2pp, min_samples: 200, cumulative: 0.05, confidence: 95%}
    review: {approvals: 1, owners: ["@alice", "@acme/ml-owners"], card: MODEL_CARD.md, card_sections: [intended use, limitations]}
    version: {strategy: sequence}
    publish: {when: merge, merge: auto, run: ["sh publish.sh"], to: [{kind: release}, {kind: gitlab-package}], secrets: [MAVEN_PASSWORD], id_tokens: {SIGSTORE_ID_TOKEN: sigstore}}
    environments:
      staging: {}
      production: {requires: staging, approvals: 2, canary: {steps: [10, 50, 100], hold: 30m}, freeze: ["Fri 16:00 - Mon 08:00 Asia/Shanghai"]}
    deploy: {run: ["sh deploy.sh"], rollback: ["sh deploy.sh"], verify: ["sh smoke.sh"], id_tokens: {CLOUD_ID_TOKEN: "https://cloud.example.com/roles"}}
    schedules:
      nightly: {cron: "0 9 * * *", timezone: Asia/Shanghai, task: retrain}
      report: {cron: "17 */2 * * mon-fri", task: run, run: ["sh report.sh"]}
    depends_on: []
    retention: {last: 10, candidates: 14d}
"#;

#[test]
fn every_documented_key_is_read() {
    let config = parse(EVERYTHING).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.secrets, ["MAVEN_USERNAME", "MAVEN_PASSWORD"]);
    assert!(config.registry_key.is_some());
    let model = config.models.into_values().next().unwrap();
    assert_eq!(model.toolchain.version.as_deref(), Some("3.12"));
    assert_eq!(
        (model.gitlab_runners.join(","), model.github_runners.join(",")),
        ("docker".into(), "ubuntu-24.04".into())
    );
    assert_eq!(model.test.protect, ["evaluate.py", "data/**", "data/holdout.csv", "data/holdout.csv/**"]);
    let rules = &model.gates.rules;
    assert_eq!(
        rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(),
        ["accuracy", "latency", "safety.violation_rate", "auc-region"]
    );
    assert_eq!(rules[0].min.unwrap().to_string(), "0.9");
    assert_eq!(rules[0].max_regression, Some(Tolerance::Absolute("0.01".parse().unwrap())));
    assert_eq!(rules[1].max_regression, Some(Tolerance::Percent(10.into())));
    assert_eq!(rules[1].direction, Direction::Lower);
    assert!(rules[2].required && !rules[0].required);
    assert_eq!(rules[3].max_regression, Some(Tolerance::Points(2.into())));
    assert_eq!((rules[3].min_samples, rules[3].confidence), (Some(200), Some(95.into())));
    assert_eq!(rules.iter().map(|rule| rule.line.unwrap()).collect::<Vec<_>>(), [22, 23, 24, 25]);
    assert_eq!(model.review.owners, ["alice", "acme/ml-owners"]);
    assert_eq!(model.publish.to, [PublishTarget::Release, PublishTarget::GitlabPackage]);
    assert_eq!(model.environments[1].requires.as_deref(), Some("staging"));
    assert_eq!(model.environments[1].canary.as_ref().unwrap().steps, [10, 50, 100]);
    assert_eq!(model.publish.id_tokens["SIGSTORE_ID_TOKEN"], "sigstore");
    let Some(Deploy::Scripts { id_tokens, .. }) = &model.deploy else { panic!("scripts") };
    assert_eq!(id_tokens["CLOUD_ID_TOKEN"], "https://cloud.example.com/roles");
    assert_eq!(model.schedules["report"].timezone, "UTC");
}

#[test]
fn an_unknown_key_names_the_known_one() {
    assert_snapshot!(problems(&with("build:\n  tiemout: 20m\nflavour: mild")), @r#"
    .mergewright.yml:7:7: unknown key `tiemout` in `models.iris.build`
       |
     7 |       tiemout: 20m
       |       ^^^^^^^
      = did you mean `timeout`?

    .mergewright.yml:8:5: unknown key `flavour` in `models.iris`
       |
     8 |     flavour: mild
       |     ^^^^^^^
      = known here: paths, root, toolchain, runners, build, test, scan, gates, review, version, publish, environments, deploy, schedules, depends_on, retention
    "#);
}

#[test]
fn a_key_in_the_wrong_place_is_sent_home() {
    for (line, home) in [
        ("strategy: sequence", "it belongs into `version`"),
        (
            "run: [make]",
            "it belongs into `build` or `test` or `scan` or `publish` or `deploy` or `schedules`",
        ),
        ("gates: {metric: accuracy}", "it belongs into `rules`"),
        ("environments: {production: {steps: [100]}}", "it belongs into `canary`"),
    ] {
        let shown = problems(&with(line));
        assert!(shown.contains(home), "{line}\n{shown}");
    }
    assert!(problems(&format!("{SMALLEST}root: x\n")).contains("it belongs into `defaults` or `models`"));
}

#[test]
fn every_problem_is_found_in_one_run() {
    let text = "version: 2
models:
  Iris:
    root: ../elsewhere
    build: {timeout: soon, run: [3]}
    gates:
      rules:
        - {metric: accuracy, direction: up, min: '0.9'}
        - {metric: loss, direction: lower, max: .nan}
    version: {strategy: sequence}
  publish:
    test: {reports: {metrics: []}}
";
    assert_snapshot!(problems(text), @r#"
    .mergewright.yml:1:10: `version` is not 1, the only version of this format
       |
     1 | version: 2
       |          ^
      = write `version: 1`

    .mergewright.yml:3:3: `Iris` cannot be the name of a model: expected 1 to 63 lower-case letters, digits and inner hyphens
       |
     3 |   Iris:
       |   ^^^^
      = choose another name

    .mergewright.yml:4:5: `models.Iris.test` is missing
       |
     4 |     root: ../elsewhere
       |     ^
      = write `test: {reports: {metrics: metrics.json}}`

    .mergewright.yml:4:11: `models.Iris.root` leads out of the repository
       |
     4 |     root: ../elsewhere
       |           ^^^^^^^^^^^^
      = write a path below it, without `..` or a leading `/`

    .mergewright.yml:5:22: `models.Iris.build.timeout` is no length of time: `soon`
       |
     5 |     build: {timeout: soon, run: [3]}
       |                      ^^^^
      = write days, hours, minutes and seconds like `20m`, `1h30m` or `14d`

    .mergewright.yml:5:34: `models.Iris.build.run[0]` expects a text, and `3` reads as a number
       |
     5 |     build: {timeout: soon, run: [3]}
       |                                  ^
      = put it in quotes: "3"

    .mergewright.yml:8:41: `models.Iris.gates.rules[0].direction` cannot be `up`
       |
     8 |         - {metric: accuracy, direction: up, min: '0.9'}
       |                                         ^^
      = write one of: higher, lower, target

    .mergewright.yml:8:50: `models.Iris.gates.rules[0].min` expects a number without quotes, such as 0.95, and found a text
       |
     8 |         - {metric: accuracy, direction: up, min: '0.9'}
       |                                                  ^^^^^
      = write a number without quotes, such as 0.95

    .mergewright.yml:9:49: `models.Iris.gates.rules[1].max` expects a number, and `.nan` cannot be read as one
       |
     9 |         - {metric: loss, direction: lower, max: .nan}
       |                                                 ^^^^
      = write at most 28 digits, such as 0.95, -2 or 1e-3

    .mergewright.yml:11:3: `publish` cannot be the name of a model: commands or jobs use the word
        |
     11 |   publish:
        |   ^^^^^^^
      = choose another name

    .mergewright.yml:12:5: `models.publish.version` is missing
        |
     12 |     test: {reports: {metrics: []}}
        |     ^
      = write `version: {strategy: sequence}`

    .mergewright.yml:12:31: `models.publish.test.reports.metrics` lists no file
        |
     12 |     test: {reports: {metrics: []}}
        |                               ^^
      = write the file that holds the numbers, such as `metrics.json`
    "#);
}

#[test]
fn references_between_models_and_environments_must_hold() {
    let text = "version: 1
defaults:
  test: {reports: {metrics: m.json}}
  version: {strategy: sequence}
models:
  a: {depends_on: [b]}
  b: {depends_on: [c]}
  c: {depends_on: [a]}
  d:
    depends_on: [aa, d]
    environments:
      prod: {requires: stagin}
      staging: {requires: test-bed}
      test-bed: {requires: staging}
      all: {}
";
    assert_snapshot!(problems(text), @r#"
    .mergewright.yml:6:20: `a` depends on `b`, which depends on `a` again
       |
     6 |   a: {depends_on: [b]}
       |                    ^
      = break the circle

    .mergewright.yml:7:20: `b` depends on `c`, which depends on `b` again
       |
     7 |   b: {depends_on: [c]}
       |                    ^
      = break the circle

    .mergewright.yml:8:20: `c` depends on `a`, which depends on `c` again
       |
     8 |   c: {depends_on: [a]}
       |                    ^
      = break the circle

    .mergewright.yml:10:18: `models.d.depends_on` names the model `aa`, which does not exist
        |
     10 |     depends_on: [aa, d]
        |                  ^^
      = models here: a, b, c, d

    .mergewright.yml:10:22: `d` depends on `d`, which depends on `d` again
        |
     10 |     depends_on: [aa, d]
        |                      ^
      = break the circle

    .mergewright.yml:12:24: `models.d.environments.prod.requires` names the environment `stagin`, which does not exist
        |
     12 |       prod: {requires: stagin}
        |                        ^^^^^^
      = did you mean `staging`?

    .mergewright.yml:13:27: `models.d.environments.staging.requires` closes a circle: `staging` would wait for itself
        |
     13 |       staging: {requires: test-bed}
        |                           ^^^^^^^^
      = break the circle

    .mergewright.yml:14:28: `models.d.environments.test-bed.requires` closes a circle: `test-bed` would wait for itself
        |
     14 |       test-bed: {requires: staging}
        |                            ^^^^^^^
      = break the circle

    .mergewright.yml:15:7: `all` cannot be the name of an environment: commands or jobs use the word
        |
     15 |       all: {}
        |       ^^^
      = choose another name
    "#);
}

#[test]
fn rules_must_be_told_apart() {
    let rule = "- {metric: accuracy, direction: higher}";
    assert_snapshot!(problems(&with(&format!("gates:\n  rules:\n    {rule}\n    {rule}"))), @r#"
    .mergewright.yml:9:11: `models.iris.gates.rules[1]` has the id `accuracy` of the rule on line 8
       |
     9 |         - {metric: accuracy, direction: higher}
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = write an `id` of its own; without one the metric's name is the id
    "#);
}

#[test]
fn a_rule_that_cannot_be_read_still_has_its_id() {
    let rules = "[{metric: m, direction: hihger}, {metric: m, direction: lower}]";
    let text = format!("{SMALLEST}    gates: {{rules: {rules}}}\n");
    let found = problems(&text);
    assert!(
        found.contains("cannot be `hihger`") && found.contains("has the id `m` of the rule on line"),
        "{found}"
    );
}

#[test]
fn the_digest_follows_the_meaning_and_not_the_layout() {
    let plain = parse(EVERYTHING).unwrap();
    let moved = EVERYTHING
        .replace("    depends_on: []\n", "")
        .replace(
            "    root: models/iris\n",
            "    # a comment\n\n    depends_on: []\n    root:   ./models/iris/\n",
        )
        .replace("0.90", "0.9")
        .replace("      staging: {}\n", "")
        .replace("    deploy: ", "      staging: {}\n    deploy: ")
        .replace('\n', "\r\n");
    let other = parse(&format!("\u{feff}{moved}")).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(plain.digest, other.digest);
    let iris = "iris".parse().unwrap();
    assert_eq!(plain.models[&iris].digest, other.models[&iris].digest);
    assert_ne!(plain.models[&iris].gates.rules[0].line, other.models[&iris].gates.rules[0].line);

    let changed = parse(&EVERYTHING.replace("min: 0.90", "min: 0.91")).unwrap();
    assert_ne!(plain.digest, changed.digest);
    assert_ne!(plain.models[&iris].digest, changed.models[&iris].digest);
    let key = parse(&EVERYTHING.replace("ed25519:AAAA", "ed25519:AAAB")).unwrap();
    assert_ne!(plain.digest, key.digest);
    assert_eq!(plain.models[&iris].digest, key.models[&iris].digest, "the key belongs to no model");
}

#[test]
fn only_verbs_and_stages_are_taken_from_the_names_of_models() {
    let named = |name: &str| SMALLEST.replace("iris", name);
    for name in ["approve", "explain", "build", "review", "deploy", "monitor", "all", "to"] {
        assert!(problems(&named(name)).contains("cannot be the name of a model"), "{name}");
    }
    assert_eq!(only_model(&named("evaluate")).name.as_str(), "evaluate");
}
