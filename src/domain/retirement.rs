//! Versions that were taken out of use, and what git is told of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{MergeRequestId, ModelName, Sha, Timestamp, User, Version};

/// A version that is not to be used any more: kept for ever, never promoted again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Whether it ever was published.
    pub kind: RetirementKind,
    /// Who said so.
    pub by: User,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub on: MergeRequestId,
    /// The version's commit.
    pub commit: Sha,
    /// Why, as data.
    pub reason: String,
    /// Whether the tag that says so is known to be there.
    pub tagged: bool,
    /// The slot of the forge call that is under way.
    pub asked: Option<String>,
    /// Not before this time.
    pub retry_at: Option<Timestamp>,
    /// Why git cannot be told, safe to show.
    pub trouble: Option<String>,
}

impl Retirement {
    /// What its tag says.
    #[must_use]
    pub fn note(&self, model: &ModelName, version: &Version) -> RetirementNote {
        RetirementNote {
            by: self.by.login.clone(),
            commit: self.commit.clone(),
            kind: self.kind,
            merge_request: self.on.number,
            model: model.clone(),
            reason: self.reason.clone(),
            retired_at: self.at,
            version: version.clone(),
        }
    }
}

/// Whether a version that was taken out of use ever was in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetirementKind {
    /// It was published.
    Retired,
    /// Publishing it failed and was given up: the number is void.
    GivenUp,
}

impl fmt::Display for RetirementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retired => "retired",
            Self::GivenUp => "given up",
        })
    }
}

/// What the tag of a version that was taken out of use says, as canonical JSON: with it alone the
/// registry can be restored.
///
/// Field order is the JSON's key order; it is sorted so that the text is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetirementNote {
    /// Who said so, by login.
    pub by: String,
    /// The version's commit.
    pub commit: Sha,
    /// Whether it ever was published.
    pub kind: RetirementKind,
    /// The merge request on which it was said.
    pub merge_request: u64,
    /// The model.
    pub model: ModelName,
    /// Why.
    pub reason: String,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub retired_at: Timestamp,
    /// The version.
    pub version: Version,
}

impl RetirementNote {
    /// The tag's name: the version's own tag and `!`, which GTO reads as "deregistered".
    #[must_use]
    pub fn tag(&self) -> String {
        self.version.retired_tag(&self.model)
    }

    /// The canonical JSON: sorted keys, no white space.
    #[must_use]
    pub fn canonical(&self) -> String {
        // There is no map in it, so the JSON form always exists.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_and_its_message_have_one_form_for_ever() {
        let note = RetirementNote {
            by: "alice".to_owned(),
            commit: "a".repeat(40).parse().unwrap(),
            kind: RetirementKind::GivenUp,
            merge_request: 7,
            model: "iris".parse().unwrap(),
            reason: "the registry \"lost\" it".to_owned(),
            retired_at: Timestamp(5),
            version: Version::sequence(42),
        };
        assert_eq!(note.tag(), "iris@v42.0.0!");
        let text = note.canonical();
        assert!(
            text.starts_with(r#"{"by":"alice","commit":"aaaa"#) && text.contains(r#""kind":"given_up""#),
            "{text}"
        );
        let mut keys = serde_json::from_str::<serde_json::Value>(&text).unwrap();
        let keys = keys.as_object_mut().unwrap().keys().cloned().collect::<Vec<_>>();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(serde_json::from_str::<RetirementNote>(&text).unwrap(), note);
    }
}
