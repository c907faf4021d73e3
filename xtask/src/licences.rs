//! `cargo xtask licences`: what is linked into the program, by licence.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Result, repo};

/// Prints each licence with its packages. What may be there is decided by `deny.toml`.
pub fn run() -> Result<()> {
    let output = repo::cargo(["metadata", "--format-version", "1", "--locked"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut by_licence: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in metadata.get("packages").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| package.get(name).and_then(Value::as_str);
        // Packages without a source are our own.
        if package.get("source").is_some_and(|source| !source.is_null()) {
            let name = format!("{} {}", text("name").unwrap_or_default(), text("version").unwrap_or_default());
            by_licence.entry(text("license").unwrap_or("(file)")).or_default().push(name);
        }
    }
    for (licence, packages) in by_licence {
        println!("{licence} ({})\n  {}", packages.len(), packages.join(", "));
    }
    Ok(())
}
