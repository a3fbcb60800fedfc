//! `mergewright init` in folders as people have them.

use std::fs;
use std::path::Path;
use std::process::Command;

use mergewright::cli::check::check;
use mergewright::cli::generate::{self, Forges, generate};
use mergewright::cli::init::{Arguments, init};
use mergewright::config::repository;
use mergewright::config::valid::{Direction, Model, ToolchainKind};

/// A folder `name` with these files.
pub(super) fn folder(name: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Arguments) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(name);
    fs::create_dir(&folder).unwrap();
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (dir, Arguments { dir: folder, ..Arguments::default() })
}

/// What `init` said and wrote; the file must pass `check`, and `generate` where the toolchain has templates.
pub(super) fn written(arguments: &Arguments) -> (String, Model) {
    let answer = init(arguments);
    assert_eq!((answer.status, answer.err.as_str()), (0, ""));
    let checked = check(&arguments.dir, false);
    assert_eq!(checked.status, 0, "{}", checked.err);
    let generated = generate(&generate::Arguments {
        dir: arguments.dir.clone(),
        forges: Forges::All,
        ..generate::Arguments::default()
    });
    let text = fs::read_to_string(arguments.dir.join(".mergewright.yml")).unwrap();
    let config = repository::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.models.len(), 1, "{text}");
    let model = config.models.into_values().next().unwrap();
    assert_eq!(generated.status, 0, "{}", generated.err);
    (answer.out, model)
}

#[test]
fn a_python_model_is_described_by_its_own_files() {
    let (_dir, arguments) = folder(
        "Churn Prediction",
        &[
            ("requirements.txt", "scikit-learn==1.7\n"),
            (".python-version", "3.11.9\n"),
            ("train.py", "joblib.dump(model, 'out/churn.joblib')\n"),
            ("evaluate.py", "parser.add_argument(\"--junit\", default=\"junit.xml\")\n"),
            ("metrics.json", r#"{"test": {"roc_auc": 0.91, "log_loss": 0.2}, "rows": 100, "name": "x"}"#),
            ("data/test.csv", "a,b\n"),
            ("MODEL_CARD.md", "# Churn\n"),
        ],
    );
    let (said, model) = written(&arguments);
    assert_eq!(model.name.as_str(), "churn-prediction");
    assert_eq!((model.root.as_str(), model.paths.join(" ")), (".", "**".to_owned()));
    assert_eq!(model.toolchain.kind, ToolchainKind::Python);
    assert_eq!(model.toolchain.version.as_deref(), Some("3.11"));
    assert_eq!(model.build.run, ["pip install -r requirements.txt", "python3 train.py"]);
    assert_eq!(model.build.artifacts, ["out/churn.joblib"]);
    assert_eq!(model.test.run, ["pip install -r requirements.txt", "python3 evaluate.py"]);
    assert_eq!(
        (model.test.metrics, model.test.junit),
        (vec!["metrics.json".into()], vec!["junit.xml".into()])
    );
    assert_eq!(model.test.dataset.as_deref(), Some("data/test.csv"));
    assert!(model.test.protect.contains(&"evaluate.py".to_owned()), "{:?}", model.test.protect);
    let rules: Vec<_> = model.gates.rules.iter().map(|rule| (rule.metric.as_str(), rule.direction)).collect();
    assert_eq!(rules, [("test.log_loss", Direction::Lower), ("test.roc_auc", Direction::Higher)]);
    assert_eq!(model.review.card.as_deref(), Some("MODEL_CARD.md"));
    assert!(said.contains("the toolchain is python: requirements.txt is there"), "{said}");
    assert!(said.contains("its version is 3.11: .python-version asks for it"), "{said}");
    assert!(said.contains("1. read the file") && said.contains("3. mergewright generate "), "{said}");
}

#[test]
fn every_toolchain_is_known_by_its_files() {
    let pom =
        "<project><properties><maven.compiler.release>17</maven.compiler.release></properties></project>";
    let package = r#"{"scripts": {"build": "x", "test": "y"}, "engines": {"node": ">=20.1"}}"#;
    for (files, kind, version, build, test) in [
        (
            vec![
                ("uv.lock", ""),
                ("pyproject.toml", "[project]\nrequires-python = \">=3.13\"\n"),
                ("train.py", ""),
            ],
            ToolchainKind::Python,
            Some("3.13"),
            vec!["uv sync --frozen", "uv run --frozen python train.py"],
            vec!["uv sync --frozen", "uv run --frozen python evaluate.py"],
        ),
        (
            vec![("pyproject.toml", "[project]\nrequires-python = \">=3.9\"\n"), ("src/train.py", "")],
            ToolchainKind::Python,
            Some("3.12"),
            vec!["pip install .", "python3 src/train.py"],
            vec!["pip install .", "python3 evaluate.py"],
        ),
        (
            vec![("requirements.txt", "x==1 --hash=sha256:0\n")],
            ToolchainKind::Python,
            Some("3.12"),
            vec!["pip install --require-hashes -r requirements.txt", "python3 train.py"],
            vec!["pip install --require-hashes -r requirements.txt", "python3 evaluate.py"],
        ),
        (
            vec![("requirements.txt", "x==1\n"), ("pyproject.toml", "[project]\n"), ("train.py", "")],
            ToolchainKind::Python,
            Some("3.12"),
            vec!["pip install -r requirements.txt", "python3 train.py"],
            vec!["pip install -r requirements.txt", "python3 evaluate.py"],
        ),
        (
            vec![("pom.xml", pom), ("src/test/java/com/example/scores/ScoreTest.java", "")],
            ToolchainKind::Maven,
            Some("17"),
            vec!["mvn -B -ntp package"],
            vec!["mvn -B -ntp verify"],
        ),
        (
            vec![
                ("build.gradle.kts", "kotlin { jvmToolchain(17) }\n"),
                ("gradlew", ""),
                ("src/test/kotlin/ScoreTest.kt", ""),
            ],
            ToolchainKind::Gradle,
            Some("17"),
            vec!["./gradlew --no-daemon assemble"],
            vec!["./gradlew --no-daemon check"],
        ),
        (
            vec![("package.json", package), ("package-lock.json", "{}")],
            ToolchainKind::Node,
            Some("20"),
            vec!["npm ci", "npm run build"],
            vec!["npm ci", "npm run test"],
        ),
        (
            vec![
                ("Dockerfile", "FROM scratch\n"),
                ("Makefile", "CC := gcc\ntrain: data\n\ttrue\nevaluate:\n\ttrue\n"),
            ],
            ToolchainKind::Custom,
            None,
            vec!["make train"],
            vec!["make evaluate"],
        ),
    ] {
        let (_dir, arguments) = folder("iris", &files);
        let (said, mut model) = written(&arguments);
        model.test.run.retain(|line| !line.starts_with("awk "));
        assert_eq!(model.toolchain.kind, kind, "{said}");
        assert_eq!(model.toolchain.version.as_deref(), version, "{said}");
        let junit: &[&str] = match kind {
            ToolchainKind::Maven => &["target/surefire-reports/TEST-*.xml"],
            ToolchainKind::Gradle => &["build/test-results/test/TEST-*.xml"],
            _ => &[],
        };
        assert_eq!(model.test.junit, junit, "{said}");
        assert_eq!(
            (model.build.run, model.test.run),
            (build.iter().map(|s| (*s).to_owned()).collect(), test.iter().map(|s| (*s).to_owned()).collect()),
            "{said}"
        );
    }
}

#[test]
fn of_tests_that_are_not_there_no_report_is_asked() {
    for tool in ["pom.xml", "build.gradle"] {
        let (_dir, arguments) = folder("iris", &[(tool, ""), ("src/test/resources/data.csv", "1\n")]);
        let (said, model) = written(&arguments);
        assert_eq!(model.test.junit, Vec::<String>::new(), "{said}");
    }
}

#[test]
fn what_could_be_meant_otherwise_is_said() {
    let files = [("package.json", "{}"), ("pyproject.toml", ""), ("build.gradle", "")];
    let (_dir, arguments) = folder("iris", &files);
    let (said, model) = written(&arguments);
    assert_eq!(model.toolchain.kind, ToolchainKind::Python);
    assert!(said.contains("package.json is there as well; --toolchain node would follow it"), "{said}");
    assert!(said.contains("build.gradle is there as well; --toolchain gradle would follow it"), "{said}");

    let (_dir, arguments) = folder("iris", &files);
    let (said, model) = written(&Arguments { toolchain: Some(ToolchainKind::Node), ..arguments });
    assert_eq!(model.toolchain.kind, ToolchainKind::Node);
    assert!(said.contains("the toolchain is node: you said so"), "{said}");
}

#[test]
fn a_folder_that_shows_nothing_gets_a_file_with_marks() {
    let (_dir, arguments) = folder("iris", &[]);
    let (said, model) = written(&arguments);
    assert_eq!(model.toolchain.kind, ToolchainKind::Custom);
    assert!(
        said.contains("build.run, build.artifacts, test.run, test.reports.metrics, gates.rules"),
        "{said}"
    );
    let text = fs::read_to_string(arguments.dir.join(".mergewright.yml")).unwrap();
    assert_eq!(text.matches("# To fill in: ").count(), 5, "{text}");
}

#[test]
fn one_model_of_several_is_described_and_the_others_are_named() {
    let (_dir, arguments) = folder(
        "shop",
        &[
            ("models/churn/train.py", ""),
            ("models/churn/data/holdout.csv", ""),
            ("models/fraud/train.py", ""),
            ("tools/lint.py", ""),
        ],
    );
    let (said, model) = written(&arguments);
    assert_eq!((model.name.as_str(), model.root.as_str()), ("churn", "models/churn"));
    assert_eq!(model.paths, ["models/churn/**"]);
    assert_eq!(model.test.dataset.as_deref(), Some("data/holdout.csv"));
    assert!(said.contains("the model lies in models/churn: train.py is there"), "{said}");
    assert!(said.contains("there could be more models in models/fraud:"), "{said}");
}

#[test]
fn no_name_leads_to_a_file_that_means_something_else() {
    for (name, expected) in
        [("Publish", "publish-model"), ("模型", "model"), ("--x", "x"), ("a: {b}", "a-b"), ("iris\"", "iris")]
    {
        let (_dir, arguments) =
            folder(name, &[("train \"x\".py", ""), ("$(touch x).py", ""), ("data/test.csv", "")]);
        assert_eq!(written(&arguments).1.name.as_str(), expected);
    }
}

#[test]
fn a_folder_called_like_a_number_is_a_folder() {
    for name in ["2024", "1e5", "null", "true"] {
        let (_dir, arguments) =
            folder("all", &[(&format!("{name}/train.py"), ""), (&format!("{name}/2024.csv"), "")]);
        let (_text, model) = written(&arguments);
        assert_eq!(model.root, name);
    }
}

#[test]
fn a_number_that_a_file_gives_twice_becomes_no_rule() {
    let metrics = r#"{"a": {"f1": 1}, "a.f1": 2, "accuracy": 0.9}"#;
    let (_dir, arguments) = folder("iris", &[("train.py", ""), ("metrics.json", metrics)]);
    let (_text, model) = written(&arguments);
    let rules: Vec<_> = model.gates.rules.iter().map(|rule| rule.metric.as_str()).collect();
    assert_eq!(rules, ["accuracy"]);
}

#[test]
fn a_file_that_is_there_is_kept_unless_forced() {
    let (_dir, arguments) = folder("iris", &[(".mergewright.yml", "mine"), ("train.py", "")]);
    let file = arguments.dir.join(".mergewright.yml");
    let answer = init(&arguments);
    assert_eq!((answer.status, answer.out.as_str()), (1, ""));
    assert!(answer.err.contains("left as it is") && answer.err.contains("--force"), "{}", answer.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(fs::read_dir(&arguments.dir).unwrap().count(), 2, "nothing else is left behind");

    written(&Arguments { force: true, ..arguments });
    assert_ne!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_place_that_is_none_is_told() {
    let answer = init(&Arguments { dir: "/nowhere/at/all".into(), ..Arguments::default() });
    assert_eq!(answer.status, 1);
    assert!(answer.err.contains("/nowhere/at/all is no folder"), "{}", answer.err);

    let (dir, arguments) = folder("inside", &[("train.py", "")]);
    fs::create_dir(dir.path().join(".git")).unwrap();
    let (said, _model) = written(&arguments);
    assert!(said.contains("This is not the root of the repository"), "{said}");
}

#[test]
fn programs_get_json() {
    let (_dir, arguments) = folder("iris", &[("pom.xml", "<project/>")]);
    let answer = init(&Arguments { json: true, ..arguments });
    let value: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!((&value["model"], &value["toolchain"]), (&"iris".into(), &"maven".into()));
    assert!(value["to_fill_in"].as_array().unwrap().contains(&"gates.rules".into()), "{value}");
}

/// The example's own scripts, described by `init` alone, make a model and measure it.
#[test]
fn what_is_written_for_the_example_really_runs() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/iris/models/iris");
    let read = |path: &str| (format!("models/iris/{path}"), fs::read_to_string(example.join(path)).unwrap());
    let files = ["train.py", "evaluate.py", "params.json", "data/train.csv", "data/holdout.csv"].map(read);
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (_dir, arguments) = folder("repository", &files);
    let (said, model) = written(&arguments);
    assert!(said.contains("fill in what no file shows, marked in it: gates.rules"), "{said}");
    let root = arguments.dir.join(&model.root);
    for line in model.build.run.iter().chain(&model.test.run) {
        let done = Command::new("sh").args(["-ec", line]).current_dir(&root).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
    for file in model.build.artifacts.iter().chain(&model.test.metrics).chain(&model.test.junit) {
        assert!(root.join(file).is_file(), "{file}");
    }

    // With the numbers there, the rules are proposed too.
    let (said, model) = written(&Arguments { force: true, ..arguments });
    assert!(said.contains("1. read the file"), "{said}");
    let rules: Vec<_> = model.gates.rules.iter().map(|rule| (rule.metric.as_str(), rule.direction)).collect();
    assert!(
        rules.contains(&("accuracy", Direction::Higher)) && rules.contains(&("log_loss", Direction::Lower)),
        "{rules:?}"
    );
}
