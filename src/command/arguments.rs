//! Reads the words after a verb.

use std::collections::BTreeSet;

use crate::domain::{ModelName, Stage, Timestamp, Version};

/// Longest reason, in characters.
pub(super) const LONGEST_REASON: usize = 500;
/// Longest rule id, in characters.
const LONGEST_RULE: usize = 200;
/// Words with a meaning of their own, which no environment may bear.
const RESERVED: [&str; 2] = ["to", "all"];
/// Longest part of a word that an answer repeats, in characters.
const LONGEST_WORD_ECHO: usize = 60;

/// Quotation marks that may stand around a reason.
pub(super) const QUOTES: [(char, char); 3] = [('"', '"'), ('\'', '\''), ('“', '”')];

/// What is wrong with an argument, ready to be answered.
pub(super) type Refusal = String;

/// The words of a line that are not read yet.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    words: Vec<&'a str>,
    models: &'a BTreeSet<ModelName>,
    model: Option<ModelName>,
    first: Option<&'a str>,
}

impl<'a> Arguments<'a> {
    /// The words after the verb, in a repository with these models (none: not known).
    pub(super) fn new(words: &[&'a str], models: &'a BTreeSet<ModelName>) -> Self {
        let mut words = words.to_vec();
        let first = words.first().copied();
        words.reverse();
        Self { words, models, model: None, first }
    }

    /// Takes MODEL if the next word is one. Where the models are not known, `own` tells whether the
    /// words that remain, and so the next one, may be the verb's own arguments.
    pub(super) fn model(&mut self, own: impl Fn(&[&str]) -> bool) {
        let Some(word) = self.peek() else { return };
        let Ok(name) = word.parse::<ModelName>() else { return };
        let taken = if self.models.is_empty() {
            let remaining: Vec<&str> = self.words.iter().rev().copied().collect();
            !own(&remaining)
        } else {
            self.models.contains(&name)
        };
        if taken {
            self.words.pop();
            self.model = Some(name);
        }
    }

    /// The model that was named, by itself or in a REF.
    pub(super) fn named(&self) -> Option<ModelName> {
        self.model.clone()
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.last().copied()
    }

    /// Takes the next word if it is this one, in any case.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let here = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        if here {
            self.words.pop();
        }
        here
    }

    /// Takes an option such as `--dry-run` wherever it stands.
    pub(super) fn option(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| !word.eq_ignore_ascii_case(name));
        self.words.len() < before
    }

    /// Takes one of these words.
    pub(super) fn one_of(&mut self, stages: &[Stage]) -> Option<String> {
        stages.iter().map(|stage| stage.as_str()).find(|name| self.word(name)).map(str::to_owned)
    }

    /// Takes a commit of 7 to 64 hex digits.
    pub(super) fn sha(&mut self) -> Option<String> {
        let word = self.peek().filter(|word| is_sha(word))?;
        self.words.pop();
        Some(word.to_ascii_lowercase())
    }

    /// Takes an environment.
    pub(super) fn environment(&mut self) -> Result<String, Refusal> {
        let word = self.words.pop().ok_or("the environment is missing")?;
        if word.parse::<ModelName>().is_ok() && !RESERVED.contains(&word) {
            return Ok(word.to_owned());
        }
        Err(format!(
            "`{}` cannot be an environment: lower-case letters, digits and inner hyphens",
            clipped(word)
        ))
    }

    /// Takes a REF; the model in `iris@v42` counts as named.
    pub(super) fn reference(&mut self) -> Result<String, Refusal> {
        let word = self.words.pop().ok_or("the version (REF) is missing")?;
        if let Some((model, version)) = word.split_once('@')
            && let (Ok(model), Ok(_version)) = (model.parse::<ModelName>(), version.parse::<Version>())
        {
            match &self.model {
                Some(named) if *named != model => {
                    return Err(format!("`{named}` and `{}` are of two models", clipped(word)));
                }
                _ => self.model = Some(model),
            }
            return Ok(word.to_owned());
        }
        let environment = word.parse::<ModelName>().is_ok() && !RESERVED.contains(&word);
        if is_definite_reference(word) || environment {
            return Ok(word.to_owned());
        }
        Err(format!(
            "`{}` names no version: write v42, iris@v42, at least 7 digits of a commit or digest, an \
             RFC 3339 time or an environment",
            clipped(word)
        ))
    }

    /// Takes a time, if one is left.
    pub(super) fn time(&mut self) -> Result<Option<String>, Refusal> {
        match self.words.pop() {
            None => Ok(None),
            Some(word) if is_time(word) => Ok(Some(word.to_owned())),
            Some(word) => {
                Err(format!("`{}` is not a time: write it as 2026-11-23T03:00:00Z (RFC 3339)", clipped(word)))
            }
        }
    }

    /// Takes a rule's id.
    pub(super) fn rule(&mut self) -> Result<String, Refusal> {
        let word = self.words.pop().ok_or("the rule is missing")?;
        let allowed = |c: char| c.is_alphanumeric() || "._-@/:+%".contains(c);
        let edges = word.starts_with(char::is_alphanumeric)
            && word.ends_with(|c: char| c.is_alphanumeric() || c == '%');
        let plain = edges && word.chars().all(allowed);
        if plain && !word.contains("..") && word.chars().count() <= LONGEST_RULE {
            return Ok(word.to_owned());
        }
        Err(format!("`{}` cannot be a rule: write its id as the report shows it", clipped(word)))
    }

    /// Takes the rest of the line as a reason, without quotes around it.
    pub(super) fn reason(&mut self) -> Result<Option<String>, Refusal> {
        if self.words.is_empty() {
            return Ok(None);
        }
        let words: Vec<&str> = self.words.drain(..).rev().collect();
        let text = words.join(" ");
        let reason = unquoted(&text)?.trim();
        if reason.is_empty() {
            return Err("the reason is empty".to_owned());
        }
        if reason.chars().count() > LONGEST_REASON {
            return Err(format!("the reason is longer than {LONGEST_REASON} characters"));
        }
        if reason.chars().any(misleads) {
            return Err("the reason holds control or text-direction characters".to_owned());
        }
        Ok(Some(reason.to_owned()))
    }

    /// Takes the rest of the line as a reason that must be given.
    pub(super) fn required_reason(&mut self) -> Result<String, Refusal> {
        self.reason()?.ok_or_else(|| "the reason is missing".to_owned())
    }

    /// Refuses what is left.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        let Some(word) = self.peek() else { return Ok(()) };
        Err(format!("`{}` is not expected here", clipped(word)))
    }

    /// What to add to a refusal when the first word looks like a misspelt model.
    pub(super) fn meant_model(&self) -> String {
        let first = self.first.filter(|word| self.model.is_none() && !self.is_known(word));
        let guess = first.and_then(|word| nearest(word, self.models.iter().map(ModelName::as_str)));
        guess.map_or_else(String::new, |name| format!("; did you mean the model `{name}`?"))
    }

    fn is_known(&self, word: &str) -> bool {
        word.parse::<ModelName>().is_ok_and(|name| self.models.contains(&name))
    }
}

/// Whether a word is a commit of 7 to 64 hex digits.
pub(super) fn is_sha(word: &str) -> bool {
    (7..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a word is an RFC 3339 time.
pub(super) fn is_time(word: &str) -> bool {
    Timestamp::parse(word).is_some()
}

/// Whether a word can be nothing but a REF: an environment is spelt like a model.
pub(super) fn is_definite_reference(word: &str) -> bool {
    let tagged = word.split_once('@').is_some_and(|(model, version)| {
        model.parse::<ModelName>().is_ok() && version.parse::<Version>().is_ok()
    });
    let digest = word.strip_prefix("sha256:").unwrap_or(word);
    tagged || word.parse::<Version>().is_ok() || is_sha(digest) || is_time(word)
}

/// Takes one pair of quotes away.
fn unquoted(text: &str) -> Result<&str, Refusal> {
    for (open, close) in QUOTES {
        let Some(rest) = text.strip_prefix(open) else { continue };
        return match rest.strip_suffix(close) {
            Some(inside) if !inside.contains([open, close]) => Ok(inside),
            _ if open != '\'' && !rest.contains(close) => Err("the quotation mark is not closed".to_owned()),
            _ => Ok(text),
        };
    }
    Ok(text)
}

/// Whether a character can make a text read otherwise than it is.
fn misleads(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a foreign word, fit to be repeated in code quotes.
pub(super) fn clipped(word: &str) -> String {
    let safe = |c: char| if c == '`' || c.is_control() { '\u{fffd}' } else { c };
    word.chars().take(LONGEST_WORD_ECHO).map(safe).collect()
}

/// The candidate that was probably meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = clipped(word).to_lowercase();
    let close = candidates.filter_map(|candidate| {
        let distance = strsim::osa_distance(&word, candidate);
        let tolerated = (candidate.chars().count() / 3).clamp(1, 3);
        (distance <= tolerated).then_some((distance, candidate))
    });
    close.min().map(|(_distance, candidate)| candidate)
}
