//! The commands that GitLab takes out of comments before it stores them.

/// Every word that GitLab 18 executes on merge requests.
const KNOWN: [&str; 45] = [
    "approve",
    "assign",
    "assign_reviewer",
    "award",
    "close",
    "copy_metadata",
    "done",
    "draft",
    "estimate",
    "estimate_time",
    "label",
    "labels",
    "lock",
    "merge",
    "milestone",
    "react",
    "ready",
    "reassign",
    "reassign_reviewer",
    "rebase",
    "relabel",
    "remove_estimate",
    "remove_time_estimate",
    "remove_label",
    "remove_milestone",
    "remove_reviewer",
    "remove_time_spent",
    "reopen",
    "request_review",
    "reviewer",
    "shrug",
    "spend",
    "spend_time",
    "submit_review",
    "subscribe",
    "tableflip",
    "target_branch",
    "title",
    "todo",
    "unapprove",
    "unassign",
    "unlabel",
    "unlock",
    "unsubscribe",
    "cc",
];

/// The text that is stored, and the commands taken from it. Code, quotes and HTML comments are left alone.
pub(super) fn take(text: &str) -> (String, Vec<String>) {
    let mut kept = Vec::new();
    let mut commands = Vec::new();
    let mut fence: Option<String> = None;
    let mut in_comment = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(open) = &fence {
            let closes = trimmed.starts_with(open.as_str()) && trimmed.chars().all(|c| open.starts_with(c));
            if closes {
                fence = None;
            }
            kept.push(line);
            continue;
        }
        if in_comment || trimmed.starts_with("<!--") {
            in_comment = !trimmed.contains("-->");
            kept.push(line);
            continue;
        }
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        if let Some(mark) = mark {
            let sign = mark.chars().next().unwrap_or('`');
            fence = Some(trimmed.chars().take_while(|c| *c == sign).collect());
            kept.push(line);
            continue;
        }
        let indented = line.starts_with("    ") || line.starts_with('\t');
        let word = trimmed.strip_prefix('/').and_then(|rest| rest.split_whitespace().next());
        match word.filter(|word| !indented && KNOWN.contains(&word.to_lowercase().as_str())) {
            Some(_) => commands.push(trimmed.to_owned()),
            None => kept.push(line),
        }
    }
    if commands.is_empty() {
        return (text.to_owned(), commands);
    }
    (kept.join("\n").trim().to_owned(), commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_at_line_start_are_taken_and_the_rest_is_stored() {
        let (kept, taken) = take("Looks good\n/approve\n/label ~model\nthanks");
        assert_eq!(kept, "Looks good\nthanks");
        assert_eq!(taken, ["/approve", "/label ~model"]);
        assert_eq!(take("/merge").0, "");
    }

    #[test]
    fn our_own_commands_and_quoted_ones_stay() {
        for text in [
            "/model publish",
            "please /merge this",
            "```\n/merge\n```",
            "~~~~\n/merge\n~~~\n/close\n~~~~",
            "> /merge",
            "<!-- note\n/merge\n-->",
            "    /merge",
            "/merged",
        ] {
            assert_eq!(take(text), (text.to_owned(), Vec::new()), "{text}");
        }
        assert_eq!(take("```\nx\n```\n/merge").1, ["/merge"]);
    }
}
