//! The headings of a Markdown file, and under which of them something is said: from its tree, so that
//! what stands in code, quotes or comments is no heading.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};

use super::front_matter;

/// The most headings that are read.
const MOST_HEADINGS: usize = 1_000;
/// The most characters of a heading.
const LONGEST_HEADING: usize = 200;
/// The most characters of a block that are looked at.
const LONGEST_BLOCK: usize = 200;
/// What templates and people write where nothing is said yet.
const PLACEHOLDERS: [&str; 5] = ["[more information needed]", "todo", "tbd", "tba", "…"];

/// What a card is judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// What is wrong with its front matter, in a sentence.
    pub front_matter: Option<String>,
    /// Its headings outside of quotes, lists and tables, in order.
    pub headings: Vec<Heading>,
    /// Whether there are more headings than are read.
    #[serde(default)]
    pub more_headings: bool,
    /// Whether nothing at all is said after the front matter.
    pub empty: bool,
}

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// Its text, without marks.
    pub text: String,
    /// Whether anything is said below it, before the next heading that is as high.
    pub filled: bool,
}

/// Reads a card.
///
/// # Errors
/// Why these bytes are no text.
pub fn outline(bytes: &[u8]) -> Result<Outline, String> {
    let text = std::str::from_utf8(bytes).map_err(|_error| "it is no text in UTF-8".to_owned())?;
    // Every form of line end is one to Markdown; here they become the same.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let (front_matter, body) = front_matter::split(&text);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut walk =
        Walk { outline: Outline { front_matter, empty: true, ..Outline::default() }, ..Walk::default() };
    for event in Parser::new_ext(body, options) {
        walk.step(&event);
    }
    walk.end_block();
    Ok(walk.outline)
}

#[derive(Default)]
struct Walk {
    outline: Outline,
    /// Open headings by place and level, the lowest last: what is said is said under all of them.
    above: Vec<(usize, HeadingLevel)>,
    /// How many blocks are open.
    depth: usize,
    /// The heading whose text is being read.
    heading: Option<String>,
    /// The HTML block that is being read.
    html: Option<String>,
    /// The beginning of the block that is being read.
    said: String,
    /// Whether the block shows something beside its text.
    shows: bool,
}

impl Walk {
    fn step(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::Image { .. }) => self.shows = true,
            Event::Start(tag) if is_inline(tag.to_end()) => {}
            Event::End(tag) if is_inline(*tag) => {}
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(*tag),
            Event::Text(text) | Event::Code(text) => self.text(text),
            Event::InlineMath(_) | Event::DisplayMath(_) => self.shows = true,
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            Event::Html(html) => {
                if let Some(block) = &mut self.html {
                    block.push_str(html);
                }
            }
            Event::InlineHtml(_) | Event::Rule | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        self.end_block();
        match tag {
            Tag::Heading { .. } if self.depth == 0 => self.heading = Some(String::new()),
            Tag::HtmlBlock => self.html = Some(String::new()),
            _ => {}
        }
        self.depth += 1;
    }

    fn close(&mut self, tag: TagEnd) {
        self.depth = self.depth.saturating_sub(1);
        match (tag, self.heading.take(), self.html.take()) {
            (TagEnd::Heading(level), Some(text), _) => self.found(&text, level),
            (TagEnd::HtmlBlock, _, Some(html)) => self.shows |= is_visible(&html),
            _ => {}
        }
        self.end_block();
    }

    fn text(&mut self, text: &str) {
        let (target, most) = match &mut self.heading {
            Some(heading) => (heading, LONGEST_HEADING),
            None => (&mut self.said, LONGEST_BLOCK),
        };
        let left = most.saturating_sub(target.chars().count());
        target.extend(text.chars().take(left));
    }

    fn found(&mut self, text: &str, level: HeadingLevel) {
        while self.above.pop_if(|(_, above)| *above >= level).is_some() {}
        if self.outline.headings.len() >= MOST_HEADINGS {
            self.outline.more_headings = true;
            return;
        }
        self.above.push((self.outline.headings.len(), level));
        self.outline.headings.push(Heading { text: text.trim().to_owned(), filled: false });
    }

    /// Ends a block of text: something is said, unless it is blank or only keeps the place.
    fn end_block(&mut self) {
        let said = std::mem::take(&mut self.said);
        let said = said.trim();
        let placeholder = PLACEHOLDERS.contains(&said.to_lowercase().trim_end_matches(['.', ':']));
        if !(std::mem::take(&mut self.shows) || !said.is_empty() && !placeholder) {
            return;
        }
        self.outline.empty = false;
        for (place, _) in &self.above {
            if let Some(heading) = self.outline.headings.get_mut(*place) {
                heading.filled = true;
            }
        }
    }
}

/// Whether a tag stands within a block of text.
const fn is_inline(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image
    )
}

/// Whether a block of HTML shows anything: text outside of tags and comments, or a picture.
fn is_visible(html: &str) -> bool {
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        if !before.trim().is_empty() {
            return true;
        }
        rest = match after.strip_prefix("!--") {
            Some(comment) => comment.split_once("-->").map_or("", |(_, rest)| rest),
            None if after.get(..3).is_some_and(|tag| tag.eq_ignore_ascii_case("img")) => return true,
            None => after.split_once('>').map_or("", |(_, rest)| rest),
        };
    }
    !rest.trim().is_empty()
}
