use qd_core::Timestamp;

use crate::ui::badge::initials;
use crate::ui::diff::{Line, compare};
use crate::ui::format::*;
use crate::ui::toast::Toast;
use crate::ui::{Tone, spark};

const NOW: Timestamp = Timestamp(1_773_324_135_000_000);

#[test]
fn numbers() {
    assert_eq!([number(0), number(999), number(18_402), number(-1_234_567)], ["0", "999", "18,402", "−1,234,567"]);
    assert_eq!([decimal(1234.5, 2), decimal(0.80, 2), decimal(-0.001, 1), decimal(f64::NAN, 1)], ["1,234.5", "0.8", "0", "?"]);
    assert_eq!([figure(Some(212.4)), figure(Some(81.62)), figure(Some(0.0)), figure(Some(0.0042)), figure(None)], ["212", "81.6", "0", "0.004", "?"]);
    assert_eq!([count(1, "job", "jobs"), count(1_400, "job", "jobs")], ["1 job", "1,400 jobs"]);
}

#[test]
fn shares_never_round_up_to_all() {
    assert_eq!([percent(99.94), percent(99.996), percent(100.0), percent(0.0)], ["99.94 %", "99.996 %", "100 %", "0 %"]);
}

#[test]
fn durations_and_sizes() {
    assert_eq!(
        [duration(9), duration(1_020), duration(5_940), duration(7_200), duration(273_600)],
        ["9 s", "17 min", "1 h 39 min", "2 h", "3 d 4 h"]
    );
    assert_eq!([millis(0.84), millis(212.0), millis(1_400.0), millis(1_020_000.0)], ["0.8 ms", "212 ms", "1.4 s", "17 min"]);
    assert_eq!([bytes(640), bytes(1_300_000), bytes(999_999), bytes(42_000_000_000)], ["640 B", "1.3 MB", "1 MB", "42 GB"]);
}

#[test]
fn times() {
    assert_eq!([clock(NOW), minute(NOW), day(NOW)], ["14:02:15", "14:02", "12 Mar 2026"]);
    assert_eq!(
        [moment(NOW, NOW), moment(NOW.plus_seconds(-86_400), NOW), moment(NOW.plus_seconds(-86_400 * 100), NOW)],
        ["14:02:15", "11 Mar 14:02", "2 Dec 2025"]
    );
    assert_eq!(moment(NOW.plus_seconds(86_400 * 365), NOW), "12 Mar 2027 14:02", "people plan by what is to come");
    assert_eq!(
        [age(NOW.plus_seconds(-9), NOW), age(NOW.plus_seconds(-1_020), NOW), age(NOW.plus_seconds(-4_000), NOW)],
        ["9 s ago", "17 min ago", "12:55:35"]
    );
    assert_eq!(countdown(NOW.plus_seconds(465), NOW).0, r#"<span data-due="465">07:45</span>"#);
    assert_eq!(countdown(NOW.plus_seconds(604_740), NOW).0, r#"<span data-due="604740">6 d 23 h</span>"#);
    assert_eq!(countdown(NOW.plus_seconds(5_940), NOW).0, r#"<span data-due="5940">1 h 39 min</span>"#);
    assert_eq!(countdown(NOW.plus_seconds(-130), NOW).0, r#"<span data-due="-130">overdue 02:10</span>"#);
}

#[test]
fn names_and_toasts() {
    assert_eq!([initials("Mara Lindqvist"), initials("Tomás"), initials("  ")], ["ML", "T", "?"]);
    let header = Toast::done("42 keys → gone", "/audit/7", "event 7").trigger();
    assert!(header.is_ascii());
    let value: serde_json::Value = serde_json::from_str(&header).unwrap();
    assert_eq!(value["toast"]["title"], "42 keys → gone");
}

#[test]
fn diffs_keep_what_is_common() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let found = compare(&lines("a b c d"), &lines("a x c d e"));
    let want = [
        Line::Same("a".into()),
        Line::Removed("b".into()),
        Line::Added("x".into()),
        Line::Same("c".into()),
        Line::Same("d".into()),
        Line::Added("e".into()),
    ];
    assert_eq!(found, want);
}

#[test]
fn sparks_have_gaps_and_say_when_there_is_nothing() {
    let svg = spark::spark("Depth", &[Some(1.0), Some(2.0), None, Some(4.0)], None, Some(Tone::Crit)).0;
    assert_eq!(svg.matches('M').count(), 4, "two runs, each as line and as area: {svg}");
    assert!(spark::spark("Depth", &[Some(1.0)], None, None).0.contains("Depth: no data yet"));
    assert!(spark::bars("Days", &[Some(Tone::Crit), None]).0.contains("height=\"28\""));
}
