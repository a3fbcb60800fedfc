//! A button of ours that somebody pressed.

use serde::{Deserialize, Serialize};

use super::{CheckId, CheckMark, MergeRequestId, Sha, User};

/// A press, as the forge told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// The check that the button stands on.
    pub check: CheckId,
    /// The check's name.
    pub name: String,
    /// The commit that the check stands on.
    pub head: Sha,
    /// What the check said of itself when the button was pressed.
    pub mark: CheckMark,
    /// The button's identifier, whether we know it or not.
    pub button: String,
    /// Who pressed.
    pub by: User,
}

impl Press {
    /// What tells this press from others: the same button by the same person on the same edition is the
    /// same press told twice. Of its characters none ends a comment.
    #[must_use]
    pub fn key(&self) -> String {
        let button: String = self.button.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}:{}:{button}:{}", self.check, self.mark.edition, self.by.id)
    }
}

/// A check of ours as the forge shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCheck {
    /// Its name.
    pub name: String,
    /// The commit that it stands on.
    pub head: Sha,
    /// The merge request that it says it speaks of.
    pub merge_request: Option<MergeRequestId>,
}
