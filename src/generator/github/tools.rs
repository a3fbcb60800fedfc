//! What a hosted runner is given before the people's lines, and what it keeps of downloads.

use super::conditions::IS_PULL_REQUEST;
use super::literal;
use super::steps::{Pin, Setting, StepView, text};
use crate::generator::pins;
use crate::generator::pipeline::{Cache, CacheKind, Job, Tool};

/// The steps that bring a job's toolchain; none where it comes with an image.
pub(super) fn of(job: &Job) -> Vec<StepView> {
    if job.container.is_some() {
        return Vec::new();
    }
    let mut steps: Vec<StepView> = job.tools.iter().map(step).collect();
    steps.extend(job.cache.as_ref().map(|cache| kept(job, cache)));
    steps
}

/// One tool. None keeps a cache of its own: in the same file stands the job that publishes.
fn step(tool: &Tool) -> StepView {
    let (name, action, with) = match tool {
        Tool::Python(version) => {
            ("Set up Python", pins::SETUP_PYTHON, vec![("python-version", text(literal(version)))])
        }
        Tool::Uv => ("Set up uv", pins::SETUP_UV, vec![("enable-cache", Setting::Flag(false))]),
        Tool::Java(version) => (
            "Set up Java",
            pins::SETUP_JAVA,
            vec![("distribution", text("temurin".to_owned())), ("java-version", text(literal(version)))],
        ),
        Tool::Gradle => {
            let with =
                vec![("cache-disabled", Setting::Flag(true)), ("validate-wrappers", Setting::Flag(true))];
            ("Set up Gradle", pins::SETUP_GRADLE, with)
        }
        Tool::Node(version) => (
            "Set up Node.js",
            pins::SETUP_NODE,
            vec![("node-version", text(literal(version))), ("package-manager-cache", Setting::Flag(false))],
        ),
    };
    StepView { name, uses: Some(Pin::of(&action)), with, ..StepView::default() }
}

/// Downloads, kept from one run of a pull request to the next and nowhere else.
fn kept(job: &Job, cache: &Cache) -> StepView {
    let path = match cache.kind {
        CacheKind::Pip => "~/.cache/pip",
        CacheKind::Uv => "~/.cache/uv",
        CacheKind::Maven => "~/.m2/repository",
        CacheKind::Gradle => "~/.gradle",
        CacheKind::Npm => "~/.npm",
    };
    let files: Vec<String> =
        cache.kind.lock_files().iter().map(|file| format!("'{}{file}'", folder(&job.root))).collect();
    let system = "${{ runner.os }}-${{ runner.arch }}";
    let files = format!("${{{{ hashFiles({}) }}}}", files.join(", "));
    let key = format!("mergewright-{}-{}-{system}-{files}", job.model, cache.key);
    StepView {
        name: "Keep downloads",
        condition: Some(IS_PULL_REQUEST.to_owned()),
        uses: Some(Pin::of(&pins::CACHE)),
        with: vec![("path", text(path.to_owned())), ("key", text(key))],
        ..StepView::default()
    }
}

/// The folder of a lock file as a pattern; anywhere, where the root's name means more than itself in one.
fn folder(root: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    match root {
        "." => String::new(),
        root if root.chars().all(plain) => format!("{root}/"),
        _ => "**/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_could_be_a_pattern_or_an_expression_is_looked_for_everywhere() {
        for (root, written) in [(".", ""), ("models/iris", "models/iris/"), ("a*", "**/"), ("it's }}", "**/")]
        {
            assert_eq!(folder(root), written);
        }
    }
}
