//! What is logged: a level, or a filter by what speaks.

use super::fields::nearest;

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// What is wrong with a level or filter, and what to do.
pub(super) fn judge(text: &str) -> Result<(), (&'static str, String)> {
    let remedy = "write `error`, `warn`, `info`, `debug`, `trace` or a filter such as `info,mergewright::outbox=debug`";
    if text.parse::<tracing_subscriber::EnvFilter>().is_err() {
        return Err(("`log.level` is no level and no filter", remedy.to_owned()));
    }
    // A filter takes a word alone for the name of what speaks, and everything else is silent then.
    let unknown = text.split(',').map(str::trim).find(|word| {
        !word.is_empty()
            && !word.contains(['=', '[', '{'])
            && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
    });
    let Some(word) = unknown else { return Ok(()) };
    let remedy = near(word).map_or_else(|| remedy.to_owned(), |level| format!("did you mean `{level}`?"));
    Err(("`log.level` has an unknown level", remedy))
}

/// The level that somebody meant: `warning` and `err` are what others call theirs.
fn near(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let longer_or_shorter =
        LEVELS.iter().find(|level| word.len() > 2 && (word.starts_with(**level) || level.starts_with(&word)));
    longer_or_shorter.copied().or_else(|| nearest(&word, LEVELS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_would_silence_everything_and_is_refused() {
        for good in [
            "error",
            "WARN",
            "info,mergewright::outbox=debug",
            "hyper=off, debug",
            "mergewright[one{a=1}]=trace,info",
        ] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
        for (wrong, remedy) in [
            ("warning", "`warn`?"),
            ("infos", "`info`?"),
            ("err", "`error`?"),
            ("dbug", "`debug`?"),
            ("loud", "write `error`"),
            ("off", "write `error`"),
            ("info,mergewright::outbox", "write `error`"),
            ("a=b=c", "write `error`"),
        ] {
            let (_, told) = judge(wrong).unwrap_err();
            assert!(told.contains(remedy), "{wrong}: {told}");
        }
    }
}
