//! The list of refusals in the documentation is that of the code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What begins every refusal in the engine; the id follows as a literal.
const BEGIN: &str = "Refusal::new(";

#[test]
fn every_rule_that_refuses_a_command_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src/engine"), &mut files);
    let mut refusing = BTreeSet::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for (_, rest) in text.match_indices(BEGIN).map(|(at, found)| (at, &text[at + found.len()..])) {
            let literal = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let (id, _) = literal.unwrap_or_else(|| {
                panic!("{}: the id of a refusal is written out where it is made", file.display())
            });
            refusing.insert(id.to_owned());
        }
    }
    let page = std::fs::read_to_string(root.join("docs/refusals.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<_> = rows.map(|(id, _)| id.to_owned()).collect();
    assert_eq!(documented, refusing);
    assert!(refusing.len() > 40, "{refusing:?}");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}
