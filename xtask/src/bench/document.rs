//! Sections of `docs/benchmarks.md` between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`.

use std::fs;
use std::process::Command;

use super::proc;
use super::table::Table;
use crate::{Result, repo};

/// Replaces a section with the table and the facts of the run.
pub fn write(name: &str, table: &Table) -> Result<()> {
    let path = repo::root().join("docs/benchmarks.md");
    let text = fs::read_to_string(&path)?;
    let facts = format!("{}; {}; commit {}; `cargo xtask bench {name}`", said(&["date", "-u", "+%Y-%m-%d"]), proc::machine(), commit());
    let section = format!("{}\n_{facts}_", table.markdown().trim_end());
    fs::write(&path, replaced(&text, name, &section)?)?;
    println!("written to {}", path.display());
    Ok(())
}

fn replaced(text: &str, name: &str, section: &str) -> Result<String> {
    let (open, close) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
    let missing = || format!("docs/benchmarks.md has no section {open} … {close}");
    let (head, rest) = text.split_once(&open).ok_or_else(missing)?;
    let (_, tail) = rest.split_once(&close).ok_or_else(missing)?;
    Ok(format!("{head}{open}\n\n{section}\n\n{close}{tail}"))
}

fn commit() -> String {
    said(&["git", "rev-parse", "--short", "HEAD"])
}

fn said(words: &[&str]) -> String {
    let output = words.split_first().and_then(|(program, rest)| Command::new(program).current_dir(repo::root()).args(rest).output().ok());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_section_changes() {
        let text = "a\n<!-- bench:start -->\nold\n<!-- /bench:start -->\nb\n<!-- bench:pages -->\nkept\n<!-- /bench:pages -->\n";
        let new = replaced(text, "start", "new").unwrap();
        assert_eq!(new, text.replace("\nold\n", "\n\nnew\n\n"));
        assert!(replaced(text, "audit", "new").is_err());
    }
}
