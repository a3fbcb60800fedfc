//! Values that are each well written, and cannot be meant together.

use super::{SMALLEST, only_model, problems, with};
use crate::config::repository::parse;

#[test]
fn what_can_never_come_true_is_refused() {
    let rule = |rest: &str| format!("gates: {{rules: [{{metric: m, direction: higher, {rest}}}]}}");
    let freeze = |windows: &str| format!("environments: {{production: {{freeze: [{windows}]}}}}");
    let cron =
        |line: &str| format!("schedules: {{nightly: {{cron: \"{line}\", timezone: UTC, task: cleanup}}}}");
    for (lines, complaint) in [
        (rule("min: 2, max: 1"), "has a `min` above its `max`"),
        (rule("required: true, level: warn"), "is `required` and only warns"),
        (rule("target: 1"), "`models.iris.gates.rules[0].target` has no meaning in this direction"),
        ("gates: {rules: [{metric: m, direction: target}]}".to_owned(), "direction` names no value"),
        (
            "gates: {rules: [{metric: m, direction: target, target: 2, max: 1}]}".to_owned(),
            "lies outside of `min` and `max`",
        ),
        ("gates: {rules: [{metric: val loss, direction: lower}]}".to_owned(), "white space in its name"),
        ("review: {approvals: 3, owners: [alice, bob]}".to_owned(), "asks for 3 approvals and names fewer"),
        ("review: {card_sections: [limits]}".to_owned(), "has no card to look into"),
        ("publish: {to: []}".to_owned(), "`models.iris.publish.to` lists nothing"),
        ("publish: {to: [{kind: release}, {kind: release}]}".to_owned(), "is listed twice"),
        ("deploy: {run: []}".to_owned(), "`models.iris.deploy.run` lists nothing"),
        ("deploy: {kind: kserve}".to_owned(), "`models.iris.deploy.manifest` is missing"),
        ("deploy: {run: [x], manifest: m.yaml}".to_owned(), "no meaning for the kind `scripts`"),
        ("build: {timeout: 31d}".to_owned(), "longer than the 30 days"),
        (
            "schedules: {a: {cron: \"0 9 * * *\", task: run, run: []}}".to_owned(),
            "`models.iris.schedules.a.run` lists nothing",
        ),
        (
            "schedules: {a: {cron: \"0 9 * * *\", task: retrain, run: [x]}}".to_owned(),
            "only goes with `task: run`",
        ),
        ("scan: {run: []}".to_owned(), "`models.iris.scan.run` lists nothing"),
        (
            "scan: {}\nschedules: {scan: {cron: \"0 9 * * *\", task: cleanup}}".to_owned(),
            "has a job of the name of the schedule `scan`",
        ),
        ("environments: {iris: {}}".to_owned(), "the environment `iris` is called like the model on line 3"),
        ("environments: {mergewright-publish: {}}".to_owned(), "cannot be the name of an environment"),
        (freeze("\"Fri 16:00 - Fri 16:00 UTC\""), "ends when it begins"),
        (freeze("\"Mon 00:00 - Thu 12:00 UTC\", \"Thu 12:00 - Mon 00:00 UTC\""), "freezes the whole week"),
        (cron("0 9 30 2 *"), "never fires"),
        (cron("0 9 31 4,6,9,11 *"), "never fires"),
        (cron("0 0 9 * * *"), "nothing here counts seconds"),
        ("paths: [\"models/**\", \"!models/docs/**\"]".to_owned(), "begins with `!`"),
    ] {
        let shown = problems(&with(&lines));
        assert!(shown.contains(complaint), "{lines}\nshould say `{complaint}`:\n{shown}");
    }
    let metrics = SMALLEST.replace("metrics: metrics.json", "metrics: out/m.xml, junit: [./out/m.xml]");
    assert!(problems(&metrics).contains("is also the file of the metrics"));
    let own = format!("secrets: [MERGEWRIGHT_COMMIT]\n{SMALLEST}");
    assert!(problems(&own).contains("begins with `MERGEWRIGHT_`"));
}

#[test]
fn what_only_looks_contradictory_is_taken() {
    for lines in [
        "gates: {rules: [{metric: m, direction: higher, min: 1, max: 1}]}",
        "schedules: {scan: {cron: \"0 9 * * *\", task: cleanup}}",
        "gates: {rules: [{metric: m, direction: target, target: 1, min: 1, max: 1.5}]}",
        "gates: {rules: [{id: loss, metric: val loss, direction: lower}]}",
        "gates: {rules: [{metric: m, direction: lower, slice: region}]}",
        "review: {approvals: 3, owners: [alice, acme/ml]}",
        "review: {approvals: 3}",
        "review: {approvals: 2, owners: [alice, bob], card: CARD.md, card_sections: [limits]}",
        "environments: {production: {freeze: [\"Fri 16:00 - Fri 15:59 UTC\"]}}",
        "environments: {production: {freeze: [\"Mon 00:00 - Thu 12:00 UTC\", \"Thu 12:00 - Mon 00:00 Asia/Tokyo\"]}}",
        "schedules: {a: {cron: \"0 9 29 2 *\", task: cleanup}}",
        "schedules: {a: {cron: \"0 9 31 2 mon\", task: cleanup}}",
        "schedules: {a: {cron: \"0 9 */31 feb-mar *\", task: cleanup}}",
        "build: {timeout: 30d}",
        "deploy: {kind: kserve, manifest: deploy/isvc.yaml}",
        "gates: {baseline: production}",
        "depends_on: []",
    ] {
        only_model(&with(lines));
    }
}

#[test]
fn owners_are_counted_after_the_defaults_are_merged() {
    let text = |owners: &str| {
        format!(
            "version: 1
defaults:
  review: {{approvals: 2}}
  test: {{reports: {{metrics: m.json}}}}
  version: {{strategy: sequence}}
models:
  a: {{review: {{owners: [{owners}]}}}}
"
        )
    };
    assert!(problems(&text("alice")).contains("`models.a.review` asks for 2 approvals"));
    assert!(parse(&text("alice, bob")).is_ok());
}
