//! The server, and what an operator should know about it.

use std::time::Instant;

use futures::stream::{self, StreamExt, TryStreamExt};
use qd_core::Result;
use qd_core::port::queue::About;
use redis::{InfoDict, cmd, pipe};

use super::states::{AT_ONCE, has_tag, names};
use crate::queue::bullmq::BullMq;
use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::parse::version;
use crate::queue::bullmq::reply::{ask, text};

/// Versions that are named at most.
const VERSIONS: usize = 6;

/// What it runs on.
pub(in crate::queue::bullmq) async fn about(bull: &BullMq, conn: &mut Conn) -> Result<About> {
    let begin = Instant::now();
    cmd("PING").exec_async(conn).await.map_err(fault)?;
    let answers_in = begin.elapsed().as_secs_f64() * 1_000.0;
    let infos = conn.everywhere(&cmd("INFO")).await.map_err(fault)?;
    let infos: Vec<InfoDict> = infos.into_iter().filter_map(text).map(|info| InfoDict::new(&info)).collect();
    bull.discovery.step(conn, &bull.prefix).await?;
    let seen = versions(bull, conn).await?;
    let mut warnings: Vec<String> = infos.iter().filter_map(eviction).collect();
    warnings.dedup();
    warnings.extend(infos.iter().find_map(too_old));
    warnings.extend(mixed(&seen));
    warnings.extend(untagged(bull));
    if !bull.discovery.is_complete() {
        warnings.push("Not all keys were looked at yet: queues may be missing.".into());
    }
    if bull.discovery.overflows() {
        warnings.push("There are more than 2,000 queues: the others are not shown.".into());
    }
    let mut told: Vec<String> = seen.into_iter().map(|(version, _)| version).collect();
    told.truncate(VERSIONS);
    let version = told.split_last().map(|(last, before)| if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) });
    let server = infos.first().map_or_else(|| "Redis".into(), server);
    Ok(About { server, place: bull.connections.place(), prefix: bull.prefix.clone(), version, answers_in, warnings })
}

/// Versions that queues say they were written by, and one such queue each, in order.
async fn versions(bull: &BullMq, conn: &Conn) -> Result<Vec<(String, String)>> {
    let look = |queue: String| {
        let mut conn = conn.clone();
        async move {
            let mut asked = pipe();
            asked.add_command(cmd("HGET").arg(bull.keys(&queue)?.of("meta")).arg("version").to_owned());
            let told = ask(&mut conn, &mut asked).await?.text().as_deref().and_then(version);
            Ok::<_, qd_core::Error>(told.map(|told| (told, queue)))
        }
    };
    let told: Vec<Option<(String, String)>> = stream::iter(names(bull)).map(look).buffered(AT_ONCE).try_collect().await?;
    let mut seen: Vec<(String, String)> = Vec::new();
    for (told, queue) in told.into_iter().flatten() {
        if seen.iter().all(|(known, _)| *known != told) {
            seen.push((told, queue));
        }
    }
    seen.sort_by_key(|(version, _)| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u64>>());
    Ok(seen)
}

fn server(info: &InfoDict) -> String {
    let valkey = info.get::<String>("valkey_version").map(|version| format!("Valkey {version}"));
    let redis = || info.get::<String>("redis_version").map(|version| format!("Redis {version}"));
    valkey.or_else(redis).unwrap_or_else(|| "Redis".into())
}

fn eviction(info: &InfoDict) -> Option<String> {
    let policy: String = info.get("maxmemory_policy")?;
    (policy != "noeviction").then(|| format!("maxmemory-policy is {policy}: when memory runs out Redis deletes jobs. BullMQ needs noeviction."))
}

fn too_old(info: &InfoDict) -> Option<String> {
    let version: String = info.get("redis_version")?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next()?, parts.next().unwrap_or(0));
    ((major, minor) < (6, 2)).then(|| format!("Redis {version} is older than 6.2: not everything can be shown."))
}

fn mixed(seen: &[(String, String)]) -> Option<String> {
    let older = seen.iter().find(|(version, _)| major(version).is_some_and(|major| major < 6))?;
    let newer = seen.iter().find(|(version, _)| major(version).is_some_and(|major| major >= 6))?;
    Some(format!(
        "Both BullMQ 5 and 6 are in use: {} was written by {}, {} by {}. Where both work on one queue, pausing it can lose jobs.",
        older.1, older.0, newer.1, newer.0
    ))
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

fn untagged(bull: &BullMq) -> Option<String> {
    let loose = || bull.discovery.names().into_iter().find(|name| !has_tag(name));
    let name = (bull.connections.is_cluster() && !bull.has_tag()).then(loose)??;
    Some(format!(
        "The prefix {} has no hash tag: in a cluster the keys of a queue such as {name} lie on different servers, where BullMQ can't work on them. Such \
         queues are not shown. Use a prefix such as {{{}}}.",
        bull.prefix, bull.prefix
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_lose_jobs_is_said() {
        let info = InfoDict::new("redis_version:6.0.9\r\nmaxmemory_policy:allkeys-lru\r\n");
        assert!(eviction(&info).unwrap().contains("allkeys-lru") && too_old(&info).unwrap().contains("6.0.9"));
        let good = InfoDict::new("redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nmaxmemory_policy:noeviction\r\n");
        assert_eq!((eviction(&good), too_old(&good), server(&good).as_str()), (None, None, "Valkey 8.1.0"));
        let seen = |version: &str, queue: &str| (version.to_owned(), queue.to_owned());
        assert!(mixed(&[seen("5.81.5", "mail"), seen("6.7.0", "labels")]).unwrap().contains("mail was written by 5.81.5"));
        assert_eq!(mixed(&[seen("5.81.5", "mail"), seen("5.1.0", "b")]), None);
    }
}
