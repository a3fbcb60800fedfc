//! Both syntaxes as the forges document them, and that no text breaks the reading.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::ForgeKind::{GitHub, GitLab};
use crate::engine::tests::scene;

fn owners(forge: ForgeKind, text: &str, path: &str) -> String {
    let file = OwnersFile::parse(forge, text.as_bytes()).unwrap();
    file.owners(path).into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn githubs_patterns_match_as_documented() {
    for (pattern, owned, not_owned) in [
        ("*", &["a", "a/b/c.js"][..], &[][..]),
        ("*.js", &["a.js", "deep/in/b.js"], &["a.ts"]),
        ("/build/logs/", &["build/logs/x", "build/logs/deep/x"], &["build/logs", "a/build/logs/x"]),
        ("docs/*", &["docs/start.md"], &["docs/build/trouble.md", "a/docs/start.md"]),
        ("apps/", &["apps/x", "a/apps/deep/x"], &["apps", "myapps/x"]),
        ("/docs/", &["docs/x"], &["a/docs/x"]),
        ("/docs", &["docs", "docs/deep/x"], &["docs2", "a/docs/x"]),
        ("**/logs", &["logs/x", "build/logs/x", "deep/er/logs/x"], &["logs2/x"]),
        ("/models/**/data", &["models/data/x", "models/a/b/data/x"], &["models/a/x"]),
        ("/models/**", &["models/a", "models/a/b"], &["model/a"]),
        ("/a?c", &["abc", "axc/d"], &["ac", "a/c"]),
        ("/with\\ space", &["with space"], &["with"]),
    ] {
        let text = format!("{pattern} @alice\n");
        for path in owned {
            assert_eq!(owners(GitHub, &text, path), "alice", "{pattern} owns {path}");
        }
        for path in not_owned {
            assert_eq!(owners(GitHub, &text, path), "", "{pattern} does not own {path}");
        }
    }
}

#[test]
fn on_github_the_last_match_counts_and_lines_that_github_does_not_know_do_not() {
    let text = "\u{feff}# comment\n* @global\n/models/ @Acme/ML ada@example.com # why\n/models/free/\n\
                !/models/ @no\n/[ab] @no\n/models/x @ok not-an-owner\n\\#x @no\n";
    for (path, expected) in [
        ("README.md", "global"),
        ("models/iris/a", "acme/ml ada@example.com"),
        ("models/free/a", ""),
        ("models/x", "acme/ml ada@example.com"),
        ("a", "global"),
    ] {
        assert_eq!(owners(GitHub, text, path), expected, "{path}");
    }
}

#[test]
fn gitlabs_patterns_match_as_documented() {
    for (pattern, owned, not_owned) in [
        ("*", &["a", "a/b/.c"][..], &[][..]),
        ("README.md", &["README.md", "docs/README.md"], &["README.mdx"]),
        ("/README.md", &["README.md"], &["docs/README.md"]),
        ("/docs/", &["docs/x", "docs/deep/x"], &["docs", "a/docs/x"]),
        ("/docs/*", &["docs/x"], &["docs/deep/x"]),
        ("/docs/**/*.md", &["docs/a.md", "docs/deep/er/a.md"], &["docs/a.txt"]),
        ("internal/*", &["internal/x", "a/internal/x"], &["internal/a/b"]),
        ("/[a-c]x", &["ax", "cx"], &["dx"]),
        ("/[!a]x", &["bx"], &["ax"]),
        ("\\#file", &["#file"], &["file"]),
        ("/path\\ with\\ spaces/*", &["path with spaces/x"], &["path/x"]),
    ] {
        // A class would be read as a heading where it begins the line.
        let text = format!("{pattern} @alice\n");
        for path in owned {
            assert_eq!(owners(GitLab, &text, path), "alice", "{pattern} owns {path}");
        }
        for path in not_owned {
            assert_eq!(owners(GitLab, &text, path), "", "{pattern} does not own {path}");
        }
    }
}

#[test]
fn gitlabs_sections_count_each_for_itself() {
    let text = "* @everybody\n\
                [Models] @ml @@maintainers\n/models/\n/models/iris/ @iris\n!/models/iris/vendor/\n\
                ^[Docs][2] @writers\n*.md\n\
                [MODELS]\n/models/rose/ mail@example.com\n\
                [broken\n/odd @odd\n[Empty]\n/nobody\n";
    for (path, expected) in [
        ("x", "everybody"),
        ("models/a", "@maintainer everybody ml"),
        ("models/iris/a", "everybody iris"),
        ("models/iris/vendor/a", "everybody"),
        ("models/iris/card.md", "everybody iris writers"),
        ("models/rose/a", "everybody mail@example.com"),
        ("odd", "everybody odd"),
        ("nobody", "everybody"),
    ] {
        assert_eq!(owners(GitLab, text, path), expected, "{path}");
    }
}

#[test]
fn what_is_over_a_limit_is_not_used() {
    let large = vec![b'#'; usize::try_from(LARGEST).unwrap() + 1];
    assert!(OwnersFile::parse(GitHub, &large).unwrap_err().contains("larger"));
    let many = "/a @b\n".repeat(MOST_ENTRIES + 1);
    assert!(OwnersFile::parse(GitLab, many.as_bytes()).unwrap_err().contains("entries"));
    assert!(OwnersFile::parse(GitLab, b"/a \xff @b").unwrap_err().contains("UTF-8"));
    let long = format!("/{} @b\n", "a".repeat(2_000));
    assert_eq!(owners(GitHub, &long, &"a".repeat(2_000)), "");
}

#[test]
fn a_pattern_made_to_be_slow_is_not() {
    let text = format!("/{}b @x\n", "*a".repeat(400));
    let text = format!("{text}{}", "/**/a".repeat(150) + "/b @x\n");
    let path = format!("{}c", "a".repeat(3_000));
    let deep = "a/".repeat(2_000) + "c";
    let before = std::time::Instant::now();
    assert_eq!((owners(GitLab, &text, &path), owners(GitLab, &text, &deep)), (String::new(), String::new()));
    assert!(before.elapsed().as_secs() < 20);
}

proptest! {
    #[test]
    fn no_text_breaks_it_and_owners_come_from_the_text(
        text in "([ \\[\\]^!#*?/\\\\@a-c.\n-]{0,30}\n?){0,8}",
        path in "[a-c./]{0,12}",
    ) {
        for forge in [GitHub, GitLab] {
            let file = OwnersFile::parse(forge, text.as_bytes()).unwrap();
            for owner in file.owners(&path) {
                prop_assert!(text.contains(owner.trim_start_matches('@')), "{owner} of {text:?}");
            }
        }
    }

    #[test]
    fn anchored_patterns_of_gitlab_match_like_globs(
        pattern in "(/([ab]{1,2}|[ab]?\\*[ab]?|\\?[ab]?|\\*\\*)){1,4}/[ab*?]{1,2}",
        path in "([ab]{1,2}/){0,4}[ab]{1,2}",
    ) {
        // Where a name is `**` in the middle both mean any number of folders; at the end they differ.
        prop_assume!(!pattern.ends_with("**"));
        let glob = globset::GlobBuilder::new(pattern.trim_start_matches('/')).literal_separator(true).build();
        let expected = glob.unwrap().compile_matcher().is_match(&path);
        let text = format!("{pattern} @alice\n");
        prop_assert_eq!(owners(GitLab, &text, &path) == "alice", expected, "{} {}", pattern, path);
    }
}

#[test]
fn a_path_that_nobody_owns_leaves_all_to_the_maintainers() {
    let config = |text: &str| {
        let model = text.to_owned()
            + "\nmodels:\n  iris:\n    paths: ['models/iris/**']\n    build: {run: [a], artifacts: [m]}\n    \
               test: {run: [b], reports: {metrics: m.json}}\n    version: {strategy: sequence}\n";
        scene::config(&model)
    };
    let config = config("version: 1");
    let name: ModelName = "iris".parse().unwrap();
    let file =
        OwnersFile::parse(GitHub, b"/models/iris/ @a @b\n/models/iris/data/ @b\n/models/iris/x\n").unwrap();
    let sets = |paths: &[&str]| {
        let changed: BTreeSet<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        let found = file.of_model(&name, (&config, &config), &changed);
        found.sets.into_iter().map(|set| set.into_iter().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(
        sets(&["models/iris/a", "README.md"]),
        ["a b"],
        "another model's or nobody's paths do not matter"
    );
    assert_eq!(sets(&["models/iris/a", "models/iris/data/b"]), ["a b", "b"]);
    assert_eq!(sets(&["models/iris/a", "models/iris/x"]), Vec::<String>::new());
    assert_eq!(sets(&["README.md"]), Vec::<String>::new());
}
