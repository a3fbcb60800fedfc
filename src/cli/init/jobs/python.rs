//! A Python folder: its scripts where it has them, else its package and its tests.

use super::{JUNIT, Jobs, MEASURING, TRAINING, model_file};
use crate::cli::init::folder::Folder;

/// How the folder is installed and called.
struct Way {
    install: Vec<String>,
    /// What stands before a script or `-m`.
    python: &'static str,
    /// What packs it, where it is a package.
    pack: Option<&'static str>,
    /// What has to come before pytest, where nothing else brings it.
    pytest: Option<&'static str>,
}

/// The jobs of the folder.
pub(super) fn jobs(folder: &Folder) -> Jobs {
    let way = Way::of(folder);
    let script = |script: &str| way.lines([format!("{} {script}", way.python)]);
    let training = folder.first(TRAINING);
    let measuring = folder.first(MEASURING).filter(|script| script.ends_with(".py"));
    let model = training.and_then(|script| model_file(&folder.text(script)));
    let built = match (training, way.pack) {
        (None, Some(pack)) => Jobs {
            build: vec![pack.to_owned()],
            artifacts: vec!["dist/*.whl".to_owned()],
            packed: true,
            ..Jobs::default()
        },
        _ => Jobs {
            build: script(training.unwrap_or("train.py")),
            build_unknown: training.is_none(),
            artifacts_unknown: model.is_none(),
            artifacts: vec![model.unwrap_or_else(|| "model.*".to_owned())],
            ..Jobs::default()
        },
    };
    if measuring.is_none() && folder.paths().any(is_test) {
        return Jobs { test: way.tests(), junit: Some(JUNIT), ..built };
    }
    Jobs { test: script(measuring.unwrap_or("evaluate.py")), test_unknown: measuring.is_none(), ..built }
}

impl Way {
    fn of(folder: &Folder) -> Self {
        let project = folder.text("pyproject.toml");
        let builds = project.contains("[build-system]");
        if folder.has("uv.lock") {
            let brought = folder.text("uv.lock").contains("name = \"pytest\"");
            return Self {
                install: vec!["uv sync --frozen".to_owned()],
                python: "uv run --frozen python",
                pack: builds.then_some("uv build --wheel"),
                pytest: (!brought).then_some("uv run --frozen --with pytest python"),
            };
        }
        let builds = builds || folder.has("setup.py");
        let packed = builds || project.contains("[project]");
        let required = folder.text("requirements.txt");
        let mut install = Vec::new();
        if folder.has("requirements.txt") {
            let hashed = if required.contains("--hash=") { "--require-hashes " } else { "" };
            install.push(format!("pip install {hashed}-r requirements.txt"));
        }
        // Beside its requirements, a project that does not say how it is built is often no package at all.
        if builds || (packed && install.is_empty()) {
            install.push("pip install .".to_owned());
        }
        Self {
            install,
            python: "python3",
            pack: packed.then_some("pip wheel --no-deps --wheel-dir dist ."),
            pytest: (!required.contains("pytest")).then_some("pip install pytest"),
        }
    }

    /// Lines of a job, after those that install.
    fn lines(&self, lines: impl IntoIterator<Item = String>) -> Vec<String> {
        self.install.iter().cloned().chain(lines).collect()
    }

    /// The lines that run the tests, those of unittest among them.
    fn tests(&self) -> Vec<String> {
        let run = |python: &str| format!("{python} -m pytest --junitxml={JUNIT}");
        match self.pytest {
            Some(python) if python.starts_with("uv ") => self.lines([run(python)]),
            install => self.lines(install.map(str::to_owned).into_iter().chain([run(self.python)])),
        }
    }
}

/// Whether pytest takes a file for tests, where it looks unless told otherwise.
fn is_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let place = folder.split('/').next().unwrap_or_default();
    let named =
        name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"));
    named && matches!(place, "" | "tests" | "test")
}
