//! Tolerant reading of JSON whose shape somebody else decides.

use std::fmt;

use serde::de::{self, Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};

use super::{Event, Incoming, ParseError, ReviewAct, Subject};
use crate::domain::{Digest, MergeRequestId, Press, Sha, Timestamp, User};

/// Longest part of an event header that an error repeats.
const LONGEST_EVENT_NAME: usize = 60;

/// Why a delivery leads to no event.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is none of our business; the word says why.
    Nothing(String),
    /// It has not the promised shape.
    Broken(ParseError),
}

impl Stop {
    /// None of our business, for this reason.
    pub(super) fn because(why: &str) -> Self {
        Self::Nothing(why.to_owned())
    }

    /// The delivery does not say what it is about: the field at `path` is absent or null.
    pub(super) fn missing(path: &str) -> Self {
        Self::Nothing(format!("missing {path}"))
    }
}

/// Reads `body` as a `T`.
pub(super) fn read<'a, T: Deserialize<'a>>(event: &str, body: &'a [u8]) -> Result<T, Stop> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let broken = |path: String, message: String| {
        Stop::Broken(ParseError { event: event.chars().take(LONGEST_EVENT_NAME).collect(), path, message })
    };
    // Derived structs would also be read from a list.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(broken(".".to_owned(), "expected an object".to_owned()));
    }
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| broken(error.path().to_string(), without_value(error.inner())))?;
    json.end().map_err(|error| broken(".".to_owned(), without_value(&error)))?;
    Ok(value)
}

/// What was expected and where, but nothing of what stood there: payloads hold secrets.
fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_value, expected)) => format!("expected {expected}"),
        None if error.is_data() => {
            format!("not of the expected shape at line {} column {}", error.line(), error.column())
        }
        None => text,
    }
}

/// For a field whose null means the same as its absence: the default.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A commit name where the text is one.
pub(super) fn sha(text: Option<String>) -> Option<Sha> {
    text?.parse().ok()
}

/// A point in time in whichever form the forge chose; none when it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Moment(pub(super) Option<Timestamp>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
        Ok(Moment(Timestamp::parse(text)))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Moment, E> {
        Ok(Moment(i64::try_from(seconds).ok().and_then(|s| s.checked_mul(1000)).map(Timestamp)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_i64<E: de::Error>(self, _seconds: i64) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_f64<E: de::Error>(self, _seconds: f64) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_bool<E: de::Error>(self, _word: bool) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Moment, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Moment(None))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Moment, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Moment(None))
    }
}

/// Something about a merge request changed: look at it.
pub(super) fn refresh(id: MergeRequestId) -> Incoming {
    about(Subject::MergeRequest(id))
}

/// Look at what `subject` names.
pub(super) fn about(subject: Subject) -> Incoming {
    Incoming { subject, event: Event::Refresh, meaning: None }
}

/// A comment on a merge request, with the key under which another subscription tells the same.
pub(super) fn comment(
    on: MergeRequestId,
    id: crate::domain::CommentId,
    author: User,
    body: String,
    updated_at: Moment,
) -> Incoming {
    let time = updated_at.0.map_or_else(|| "-".to_owned(), |time| time.0.to_string());
    Incoming {
        subject: Subject::MergeRequest(on),
        meaning: Some(format!("{on}:comment:{id}:{time}")),
        event: Event::Comment { id, author, body, updated_at: updated_at.0 },
    }
}

/// A comment of ours that somebody else changed.
pub(super) fn tampered(
    on: MergeRequestId,
    id: crate::domain::CommentId,
    by: User,
    (updated_at, body): (Moment, Option<&str>),
) -> Incoming {
    // Times are whole seconds: two edits of one second are told apart by what they left.
    let left = Digest::of(body.unwrap_or_default());
    let meaning = updated_at.0.map(|time| format!("{on}:tampered:{id}:{}:{}", time.0, left.short()));
    Incoming { subject: Subject::MergeRequest(on), event: Event::CommentTampered { id, by }, meaning }
}

/// A press, with the key under which a second delivery tells the same.
pub(super) fn pressed(press: Press) -> Incoming {
    let on = press.mark.merge_request;
    Incoming {
        subject: Subject::MergeRequest(on),
        meaning: Some(format!("{on}:press:{}", press.key())),
        event: Event::Pressed(Box::new(press)),
    }
}

/// A merge request was aimed at another target branch. There is no key: within one second it may be aimed
/// elsewhere and back.
pub(super) fn retargeted(on: MergeRequestId, at: Moment) -> Incoming {
    Incoming { subject: Subject::MergeRequest(on), event: Event::Retargeted { at: at.0 }, meaning: None }
}

/// A review of a merge request. Without a time there is no key: the same person may approve, withdraw
/// and approve again.
pub(super) fn review(
    on: MergeRequestId,
    by: User,
    act: ReviewAct,
    word: &str,
    head: Option<Sha>,
    at: Moment,
) -> Incoming {
    let meaning = at.0.map(|time| {
        let head = head.as_ref().map_or("-", Sha::as_str);
        format!("{on}:review:{}:{word}:{head}:{}", by.id, time.0)
    });
    Incoming { subject: Subject::MergeRequest(on), event: Event::Review { by, act, head }, meaning }
}
