//! Deploys and incidents in the orders in which they are asked for, so that measuring thousands is not quadratic.

use std::collections::{HashMap, HashSet};

use qd_core::Timestamp;
use uuid::Uuid;

use super::{BLAME, Hurt};
use crate::features::deploys::record::{Deploy, same_build};

/// Digits of a commit that all its forms share.
const SHORTEST: usize = 7;

/// When deploys of a service hurt: begins in order, each with the latest end of all that began until then.
type Spans = Vec<(Timestamp, Timestamp)>;

/// Deploys of one environment, and which incidents are put down to them.
pub struct Index<'d> {
    /// Live ones of all services, by when they went live.
    live: Vec<(Timestamp, &'d Deploy)>,
    /// When a service had something new, in order.
    lives: HashMap<&'d str, Vec<Timestamp>>,
    /// Live ones by the begin of their build, in the order of `live`.
    builds: HashMap<&'d str, Vec<(Timestamp, &'d Deploy)>>,
    /// Every service that ever began a deploy, in small letters.
    services: HashSet<String>,
    /// Incidents by the deploy that they are put down to.
    blamed: HashMap<Uuid, Vec<&'d Hurt>>,
    hurting: HashMap<&'d str, Spans>,
}

fn begin(build: &str) -> &str {
    build.get(..SHORTEST).unwrap_or(build)
}

impl<'d> Index<'d> {
    /// Puts everything in order; each incident is put down to one deploy at most, so none is counted twice.
    pub fn new(deploys: &'d [Deploy], hurts: &'d [Hurt]) -> Self {
        let mut live: Vec<(Timestamp, &Deploy)> = deploys.iter().filter_map(|deploy| Some((deploy.live_at()?, deploy))).collect();
        live.sort_by_key(|(at, _)| *at);
        let (mut lives, mut builds) = (HashMap::<&str, Vec<Timestamp>>::new(), HashMap::<&str, Vec<_>>::new());
        for (at, deploy) in &live {
            lives.entry(deploy.service.as_str()).or_default().push(*at);
            builds.entry(begin(&deploy.sha)).or_default().push((*at, *deploy));
        }
        let services = deploys.iter().map(|deploy| deploy.service.to_ascii_lowercase()).collect();
        let mut index = Self { live, lives, builds, services, blamed: HashMap::new(), hurting: HashMap::new() };
        index.blame(hurts);
        index
    }

    fn blame(&mut self, hurts: &'d [Hurt]) {
        for hurt in hurts {
            if let Some(deploy) = self.cause(hurt) {
                self.blamed.entry(deploy.id).or_default().push(hurt);
                let end = hurt.eased_at.unwrap_or(Timestamp(i64::MAX));
                self.hurting.entry(deploy.service.as_str()).or_default().push((hurt.started_at, end));
            }
        }
        for spans in self.hurting.values_mut() {
            spans.sort_unstable();
            let mut latest = Timestamp(i64::MIN);
            for (_, end) in spans {
                latest = latest.max(*end);
                *end = latest;
            }
        }
    }

    /// The deploy that an incident is put down to: the one that it is tagged with, else the last one of an affected service that went live
    /// within the hour before.
    fn cause(&self, hurt: &Hurt) -> Option<&'d Deploy> {
        let before = |all: &[(Timestamp, &'d Deploy)]| all.partition_point(|(at, _)| *at <= hurt.started_at);
        if !hurt.builds.is_empty() {
            let last = |build: &String| {
                let all = self.builds.get(begin(build))?;
                all.get(..before(all))?.iter().rev().find(|(_, deploy)| same_build(build, &deploy.sha)).copied()
            };
            return hurt.builds.iter().filter_map(last).max_by_key(|(at, _)| *at).map(|(_, deploy)| deploy);
        }
        let named: Vec<&String> = hurt.affected.iter().filter(|name| self.services.contains(&name.to_ascii_lowercase())).collect();
        let touched = |deploy: &Deploy| named.is_empty() || named.iter().any(|name| name.eq_ignore_ascii_case(&deploy.service));
        let mut near = self.live.get(..before(&self.live))?.iter().rev().take_while(|(at, _)| hurt.started_at.since(*at) <= BLAME);
        near.find(|(_, deploy)| touched(deploy)).map(|(_, deploy)| *deploy)
    }

    /// Incidents that are put down to a deploy.
    pub fn hurts_of(&self, deploy: &Deploy) -> &[&'d Hurt] {
        self.blamed.get(&deploy.id).map(Vec::as_slice).unwrap_or_default()
    }

    /// When the next deploy of the same service went live.
    pub fn next_live(&self, service: &str, after: Timestamp) -> Option<Timestamp> {
        let all = self.lives.get(service)?;
        all.get(all.partition_point(|at| *at <= after)).copied()
    }

    /// Whether an incident hurt at a moment, and began before it, that is put down to a deploy of a service. Its own incidents begin after it.
    pub fn hurt_at(&self, service: &str, at: Timestamp) -> bool {
        let Some(spans) = self.hurting.get(service) else { return false };
        let begun = spans.partition_point(|(start, _)| *start < at);
        begun.checked_sub(1).and_then(|last| spans.get(last)).is_some_and(|(_, latest)| *latest >= at)
    }

    /// How many went live on each day since 1970.
    pub fn by_day(&self, day: i64) -> HashMap<i64, usize> {
        let mut days = HashMap::new();
        for (at, _) in &self.live {
            *days.entry(at.seconds().div_euclid(day)).or_default() += 1;
        }
        days
    }
}
