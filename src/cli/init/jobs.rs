//! What the jobs of a folder could run, as far as its files show it.

mod node;
mod python;

use super::folder::{Folder, is_plain};
use super::toolchain::OWN_TOOLS;
use crate::config::valid::ToolchainKind;

/// Scripts that train, the likeliest first.
pub(super) const TRAINING: &[&str] =
    &["train.py", "src/train.py", "scripts/train.py", "training.py", "src/training.py", "fit.py"];
/// Scripts that measure.
const MEASURING: &[&str] = &[
    "evaluate.py",
    "src/evaluate.py",
    "scripts/evaluate.py",
    "evaluation.py",
    "eval.py",
    "src/eval.py",
    "score.py",
    "evaluate.sh",
];
/// How the files of models end.
const MODEL_FILES: &[&str] = &[
    ".onnx",
    ".pkl",
    ".pickle",
    ".joblib",
    ".skops",
    ".pt",
    ".pth",
    ".safetensors",
    ".h5",
    ".keras",
    ".gguf",
    ".tflite",
];

/// The JUnit file of a family that has none of its own.
const JUNIT: &str = "junit.xml";

/// Shell lines of a job, and what the person must still say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Jobs {
    pub(super) build: Vec<String>,
    /// Whether `build` is a guess without a sign.
    pub(super) build_unknown: bool,
    pub(super) artifacts: Vec<String>,
    pub(super) artifacts_unknown: bool,
    pub(super) test: Vec<String>,
    pub(super) test_unknown: bool,
    /// The scripts that measure.
    pub(super) measuring: Vec<String>,
    /// The JUnit file that the lines of `test` write.
    pub(super) junit: Option<&'static str>,
    /// Whether nothing trains, so that what `build` packs is all there is of the model.
    pub(super) packed: bool,
}

impl Jobs {
    /// Looks for the jobs of a model in its folder.
    pub(super) fn of(kind: ToolchainKind, folder: &Folder) -> Self {
        let mut jobs = match kind {
            ToolchainKind::Python => python::jobs(folder),
            ToolchainKind::Maven => maven(folder),
            ToolchainKind::Gradle => gradle(folder),
            ToolchainKind::Node => node::jobs(folder),
            ToolchainKind::Custom => custom(folder),
        };
        jobs.measuring.extend(folder.first(MEASURING).map(str::to_owned));
        jobs
    }
}

/// The first text of a script that is the name of a model's file.
fn model_file(script: &str) -> Option<String> {
    let words = script.split(['"', '\'']);
    let named = |word: &&str| {
        MODEL_FILES.iter().any(|end| word.ends_with(end) && word.len() > end.len())
            || word.rsplit('/').next().is_some_and(|name| matches!(name, "model.json" | "model.bin"))
    };
    let inside = |word: &&str| is_plain(word) && !word.split('/').any(|part| matches!(part, ".." | "."));
    words.filter(named).find(inside).map(str::to_owned)
}

fn maven(folder: &Folder) -> Jobs {
    let maven = if folder.has("mvnw") { "./mvnw" } else { "mvn" };
    built(vec![format!("{maven} -B -ntp package")], "target/*.jar", vec![format!("{maven} -B -ntp verify")])
}

fn gradle(folder: &Folder) -> Jobs {
    let gradle = if folder.has("gradlew") { "./gradlew" } else { "gradle" };
    built(
        vec![format!("{gradle} --no-daemon assemble")],
        "build/libs/*.jar",
        vec![format!("{gradle} --no-daemon check")],
    )
}

/// Jobs of a family that always builds and tests in the same way.
fn built(build: Vec<String>, artifacts: &str, test: Vec<String>) -> Jobs {
    Jobs { build, artifacts: vec![artifacts.to_owned()], test, ..Jobs::default() }
}

fn custom(folder: &Folder) -> Jobs {
    let makefile = folder.first(OWN_TOOLS).filter(|file| file.to_lowercase().ends_with("makefile"));
    let text = makefile.map(|file| folder.text(file)).unwrap_or_default();
    let target = |names: &[&'static str]| {
        let is_target = |name: &&str| text.lines().any(|line| line.strip_prefix(*name).is_some_and(is_rule));
        names.iter().copied().find(is_target)
    };
    let job = |target: Option<&str>, scripts: &[&str], usual: &str| match (target, folder.first(scripts)) {
        (Some(target), _) => (vec![format!("make {target}")], false),
        (None, Some(script)) => (vec![format!("sh {script}")], false),
        (None, None) => (vec![format!("sh {usual}")], true),
    };
    let (build, build_unknown) =
        job(target(&["train", "model", "build", "all"]), &["train.sh", "build.sh"], "build.sh");
    let (test, test_unknown) =
        job(target(&["evaluate", "eval", "test", "check"]), &["evaluate.sh", "test.sh"], "evaluate.sh");
    Jobs {
        build,
        build_unknown,
        artifacts: vec!["model.*".to_owned()],
        artifacts_unknown: true,
        test,
        test_unknown,
        ..Jobs::default()
    }
}

/// Whether what follows a name in a Makefile makes it a target.
fn is_rule(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with(':') && !rest.starts_with(":=")
}
