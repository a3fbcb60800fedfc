//! Lines that GitLab would carry out with the bot's rights instead of showing them.

/// Words known to act when a line begins with `/` and one of them, as of GitLab 15 to 18, on merge
/// requests, issues, epics and commits.
const KNOWN: &[&str] = &[
    "add_child",
    "add_contacts",
    "add_email",
    "approve",
    "assign",
    "assign_reviewer",
    "attention",
    "award",
    "blocked_by",
    "blocks",
    "board_move",
    "cc",
    "checkin_reminder",
    "child_epic",
    "clear_health_status",
    "clear_weight",
    "clone",
    "close",
    "confidential",
    "convert_to_ticket",
    "copy_metadata",
    "create_merge_request",
    "done",
    "draft",
    "due",
    "duplicate",
    "epic",
    "estimate",
    "estimate_time",
    "health_status",
    "iteration",
    "label",
    "labels",
    "link",
    "lock",
    "merge",
    "milestone",
    "move",
    "page",
    "parent_epic",
    "promote",
    "promote_to",
    "promote_to_incident",
    "publish",
    "react",
    "ready",
    "reassign",
    "reassign_reviewer",
    "rebase",
    "relabel",
    "relate",
    "remove_child",
    "remove_contacts",
    "remove_due_date",
    "remove_email",
    "remove_estimate",
    "remove_iteration",
    "remove_label",
    "remove_milestone",
    "remove_parent",
    "remove_reviewer",
    "remove_time_estimate",
    "remove_time_spent",
    "remove_zoom",
    "reopen",
    "request_review",
    "reviewer",
    "set_parent",
    "severity",
    "shrug",
    "spend",
    "spend_time",
    "status",
    "submit_review",
    "subscribe",
    "tableflip",
    "tag",
    "target_branch",
    "timeline",
    "title",
    "todo",
    "type",
    "unapprove",
    "unassign",
    "unassign_reviewer",
    "unlabel",
    "unlink",
    "unlock",
    "unsubscribe",
    "weight",
    "wip",
    "zoom",
];

/// Whether GitLab is known to carry out this line of a comment.
///
/// GitLab's table grows with its releases: whoever renders foreign text should take the slash out of
/// every line for which [`may_act`] holds, and use this one where a line is wanted as it is.
#[must_use]
pub fn is_quick_action(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('/') else { return false };
    let word = rest.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
    KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether this line could be a quick action of some GitLab, known to us or not.
#[must_use]
pub fn may_act(line: &str) -> bool {
    let mut characters = line.trim_start().chars();
    characters.next() == Some('/') && characters.next().is_some_and(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_at_the_beginning_of_a_line_act() {
        for line in ["/merge", "  /Label ~bug", "/approve\r", "\t/tag v1", "/publish"] {
            assert!(is_quick_action(line) && may_act(line), "{line:?}");
        }
    }

    #[test]
    fn our_own_commands_and_paths_do_not() {
        for line in ["/model publish", "/merged", "say /merge", "merge", "/", "", "// merge", "/usr/bin"] {
            assert!(!is_quick_action(line), "{line:?}");
        }
        assert!(may_act("/brand_new_action"), "a later GitLab may know it");
        assert!(!may_act("// comment") && !may_act("1/2"));
    }
}
