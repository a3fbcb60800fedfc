//! A Node.js folder: the scripts of its package, else the package itself.

use serde_json::Value;

use super::{JUNIT, Jobs};
use crate::cli::init::folder::Folder;
use crate::cli::init::toolchain;

/// From this version on Node's own test runner can write JUnit.
const REPORTING_SINCE: u16 = 20;

/// The jobs of the folder.
pub(super) fn jobs(folder: &Folder) -> Jobs {
    let package: Value = serde_json::from_str(&folder.text("package.json")).unwrap_or_default();
    let script = |names: &[&'static str]| {
        let one = |name: &'static str| Some((name, package.get("scripts")?.get(name)?.as_str()?));
        // What `npm init` writes says that there is none.
        names.iter().find_map(|name| one(name)).filter(|(_, runs)| !runs.contains("no test specified"))
    };
    let install = if folder.has("package-lock.json") { "npm ci" } else { "npm install" };
    let lines = |line: String| vec![install.to_owned(), line];
    let named = |key: &str| package.get(key).and_then(Value::as_str).is_some();
    let built = match script(&["train", "build"]) {
        None if named("name") && named("version") => Jobs {
            build: lines("npm pack".to_owned()),
            artifacts: vec!["*.tgz".to_owned()],
            packed: true,
            ..Jobs::default()
        },
        build => Jobs {
            build: lines(format!("npm run {}", build.map_or("build", |(name, _)| name))),
            build_unknown: build.is_none(),
            artifacts: vec!["dist/**".to_owned()],
            artifacts_unknown: true,
            ..Jobs::default()
        },
    };
    let Some((name, runs)) = script(&["evaluate", "eval", "test"]) else {
        return Jobs { test: lines("npm run test".to_owned()), test_unknown: true, ..built };
    };
    let run = format!("npm run {name}");
    match reporting(&run, runs, &package, folder) {
        Some(line) => Jobs { test: lines(line), junit: Some(JUNIT), ..built },
        None => Jobs { test: lines(run), ..built },
    }
}

/// The line that has the test runner of a script write JUnit; none where that takes a change of the package.
fn reporting(run: &str, runs: &str, package: &Value, folder: &Folder) -> Option<String> {
    let words: Vec<&str> = runs.split_whitespace().collect();
    let version = toolchain::node_version(folder).unwrap_or(REPORTING_SINCE);
    if words.windows(2).any(|pair| pair == ["node", "--test"])
        && !runs.contains("--test-reporter")
        && version >= REPORTING_SINCE
    {
        let reporter =
            |name: &str, place: &str| format!("--test-reporter={name} --test-reporter-destination={place}");
        let both = format!("{} {}", reporter("spec", "stdout"), reporter("junit", JUNIT));
        return Some(format!("NODE_OPTIONS='{both}' {run}"));
    }
    // What is added comes to the end of the script, so that the runner has to be all that it runs.
    let runner = words.first().filter(|_| !runs.contains(['&', '|', ';']))?;
    let needs = |name: &str| {
        let has = |key: &str| package.get(key).is_some_and(|all| all.get(name).is_some());
        has("dependencies") || has("devDependencies")
    };
    let added = match *runner {
        "vitest" => "--reporter=default --reporter=junit --outputFile=junit.xml",
        "mocha" => "--reporter=xunit --reporter-option=output=junit.xml",
        "jest" if needs("jest-junit") => "--reporters=default --reporters=jest-junit",
        _ => return None,
    };
    Some(format!("{run} -- {added}"))
}
