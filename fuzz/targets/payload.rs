//! What holds for every payload of either forge. The first line of the input names the event.

use mergewright::domain::{ForgeKind, Lane, User, UserId};
use mergewright::event::{self, Event, Subject};
use mergewright::inbox;

pub fn check(forge: ForgeKind, input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (Ok(name), body) = (std::str::from_utf8(&input[..end]), &input[(end + 1).min(input.len())..]) else {
        return;
    };
    // The door takes nothing else.
    let Ok(text) = std::str::from_utf8(body) else { return };
    let us = User { id: UserId(99), login: "mergewright-bot".to_owned(), bot: true };
    let understood = event::parse(forge, name, body, &us);
    assert_eq!(understood, event::parse(forge, name, body, &us), "the same body is the same event");
    let Ok(incoming) = understood else { return };
    let id = match &incoming.subject {
        Subject::MergeRequest(id) => *id,
        Subject::Nothing { why } => return assert!(!why.is_empty(), "put aside for a reason"),
        _ => return,
    };
    assert_eq!(id.repo.forge, forge);
    if let Event::Comment { author, .. } = &incoming.event {
        assert_ne!(author.id, us.id, "our own comments are no events");
    }
    // The door reads the same body with another reader: it must not lead into another's lane.
    match inbox::lane_of(forge, text).expect("what is understood is an object") {
        Lane::Forge(kind) => assert_eq!(kind, forge),
        Lane::Repository(repo) => assert_eq!(repo.forge, forge),
        Lane::MergeRequest(other) => assert_eq!(other.repo.forge, forge),
        Lane::Model(model) => panic!("no payload leads into the lane of {model}"),
    }
}
