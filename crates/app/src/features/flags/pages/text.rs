//! Rules, variants and prerequisites as lines of text: what a form without script can edit, and what people can read in a diff.
//!
//! ```text
//! country in DE, AT and plan eq pro -> on   # early markets
//! appVersion semver_ge 2.1.0 -> 25 % blue, 75 % green seed 7
//! everybody -> off
//! ```
//! Words need quotes (as in JSON) only when they hold spaces, commas or signs, or would read as a number. What [`rules`] reads from what
//! [`of_rules`] wrote is the same.

use serde_json::Value;

use crate::features::flags::definition::{Condition, Operator, Percent, Prerequisite, Rule, Share, Variant};

/// Why a text can't be read: the first fault, with its line.
pub type Fault = String;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Bare(String),
    Quoted(String),
    Comma,
    Arrow,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Bare(text) if text.eq_ignore_ascii_case(word))
    }

    fn text(&self) -> &str {
        match self {
            Self::Bare(text) | Self::Quoted(text) => text,
            Self::Comma => ",",
            Self::Arrow => "->",
        }
    }
}

/// Rules from their lines.
///
/// # Errors
/// The first fault in words, beginning with its line.
pub fn rules(text: &str) -> Result<Vec<Rule>, Fault> {
    each_line(text, rule)
}

/// Rules as lines.
pub fn of_rules(rules: &[Rule]) -> String {
    rules.iter().map(of_rule).collect::<Vec<_>>().join("\n")
}

/// Variants from lines such as `on = true`. For text the quotes may be left out.
///
/// # Errors
/// As [`rules`].
pub fn variants(text: &str) -> Result<Vec<Variant>, Fault> {
    each_line(text, |line| {
        let (name, value) = line.split_once('=').ok_or("Write a name, =, and its value: on = true.")?;
        let value = value.trim();
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Variant { name: name.trim().to_owned(), value })
    })
}

/// Variants as lines.
pub fn of_variants(variants: &[Variant]) -> String {
    variants.iter().map(|variant| format!("{} = {}", variant.name, variant.value)).collect::<Vec<_>>().join("\n")
}

/// Prerequisites from lines such as `payments.v2 = on`.
///
/// # Errors
/// As [`rules`].
pub fn prerequisites(text: &str) -> Result<Vec<Prerequisite>, Fault> {
    each_line(text, |line| {
        let (flag, variant) = line.split_once('=').ok_or("Write the key of a flag, =, and its variant: payments.v2 = on.")?;
        Ok(Prerequisite { flag: flag.trim().to_owned(), variant: variant.trim().to_owned() })
    })
}

/// Prerequisites as lines.
pub fn of_prerequisites(all: &[Prerequisite]) -> String {
    all.iter().map(|one| format!("{} = {}", one.flag, one.variant)).collect::<Vec<_>>().join("\n")
}

fn each_line<T>(text: &str, read: impl Fn(&str) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.is_empty());
    lines.map(|(number, line)| read(line).map_err(|fault| format!("Line {number}: {fault}"))).collect()
}

fn rule(line: &str) -> Result<Rule, Fault> {
    let (tokens, name) = tokens(line)?;
    let arrow = tokens.iter().position(|token| *token == Token::Arrow).ok_or("Say what it serves after ->, as in country eq DE -> on.")?;
    let (before, after) = tokens.split_at(arrow);
    let mut rule = Rule { name, conditions: conditions(before)?, ..Rule::default() };
    serves(after.get(1..).unwrap_or_default(), &mut rule)?;
    Ok(rule)
}

/// The pieces, and the name behind `#`.
fn tokens(line: &str) -> Result<(Vec<Token>, String), Fault> {
    let (mut out, mut rest) = (Vec::new(), line.trim_start());
    while let Some(first) = rest.chars().next() {
        let (token, left) = match first {
            '#' => return Ok((out, rest.trim_start_matches('#').trim().to_owned())),
            ',' => (Token::Comma, rest.get(1..)),
            '→' => (Token::Arrow, rest.get('→'.len_utf8()..)),
            '-' if rest.starts_with("->") => (Token::Arrow, rest.get(2..)),
            '"' => quoted(rest)?,
            _ => bare(rest),
        };
        out.push(token);
        rest = left.unwrap_or_default().trim_start();
    }
    Ok((out, String::new()))
}

fn quoted(rest: &str) -> Result<(Token, Option<&str>), Fault> {
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    match stream.next() {
        Some(Ok(text)) => Ok((Token::Quoted(text), rest.get(stream.byte_offset()..))),
        _ => Err("A quoted text has no end, or an escape that JSON does not know.".into()),
    }
}

fn bare(rest: &str) -> (Token, Option<&str>) {
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '→')).unwrap_or(rest.len());
    (Token::Bare(rest.get(..end).unwrap_or_default().to_owned()), rest.get(end..))
}

fn conditions(tokens: &[Token]) -> Result<Vec<Condition>, Fault> {
    if matches!(tokens, [one] if one.is("everybody")) {
        return Ok(Vec::new());
    }
    if tokens.is_empty() {
        return Err("Say whom it is for before ->; everybody is one way.".into());
    }
    tokens.split(|token| token.is("and")).map(condition).collect()
}

fn condition(tokens: &[Token]) -> Result<Condition, Fault> {
    let [attribute, rest @ ..] = tokens else { return Err("There is nothing between two and.".into()) };
    let (operator, values) = match rest {
        [not, within, values @ ..] if not.is("not") && within.is("in") => (Operator::NotIn, values),
        [word, values @ ..] => (operator(word.text())?, values),
        [] => return Err(format!("How does {} compare? Write for instance {} eq DE.", attribute.text(), attribute.text())),
    };
    let mut values: Vec<Value> = values.iter().filter(|token| **token != Token::Comma).map(|token| value(token, operator)).collect();
    let list = matches!(operator, Operator::In | Operator::NotIn) || values.len() > 1;
    let value = match (list, operator) {
        (true, _) => Value::Array(values),
        (false, _) => match values.pop() {
            Some(value) => value,
            None if operator == Operator::IsSet => Value::Null,
            None => return Err(format!("With what is {} compared?", attribute.text())),
        },
    };
    Ok(Condition { attribute: attribute.text().to_owned(), operator, value })
}

/// The operator of a word or sign.
fn operator(word: &str) -> Result<Operator, Fault> {
    let signs = [
        ("=", Operator::Eq),
        ("==", Operator::Eq),
        ("is", Operator::Eq),
        ("!=", Operator::Ne),
        ("<", Operator::Lt),
        ("<=", Operator::Le),
        (">", Operator::Gt),
        (">=", Operator::Ge),
    ];
    let known = || Operator::ALL.iter().map(|operator| operator.word()).collect::<Vec<_>>().join(", ");
    let sign = signs.into_iter().find(|(sign, _)| word.eq_ignore_ascii_case(sign)).map(|(_, operator)| operator);
    sign.or_else(|| Operator::parse(word)).ok_or_else(|| format!("{word} is no comparison. Use one of {}.", known()))
}

/// Versions and moments are text without quotes; other words read as JSON where they are numbers or booleans.
fn value(token: &Token, operator: Operator) -> Value {
    let text = || Value::String(token.text().to_owned());
    let worded = operator.word().starts_with("semver") || matches!(operator, Operator::Before | Operator::After);
    match token {
        Token::Bare(word) if !worded => {
            serde_json::from_str(word).ok().filter(|value: &Value| value.is_number() || value.is_boolean()).unwrap_or_else(text)
        }
        _ => text(),
    }
}

/// `on`, or `25 % blue, 75 % green`, and `seed 7` behind it.
fn serves(tokens: &[Token], rule: &mut Rule) -> Result<(), Fault> {
    let tokens = match tokens {
        [before @ .., word, number] if word.is("seed") => {
            rule.seed = Some(number.text().parse().map_err(|_| "A seed is a whole number from 0 to 4294967295.")?);
            before
        }
        all => all,
    };
    match tokens {
        [] => Err("Say what it serves after ->: a variant, or shares such as 25 % on, 75 % off.".into()),
        [variant] => {
            rule.variant = Some(variant.text().to_owned());
            Ok(())
        }
        shares => {
            rule.split = shares.split(|token| *token == Token::Comma).map(share).collect::<Result<_, _>>()?;
            Ok(())
        }
    }
}

fn share(tokens: &[Token]) -> Result<Share, Fault> {
    let wrong = || "Write shares as 25 % on, 75 % off.".to_owned();
    let (number, variant) = match tokens {
        [number, variant] => (number, variant),
        [number, sign, variant] if sign.is("%") => (number, variant),
        _ => return Err(wrong()),
    };
    let percent = number.text().trim_end_matches('%').parse().ok().and_then(Percent::of_percent).ok_or_else(wrong)?;
    Ok(Share { variant: variant.text().to_owned(), percentage: percent })
}

fn of_rule(rule: &Rule) -> String {
    let conditions: Vec<String> = rule.conditions.iter().map(of_condition).collect();
    let whom = if conditions.is_empty() { "everybody".to_owned() } else { conditions.join(" and ") };
    let shares = rule.split.iter().map(|share| format!("{} {}", share.percentage, word(&share.variant))).collect::<Vec<_>>().join(", ");
    let serves = rule.variant.as_deref().map_or(shares, word);
    let seed = rule.seed.map(|seed| format!(" seed {seed}")).unwrap_or_default();
    let name = if rule.name.is_empty() { String::new() } else { format!("  # {}", rule.name) };
    format!("{whom} -> {serves}{seed}{name}")
}

fn of_condition(condition: &Condition) -> String {
    let (attribute, operator) = (word(&condition.attribute), condition.operator);
    let one = |value: &Value| match value {
        Value::String(text) if value_of(text, operator) == *value => word(text),
        other => other.to_string(),
    };
    let value = match &condition.value {
        Value::Null => return format!("{attribute} {}", operator.word()),
        Value::Array(values) => values.iter().map(one).collect::<Vec<_>>().join(", "),
        value => one(value),
    };
    format!("{attribute} {} {value}", operator.word())
}

fn value_of(text: &str, operator: Operator) -> Value {
    value(&Token::Bare(text.to_owned()), operator)
}

/// Bare where it reads back as itself, else quoted.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '/' | ':' | '+');
    let reserved = ["and", "everybody", "seed", "not", "in"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let bare = !text.is_empty() && text.chars().all(plain) && !reserved && !text.starts_with('-');
    if bare { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_says_whom_and_what() {
        let read = rules("country in DE, AT and plan eq \"pro plan\" -> on  # early markets\n\neverybody -> 25 % blue, 75% green seed 7").unwrap();
        let expected: Vec<Rule> = serde_json::from_value(json!([
            { "name": "early markets", "variant": "on", "conditions": [
                { "attribute": "country", "operator": "in", "value": ["DE", "AT"] }, { "attribute": "plan", "operator": "eq", "value": "pro plan" }] },
            { "split": [{ "variant": "blue", "percentage": 25 }, { "variant": "green", "percentage": 75 }], "seed": 7 },
        ]))
        .unwrap();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_was_written_reads_back_the_same() {
        let all: Vec<Rule> = serde_json::from_value(json!([
            { "name": "a # b", "variant": "on", "conditions": [
                { "attribute": "app version", "operator": "semver_ge", "value": "2.1" },
                { "attribute": "seats", "operator": "ge", "value": 10.0 },
                { "attribute": "seats", "operator": "eq", "value": "10" },
                { "attribute": "and", "operator": "not_in", "value": ["a, b", "->", "-1", "", "true", true, 3] },
                { "attribute": "born", "operator": "before", "value": "2026-12-01T00:00:00Z" },
                { "attribute": "plan", "operator": "is_set", "value": null },
                { "attribute": "plan", "operator": "is_set", "value": false },
                { "attribute": "mail", "operator": "ends_with", "value": "@acme.com" }] },
            { "split": [{ "variant": "on", "percentage": 0.5 }, { "variant": "in between", "percentage": 99.5 }] },
            { "variant": "seed" },
        ]))
        .unwrap();
        let written = of_rules(&all);
        assert_eq!(rules(&written).unwrap(), all, "{written}");
        let variants_text = "on = true\nblue = {\"a\":[1,1.0]}\nplain = some words";
        let read = variants(variants_text).unwrap();
        assert_eq!(variants(&of_variants(&read)).unwrap(), read);
        assert_eq!(of_variants(&read), "on = true\nblue = {\"a\":[1,1.0]}\nplain = \"some words\"");
        assert_eq!(of_prerequisites(&prerequisites(" a = on \n\nb=off").unwrap()), "a = on\nb = off");
    }

    #[test]
    fn faults_name_their_line_and_what_to_write() {
        let fault = |text: &str| rules(text).unwrap_err();
        assert!(fault("country eq DE -> on\ncountry eq DE").starts_with("Line 2: Say what it serves"));
        assert!(fault("country equals DE -> on").starts_with("Line 1: equals is no comparison. Use one of eq, ne, in,"));
        assert!(fault("country eq -> on").contains("With what is country compared?"));
        assert!(fault("-> on").contains("everybody"));
        assert!(fault("everybody -> 25 on 75 off").contains("25 % on"));
        assert!(fault("name eq \"open -> on").contains("no end"));
    }
}
