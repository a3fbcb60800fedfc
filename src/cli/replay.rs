//! `mergewright replay`: one saved payload through the whole bot, without a forge. Nothing is sent: the
//! adapters' calls are answered by what the payload, the facts and the clone say.

mod asked;
mod clone;
mod facts;
mod github;
mod gitlab;
mod payload;
mod play;
mod reading;
mod stage;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Answer;
use crate::domain::ForgeKind;
use clone::Clone;
use facts::Facts;
use payload::Payload;
use stage::Stage;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The saved body of a delivery.
    pub file: PathBuf,
    /// The forge that sent it.
    pub forge: ForgeKind,
    /// The event header's value.
    pub event: String,
    /// What the forge would answer.
    pub facts: Option<PathBuf>,
    /// A clone of the repository.
    pub repo: Option<PathBuf>,
}

/// Prints what the bot would decide, and each call that it would make.
#[must_use]
pub fn replay(arguments: &Arguments) -> Answer {
    match replayed(arguments) {
        Ok(out) => Answer::good(out),
        Err(why) => Answer::no(format!("mergewright: {why}\n")),
    }
}

fn replayed(arguments: &Arguments) -> Result<String, String> {
    let text = read(&arguments.file)?;
    let body = object(&arguments.file, &text, "save the body of the delivery as the forge sent it")?;
    let facts = match &arguments.facts {
        None => Facts::default(),
        Some(file) => Facts::read(file, &read(file)?)?,
    };
    let clone = arguments.repo.as_deref().map(Clone::open).transpose()?;
    let payload = Payload::new(arguments.forge, body);
    let stage = Arc::new(Stage::new(payload, facts, clone));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime could not be started: {error}"))?;
    let decision = runtime
        .block_on(play::play(arguments.forge, &arguments.event, &text, &stage))
        .map_err(|error| format!("{}: {error:#}", arguments.file.display()))?;
    let mut lines = vec![json!({ "decision": decision }).to_string()];
    lines.extend(stage.written().iter().map(ToString::to_string));
    Ok(lines.join("\n") + "\n")
}

fn read(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!("{}: byte {place} is no UTF-8, so that this is no JSON", file.display())
    })
}

/// The JSON object in a file, or where it ceases to be one and what to do.
fn object(file: &Path, text: &str, remedy: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(format!("{}:1:1: this is JSON, but no object; {remedy}", file.display())),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let whole = error.to_string();
            let what = whole.split(" at line ").next().unwrap_or(&whole);
            Err(format!("{}:{line}:{column}: {what}; {remedy}", file.display()))
        }
    }
}
