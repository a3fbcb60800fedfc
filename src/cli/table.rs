//! Tables for a terminal.

use crate::domain::Sheet;

/// A sheet for a terminal: columns are as wide as they must be.
pub(super) fn text(sheet: &Sheet) -> String {
    let lines: Vec<&Vec<String>> = std::iter::once(&sheet.columns).chain(&sheet.rows).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = format!("{}\n", plain(&sheet.title.replace('`', "")));
    for note in &sheet.notes {
        text.push_str(&plain(&note.replace('`', "")));
        text.push('\n');
    }
    for line in lines.iter().filter(|_| !sheet.rows.is_empty()) {
        let cells = line.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        text.push_str(plain(&cells.collect::<Vec<_>>().join("  ")).trim_end());
        text.push('\n');
    }
    text
}

/// What others wrote moves no cursor and breaks no line.
fn plain(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let sheet = Sheet {
            title: "Two of `iris`.".to_owned(),
            columns: row(["version", "live in"]),
            rows: vec![row(["v2", "staging"]), row(["v10-long", ""])],
            ..Sheet::default()
        };
        assert_eq!(text(&sheet), "Two of iris.\nversion   live in\nv2        staging\nv10-long\n");
        let foreign = Sheet { rows: vec![row(["v1\u{1b}[2J", "a\nb"])], ..sheet.clone() };
        assert_eq!(text(&foreign), "Two of iris.\nversion  live in\nv1 [2J   a b\n");
        let empty = Sheet { rows: Vec::new(), ..sheet };
        assert_eq!(text(&empty), "Two of iris.\n");
    }
}
