//! Metrics files: JSON or YAML, several of them as one.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::de::DeserializeSeed as _;

use super::leaves::{Collect, Leaf};

/// The largest metrics file, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// What metrics files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Numbers by name; nested keys joined by `.`. Of a list the mean, rounded three places behind the
    /// last one that was written.
    pub numbers: BTreeMap<String, Decimal>,
    /// The single numbers of lists of two or more, by name.
    pub repeated: BTreeMap<String, Vec<Decimal>>,
    /// What is there but no number, by name, and why; a whole file that cannot be read, by its path.
    pub unusable: BTreeMap<String, String>,
}

/// Reads metrics files, each a path and its bytes, as one set of metrics. A name that is given twice,
/// in one file or over several, is unusable: nobody can say which of the two was meant.
#[must_use]
pub fn metrics<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Metrics {
    let mut found = Metrics::default();
    let mut seen = BTreeSet::new();
    for (path, bytes) in files {
        match leaves(bytes) {
            Ok(leaves) => leaves.into_iter().for_each(|leaf| keep(&mut found, &mut seen, leaf)),
            Err(why) => {
                found.unusable.insert(path.to_owned(), why);
            }
        }
    }
    found
}

fn keep(found: &mut Metrics, seen: &mut BTreeSet<String>, (name, value): Leaf) {
    if !seen.insert(name.clone()) {
        found.numbers.remove(&name);
        found.repeated.remove(&name);
        found.unusable.insert(name, "it is given twice".to_owned());
        return;
    }
    let runs = value.and_then(|runs| match mean(&runs) {
        Some(mean) => Ok((mean, runs)),
        None => Err("its numbers are too large to add".to_owned()),
    });
    match runs {
        Ok((mean, runs)) => {
            if runs.len() > 1 {
                found.repeated.insert(name.clone(), runs);
            }
            found.numbers.insert(name, mean);
        }
        Err(why) => {
            found.unusable.insert(name, why);
        }
    }
}

/// The mean as people write it; a single number stays as it is.
fn mean(runs: &[Decimal]) -> Option<Decimal> {
    if let [one] = runs {
        return Some(*one);
    }
    let sum = runs.iter().try_fold(Decimal::ZERO, |sum, run| sum.checked_add(*run))?;
    let places = runs.iter().map(Decimal::scale).max()?.saturating_add(3);
    Some(sum.checked_div(Decimal::from(runs.len()))?.round_dp(places).normalize())
}

/// All leaves of a file. What is not JSON is read as YAML, which also understands JSON with a bare
/// `NaN` in it, as Python writes it.
fn leaves(bytes: &[u8]) -> Result<Vec<Leaf>, String> {
    if bytes.len() > LARGEST {
        return Err(format!("the file is larger than {LARGEST} bytes"));
    }
    let mut leaves = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Collect { name: String::new(), leaves: &mut leaves }.deserialize(&mut json);
    if read.and_then(|()| json.end()).is_ok() {
        return Ok(leaves);
    }
    leaves.clear();
    let yaml = serde_yaml::Deserializer::from_slice(bytes);
    match (Collect { name: String::new(), leaves: &mut leaves }).deserialize(yaml) {
        Ok(()) => Ok(leaves),
        Err(error) => Err(format!("the file is neither JSON nor YAML with numbers: {error}")),
    }
}

#[cfg(test)]
mod tests;
