//! Every verb once: its words, who may say it, what it does, and how its arguments are read.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, Refusal, is_definite_reference, is_sha, is_time};
use super::{Command, Verb};
use crate::domain::Stage;

/// Who may give a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// Anyone who can comment.
    Anyone,
    /// Write access (GitLab: Developer); for a fork a maintainer, who names the commit.
    Write,
    /// An owner.
    Owner,
    /// An owner who wrote neither the merge request nor its commits.
    IndependentOwner,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anyone => "anyone who can comment",
            Self::Write => "write access; for a fork a maintainer",
            Self::Owner => "an owner",
            Self::IndependentOwner => "an owner who did not author the change",
        })
    }
}

/// One verb.
#[derive(Debug)]
pub struct Entry {
    /// The verb as written.
    pub word: &'static str,
    /// Its arguments as the help shows them.
    pub arguments: &'static str,
    /// Who may give it.
    pub who: Who,
    /// What it does.
    pub help: &'static str,
    read: fn(&mut Arguments<'_>) -> Result<Verb, Refusal>,
}

impl Entry {
    /// Verb and arguments as the help shows them.
    #[must_use]
    pub fn usage(&self) -> String {
        format!("{} {}", self.word, self.arguments).trim_end().to_owned()
    }

    /// Reads the words after the verb.
    pub(super) fn read(&self, mut arguments: Arguments<'_>) -> Result<Command, Refusal> {
        let verb = (self.read)(&mut arguments).and_then(|verb| arguments.end().map(|()| verb));
        match verb {
            Ok(verb) => Ok(Command { verb, model: arguments.named() }),
            Err(refusal) => Err(refusal + &arguments.meant_model()),
        }
    }
}

/// Every verb, in the order of the help.
#[must_use]
pub fn table() -> &'static [&'static Entry] {
    &TABLE
}

static TABLE: [&Entry; 20] = [
    &HELP,
    &STATUS,
    &VERSIONS,
    &DESCRIBE,
    &BLAME,
    &EXPLAIN,
    &RUN,
    &RETRY,
    &CANCEL,
    &APPROVE,
    &UNAPPROVE,
    &HOLD,
    &UNHOLD,
    &WAIVE,
    &PUBLISH,
    &PROMOTE,
    &ROLLBACK,
    &ABORT,
    &RETIRE,
    &REGENERATE,
];

impl Verb {
    /// The verb's line in the table.
    #[must_use]
    pub fn entry(&self) -> &'static Entry {
        match self {
            Self::Help => &HELP,
            Self::Status => &STATUS,
            Self::Versions => &VERSIONS,
            Self::Describe { .. } => &DESCRIBE,
            Self::Blame { .. } => &BLAME,
            Self::Explain { .. } => &EXPLAIN,
            Self::Run { .. } => &RUN,
            Self::Retry { .. } => &RETRY,
            Self::Cancel => &CANCEL,
            Self::Approve { .. } => &APPROVE,
            Self::Unapprove => &UNAPPROVE,
            Self::Hold { .. } => &HOLD,
            Self::Unhold => &UNHOLD,
            Self::Waive { .. } => &WAIVE,
            Self::Publish { .. } => &PUBLISH,
            Self::Promote { .. } => &PROMOTE,
            Self::Rollback { .. } => &ROLLBACK,
            Self::Abort { .. } => &ABORT,
            Self::Retire { .. } => &RETIRE,
            Self::Regenerate => &REGENERATE,
        }
    }

    /// The verb as written.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.entry().word
    }

    /// Whether it is about published versions, of whatever model, and not about what the merge request changes.
    #[must_use]
    pub const fn is_about_versions(&self) -> bool {
        matches!(
            self,
            Self::Versions
                | Self::Describe { .. }
                | Self::Blame { .. }
                | Self::Promote { .. }
                | Self::Rollback { .. }
                | Self::Abort { .. }
                | Self::Retire { .. }
        )
    }
}

/// For verbs without arguments of their own: a word can only be MODEL.
fn nothing(_words: &[&str]) -> bool {
    false
}

/// For verbs whose next argument may be a commit.
fn begins_with_sha(words: &[&str]) -> bool {
    matches!(words, [first, rest @ ..] if is_sha(first) && !matches!(rest, [next, ..] if is_sha(next)))
}

static HELP: Entry = Entry {
    word: "help",
    arguments: "",
    who: Who::Anyone,
    help: "lists the commands",
    read: |_arguments| Ok(Verb::Help),
};

static STATUS: Entry = Entry {
    word: "status",
    arguments: "[MODEL]",
    who: Who::Anyone,
    help: "says where each model stands and what comes next",
    read: |arguments| {
        arguments.model(nothing);
        Ok(Verb::Status)
    },
};

static VERSIONS: Entry = Entry {
    word: "versions",
    arguments: "[MODEL]",
    who: Who::Anyone,
    help: "lists the published versions",
    read: |arguments| {
        arguments.model(nothing);
        Ok(Verb::Versions)
    },
};

static DESCRIBE: Entry = Entry {
    word: "describe",
    arguments: "[MODEL] REF",
    who: Who::Anyone,
    help: "shows where a version comes from",
    read: |arguments| {
        arguments.model(|words| words.len() == 1);
        Ok(Verb::Describe { reference: arguments.reference()? })
    },
};

static BLAME: Entry = Entry {
    word: "blame",
    arguments: "[MODEL] ENV [TIME]",
    who: Who::Anyone,
    help: "says what was live in an environment, now or then, and why",
    read: |arguments| {
        arguments.model(|words| words.get(1).is_none_or(|second| is_time(second)));
        Ok(Verb::Blame { environment: arguments.environment()?, time: arguments.time()? })
    },
};

static EXPLAIN: Entry = Entry {
    word: "explain",
    arguments: "[MODEL] [build|test|review|publish]",
    who: Who::Anyone,
    help: "prints every rule that decided, with its line in the configuration",
    read: |arguments| {
        let is_stage = |word: &str| Stage::ALL.iter().any(|stage| stage.as_str() == word);
        arguments.model(|words| words.first().is_some_and(|word| is_stage(word)));
        Ok(Verb::Explain { stage: arguments.one_of(&Stage::ALL) })
    },
};

static RUN: Entry = Entry {
    word: "run",
    arguments: "[MODEL] [build|test] [SHA]",
    who: Who::Write,
    help: "starts the pipeline of the head",
    read: |arguments| {
        arguments.model(|words| matches!(words.first(), Some(&("build" | "test"))) || begins_with_sha(words));
        let stage = arguments.one_of(&[Stage::Build, Stage::Test]);
        Ok(Verb::Run { stage, sha: arguments.sha() })
    },
};

static RETRY: Entry = Entry {
    word: "retry",
    arguments: "[MODEL] [SHA]",
    who: Who::Write,
    help: "reruns what failed in the head's pipeline",
    read: |arguments| {
        arguments.model(begins_with_sha);
        Ok(Verb::Retry { sha: arguments.sha() })
    },
};

static CANCEL: Entry = Entry {
    word: "cancel",
    arguments: "[MODEL]",
    who: Who::Write,
    help: "cancels the pipeline of the head",
    read: |arguments| {
        arguments.model(nothing);
        Ok(Verb::Cancel)
    },
};

static APPROVE: Entry = Entry {
    word: "approve",
    arguments: "[MODEL] [SHA]",
    who: Who::IndependentOwner,
    help: "approves what the newest report shows",
    read: |arguments| {
        arguments.model(begins_with_sha);
        Ok(Verb::Approve { sha: arguments.sha() })
    },
};

static UNAPPROVE: Entry = Entry {
    word: "unapprove",
    arguments: "[MODEL]",
    who: Who::IndependentOwner,
    help: "takes the approval back",
    read: |arguments| {
        arguments.model(nothing);
        Ok(Verb::Unapprove)
    },
};

static HOLD: Entry = Entry {
    word: "hold",
    arguments: "[MODEL] [REASON]",
    who: Who::Owner,
    help: "blocks publish and promotion",
    read: |arguments| {
        arguments.model(|_words| true);
        Ok(Verb::Hold { reason: arguments.reason()? })
    },
};

static UNHOLD: Entry = Entry {
    word: "unhold",
    arguments: "[MODEL]",
    who: Who::Owner,
    help: "ends the hold",
    read: |arguments| {
        arguments.model(nothing);
        Ok(Verb::Unhold)
    },
};

static WAIVE: Entry = Entry {
    word: "waive",
    arguments: "[MODEL] RULE REASON",
    who: Who::Owner,
    help: "excuses one rule on this head; the reason stays in the lineage",
    read: |arguments| {
        arguments.model(|_words| true);
        Ok(Verb::Waive { rule: arguments.rule()?, reason: arguments.required_reason()? })
    },
};

static PUBLISH: Entry = Entry {
    word: "publish",
    arguments: "[MODEL] [SHA] [--dry-run] [--when-ready]",
    who: Who::Owner,
    help: "merges and publishes when build, test and review are green; `--when-ready` arms it until then, \
           `--dry-run` only says what would happen",
    read: |arguments| {
        let dry_run = arguments.option("--dry-run");
        let when_ready = arguments.option("--when-ready");
        arguments.model(begins_with_sha);
        Ok(Verb::Publish { sha: arguments.sha(), dry_run, when_ready })
    },
};

static PROMOTE: Entry = Entry {
    word: "promote",
    arguments: "[MODEL] REF ENV",
    who: Who::Owner,
    help: "moves a released version into an environment",
    read: |arguments| {
        arguments.model(|words| words.len() <= 2);
        Ok(Verb::Promote { reference: arguments.reference()?, environment: arguments.environment()? })
    },
};

static ROLLBACK: Entry = Entry {
    word: "rollback",
    arguments: "[MODEL] ENV [to REF]",
    who: Who::Owner,
    help: "takes an environment back to a version, by default the one before",
    read: |arguments| {
        arguments.model(|words| words.get(1).is_none_or(|word| word.eq_ignore_ascii_case("to")));
        let environment = arguments.environment()?;
        let reference = if arguments.word("to") { Some(arguments.reference()?) } else { None };
        Ok(Verb::Rollback { environment, reference })
    },
};

static ABORT: Entry = Entry {
    word: "abort",
    arguments: "[MODEL] ENV",
    who: Who::Owner,
    help: "stops a rollout or frees a stuck environment",
    read: |arguments| {
        arguments.model(|words| words.len() == 1);
        Ok(Verb::Abort { environment: arguments.environment()? })
    },
};

static RETIRE: Entry = Entry {
    word: "retire",
    arguments: "[MODEL] REF REASON",
    who: Who::Owner,
    help: "takes a version out of use; one whose publishing failed is given up",
    read: |arguments| {
        arguments.model(|words| match words {
            [first, second, _reason, ..] => is_definite_reference(first) || !is_definite_reference(second),
            _ => true,
        });
        Ok(Verb::Retire { reference: arguments.reference()?, reason: arguments.required_reason()? })
    },
};

static REGENERATE: Entry = Entry {
    word: "regenerate",
    arguments: "[MODEL]",
    who: Who::Write,
    help: "commits regenerated CI files to the branch",
    read: |arguments| {
        arguments.model(nothing);
        Ok(Verb::Regenerate)
    },
};
