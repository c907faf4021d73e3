//! Guards the plan of the house: what may import what, how long files get, and that the documents tell the truth.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of a source file.
const MAX_LINES: usize = 400;
/// Most SQL texts that differ between the databases, over all crates.
const DIALECT_BUDGET: usize = 25;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join(below), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            // Helpers of unit tests: `#[cfg(test)] mod testing`.
            if name.ends_with("/testing.rs") || (name.contains("/src/") && (name.contains("/tests/") || name.ends_with("/tests.rs"))) {
                return;
            }
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    });
    found
}

fn walk(directory: &Path, visit: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules", ".git", "quarterdeck-data"].contains(&name.as_str()) {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}

/// The part of a file that ships: without its test module and without comments.
fn shipped(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn assert_never(below: &str, only: impl Fn(&str) -> bool, never: &[&str]) {
    let mut breaches = Vec::new();
    for (name, text) in sources(below).into_iter().filter(|(name, _)| only(name)) {
        let code = shipped(&text);
        breaches.extend(never.iter().filter(|word| code.contains(**word)).map(|word| format!("{name} names {word}")));
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn crates_depend_only_downwards() {
    let of_ours = |krate: &str| {
        let manifest = fs::read_to_string(root().join("crates").join(krate).join("Cargo.toml")).unwrap();
        let ours = ["engine", "qd_core", "drivers", "app", "client", "marketplace"];
        let needs = manifest.split("[dev-dependencies]").next().unwrap_or_default().to_owned();
        ours.into_iter()
            .filter(|name| needs.lines().any(|line| line.starts_with(&format!("{name}.")) || line.starts_with(&format!("{name} ="))))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_ours("engine"), Vec::<&str>::new());
    assert_eq!(of_ours("client"), Vec::<&str>::new());
    assert_eq!(of_ours("core"), ["engine"]);
    assert_eq!(of_ours("drivers"), ["engine", "qd_core"]);
    assert_eq!(of_ours("app"), ["engine", "qd_core"]);
    assert!(of_ours("marketplace").iter().all(|name| ["engine", "client"].contains(name)));
}

#[test]
fn modules_of_the_app_keep_the_import_law() {
    assert_never("crates/app/src/ui", |_| true, &["crate::web", "crate::features", "crate::views"]);
    assert_never("crates/app/src/web", |_| true, &["crate::features", "crate::views"]);
    assert_never("crates/app/src/views", |_| true, &["::store", "qd_core::port", "engine::"]);
    assert_never("crates/core/src", |_| true, &["axum", "maud", "reqwest"]);
    let store = |name: &str| name.ends_with("/store.rs") || name.contains("/store/");
    assert_never("crates/app/src/features", store, &["axum", "maud", "qd_core::port", "crate::web", "crate::ui"]);
    let pages = |name: &str| name.ends_with("/pages.rs") || name.contains("/pages/");
    assert_never("crates/app/src/features", pages, &["engine::db", "engine::Db", "qd_core::port", "super::store"]);
}

/// One feature never reaches into another's `store` or `pages`.
#[test]
fn features_meet_by_events_and_public_verbs() {
    let mut breaches = Vec::new();
    for (name, text) in sources("crates/app/src/features") {
        let own = name.trim_start_matches("crates/app/src/features/").split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        for line in shipped(&text).lines() {
            let Some(rest) = line.split("features::").nth(1) else { continue };
            let other = rest.split("::").next().unwrap_or_default();
            if other != own && (rest.contains("::store") || rest.contains("::pages")) {
                breaches.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// Actors are made where callers are proved, and nowhere else.
#[test]
fn actors_are_made_in_few_places() {
    let allowed = [
        ("Actor::user(", "crates/app/src/features/identity/"),
        ("Actor::token(", "crates/app/src/features/identity/"),
        ("Actor::cli(", "crates/server/src/commands/"),
        ("Actor::cli(", "crates/app/src/features/identity/"),
        ("Actor::system(", "crates/server/src/"),
        ("Actor::system(", "crates/app/src/features/identity/"),
    ];
    let mut breaches = Vec::new();
    for (name, text) in ["crates/app/src", "crates/server/src", "crates/drivers/src"].into_iter().flat_map(sources) {
        let code = shipped(&text);
        for maker in ["Actor::user(", "Actor::token(", "Actor::cli(", "Actor::system("] {
            if code.contains(maker) && !allowed.iter().any(|(word, place)| *word == maker && name.starts_with(place)) {
                breaches.push(format!("{name} calls {maker}…)"));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// Only the audit module writes the trail, only stores hold SQL.
#[test]
fn the_trail_has_one_writer() {
    let writers: Vec<String> = ["crates", "xtask"]
        .into_iter()
        .flat_map(sources)
        .filter(|(name, text)| !name.contains("/tests/") && shipped(text).contains("INTO audit_event"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(writers, ["crates/core/src/audit/mod.rs"]);
}

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for place in ["crates", "xtask"] {
        // Tests, too: a reader has to find his way in them.
        walk(&root().join(place), &mut |path| {
            let lines = || fs::read_to_string(path).unwrap().lines().count();
            if path.extension().is_some_and(|extension| extension == "rs") && lines() > MAX_LINES {
                long.push(format!("{}: {}", path.display(), lines()));
            }
        });
    }
    assert!(long.is_empty(), "longer than {MAX_LINES} lines: {long:#?}");
}

#[test]
fn dialect_forks_are_few_and_explained() {
    let mut forks = 0;
    let mut silent = Vec::new();
    for (name, text) in ["crates/app/src", "crates/core/src", "crates/server/src"].into_iter().flat_map(sources) {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if line.contains(".pick(") || line.contains("dialect() ==") {
                forks += 1;
                let near = lines[at.saturating_sub(4)..=at].join("\n").to_lowercase();
                if !near.contains("differs because") {
                    silent.push(format!("{name}:{}", at + 1));
                }
            }
        }
    }
    assert!(silent.is_empty(), "no comment says why: {silent:#?}");
    assert!(forks <= DIALECT_BUDGET, "{forks} forks");
}

#[test]
fn migrations_are_twins() {
    for place in ["migrations", "crates/engine/migrations", "crates/marketplace/migrations"] {
        let names = |dialect: &str| {
            let list = fs::read_dir(root().join(place).join(dialect)).unwrap();
            list.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect::<BTreeSet<_>>()
        };
        assert_eq!(names("sqlite"), names("postgres"), "{place}");
    }
}

/// Every path and every feature that the documents name exists.
#[test]
fn documents_name_what_exists() {
    let mut missing = Vec::new();
    let manual = |name: &str| ["ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "README.md"].contains(&name) || name.starts_with("docs/");
    walk(&root(), &mut |path| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "md") && manual(&name) {
            let text = fs::read_to_string(path).unwrap();
            for word in text.split('`').skip(1).step_by(2) {
                let named = ["crates/", "migrations/", "assets/", "docs/", "e2e/", "xtask/", "fuzz/"].iter().any(|start| word.starts_with(start));
                let plain = !word.contains(['*', '{', '<', ' ', '…']) && !word.contains("NAME") && !word.contains("NNNN");
                if named && plain && !root().join(word.split(':').next().unwrap()).exists() {
                    missing.push(format!("{name}: {word}"));
                }
            }
        }
    });
    assert!(missing.is_empty(), "{missing:#?}");
    let drawn = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let features =
        fs::read_dir(root().join("crates/app/src/features")).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let absent: Vec<String> = features
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .filter(|name| !["mod", "testing"].contains(&name.as_str()) && !drawn.contains(name.as_str()))
        .collect();
    assert!(absent.is_empty(), "ARCHITECTURE.md does not name the features {absent:?}");
}
