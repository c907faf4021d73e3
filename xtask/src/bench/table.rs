//! Figures as a table that reads well in a terminal and in a document.

/// A table with a heading, rows and notes.
pub struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// An empty table.
    pub fn new<const N: usize>(columns: [&'static str; N]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// Adds a line below the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// As Markdown, columns aligned.
    pub fn markdown(&self) -> String {
        let width = |index: usize, heading: &str| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
            cells.chain([heading.chars().count(), 3]).max().unwrap_or(3)
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(|(index, heading)| width(index, heading)).collect();
        let line = |cells: &mut dyn Iterator<Item = String>| -> String {
            let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("| {} |\n", padded.join(" | "))
        };
        let mut text = line(&mut self.columns.iter().map(ToString::to_string));
        text += &line(&mut widths.iter().map(|width| "-".repeat(*width)));
        for row in &self.rows {
            text += &line(&mut row.iter().cloned());
        }
        for note in &self.notes {
            text += &format!("\n{note}\n");
        }
        text
    }
}

/// Milliseconds with as many digits as they deserve.
pub fn millis(seconds: f64) -> String {
    let value = seconds * 1e3;
    if value < 10.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") }
}

/// Bytes as kB or MB of 1000.
pub fn bytes(count: u64) -> String {
    let count = count as f64;
    if count < 1e6 { format!("{:.1} kB", count / 1e3) } else { format!("{:.1} MB", count / 1e6) }
}

/// Smallest, middle and largest of some figures.
pub fn spread(mut figures: Vec<f64>, show: fn(f64) -> String) -> String {
    figures.sort_by(f64::total_cmp);
    match (figures.first(), figures.get(figures.len() / 2), figures.last()) {
        (Some(low), Some(middle), Some(high)) => format!("{} ({} to {})", show(*middle), show(*low), show(*high)),
        _ => "nothing measured".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["what", "figure"]);
        table.row(["cold start".into(), "12 ms".into()]);
        table.note("Five runs.");
        assert_eq!(table.markdown(), "| what       | figure |\n| ---------- | ------ |\n| cold start | 12 ms  |\n\nFive runs.\n");
    }

    #[test]
    fn the_middle_comes_first() {
        assert_eq!(spread(vec![0.3, 0.1, 0.2], millis), "200 ms (100 ms to 300 ms)");
    }
}
