//! Failing tests as remarks on the lines where they stand.

use crate::domain::{Annotation, TestFailure};
use crate::engine::paths::below;

/// The most remarks of one check: each fifty of them cost a call.
const MOST: usize = 200;

/// One remark for each test of which the report says in which file of the repository it stands. `root` is
/// the working directory of the jobs.
pub(super) fn failing_tests(tests: &[TestFailure], root: &str) -> Vec<Annotation> {
    let remark = |test: &TestFailure| {
        let path = place(root, test.file.as_deref()?)?;
        let (title, message) = (test.name.clone(), test.message.clone());
        Some(Annotation { path, line: test.line.unwrap_or(1), title, message })
    };
    tests.iter().filter_map(remark).take(MOST).collect()
}

/// The path of a file from the repository's root on; none when it lies outside or cannot be told. Runners
/// name files from their own working directory, or from the root already.
fn place(root: &str, file: &str) -> Option<String> {
    let strange = |c: char| c.is_control() || matches!(c, '\\' | ':');
    if file.starts_with('/') || file.contains(strange) {
        return None;
    }
    let inside = normal(&below(root, ""))?;
    let whole = normal(file).filter(|path| !inside.is_empty() && path.starts_with(&format!("{inside}/")));
    whole.or_else(|| normal(&below(root, file))).filter(|path| !path.is_empty())
}

/// The path without `.`, `..` and empty parts; none when it leads out of where it begins.
fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_from_the_repositorys_root_on() {
        for (root, file, path) in [
            ("models/iris", "test_iris.py", "models/iris/test_iris.py"),
            ("models/iris", "./tests/../test_iris.py", "models/iris/test_iris.py"),
            ("models/iris", "models/iris/tests/test_a.py", "models/iris/tests/test_a.py"),
            ("models/iris", "../shared/test_b.py", "models/shared/test_b.py"),
            (".", "test_iris.py", "test_iris.py"),
            ("./models/iris/", "a b.py", "models/iris/a b.py"),
        ] {
            assert_eq!(place(root, file).as_deref(), Some(path), "{root} {file}");
        }
    }

    #[test]
    fn what_lies_outside_of_the_repository_is_no_place() {
        for file in
            ["/home/runner/work/test.py", "../../../test.py", "C:\\test.py", "a\nb.py", "..", "file:x"]
        {
            assert_eq!(place("models/iris", file).filter(|path| path != "models"), None, "{file:?}");
        }
        assert_eq!(place(".", "../test.py"), None);
        assert_eq!(place(".", "."), None);
    }

    #[test]
    fn tests_without_a_place_have_no_remark_and_too_many_are_cut() {
        let test = |file: Option<&str>, line| TestFailure {
            name: "shape".to_owned(),
            message: "4 is not 5".to_owned(),
            file: file.map(str::to_owned),
            line,
        };
        let found =
            failing_tests(&[test(None, None), test(Some("a.py"), None), test(Some("a.py"), Some(7))], "m");
        let places = found.iter().map(|one| (one.path.as_str(), one.line)).collect::<Vec<_>>();
        assert_eq!(places, [("m/a.py", 1), ("m/a.py", 7)]);
        assert_eq!((found[0].title.as_str(), found[0].message.as_str()), ("shape", "4 is not 5"));
        assert_eq!(failing_tests(&vec![test(Some("a.py"), None); 300], "m").len(), MOST);
    }
}
