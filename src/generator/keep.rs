//! People's own lines in a generated file: what stands between keep and end marks survives.

use super::GenerateError;

const KEEP: &str = "# mergewright:keep ";
const END: &str = "# mergewright:end ";

/// A named block and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    name: String,
    lines: Vec<String>,
}

impl Block {
    /// Its name, where anything but white space stands in it.
    pub(super) fn written(self) -> Option<String> {
        self.lines.iter().any(|line| !line.trim().is_empty()).then_some(self.name)
    }
}

/// The blocks of a file, in their order.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, GenerateError> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: String| Err(GenerateError::Marks { line: index + 1, what });
        match (mark(line, KEEP), mark(line, END), &mut open) {
            (Some(name), _, Some((_, block))) => {
                return wrong(format!("`{name}` begins inside of `{}`", block.name));
            }
            (Some(name), _, None) if found.iter().any(|block| block.name == name) => {
                return wrong(format!("a second block is called `{name}`"));
            }
            (Some(name), _, None) => {
                open = Some((index + 1, Block { name: name.to_owned(), lines: Vec::new() }))
            }
            (_, Some(name), Some((_, block))) if block.name == name => {
                found.extend(open.take().map(|(_, b)| b))
            }
            (_, Some(name), _) => return wrong(format!("`{name}` ends here and did not begin")),
            (None, None, Some((_, block))) => block.lines.push(line.to_owned()),
            (None, None, None) => {}
        }
    }
    match open {
        Some((line, block)) => {
            Err(GenerateError::Marks { line, what: format!("`{}` has no end", block.name) })
        }
        None => Ok(found),
    }
}

/// `text` with the kept lines back in their blocks; blocks that `text` does not have come last.
pub(super) fn restore(text: String, kept: &[Block]) -> String {
    // A file that is written for the first time.
    if kept.is_empty() && text.ends_with('\n') && !text.contains('\r') {
        return text;
    }
    let mut result = String::with_capacity(text.len());
    let mut placed: Vec<&str> = Vec::new();
    let mut add = |line: &str| {
        result.push_str(line);
        result.push('\n');
    };
    let mut replaced = false;
    for line in text.lines() {
        replaced &= mark(line, END).is_none();
        if !replaced {
            add(line);
        }
        let block = mark(line, KEEP).and_then(|name| kept.iter().find(|block| block.name == name));
        if let Some(block) = block {
            block.lines.iter().for_each(|line| add(line));
            placed.push(&block.name);
            replaced = true;
        }
    }
    for block in kept.iter().filter(|block| !placed.contains(&block.name.as_str()) && !block.lines.is_empty())
    {
        add("");
        add(&format!("{KEEP}{}", block.name));
        block.lines.iter().for_each(|line| add(line));
        add(&format!("{END}{}", block.name));
    }
    result
}

fn mark<'l>(line: &'l str, mark: &str) -> Option<&'l str> {
    let name = line.trim_start().strip_prefix(mark)?.trim();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_lines_survive_and_unknown_blocks_come_last() {
        let old = "a\n  # mergewright:keep one\n  mine\r\n\n  # mergewright:end one\nb\n# mergewright:keep gone\nx\n# mergewright:end gone\n";
        let fresh = "new\n# mergewright:keep one\n# mergewright:end one\n# mergewright:keep two\n# mergewright:end two\n";
        let restored = restore(fresh.to_owned(), &blocks(old).unwrap());
        assert_eq!(
            restored,
            "new\n# mergewright:keep one\n  mine\n\n# mergewright:end one\n# mergewright:keep two\n# mergewright:end two\n\n# mergewright:keep gone\nx\n# mergewright:end gone\n"
        );
        assert_eq!(
            restore(restored.clone(), &blocks(&restored).unwrap()),
            restored,
            "and stay where they are"
        );
    }

    #[test]
    fn broken_marks_are_refused_with_their_line() {
        for (text, line) in [
            ("# mergewright:keep a\n", 1),
            ("x\n# mergewright:end a\n", 2),
            ("# mergewright:keep a\n# mergewright:keep b\n", 2),
            ("# mergewright:keep a\n# mergewright:end b\n", 2),
            ("# mergewright:keep a\n# mergewright:end a\n# mergewright:keep a\n# mergewright:end a\n", 3),
        ] {
            match blocks(text) {
                Err(GenerateError::Marks { line: found, .. }) => assert_eq!(found, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
