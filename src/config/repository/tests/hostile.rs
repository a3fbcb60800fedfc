//! Files that are no files for us: too large, too deep, damaged, written to hurt.

use proptest::prelude::*;

use super::{EVERYTHING, SMALLEST, only_model, problems, with};
use crate::config::repository::{Problems, parse, parse_bytes, secrets};

#[test]
fn hostile_files_are_refused_within_limits() {
    let nested = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    let keys: String = (0..100_000).map(|number| format!("k{number}: 1\n")).collect();
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in
        ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        bomb += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(", "));
    }
    let ladder: String = (1..150).map(|step| format!("a{step}: &a{step} [*a{}]\n", step - 1)).collect();
    let ladder = format!("a0: &a0 [x]\n{ladder}");
    for text in [nested, keys, bomb, ladder] {
        let shown = problems(&text);
        assert!(
            shown.contains("nested deeper than")
                || shown.contains("bytes; a larger one")
                || shown.contains("not valid YAML"),
            "{shown}"
        );
    }
    let large = format!("{SMALLEST}# {}", "x".repeat(1 << 20));
    assert!(problems(&large).contains("more than 262144 bytes"));
    assert!(parse_bytes(&vec![0xff; 1 << 20]).unwrap_err().to_string().contains("more than 262144 bytes"));
    let unusual = parse_bytes(b"version: \xff").unwrap_err().to_string();
    assert!(unusual.contains("no UTF-8"), "{unusual}");
    assert!(problems("a: &a [*a]").contains("alias"));
}

/// Each of these took minutes or gigabytes while the work grew with the square of the file.
#[test]
fn a_hostile_file_within_the_limits_is_judged_at_once() {
    let keys: Vec<String> = (0..9_900).map(|number| format!("k{number}: 1")).collect();
    let shown = problems(&format!("{{{}}}", keys.join(", ")));
    assert!(shown.contains("and 9852 more problems"), "{}", shown.lines().last().unwrap());

    let models = |depends_on: &dyn Fn(u32) -> String| -> String {
        (0..3_000).map(|n| format!("  m{n}: {{depends_on: [{}]}}\n", depends_on(n))).collect()
    };
    let chain = models(&|number| format!("m{}", (number + 1) % 3_000));
    let found = parse(&format!("version: 1\nmodels:\n{chain}")).unwrap_err();
    assert!(found.iter().any(|problem| problem.message.contains("more ways than can be followed")));
    let unknown = models(&|number| format!("nobody{number}"));
    assert!(problems(&format!("version: 1\nmodels:\n{unknown}")).contains("does not exist"));

    let schedules: String =
        (0..1_200).map(|n| format!("    s{n}: {{cron: \"0 0 * * *\", task: cleanup}}\n")).collect();
    let models: String = (0..4_000).map(|n| format!("  m{n}:\n")).collect();
    let bomb = format!("version: 1\ndefaults:\n  schedules:\n{schedules}models:\n{models}");
    assert!(problems(&bomb).contains("`defaults` is too much for 4000 models"));
}

/// Every problem stands on a line that is there, at most one behind its last character.
fn assert_places_lie_inside(text: &str, problems: &Problems) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.lines().collect();
    for problem in problems.iter() {
        let line = problem.line as usize;
        assert!((1..=lines.len().max(1)).contains(&line), "{problem:?} in {text:?}");
        let width = lines.get(line - 1).map_or(0, |line| line.chars().count());
        assert!((1..=width + 1).contains(&(problem.column as usize)), "{problem:?} in {text:?}");
    }
}

#[test]
fn what_editors_and_systems_leave_in_files_is_decided() {
    let windows = SMALLEST.replace('\n', "\r\n");
    let macintosh = SMALLEST.replace('\n', "\r");
    for text in [format!("\u{feff}{SMALLEST}"), windows, macintosh, format!("---\n{SMALLEST}...\n")] {
        only_model(&text);
    }
    let line = problems(&SMALLEST.replace("iris:\n", "iris:\r    rot: x\n"));
    assert!(line.starts_with(".mergewright.yml:4:5: unknown key `rot`"), "{line}");
    let nul = problems(&SMALLEST.replace("metrics.json", "metrics\0.json"));
    assert!(nul.starts_with(".mergewright.yml:4:38: a NUL character stands here"), "{nul}");
    let utf16: Vec<u8> = SMALLEST.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(parse_bytes(&utf16).unwrap_err().to_string().contains("NUL"));
    let latin = parse_bytes(b"version: 1\n# caf\xe9\n").unwrap_err().to_string();
    assert!(latin.starts_with(".mergewright.yml:2:6: the file is no UTF-8 text: byte 16 "), "{latin}");
    let merge = problems(&with("<<: {root: a}\nbuild: {run: [x]}"));
    assert!(merge.contains("unknown key `<<`") && merge.contains("into `defaults`"), "{merge}");
}

proptest! {
    #[test]
    fn arbitrary_text_is_judged_without_a_panic(text in "\\PC{0,200}|[-{}\\[\\]:,&*!#?|>'\"%@` \t\r\na-z0-9]{0,300}") {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.to_string().is_empty());
            assert_places_lie_inside(&text, &problems);
        }
    }

    #[test]
    fn a_damaged_file_is_judged_without_a_panic(at in 0..EVERYTHING.len(), length in 0..40_usize, insert in "\\PC{0,10}") {
        let characters: Vec<char> = EVERYTHING.chars().collect();
        let end = (at + length).min(characters.len());
        let damaged: String =
            characters[..at].iter().copied().chain(insert.chars()).chain(characters[end..].iter().copied()).collect();
        if let Err(problems) = parse(&damaged) {
            prop_assert!(problems.iter().count() > 0);
            prop_assert!(problems.to_string().starts_with(".mergewright.yml:"));
            assert_places_lie_inside(&damaged, &problems);
        }
    }

    #[test]
    fn arbitrary_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(problems) = parse_bytes(&bytes) {
            prop_assert!(problems.iter().count() > 0);
        }
    }

    #[test]
    fn a_quoted_text_arrives_as_it_is(text in "[ -~]{1,40}") {
        prop_assume!(!text.trim().is_empty() && !secrets::has_token(&text));
        let line = format!("build: {{run: [{}]}}", serde_json::to_string(&text).unwrap());
        prop_assert_eq!(only_model(&with(&line)).build.run, vec![text]);
    }
}
