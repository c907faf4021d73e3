//! What must not compile (laws 1 and 4). Each file in `tests/seams` of core and app goes round a seam and says beside each fault `//~`, the code of
//! the compiler's error and a piece of its text. It is compiled against the library that these tests are linked with, so nothing is built again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn nothing_changes_round_the_gate() {
    refused("core", "qd_core");
}

#[test]
fn a_route_without_access_does_not_compile() {
    refused("app", "app");
}

/// Compiles each file of a crate. It may use that crate's library alone: another's could be there in several builds.
fn refused(folder: &str, library: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("tests/seams");
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let announced = announced(&std::fs::read_to_string(&file).unwrap());
        let errors = errors(&file, library);
        let rendered = || errors.iter().map(|error| error["rendered"].as_str().unwrap_or_default()).collect::<String>();
        assert!(!announced.is_empty(), "{} announces no error; it has these:\n{}", file.display(), rendered());
        assert_eq!(errors.len(), announced.len(), "{}:\n{}", file.display(), rendered());
        for (line, code, words) in announced {
            let meant = |error: &&Value| error["code"]["code"] == code.as_str() && primary_line(error) == Some(line);
            let found = errors.iter().find(meant).unwrap_or_else(|| panic!("no {code} in {}:{line}, but\n{}", file.display(), rendered()));
            assert!(said(found).contains(&words), "{}:{line} speaks of {words:?}, the compiler says\n{}", file.display(), said(found));
        }
    }
}

/// Line, code and words of each comment `//~ E0308 expected …`.
fn announced(source: &str) -> Vec<(u64, String, String)> {
    let comments = source.lines().zip(1..).filter_map(|(line, number)| Some((number, line.split_once("//~ ")?.1)));
    comments.map(|(number, told)| told.split_once(' ').map(|(code, words)| (number, code.into(), words.into())).unwrap()).collect()
}

/// What the compiler says: its message and its marks, without the lines of source that it shows.
fn said(error: &Value) -> String {
    let marks = error["spans"].as_array().unwrap().iter().map(|span| &span["label"]);
    [&error["message"]].into_iter().chain(marks).filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

fn primary_line(error: &Value) -> Option<u64> {
    error["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?["line_start"].as_u64()
}

/// The compiler's errors about a file.
fn errors(file: &Path, library: &str) -> Vec<Value> {
    let out = TempDir::new().unwrap();
    let built = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut link = OsString::from(format!("{library}="));
    link.push(newest(&built, library));
    let compiler = Path::new(env!("CARGO")).with_file_name("rustc");
    let mut command = Command::new(compiler);
    command.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--error-format", "json", "--allow", "warnings", "--extern"]);
    command.arg(link).arg("-L").arg(format!("dependency={}", built.display())).arg("--out-dir").arg(out.path()).arg(file);
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{} compiles", file.display());
    let written = String::from_utf8(output.stderr).unwrap();
    let messages = written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("the compiler said: {written}")));
    // The last one only counts the others.
    let errors = messages.filter(|message| message["level"] == "error" && !message["message"].as_str().unwrap().starts_with("aborting due to"));
    errors.collect()
}

/// Cargo keeps a build for each choice of features; the newest is of today's source, because the one that these tests use is.
fn newest(built: &Path, library: &str) -> PathBuf {
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.strip_prefix("lib")
            .and_then(|name| name.strip_suffix(".rlib"))
            .and_then(|name| name.rsplit_once('-'))
            .is_some_and(|(name, _)| name == library)
    };
    let written = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let builds = std::fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path()).filter(named);
    builds.max_by_key(written).unwrap()
}
