//! Finds the lines of a comment that may be commands.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::html::OpenElements;

/// A line whose first word addresses us.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// As written.
    pub(super) source: String,
    /// As shown: entities and escapes resolved.
    pub(super) text: String,
    /// Whether anything in it is more than text.
    pub(super) formatted: bool,
}

/// The addressed plain-text lines of ordinary paragraphs and list items.
pub(super) fn lines(body: &str, addressed: impl Fn(&str) -> bool) -> Vec<Line> {
    // Every form of line end is one to Markdown; here they become the same.
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut walk = Walk {
        body: &body,
        addressed,
        foreign_blocks: 0,
        formats: 0,
        elements: OpenElements::default(),
        html: None,
        line: None,
        code: Vec::new(),
        found: Vec::new(),
    };
    for (event, range) in Parser::new_ext(&body, options).into_offset_iter() {
        walk.step(event, range);
    }
    walk.flush();
    let quoted = quoted_by_fences(&body, &walk.code);
    let mut quoted = quoted.into_iter().peekable();
    let mut found = walk.found;
    found.retain(|(start, _line)| {
        while quoted.next_if(|quote| quote.end <= *start).is_some() {}
        !quoted.peek().is_some_and(|quote| quote.contains(start))
    });
    found.into_iter().map(|(_start, line)| line).collect()
}

/// The line that is being put together.
struct Unfinished {
    /// Where it and its end stand in the source.
    range: Range<usize>,
    text: String,
    formatted: bool,
    /// Whether it does not begin as plain text of an ordinary paragraph.
    barred: bool,
}

struct Walk<'a, F> {
    body: &'a str,
    addressed: F,
    /// How many blocks are open that are neither paragraph nor list.
    foreign_blocks: usize,
    /// How many of emphasis, links and the like are open.
    formats: usize,
    elements: OpenElements,
    /// The HTML block that is being read.
    html: Option<String>,
    line: Option<Unfinished>,
    /// Where code blocks stand.
    code: Vec<Range<usize>>,
    found: Vec<(usize, Line)>,
}

impl<F: Fn(&str) -> bool> Walk<'_, F> {
    fn step(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) if is_format(&tag.to_end()) => {
                self.inline(range, None);
                self.formats += 1;
            }
            Event::End(tag) if is_format(&tag) => self.formats = self.formats.saturating_sub(1),
            Event::Start(tag) => self.open(&tag, range),
            Event::End(tag) => self.close(tag),
            Event::Text(text) => self.inline(range, Some(&text)),
            Event::Html(html) => match &mut self.html {
                Some(block) => block.push_str(&html),
                None => self.elements.follow(&html),
            },
            Event::InlineHtml(html) => {
                self.inline(range, None);
                self.elements.follow(&html);
            }
            Event::SoftBreak | Event::HardBreak | Event::Rule => self.flush(),
            Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => self.inline(range, None),
        }
    }

    fn open(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        self.flush();
        match tag {
            Tag::Paragraph | Tag::List(_) | Tag::Item => {}
            Tag::CodeBlock(_) => {
                self.code.push(range);
                self.foreign_blocks += 1;
            }
            Tag::HtmlBlock => {
                self.html = Some(String::new());
                self.foreign_blocks += 1;
            }
            _ => self.foreign_blocks += 1,
        }
    }

    fn close(&mut self, tag: TagEnd) {
        self.flush();
        match tag {
            TagEnd::Paragraph | TagEnd::List(_) | TagEnd::Item => {}
            _ => self.foreign_blocks = self.foreign_blocks.saturating_sub(1),
        }
        if tag == TagEnd::HtmlBlock
            && let Some(block) = self.html.take()
        {
            self.elements.follow(&block);
        }
    }

    /// A piece of the current line: plain text, or something else.
    fn inline(&mut self, range: Range<usize>, text: Option<&str>) {
        let plain = text.is_some() && self.formats == 0;
        let line = self.line.get_or_insert_with(|| Unfinished {
            range: range.clone(),
            text: String::new(),
            formatted: false,
            barred: !plain || self.foreign_blocks > 0 || self.elements.enclose(),
        });
        line.range.end = line.range.end.max(range.end);
        line.formatted |= !plain;
        if !line.barred {
            line.text.push_str(text.unwrap_or_default());
        }
    }

    /// Ends the current line and keeps it if it addresses us.
    fn flush(&mut self) {
        let Some(line) = self.line.take().filter(|line| !line.barred) else { return };
        let source = self.body.get(line.range.clone()).unwrap_or_default();
        // Something formatted may reach over the line's end.
        let source = source.lines().next().unwrap_or_default();
        let word = line.text.split_whitespace().next().unwrap_or_default();
        // An address that was escaped or spelt with entities is shown, not said.
        let escaped = self.body.get(..line.range.start).is_some_and(|before| before.ends_with('\\'));
        let literal = !escaped && source.split_whitespace().next().unwrap_or_default() == word;
        if literal && (self.addressed)(word) {
            let found = Line { source: source.to_owned(), text: line.text, formatted: line.formatted };
            self.found.push((line.range.start, found));
        }
    }
}

/// Whether a tag stands within a line and makes it more than text.
const fn is_format(tag: &TagEnd) -> bool {
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

/// GitLab's block quotes between two lines of `>>>`, which plain Markdown does not know. One that is not
/// closed reaches to the end.
fn quoted_by_fences(body: &str, code: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut quotes = Vec::new();
    let mut opened: Option<(usize, usize)> = None;
    let mut code = code.iter().peekable();
    let mut start = 0;
    for line in body.split_inclusive('\n') {
        let here = start;
        start += line.len();
        while code.next_if(|block| block.end <= here).is_some() {}
        let fence = line.trim();
        let in_code = code.peek().is_some_and(|block| block.contains(&here));
        if in_code || fence.len() < 3 || !fence.bytes().all(|byte| byte == b'>') {
            continue;
        }
        opened = match opened {
            None => Some((here, fence.len())),
            Some((from, width)) if fence.len() >= width => {
                quotes.push(from..start);
                None
            }
            inside => inside,
        };
    }
    quotes.extend(opened.map(|(from, _width)| from..usize::MAX));
    quotes
}
