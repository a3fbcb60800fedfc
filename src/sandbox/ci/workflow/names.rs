//! The names that expressions may use. An unknown one is an error: on the real forge it would
//! silently be nothing.

/// Every name of the `github` context that generated files use, and what it is on the real forge.
const GITHUB: &[(&str, Kind)] = &[
    ("github.event_name", Kind::Always),
    ("github.ref", Kind::Always),
    ("github.ref_protected", Kind::Flag),
    ("github.run_id", Kind::Always),
    ("github.sha", Kind::Always),
    ("github.event.repository.default_branch", Kind::Always),
    ("github.event.pull_request.head.sha", Kind::Sometimes),
    ("github.event.pull_request.number", Kind::Sometimes),
    ("github.event.schedule", Kind::Sometimes),
    // Given by the runner: it is another one for each job.
    ("github.token", Kind::Sometimes),
];

/// What a known name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text that every run has.
    Always,
    /// `true` or `false`, in every run.
    Flag,
    /// A text, or nothing.
    Sometimes,
}

/// What a name holds, where it is known.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let (context, rest) = name.split_once('.')?;
    match context {
        "github" => GITHUB.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind),
        // Known where a job runs; what is planned here depends on it nowhere.
        "runner" if matches!(rest, "os" | "arch") => Some(Kind::Sometimes),
        "inputs" | "env" | "secrets" if !rest.is_empty() && !rest.contains('.') => Some(Kind::Sometimes),
        // Steps run after the run is planned; what they say is asked for only where no input says it.
        "steps" if rest.contains(".outputs.") => Some(Kind::Sometimes),
        _ => None,
    }
}
