//! The steps of a ramp as one line of text: `1 for 15 min, 5 for 1 h, 25, 100`.

use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::features::flags::definition::Percent;
use crate::features::flags::ramp::RampStep;

const HOUR: i64 = 3_600;
/// Percentages of the preset.
const PRESET: [i64; 5] = [100, 500, 2_500, 5_000, 10_000];

/// 1, 5, 25, 50 and 100 percent, an hour each, from where the rollout is.
pub fn preset(now: Percent) -> String {
    let rest = PRESET.into_iter().filter(|points| *points > now.basis_points());
    let start = (now.basis_points() > 0).then_some(now.basis_points()).filter(|points| *points < 10_000);
    let steps: Vec<String> = start
        .into_iter()
        .chain(rest)
        .map(|points| {
            let percent = Percent::of_basis_points(points).unwrap_or_default().to_string().replace(" %", "");
            if points == 10_000 { percent } else { format!("{percent} for 1 h") }
        })
        .collect();
    steps.join(", ")
}

/// Steps from their text; a step without a time is held for an hour.
///
/// # Errors
/// The first fault in words.
pub fn read(text: &str) -> Result<Vec<RampStep>, String> {
    text.split(',').map(str::trim).filter(|step| !step.is_empty()).map(step).collect()
}

fn step(text: &str) -> Result<RampStep, String> {
    let wrong = || format!("{text} is no step. Write for instance 5 for 1 h.");
    let (percent, hold) = text.split_once("for").map_or((text, None), |(percent, hold)| (percent, Some(hold)));
    let percentage = percent.trim().trim_end_matches('%').trim().parse().ok().and_then(Percent::of_percent).ok_or_else(wrong)?;
    Ok(RampStep { percentage, hold_seconds: hold.map_or(Some(HOUR), seconds).ok_or_else(wrong)? })
}

/// `15 min`, `1 h`, `2 d`, `30 s`.
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "s" | "sec" => 1,
        "m" | "min" | "minutes" => 60,
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => 24 * HOUR,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

struct Steps;

impl<'de> Visitor<'de> for Steps {
    type Value = Vec<RampStep>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of steps, or text such as 1 for 15 min, 5 for 1 h, 100")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        read(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut steps = Vec::new();
        while let Some(step) = seq.next_element()? {
            steps.push(step);
        }
        Ok(steps)
    }
}

/// From JSON or a form.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RampStep>, D::Error> {
    deserializer.deserialize_any(Steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_offered() {
        let read = |text: &str| read(text).unwrap().into_iter().map(|step| (step.percentage.basis_points(), step.hold_seconds)).collect::<Vec<_>>();
        assert_eq!(read("0.5 for 15 min, 5% for 1h, 25, 100"), [(50, 900), (500, 3_600), (2_500, 3_600), (10_000, 3_600)]);
        assert_eq!(preset(Percent::NONE), "1 for 1 h, 5 for 1 h, 25 for 1 h, 50 for 1 h, 100");
        assert_eq!(preset(Percent::of_basis_points(1_050).unwrap()), "10.5 for 1 h, 25 for 1 h, 50 for 1 h, 100");
        assert_eq!(preset(Percent::ALL), "");
        for wrong in ["5 for", "5 for ever", "many", "101"] {
            assert!(super::read(wrong).unwrap_err().contains("is no step"), "{wrong}");
        }
    }
}
