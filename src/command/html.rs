//! Which HTML elements are open: what stands in them may be folded away, struck out or quoted.

/// Elements whose content is not an ordinary paragraph. Elements without an end tag or with an optional
/// one are left out, and so is anything else in angle brackets: `<name>` is how people write a blank.
const ENCLOSING: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "button",
    "canvas",
    "center",
    "cite",
    "code",
    "data",
    "del",
    "details",
    "dfn",
    "dialog",
    "div",
    "dl",
    "em",
    "fieldset",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "i",
    "iframe",
    "ins",
    "kbd",
    "label",
    "main",
    "mark",
    "math",
    "menu",
    "nav",
    "noscript",
    "object",
    "ol",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "template",
    "textarea",
    "time",
    "title",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "xmp",
];

/// Deepest nesting that is followed; beyond it nothing is an ordinary paragraph any more.
const DEEPEST: usize = 64;

/// The open elements at some point of a document.
#[derive(Debug, Default)]
pub(super) struct OpenElements {
    names: Vec<&'static str>,
    lost: bool,
}

impl OpenElements {
    /// Whether the text that follows stands in an element.
    pub(super) fn enclose(&self) -> bool {
        self.lost || !self.names.is_empty()
    }

    /// Follows the tags in a piece of HTML.
    pub(super) fn follow(&mut self, html: &str) {
        let mut rest = html;
        while let Some((_before, after)) = rest.split_once('<') {
            rest = match after.strip_prefix("!--") {
                Some(comment) => after_comment(comment),
                None => self.tag(after),
            };
        }
    }

    /// Takes one tag, given what follows its `<`; returns what follows the tag.
    fn tag<'a>(&mut self, after: &'a str) -> &'a str {
        let (closing, name_on) = match after.strip_prefix('/') {
            Some(name_on) => (true, name_on),
            None => (false, after),
        };
        let length = name_on.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (name, attributes) = name_on.split_at(length);
        let Some(name) = ENCLOSING.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            return name_on;
        };
        let (inside, rest) = end_of_tag(attributes);
        if closing {
            if let Some(opened) = self.names.iter().rposition(|open| open == name) {
                self.names.truncate(opened);
            }
        } else if !inside.ends_with('/') {
            self.names.push(name);
            self.lost |= self.names.len() > DEEPEST;
            self.names.truncate(DEEPEST);
        }
        rest
    }
}

/// What follows a comment, given what follows its `<!--`.
fn after_comment(comment: &str) -> &str {
    if let Some(rest) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
        return rest;
    }
    comment.split_once("-->").map_or("", |(_hidden, rest)| rest)
}

/// Splits at the `>` that ends a tag, which is not one within quotes.
fn end_of_tag(attributes: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in attributes.char_indices() {
        match (quote, c) {
            (None, '>') => {
                let (inside, rest) = attributes.split_at(at);
                return (inside, rest.strip_prefix('>').unwrap_or(rest));
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    (attributes, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn encloses(html: &str, expected: bool) {
        let mut elements = OpenElements::default();
        elements.follow(html);
        assert_eq!(elements.enclose(), expected, "{html}");
    }

    #[test]
    fn an_element_encloses_until_its_end_tag() {
        for html in ["<details>", "<DETAILS open>", "<b", "<a title='>'>", "<i></b>", "<b><!-- </b> -->"] {
            encloses(html, true);
        }
        for html in [
            "",
            "</b>",
            "<b></b>",
            "<b><i></b>",
            "<b/>",
            "<br>",
            "<img src=x>",
            "<name>",
            "a < b",
            "<!-- <b> -->",
            "<!--> <!-- <b>",
            "<p>",
            "<a title='</a>'></a>",
            "<b></B\n>",
        ] {
            encloses(html, false);
        }
    }

    #[test]
    fn endless_nesting_is_given_up_not_followed() {
        let deep = "<div>".repeat(100_000);
        encloses(&(deep + &"</div>".repeat(100_000)), true);
    }
}
