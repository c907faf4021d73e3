//! What operators own is written through the gate only: no statement that changes such a table stands outside a `const`, and every function
//! that runs one takes a `GateTx`, which nobody but the gate can make.

use std::fs;
use std::path::{Path, PathBuf};

/// Tables that operators own.
const TABLES: [&str; 18] = [
    "incident", "incident_number", "incident_label", "incident_event", "user_account", "api_token", "flag", "flag_prerequisite", "flag_revision",
    "flag_ramp", "flag_schedule", "maintenance_window", "maintenance_series", "maintenance_bypass", "published", "deploy", "deploy_target",
    "queue_run",
];
/// No act of an operator: when an account and a token were used last, what the provider says of a service, and what goes when its time is over
/// (bypass tokens that expired, old revisions of flags, old runs). How far a run over jobs is, its executions write, each under an intent.
const BOOKKEEPING: [(&str, &str); 11] = [
    ("identity/account/store.rs", "signed_in"),
    ("identity/token/store.rs", "used"),
    ("deploys/outside/store.rs", "see"),
    ("maintenance/store.rs", "trim"),
    ("flags/definition/store.rs", "trim"),
    ("queues/run/store.rs", "insert"),
    ("queues/run/store.rs", "begin"),
    ("queues/run/store.rs", "progress"),
    ("queues/run/store.rs", "end"),
    ("queues/run/store.rs", "archived"),
    ("queues/run/store.rs", "trim"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            files(&path, found);
        } else if name.ends_with(".rs") && !["tests.rs", "testing.rs"].contains(&name.as_str()) {
            found.push(path);
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a text holds a statement that changes one of the tables.
fn writes(text: &str) -> bool {
    let verbs = ["INSERT INTO ", "UPDATE ", "DELETE FROM "];
    verbs.iter().flat_map(|verb| text.split(*verb).skip(1)).any(|rest| {
        let table: String = rest.trim_start_matches("ONLY ").chars().take_while(|c| is_word(*c)).collect();
        TABLES.contains(&table.as_str())
    })
}

fn names(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The items of a file: each begins at a line that is not indented and is no attribute, comment or end.
fn items(code: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let begins = line.starts_with(|c: char| c.is_ascii_lowercase());
        if begins || items.is_empty() {
            items.push(String::new());
        }
        items.last_mut().unwrap().push_str(line);
        items.last_mut().unwrap().push('\n');
    }
    items
}

fn breaches(name: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let items = items(code);
    let is_const = |item: &&String| item.starts_with("const ") || item.starts_with("pub const ") || item.starts_with("pub(crate) const ");
    let word = |item: &str, after: &str| -> String { item.split(after).nth(1).unwrap_or_default().chars().take_while(|c| is_word(*c)).collect() };
    let statements: Vec<String> = items.iter().filter(is_const).filter(|item| writes(item)).map(|item| word(item, "const ")).collect();
    let mut found = Vec::new();
    for item in items.iter().filter(|item| !is_const(item)) {
        let runs = writes(item) || statements.iter().any(|statement| names(item, statement));
        let function = word(item, "fn ");
        let known = BOOKKEEPING.iter().any(|(file, allowed)| name.ends_with(file) && function == *allowed);
        let signature = item.split('{').next().unwrap_or_default();
        if runs && !known && !signature.contains("GateTx") {
            found.push(format!("{name}: {function} writes what operators own and takes no GateTx"));
        }
    }
    found
}

#[test]
fn what_operators_own_is_written_through_the_gate_only() {
    let mut all = Vec::new();
    ["crates/app/src", "crates/core/src", "crates/server/src", "crates/drivers/src"].iter().for_each(|below| files(&root().join(below), &mut all));
    let mut found = Vec::new();
    for path in all {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        found.extend(breaches(&name, &fs::read_to_string(&path).unwrap()));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_write_round_the_gate_is_found() {
    let round = "const CLOSE: &str = \"UPDATE incident SET status = 'CLOSED'\";\npub async fn close(tx: &mut Tx) {\n    tx.exec(CLOSE).await\n}\n";
    assert_eq!(breaches("store.rs", round).len(), 1);
    assert_eq!(breaches("store.rs", &round.replace("&mut Tx", "&mut GateTx<'_>")).len(), 0);
    assert_eq!(breaches("verb.rs", "async fn close() {\n    db.write(\"DELETE FROM flag WHERE key = $1\")\n}\n").len(), 1);
    assert_eq!(breaches("verb.rs", "async fn close() {\n    db.write(\"DELETE FROM flag_usage WHERE key = $1\")\n}\n").len(), 0);
}
