//! Keeping a comment within the forge's limit, with everything that was opened closed again.

/// The length that counts: GitHub counts UTF-16 units, and no forge counts more than those.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The first `most` characters, and whether anything is missing.
pub(crate) fn head(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (format!("{}…", text.get(..end).unwrap_or_default().trim_end()), true),
        None => (text.to_owned(), false),
    }
}

/// The last `most` characters from a line's start on, and whether anything is missing.
pub(crate) fn tail(text: &str, most: usize) -> (String, bool) {
    // Only the end is looked at: a log may be far longer than what is shown of it.
    let Some((start, _)) = text.char_indices().rev().nth(most.saturating_sub(1)).filter(|(at, _)| *at > 0)
    else {
        return (text.to_owned(), false);
    };
    let end = text.get(start..).unwrap_or_default();
    let whole_lines = end.split_once('\n').map(|(_, rest)| rest).filter(|rest| !rest.trim().is_empty());
    (whole_lines.unwrap_or(end).to_owned(), true)
}

/// As many whole lines of Markdown of our own as fit into `most` of [`length`]; fences and
/// `<details>` that were open are closed, and what is missing is said.
pub(crate) fn lines(markdown: &str, most: usize) -> String {
    if length(markdown) <= most {
        return markdown.to_owned();
    }
    let mut kept = String::new();
    let mut best = String::new();
    let mut open = Open::default();
    let total = markdown.lines().count();
    for (at, line) in markdown.lines().enumerate() {
        kept.push_str(line);
        kept.push('\n');
        open.read(line);
        let left = total - at - 1;
        let candidate = format!("{kept}{}\n*{left} more lines are left out here.*", open.closing());
        if length(&candidate) > most {
            break;
        }
        best = candidate;
    }
    best
}

/// What a prefix of a Markdown text has opened and not closed.
#[derive(Debug, Default)]
struct Open {
    fence: Option<String>,
    details: usize,
}

impl Open {
    fn read(&mut self, line: &str) {
        let bare = line.trim_start();
        let first = bare.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run: String = bare.chars().take_while(|c| Some(*c) == first).collect();
        match &self.fence {
            Some(fence) => {
                if run.starts_with(fence.as_str()) && bare.trim_end() == run {
                    self.fence = None;
                }
            }
            None if run.len() >= 3 => self.fence = Some(run),
            None => {
                self.details += line.matches("<details>").count();
                self.details = self.details.saturating_sub(line.matches("</details>").count());
            }
        }
    }

    fn closing(&self) -> String {
        let fence = self.fence.as_ref().map_or(String::new(), |fence| format!("{fence}\n"));
        format!("{fence}{}", "\n</details>\n".repeat(self.details))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(head("日本語", 3), ("日本語".to_owned(), false));
        assert_eq!(head("日本語", 2), ("日本…".to_owned(), true));
        assert_eq!(tail("日本語", 3), ("日本語".to_owned(), false));
        assert_eq!(tail("日本語", 2), ("本語".to_owned(), true));
        assert_eq!(tail("one\ntwo\nthree", 8), ("three".to_owned(), true), "whole lines where there are any");
        assert_eq!(length("a𝄞"), 3);
    }

    #[test]
    fn what_a_cut_leaves_open_is_closed() {
        let text = format!("<details>\n\n````text\n{}````\n\n</details>\n", "```\n".repeat(30));
        let cut = lines(&text, 90);
        assert!(length(&cut) <= 90, "{cut}");
        assert!(cut.contains("```\n````\n\n</details>\n\n*"), "{cut}");
        assert!(cut.ends_with("more lines are left out here.*"), "{cut}");
        assert_eq!(lines("short\n", 90), "short\n");
    }
}
