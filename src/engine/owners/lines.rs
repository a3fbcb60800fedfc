//! The two syntaxes, line by line.

use std::collections::BTreeSet;

use super::pattern::Pattern;
use super::{Entry, Section};

/// GitHub: one list. A line with something that GitHub does not know is left out whole, as there.
pub(super) fn github(text: &str) -> Vec<Section> {
    let mut section = Section::default();
    for line in text.lines() {
        let mut words = words(line).into_iter();
        let Some(path) = words.next().filter(|path| !path.starts_with('#')) else { continue };
        let owners = words.take_while(|word| !word.starts_with('#')).map(|word| owner(&word));
        let Some(owners) = owners.collect::<Option<BTreeSet<_>>>() else { continue };
        if let Some(pattern) = Pattern::github(&path) {
            section.entries.push(Entry { pattern, owners: Some(owners) });
        }
    }
    vec![section]
}

/// GitLab: sections with owners of their own, exclusions, roles.
pub(super) fn gitlab(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut current = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') || line.starts_with("^[") {
            if let Some((name, defaults)) = heading(line) {
                let known = sections.iter().position(|section| section.name == name);
                current = known.unwrap_or(sections.len());
                match sections.get_mut(current) {
                    Some(section) => section.defaults.extend(defaults),
                    None => sections.push(Section { name, defaults, entries: Vec::new() }),
                }
            }
            continue;
        }
        let (line, leaves_out) = line.strip_prefix('!').map_or((line, false), |rest| (rest, true));
        let mut words = words(line).into_iter();
        let (Some(path), Some(section)) = (words.next(), sections.get_mut(current)) else { continue };
        let named: Vec<_> = words.take_while(|word| !word.starts_with('#')).collect();
        let owners = match (leaves_out, named.is_empty()) {
            (true, _) => None,
            (false, true) => Some(section.defaults.clone()),
            (false, false) => Some(named.iter().filter_map(|word| owner(word)).collect()),
        };
        if let Some(pattern) = Pattern::gitlab(&path) {
            section.entries.push(Entry { pattern, owners });
        }
    }
    sections
}

/// `[Name]`, `^[Name]`, `[Name][2]`, each with owners after it; none where it is no heading. Whether a
/// section is optional, and how many must approve, is for GitLab's own approval rules.
fn heading(line: &str) -> Option<(String, BTreeSet<String>)> {
    let (name, rest) = line.trim_start_matches('^').strip_prefix('[')?.split_once(']')?;
    let rest = match rest.strip_prefix('[') {
        Some(counted) => {
            let (count, rest) = counted.split_once(']')?;
            count.bytes().all(|byte| byte.is_ascii_digit()).then_some(rest)?
        }
        None => rest,
    };
    let name = name.trim().to_lowercase();
    let owners = words(rest).into_iter().take_while(|word| !word.starts_with('#'));
    let owners = owners.filter_map(|word| owner(&word)).collect();
    (!name.is_empty()).then_some((name, owners))
}

/// What stands between white space; a backslash keeps what follows in the word, and itself, since a
/// pattern may need it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        let last = words.last_mut();
        match (char, last) {
            ('\\', Some(word)) => {
                word.push('\\');
                word.extend(chars.next());
            }
            (char, _) if char.is_whitespace() => words.push(String::new()),
            (char, Some(word)) => word.push(char),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// An owner in small letters: `alice`, `group/team`, `a@example.com`, and `@developer` for the role.
fn owner(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let named = match word.strip_prefix('@') {
        Some(role) if role.starts_with('@') => role.trim_end_matches('s').to_owned(),
        Some(name) => name.to_owned(),
        None => word
            .split_once('@')
            .filter(|(who, host)| !who.is_empty() && host.contains('.'))
            .map(|_| word.clone())?,
    };
    let allowed = |char: char| char.is_alphanumeric() || "-_./+@%".contains(char);
    (!named.is_empty() && named.chars().all(allowed)).then_some(named)
}
