use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Classes whose names are put together, or that a vendored script sets; `*` stands for the rest of a name.
/// `badge_kind`, colours of a chart's series, `skeleton`, a tone's key, swatches of the style guide, uPlot.
const BUILT: &[&str] = &["badge--*", "k1", "k2", "k3", "k4", "k5", "k6", "kcrit", "kbudget", "skel--*", "status--*", "sw--*", "u-cursor-x"];

fn files(folder: &Path, extension: &str, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("ui/tests") {
                files(&path, extension, out);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            out.push(path);
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Class names of the selectors: what follows a dot outside comments and declarations.
fn selectors(css: &str) -> BTreeSet<String> {
    let mut text = String::new();
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        rest = after.split_once("*/").unwrap().1;
    }
    text.push_str(rest);
    let mut found = BTreeSet::new();
    for prelude in text.split('{').map(|part| part.rsplit(['}', ';']).next().unwrap()) {
        for after in prelude.split('.').skip(1).filter(|after| after.starts_with(|c: char| c.is_ascii_alphabetic())) {
            found.insert(after.chars().take_while(|c| is_name(*c)).collect());
        }
    }
    found
}

/// Words that may be class names: everything in strings, and in Rust what maud reads as one (`div.card {`).
fn words(source: &str, quotes: &[char], maud: bool, out: &mut BTreeSet<String>) {
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (index, part) in line.split(quotes).enumerate() {
            if index % 2 == 1 {
                out.extend(part.split(|c| !is_name(c)).map(str::to_owned));
            } else if maud {
                for after in part.split('.').skip(1) {
                    let name: String = after.chars().take_while(|c| is_name(*c)).collect();
                    let next = after.chars().nth(name.len());
                    if next.is_none_or(|c| " {;[".contains(c)) {
                        out.insert(name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_class_selector_in_our_css_occurs_in_rust_or_js_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let assets = root.join("../../assets");
    let (mut css, mut rust, mut scripts) = (Vec::new(), Vec::new(), Vec::new());
    files(&assets.join("css"), "css", &mut css);
    files(&root.join("src"), "rs", &mut rust);
    files(&assets.join("js"), "js", &mut scripts);
    let mut used = BTreeSet::new();
    for path in &rust {
        words(&fs::read_to_string(path).unwrap(), &['"'], true, &mut used);
    }
    for path in &scripts {
        words(&fs::read_to_string(path).unwrap(), &['"', '\'', '`'], false, &mut used);
    }
    let built = |class: &str| BUILT.iter().any(|name| name.strip_suffix('*').map_or(class == *name, |start| class.starts_with(start)));
    let classes: BTreeSet<String> = css.iter().flat_map(|path| selectors(&fs::read_to_string(path).unwrap())).collect();
    let unused: Vec<&String> = classes.iter().filter(|class| !used.contains(*class) && !built(class)).collect();
    assert!(classes.len() > 150, "the search itself is broken: {} classes", classes.len());
    assert!(unused.is_empty(), "styled but never written: {unused:?}");
}
