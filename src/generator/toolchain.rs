//! What each toolchain brings: an image, tools that a hosted runner has to be given, what may be
//! kept between jobs, and where its reports usually lie.

use super::pins::{self, Image};
use super::pipeline::{Cache, CacheKind, Coverage, Proof, Tool};
use crate::config::valid::{Deploy, Model, ToolchainKind};

/// What a model's jobs run with.
#[derive(Clone, Debug)]
pub(super) struct Toolchain {
    /// GitLab's image.
    pub(super) image: Option<String>,
    /// What a hosted runner of GitHub is given.
    pub(super) tools: Vec<Tool>,
    /// What digests are proved with.
    pub(super) proof: Proof,
    /// What may be kept between jobs.
    pub(super) cache: Option<Cache>,
    /// JUnit files where the configuration names none.
    pub(super) junit: &'static [&'static str],
    /// The usual report about coverage.
    pub(super) coverage: Option<Coverage>,
}

impl Toolchain {
    pub(super) fn of(model: &Model) -> Self {
        let lines = lines(model);
        let uses = |word: &str| lines.iter().any(|line| runs(line, word));
        let says = |words: &[&str]| lines.iter().any(|line| words.iter().any(|word| line.contains(word)));
        let version = |image: &Image| model.toolchain.version.as_deref().unwrap_or(image.version).to_owned();
        let kept = |kind: CacheKind, version: &str, own: &[&str]| {
            // Lines that say where downloads lie, or that there are none, have decided.
            (!says(own)).then(|| Cache { kind, key: format!("{}-{version}", kind.word()) })
        };
        let (family, tools, cache, junit, coverage) = match model.toolchain.kind {
            ToolchainKind::Python if uses("uv") || uses("uvx") => {
                let version = version(&pins::PYTHON_UV);
                let cache = kept(CacheKind::Uv, &version, &["UV_CACHE_DIR", "--no-cache", "--offline"]);
                let tools = vec![Tool::Python(version), Tool::Uv];
                (Some(pins::PYTHON_UV), tools, cache, NONE, python_coverage(&says))
            }
            ToolchainKind::Python => {
                let version = version(&pins::PYTHON);
                let own = ["PIP_CACHE_DIR", "--no-cache-dir", "--cache-dir", "--no-index"];
                let cache = says(&["pip install", "pip3 install", "pip wheel"])
                    .then(|| kept(CacheKind::Pip, &version, &own))
                    .flatten();
                (Some(pins::PYTHON), vec![Tool::Python(version)], cache, NONE, python_coverage(&says))
            }
            ToolchainKind::Maven => {
                let version = version(&pins::MAVEN);
                let own = ["maven.repo.local", " -o ", "--offline"];
                let cache = kept(CacheKind::Maven, &version, &own);
                let coverage = Coverage { format: "jacoco", path: "target/site/jacoco/jacoco.xml" };
                (Some(pins::MAVEN), vec![Tool::Java(version)], cache, SUREFIRE, Some(coverage))
            }
            ToolchainKind::Gradle => {
                let version = version(&pins::GRADLE);
                let own = ["GRADLE_USER_HOME", "--gradle-user-home", " -g ", "--offline"];
                let cache = kept(CacheKind::Gradle, &version, &own);
                let path = "build/reports/jacoco/test/jacocoTestReport.xml";
                let tools = vec![Tool::Java(version), Tool::Gradle];
                (Some(pins::GRADLE), tools, cache, GRADLE_RESULTS, Some(Coverage { format: "jacoco", path }))
            }
            ToolchainKind::Node => {
                let version = version(&pins::NODE);
                let cache = kept(CacheKind::Npm, &version, &["npm_config_cache", "--cache", "--offline"]);
                let path = "coverage/cobertura-coverage.xml";
                let coverage = says(&["coverage"]).then_some(Coverage { format: "cobertura", path });
                (Some(pins::NODE), vec![Tool::Node(version)], cache, NODE_RESULTS, coverage)
            }
            ToolchainKind::Custom => (None, Vec::new(), None, NONE, None),
        };
        let own = model.toolchain.image.clone();
        Self {
            image: own.or_else(|| family.map(|image| image.with(&version(&image)))),
            tools,
            proof: if model.toolchain.kind == ToolchainKind::Python { Proof::Python } else { Proof::Shell },
            cache,
            junit,
            coverage,
        }
    }
}

const NONE: &[&str] = &[];
/// Unit tests, then those of the whole.
const SUREFIRE: &[&str] = &["target/surefire-reports/TEST-*.xml", "target/failsafe-reports/TEST-*.xml"];
const GRADLE_RESULTS: &[&str] = &["build/test-results/**/TEST-*.xml"];
const NODE_RESULTS: &[&str] = &["junit.xml"];

fn python_coverage(says: &dyn Fn(&[&str]) -> bool) -> Option<Coverage> {
    says(&["--cov", "coverage "]).then_some(Coverage { format: "cobertura", path: "coverage.xml" })
}

/// Every shell line of a model's jobs.
fn lines(model: &Model) -> Vec<&str> {
    let deploy: &[&[String]] = match &model.deploy {
        Some(Deploy::Scripts { run, rollback, verify, .. }) => &[run, rollback, verify],
        Some(Deploy::Kserve { .. }) | None => &[],
    };
    let jobs = [&model.build.run, &model.test.run, &model.publish.run].map(Vec::as_slice);
    let scan = model.scan.iter().map(|scan| scan.run.as_slice());
    let schedules = model.schedules.values().map(|schedule| schedule.run.as_slice());
    let all = jobs.into_iter().chain(scan).chain(deploy.iter().copied()).chain(schedules);
    all.flatten().flat_map(|text| text.lines()).collect()
}

/// Whether a shell line runs the program `word`, at its beginning or after another command.
fn runs(line: &str, word: &str) -> bool {
    line.split(['&', '|', ';', '(', '`']).any(|command| {
        let mut words = command.split_whitespace().skip_while(|word| {
            // Variables that are set for the command, and words that only lead to one.
            word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.contains(['/', '-']))
                || matches!(*word, "if" | "then" | "else" | "while" | "do" | "!" | "exec" | "time" | "{")
        });
        words.next() == Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_only_the_scan_runs_is_brought_along() {
        let text = "version: 1\nmodels:\n  iris:\n    toolchain: {kind: python}\n    scan: {run: [\"uvx bandit -r .\"]}\n    test: {reports: {metrics: m.json}}\n    version: {strategy: sequence}\n";
        let config = crate::config::repository::parse(text).unwrap();
        let toolchain = Toolchain::of(config.models.values().next().unwrap());
        assert!(toolchain.tools.contains(&Tool::Uv), "{:?}", toolchain.tools);
        assert_eq!(toolchain.image.as_deref(), Some("ghcr.io/astral-sh/uv:python3.12-bookworm"));
    }

    #[test]
    fn a_program_is_seen_where_a_line_runs_it() {
        for (line, runs_it) in [
            ("uv sync --frozen", true),
            ("  uv run train.py", true),
            ("cd src && uv run train.py", true),
            ("UV_NO_CACHE=1 uv sync", true),
            ("if uv sync; then true; fi", true),
            ("pip install uv", false),
            ("python3 uv.py", false),
            ("echo uv", false),
            ("./uv", false),
        ] {
            assert_eq!(runs(line, "uv"), runs_it, "{line}");
        }
    }
}
