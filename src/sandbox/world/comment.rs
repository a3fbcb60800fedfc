//! Comments, and reactions to them.

use crate::domain::Timestamp;

use super::{Occurrence, Refusal, Role, State};

/// A comment on a merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Number.
    pub id: u64,
    /// The merge request's number.
    pub merge_request: u64,
    /// Who wrote it.
    pub author: u64,
    /// Markdown source.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last, where anybody did.
    pub edited_by: Option<u64>,
    /// Written by the forge itself.
    pub system: bool,
    /// Shown to the project's members alone, on GitLab.
    pub internal: bool,
    /// Signs put on it.
    pub reactions: Vec<Reaction>,
}

/// A sign that somebody put on a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Number.
    pub id: u64,
    /// Who.
    pub by: u64,
    /// Its name, such as `eyes`.
    pub name: String,
    /// When.
    pub at: Timestamp,
}

/// What became of the text that was sent as a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Commented {
    /// It stands.
    Comment(u64),
    /// Everything in it was a command of the forge itself.
    OnlyCommands(Vec<String>),
}

impl State {
    /// Writes a comment.
    pub(crate) fn comment(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        text: &str,
    ) -> Result<Commented, Refusal> {
        self.comment_for(project, person, number, text, false)
    }

    /// Writes a comment for everybody, or for the project's members alone.
    pub(crate) fn comment_for(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        text: &str,
        internal: bool,
    ) -> Result<Commented, Refusal> {
        self.require(project, person, if internal { Role::Reporter } else { Role::Guest })?;
        self.project(project)?.merge_request(number)?;
        let (body, commands) = (self.dialect.read_comment)(text);
        if body.trim().is_empty() && commands.is_empty() {
            return Err(Refusal::Invalid("400 Bad request - Note {:note=>[\"can't be blank\"]}".to_owned()));
        }
        self.obey(project, person, number, &commands)?;
        if body.trim().is_empty() {
            return Ok(Commented::OnlyCommands(commands));
        }
        let id = self.write(project, person, number, body, false)?;
        if let Some(comment) = self.project_mut(project)?.comments.get_mut(&id) {
            comment.internal = internal;
        }
        self.tell(&Occurrence::Commented { project, comment: id, edited: false });
        Ok(Commented::Comment(id))
    }

    fn write(
        &mut self,
        project: u64,
        author: u64,
        merge_request: u64,
        body: String,
        system: bool,
    ) -> Result<u64, Refusal> {
        let id = self.next("comment", 301);
        let now = self.now();
        let comment = Comment {
            id,
            merge_request,
            author,
            body,
            created_at: now,
            updated_at: now,
            edited_by: None,
            system,
            internal: false,
            reactions: Vec::new(),
        };
        let place = self.project_mut(project)?;
        place.comments.insert(id, comment);
        place.merge_request_mut(merge_request)?.updated_at = now;
        Ok(id)
    }

    /// A line that the forge itself writes under a merge request.
    pub(crate) fn system_note(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        text: &str,
    ) -> Result<(), Refusal> {
        let id = self.write(project, person, number, text.to_owned(), true)?;
        self.tell(&Occurrence::Commented { project, comment: id, edited: false });
        Ok(())
    }

    pub(crate) fn comment_of(&self, project: u64, number: u64, id: u64) -> Result<&Comment, Refusal> {
        let comment = self.project(project)?.comments.get(&id);
        comment
            .filter(|comment| comment.merge_request == number)
            .ok_or_else(|| Refusal::NotFound("404 Note".to_owned()))
    }

    /// Replaces a comment's text; only its author and maintainers may.
    pub(crate) fn edit_comment(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        id: u64,
        text: &str,
    ) -> Result<(), Refusal> {
        let author = self.comment_of(project, number, id)?.author;
        if author != person {
            self.require(project, person, Role::Maintainer)?;
        }
        let (body, commands) = (self.dialect.read_comment)(text);
        self.obey(project, person, number, &commands)?;
        let now = self.now();
        let Some(comment) = self.project_mut(project)?.comments.get_mut(&id) else { return Ok(()) };
        if comment.body == body {
            return Ok(());
        }
        comment.body = body;
        comment.updated_at = now;
        comment.edited_by = Some(person);
        self.tell(&Occurrence::Commented { project, comment: id, edited: true });
        Ok(())
    }

    /// Removes a comment; only its author and maintainers may.
    pub(crate) fn delete_comment(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        id: u64,
    ) -> Result<(), Refusal> {
        if self.comment_of(project, number, id)?.author != person {
            self.require(project, person, Role::Maintainer)?;
        }
        if let Some(comment) = self.project_mut(project)?.comments.remove(&id) {
            self.tell(&Occurrence::Uncommented { project, by: person, comment });
        }
        Ok(())
    }

    /// Puts a sign on a comment; each person puts each sign once.
    pub(crate) fn react(
        &mut self,
        project: u64,
        person: u64,
        number: u64,
        id: u64,
        name: &str,
    ) -> Result<Reaction, Refusal> {
        self.require(project, person, Role::Guest)?;
        let present = self.comment_of(project, number, id)?.reactions.iter();
        if present.clone().any(|reaction| reaction.by == person && reaction.name == name) {
            return Err(Refusal::NotFound("404 Award Emoji Name has already been taken".to_owned()));
        }
        let reaction =
            Reaction { id: self.next("reaction", 701), by: person, name: name.to_owned(), at: self.now() };
        if let Some(comment) = self.project_mut(project)?.comments.get_mut(&id) {
            comment.reactions.push(reaction.clone());
        }
        Ok(reaction)
    }

    /// Does what the forge's own commands in a comment ask for, with the writer's rights.
    fn obey(&mut self, project: u64, person: u64, number: u64, commands: &[String]) -> Result<(), Refusal> {
        for command in commands {
            let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            // What a person may not do is silently not done, as on the real forge.
            let _unheard = match word {
                "/approve" => self.approve(project, person, number, None).map(drop),
                "/unapprove" => self.unapprove(project, person, number),
                "/close" => self.close(project, person, number),
                "/reopen" => self.reopen(project, person, number),
                "/merge" => self.merge(project, person, number, &super::MergeWish::default()).map(drop),
                "/label" | "/labels" => self.change_labels(project, person, number, &words(rest), &[]),
                "/unlabel" | "/remove_label" => {
                    self.change_labels(project, person, number, &[], &words(rest))
                }
                "/title" => self.retitle(project, person, number, rest.trim()),
                "/target_branch" => self.retarget(project, person, number, rest.trim()),
                _ => Ok(()),
            };
        }
        Ok(())
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| word.trim_start_matches('~').trim_matches('"').to_owned()).collect()
}
