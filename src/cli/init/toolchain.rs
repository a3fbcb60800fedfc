//! Which toolchain the files of a folder show, and which version of it.

use super::folder::Folder;
use super::jobs::TRAINING;
use crate::config::valid::ToolchainKind;

/// The families with the files that show them, in the order in which they are taken: where a model is
/// trained in one language and served in another, it is mostly trained in Python.
const SIGNS: &[(ToolchainKind, &[&str])] = &[
    (
        ToolchainKind::Python,
        &["uv.lock", "pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile", "poetry.lock"],
    ),
    (ToolchainKind::Maven, &["pom.xml"]),
    (ToolchainKind::Gradle, &["build.gradle.kts", "build.gradle", "settings.gradle.kts", "settings.gradle"]),
    (ToolchainKind::Node, &["package.json"]),
];
/// What shows that people build with tools of their own.
pub(super) const OWN_TOOLS: &[&str] = &["Makefile", "makefile", "GNUmakefile", "Dockerfile", "Containerfile"];

/// What is taken where no file names a version.
const PYTHON: &str = "3.12";
const JAVA: &str = "21";
const NODE: &str = "22";

/// A family that a folder shows, and by which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) kind: ToolchainKind,
    pub(super) file: String,
}

/// The families that a folder shows, the one to take first.
pub(super) fn signs(folder: &Folder) -> Vec<Sign> {
    let mut found: Vec<Sign> = SIGNS
        .iter()
        .filter_map(|(kind, files)| Some(Sign { kind: *kind, file: folder.first(files)?.to_owned() }))
        .collect();
    let has_python = found.iter().any(|sign| sign.kind == ToolchainKind::Python);
    let script = folder.first(TRAINING).or_else(|| folder.names().find(|name| name.ends_with(".py")));
    if let Some(script) = script.filter(|_name| !has_python) {
        let sign = Sign { kind: ToolchainKind::Python, file: script.to_owned() };
        // A lone script beside a build of another family is a helper more often than the model.
        let place = if found.is_empty() { 0 } else { found.len() };
        found.insert(place, sign);
    }
    found
}

/// The word for a family.
pub(super) const fn word(kind: ToolchainKind) -> &'static str {
    match kind {
        ToolchainKind::Python => "python",
        ToolchainKind::Maven => "maven",
        ToolchainKind::Gradle => "gradle",
        ToolchainKind::Node => "node",
        ToolchainKind::Custom => "custom",
    }
}

/// The version that the files ask for, and the file that says so; without one, a current version.
pub(super) fn version(kind: ToolchainKind, folder: &Folder) -> Option<(String, Option<&'static str>)> {
    let (asked, usual) = match kind {
        ToolchainKind::Python => (python(folder), PYTHON),
        ToolchainKind::Maven => (pom(&folder.text("pom.xml")).map(|version| (version, "pom.xml")), JAVA),
        ToolchainKind::Gradle => (gradle(folder), JAVA),
        ToolchainKind::Node => (node(folder), NODE),
        ToolchainKind::Custom => return None,
    };
    Some(match asked {
        Some((version, file)) => (version, Some(file)),
        None => (usual.to_owned(), None),
    })
}

fn python(folder: &Folder) -> Option<(String, &'static str)> {
    let minor = |text: &str| {
        let mut parts = text.split('.');
        let leading = |part: &str| number(part.split(|c: char| !c.is_ascii_digit()).next()?);
        Some(format!("{}.{}", leading(parts.next()?)?, leading(parts.next()?)?))
    };
    if let Some(version) = folder.text(".python-version").lines().next().and_then(|line| minor(line.trim())) {
        return Some((version, ".python-version"));
    }
    let project = folder.text("pyproject.toml");
    let asked = project.lines().find_map(|line| line.trim().strip_prefix("requires-python"))?;
    let asked = asked.trim_start_matches([' ', '=']).trim_matches(['"', '\'', ' ']);
    let least = minor(asked.trim_start_matches(['>', '=', '~', '^', ' ']))?;
    // A lower bound is met by what is usual today.
    let open = asked.starts_with(">=") && !asked.contains(['<', '!']);
    let newer = |version: &str| version.split('.').nth(1).and_then(number).unwrap_or_default();
    let version = if open && newer(&least) < newer(PYTHON) { PYTHON.to_owned() } else { least };
    Some((version, "pyproject.toml"))
}

fn pom(text: &str) -> Option<String> {
    let document = roxmltree::Document::parse(text).ok()?;
    let names = ["maven.compiler.release", "java.version", "maven.compiler.source", "release"];
    let texts = names.iter().flat_map(|name| {
        document.descendants().filter(move |node| node.has_tag_name(*name)).filter_map(|node| node.text())
    });
    // 1.8 is Java 8.
    texts
        .map(str::trim)
        .find_map(|text| number(text.strip_prefix("1.").unwrap_or(text)))
        .map(|version| version.to_string())
}

fn gradle(folder: &Folder) -> Option<(String, &'static str)> {
    ["build.gradle.kts", "build.gradle"].into_iter().find_map(|file| {
        let text = folder.text(file);
        let version = ["JavaLanguageVersion.of(", "jvmToolchain("]
            .iter()
            .find_map(|call| number(text.split(call).nth(1)?.split(')').next()?))?;
        Some((version.to_string(), file))
    })
}

fn node(folder: &Folder) -> Option<(String, &'static str)> {
    for file in [".nvmrc", ".node-version"] {
        let text = folder.text(file);
        if let Some(version) = text.trim().trim_start_matches('v').split('.').next().and_then(number) {
            return Some((version.to_string(), file));
        }
    }
    let package: serde_json::Value = serde_json::from_str(&folder.text("package.json")).ok()?;
    let asked = package.get("engines")?.get("node")?.as_str()?;
    let digits = asked.trim_start_matches(|c: char| !c.is_ascii_digit());
    let version = number(digits.split(|c: char| !c.is_ascii_digit()).next()?)?;
    Some((version.to_string(), "package.json"))
}

/// The version of Node.js that the files of a folder ask for.
pub(super) fn node_version(folder: &Folder) -> Option<u16> {
    node(folder).and_then(|(version, _file)| number(&version))
}

/// A small number that is nothing else.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
