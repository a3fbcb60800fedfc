//! The page that says which test holds which case names only tests that exist.

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_page_of_cases_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/cases.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows: Vec<_> = rows.filter(|(case, _)| *case != "case").collect();
    assert!(rows.len() > 10, "{rows:?}");
    let wrong: Vec<_> = rows
        .into_iter()
        .filter(|(case, test)| {
            let number =
                case.get(1..3).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let coded = number && case[3..].bytes().all(|byte| byte.is_ascii_lowercase());
            !coded || !exists(root, test)
        })
        .collect();
    assert!(wrong.is_empty(), "no such case or test: {wrong:#?}");
}

/// Whether the file that the path names holds a function of that name.
fn exists(root: &Path, test: &str) -> bool {
    let Some((module, name)) = test.rsplit_once("::") else { return false };
    let file = format!("{}.rs", module.replace("::", "/"));
    ["tests/suite", "src"].iter().any(|folder| {
        let text = fs::read_to_string(root.join(folder).join(&file));
        text.is_ok_and(|text| text.contains(&format!("fn {name}(")))
    })
}
