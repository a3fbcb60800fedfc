//! The rooms import only what the table allows, and files keep to the house's shape.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may name. Rooms in the last group may name all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &["domain"]),
    ("event", &["domain"]),
    ("command", &["domain"]),
    ("storage", &["domain"]),
    ("inbox", &["storage", "config", "domain"]),
    ("http", &["inbox", "dashboard", "config", "domain"]),
    ("engine", &["domain", "event", "command", "config"]),
    ("forge", &["domain", "config"]),
    ("outbox", &["storage", "forge", "domain", "config"]),
    (
        "worker",
        &[
            "storage",
            "inbox",
            "event",
            "command",
            "engine",
            "forge",
            "generator",
            "schedule",
            "config",
            "domain",
        ],
    ),
    ("generator", &["domain", "config"]),
    ("schedule", &["domain", "config"]),
    ("reconcile", &["forge", "inbox", "storage", "domain"]),
    ("sandbox", &["domain"]),
];

/// The only rooms that may know every other.
const KNOW_ALL: &[&str] = &["app", "cli", "telemetry", "lib", "main"];

/// Crates that a pure room must not touch: no clock, no network, no log.
const IMPURE: &[&str] =
    &["tokio", "sqlx", "reqwest", "axum", "tracing", "metrics", "std::fs", "std::net", "SystemTime"];
/// Rooms that decide and therefore do nothing.
const PURE: &[&str] = &["domain", "engine", "event", "command", "generator", "schedule"];

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let mut broken = Vec::new();
    for (file, room, text) in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
            assert!(
                KNOW_ALL.contains(&room.as_str()),
                "{}: room `{room}` is not in the table",
                file.display()
            );
            continue;
        };
        for named in rooms_named(&text) {
            if named != room && !allowed.contains(&named.as_str()) {
                broken.push(format!("{}: `{room}` names `{named}`", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "imports against the table:\n{}", broken.join("\n"));
}

#[test]
fn the_engine_sees_only_validated_configuration() {
    for (file, room, text) in sources() {
        if room == "engine" {
            for line in text.lines().filter(|line| line.contains("crate::config")) {
                assert!(line.contains("crate::config::valid"), "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn pure_rooms_do_nothing() {
    let mut broken = Vec::new();
    for (file, room, text) in sources() {
        if PURE.contains(&room.as_str()) {
            for word in IMPURE {
                let used = text
                    .lines()
                    .any(|line| line.contains(&format!("{word}::")) && !line.trim_start().starts_with("//"));
                if used {
                    broken.push(format!("{}: `{word}`", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "pure rooms reach outside:\n{}", broken.join("\n"));
}

#[test]
fn rooms_are_files_beside_folders() {
    for (file, _, _) in sources() {
        assert_ne!(
            file.file_name().unwrap(),
            "mod.rs",
            "{}: the house uses room.rs and room/",
            file.display()
        );
    }
}

/// Every source file with its room and its text up to its tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
                found.push((inside.to_owned(), room, text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// Rooms named by `crate::room` anywhere in the code (comments left out).
fn rooms_named(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if name.is_empty() && rest.starts_with('{') {
                let inside = rest.trim_start_matches('{').split('}').next().unwrap_or_default();
                return inside
                    .split(',')
                    .map(|part| part.trim().split("::").next().unwrap().to_owned())
                    .collect();
            }
            vec![name]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_direct_dependency_has_its_line_in_the_documents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let documents = fs::read_to_string(root.join("docs/dependencies.md")).unwrap();
    let rows = documents.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let told: BTreeSet<_> =
        rows.flat_map(|cell| cell.split([',', ' '])).filter(|name| !name.is_empty()).collect();
    let section = manifest.split("[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let direct: Vec<_> = section.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    assert!(direct.len() > 30, "{direct:?}");
    let untold: Vec<_> = direct.into_iter().filter(|name| !told.contains(name)).collect();
    assert!(untold.is_empty(), "not in docs/dependencies.md: {untold:?}");
}
