//! The state in words, for the line under the title.

use qd_core::reading::Status;

use super::{Dial, ServiceHealth};
use crate::ui::format;

/// What is wrong and where, the worst first; then what is not connected; and whether the rest is fine.
pub fn sentence(dials: &[Dial], services: &[ServiceHealth]) -> String {
    let service = |wanted: Status| names(services.iter().filter(|service| service.status == wanted).map(|service| service.name.as_str()));
    let dial = |wanted: Status| {
        names(dials.iter().filter(|dial| dial.connected && dial.key != "incidents" && dial.reading.status == wanted).map(|dial| dial.name))
    };
    let mut said: Vec<String> = Vec::new();
    let mut say = |(count, names): (usize, String), one: &str, many: &str| {
        if count > 0 {
            said.push(format!("{names} {}.", if count == 1 { one } else { many }));
        }
    };
    say(service(Status::Crit), "is down", "are down");
    say(dial(Status::Crit), "is over its page limit", "are over their page limits");
    say(service(Status::Warn), "is slow or unsteady", "are slow or unsteady");
    say(dial(Status::Warn), "is over its warn limit", "are over their warn limits");
    say(join(service(Status::Stale), dial(Status::Stale)), "has no fresh figures", "have no fresh figures");
    say(join(service(Status::Unknown), dial(Status::Unknown)), "could not be measured", "could not be measured");
    if let Some(open) = open_incidents(dials) {
        said.push(open);
    }
    let calm = said.is_empty();
    let (away, which) = names(dials.iter().filter(|dial| !dial.connected).map(|dial| dial.name));
    said.push(match (calm, away) {
        (true, 0) => "Everything is within its limits.".into(),
        (true, _) => "Everything that is measured is within its limits.".into(),
        (false, _) => "Everything else that is measured is within its limits.".into(),
    });
    if away > 0 {
        said.push(format!("{} not connected: {which}.", if away == 1 { "1 source is".into() } else { format!("{away} sources are") }));
    }
    said.join(" ")
}

fn open_incidents(dials: &[Dial]) -> Option<String> {
    let dial = dials.iter().find(|dial| dial.key == "incidents")?;
    let open = dial.reading.value.filter(|open| *open > 0.0)?;
    Some(format!("{} incident{} open.", format::decimal(open, 0), if open > 1.0 { "s are" } else { " is" }))
}

/// How many, and their names: "A", "A and B", "A, B and C", "A, B and 3 more".
fn names<'n>(all: impl Iterator<Item = &'n str>) -> (usize, String) {
    let all: Vec<&str> = all.collect();
    let text = match all.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first, second] => format!("{first} and {second}"),
        [first, second, third] => format!("{first}, {second} and {third}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    };
    (all.len(), text)
}

fn join(a: (usize, String), b: (usize, String)) -> (usize, String) {
    match (a.0, b.0) {
        (0, _) => b,
        (_, 0) => a,
        _ => (a.0 + b.0, format!("{} and {}", a.1, b.1)),
    }
}

#[cfg(test)]
mod tests {
    use qd_core::reading::Reading;

    use super::super::Measured;
    use super::*;

    fn dial(key: &'static str, status: Status, connected: bool) -> Dial {
        let reading = Reading { status, ..Reading::unknown("", "test", "why") };
        Dial { key, name: key, href: "", reading, value: String::new(), unit: String::new(), sub: String::new(), limit: None, connected }
    }

    fn service(name: &str, status: Status) -> ServiceHealth {
        let latency = Measured::from(Reading::unknown("ms", "test", "why"));
        ServiceHealth { id: name.into(), name: name.into(), status, reason: None, since: None, latency, uptime90m: None }
    }

    #[test]
    fn it_says_the_worst_first_and_what_is_not_connected() {
        let dials = [dial("API", Status::Stale, true), dial("Queues", Status::Warn, true), dial("Cache", Status::Unknown, false)];
        let services = [service("Storefront", Status::Crit), service("Portal", Status::Crit), service("Search", Status::Ok)];
        let text = sentence(&dials, &services);
        assert_eq!(
            text,
            "Storefront and Portal are down. Queues is over its warn limit. API has no fresh figures. \
             Everything else that is measured is within its limits. 1 source is not connected: Cache."
        );
    }

    #[test]
    fn calm_is_said_only_of_what_is_measured() {
        let calm = [dial("API", Status::Ok, true)];
        assert_eq!(sentence(&calm, &[service("Web", Status::Ok)]), "Everything is within its limits.");
        let away = [dial("API", Status::Ok, true), dial("Cache", Status::Unknown, false), dial("Email", Status::Unknown, false)];
        assert_eq!(sentence(&away, &[]), "Everything that is measured is within its limits. 2 sources are not connected: Cache and Email.");
    }
}
