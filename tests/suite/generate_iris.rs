//! The example model: its generated jobs really run, and its numbers are the ones its README tells.

use std::fs;
use std::path::Path;
use std::process::Command;

use mergewright::config::repository;
use mergewright::config::valid::Direction;
use mergewright::generator::{self, Dialect, Existing};
use rust_decimal::Decimal;

const FOUR: &str = r#"["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]"#;

/// What a change of `params.json` leads to.
struct Outcome {
    tests_pass: bool,
    metrics: serde_json::Value,
    model: Vec<u8>,
    junit: String,
    /// Rules whose `min` or `max` is broken.
    broken: Vec<String>,
}

/// Builds and tests the example as the generated jobs do, with these parameters where given.
fn run(params: Option<&str>) -> Outcome {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/iris");
    let config = repository::parse(&fs::read_to_string(source.join(".mergewright.yml")).unwrap())
        .unwrap_or_else(|problems| panic!("{problems}"));
    let file = generator::generate(&config, Dialect::GitLab, &Existing::new()).unwrap().remove(0);
    let file: serde_yaml::Value = serde_yaml::from_str(&file.content).unwrap();
    let checkout = tempfile::tempdir().unwrap();
    let root = checkout.path().join("models/iris");
    fs::create_dir_all(root.join("data")).unwrap();
    for name in ["train.py", "evaluate.py", "params.json", "data/train.csv", "data/holdout.csv"] {
        fs::copy(source.join("models/iris").join(name), root.join(name)).unwrap();
    }
    if let Some(params) = params {
        fs::write(root.join("params.json"), params).unwrap();
    }
    let script = |job: &str| {
        let lines = file[job]["script"].as_sequence().unwrap();
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
        let sha = "0123456789012345678901234567890123456789";
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &lines.join("\n")]).current_dir(checkout.path()).env("CI_COMMIT_SHA", sha);
        shell.output().unwrap()
    };
    let built = script("iris:build");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let tested = script("iris:test");
    let metrics: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("metrics.json")).unwrap()).unwrap();
    let rules = &config.models.values().next().unwrap().gates.rules;
    assert!(rules.iter().any(|rule| rule.direction == Direction::Lower));
    let broken = rules
        .iter()
        .filter(|rule| {
            let value: Decimal = metrics[&rule.metric].to_string().parse().unwrap();
            rule.min.is_some_and(|min| value < min) || rule.max.is_some_and(|max| value > max)
        })
        .map(|rule| rule.id.clone())
        .collect();
    Outcome {
        tests_pass: tested.status.success(),
        metrics,
        model: fs::read(root.join("model.json")).unwrap(),
        junit: fs::read_to_string(root.join("junit.xml")).unwrap(),
        broken,
    }
}

fn params(features: &str, epochs: u32, rate: &str) -> String {
    format!(r#"{{"features": {features}, "epochs": {epochs}, "learning_rate": {rate}, "l2": 0.0001}}"#)
}

#[test]
fn the_gates_tell_a_good_change_from_a_bad_one() {
    for (params, accuracy, log_loss, broken) in [
        (None, 0.84, 0.5346, &["accuracy", "log_loss"][..]),
        (Some(params(FOUR, 300, "0.5")), 0.94, 0.1389, &[]),
        (Some(params(FOUR, 1000, "0.5")), 0.94, 0.0992, &[]),
        (
            Some(params(r#"["sepal_length_cm", "sepal_width_cm"]"#, 300, "0.5")),
            0.74,
            0.4798,
            &["accuracy", "log_loss"],
        ),
        (Some(params(r#"["petal_width_cm"]"#, 300, "0.5")), 0.94, 0.2083, &[]),
    ] {
        let outcome = run(params.as_deref());
        assert!(outcome.tests_pass, "{}", outcome.junit);
        let near =
            |name: &str, expected: f64| (outcome.metrics[name].as_f64().unwrap() - expected).abs() < 0.000_1;
        assert!(near("accuracy", accuracy) && near("log_loss", log_loss), "{params:?}: {}", outcome.metrics);
        assert_eq!(outcome.broken, broken, "{params:?}");
        assert!(outcome.junit.contains(r#"tests="6""#) && outcome.junit.contains(r#"failures="0""#));
    }
}

#[test]
fn a_model_that_misbehaves_fails_its_tests() {
    let outcome = run(Some(&params(r#"["sepal_width_cm"]"#, 300, "0.5")));
    assert!(!outcome.tests_pass);
    assert!(
        outcome.junit.contains("names_a_typical_virginica") && outcome.junit.contains("<failure"),
        "{}",
        outcome.junit
    );
}

#[test]
fn training_twice_gives_the_same_bytes() {
    let good = params(FOUR, 50, "0.5");
    assert_eq!(run(Some(&good)).model, run(Some(&good)).model);
}
