//! Comments: what is read as a command can be written out and read again as the same one, and nothing within
//! a block of code is a command.
#![no_main]

use std::collections::BTreeSet;

use mergewright::command::{Addressing, MOST_COMMANDS, parse};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let addressing = Addressing { prefix: "/model".to_owned(), login: "mergewright-bot".to_owned() };
    let models: BTreeSet<_> = ["iris", "wine"].iter().map(|name| name.parse().unwrap()).collect();
    for known in [&models, &BTreeSet::new()] {
        let parsed = parse(text, &addressing, known);
        assert_eq!(parsed, parse(text, &addressing, known), "the same comment is the same commands");
        assert!(parsed.len() <= MOST_COMMANDS + 1);
        for command in parsed.iter().filter_map(|one| one.command.as_ref().ok()) {
            // A reason that holds every kind of quote cannot be quoted: its words may then be read otherwise.
            let written = format!("/model {command}");
            let again = parse(&written, &addressing, known);
            let again: Vec<_> = again.into_iter().map(|one| one.command).collect();
            assert_eq!(again, [Ok(command.clone())], "{written}");
        }
    }
    let fenced = format!("~~~~~~~~~~~~\n{}\n~~~~~~~~~~~~\n", text.replace('~', "-"));
    assert_eq!(parse(&fenced, &addressing, &models), [], "{fenced}");
});
