//! `.mergewright.yml`: one verdict, with a place in the file for every problem; and what is valid can be
//! generated from, for both forges, byte for byte the same each time.
#![no_main]

use mergewright::config::repository::parse_bytes;
use mergewright::generator::{Dialect, Existing, generate};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let verdict = parse_bytes(input);
    match (verdict, parse_bytes(input)) {
        (Ok(config), Ok(again)) => {
            assert_eq!(config, again);
            for dialect in [Dialect::GitLab, Dialect::GitHub] {
                let files = |config| {
                    let files = generate(config, dialect, &Existing::new());
                    files.map(|files| {
                        files.into_iter().map(|file| (file.path, file.content)).collect::<Vec<_>>()
                    })
                };
                if let (Ok(one), Ok(other)) = (files(&config), files(&again)) {
                    assert_eq!(one, other);
                }
            }
        }
        (Err(problems), Err(again)) => {
            assert_eq!(problems.to_string(), again.to_string());
            assert!(problems.iter().count() > 0, "refused for a reason");
            // YAML ends a line at either of them.
            let lines = input.split(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            for problem in problems.iter() {
                assert!(usize::try_from(problem.line).unwrap() <= lines, "{problem:?}");
            }
        }
        _ => panic!("two verdicts on one file"),
    }
});
