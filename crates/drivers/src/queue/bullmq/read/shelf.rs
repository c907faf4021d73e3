//! Where the jobs of each state are kept, and pages of them.
//!
//! A page of a sorted set begins behind the job that ended the one before, by score and id: jobs that leave meanwhile move none over it. A list
//! has only positions, from its tail, which is what runs next: jobs that leave there move others over the end of a page.

use qd_core::port::queue::JobState;
use qd_core::{Error, Result};
use redis::{Cmd, cmd, pipe};

use super::rows::Placed;
use super::state::is_marker;
use crate::queue::bullmq::connect::Conn;
use crate::queue::bullmq::keys::Keys;
use crate::queue::bullmq::reply::ask;

/// Jobs of one score that are read over at most; more are counted off by rank.
const TIES: u64 = 1_000;

/// A key that holds ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelf {
    List(&'static str),
    Set(&'static str),
}

fn shelf(state: JobState) -> Shelf {
    match state {
        JobState::Waiting => Shelf::List("wait"),
        JobState::Paused => Shelf::List("paused"),
        JobState::Active => Shelf::List("active"),
        JobState::Prioritized => Shelf::Set("prioritized"),
        JobState::Delayed => Shelf::Set("delayed"),
        JobState::WaitingChildren => Shelf::Set("waiting-children"),
        JobState::Completed => Shelf::Set("completed"),
        JobState::Failed => Shelf::Set("failed"),
    }
}

/// One page of ids in `state`, and where the next begins. `newest_first` turns sorted sets round.
pub(super) async fn page(
    conn: &mut Conn,
    keys: Keys<'_>,
    state: JobState,
    newest_first: bool,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Placed>, Option<String>)> {
    let limit = limit.max(1);
    match shelf(state) {
        Shelf::List(list) => list_page(conn, &keys.of(list), state, after, limit).await,
        Shelf::Set(set) => {
            let set = Set { key: keys.of(set), newest_first };
            let (found, next) = set.page(conn, after, limit).await?;
            Ok((found.into_iter().map(|(id, score)| Placed { id, state, score: Some(score) }).collect(), next))
        }
    }
}

async fn list_page(conn: &mut Conn, key: &str, state: JobState, after: Option<&str>, limit: usize) -> Result<(Vec<Placed>, Option<String>)> {
    let skip: usize = after.map_or(Ok(0), str::parse).map_err(|_| unknown_cursor())?;
    let (from, to) = (skip.saturating_add(limit), skip.saturating_add(1));
    let mut asked = pipe();
    asked.add_command(cmd("LRANGE").arg(key).arg(format!("-{from}")).arg(format!("-{to}")).to_owned());
    asked.add_command(cmd("LLEN").arg(key).to_owned());
    let mut replies = ask(conn, &mut asked).await?;
    let ids = replies.names().into_iter().rev().filter(|id| !is_marker(id));
    let found = ids.map(|id| Placed { id, state, score: None }).collect();
    let more = usize::try_from(replies.count()).unwrap_or(usize::MAX) > from;
    Ok((found, more.then(|| from.to_string())))
}

/// A sorted set, read from one end.
struct Set {
    key: String,
    newest_first: bool,
}

impl Set {
    async fn page(&self, conn: &mut Conn, after: Option<&str>, limit: usize) -> Result<(Vec<(String, f64)>, Option<String>)> {
        let mut found = match after {
            None => self.ranked(conn, 0, limit + 1).await?,
            Some(after) => {
                let (score, id) = after.split_once(' ').ok_or_else(unknown_cursor)?;
                let score: f64 = score.parse().map_err(|_| unknown_cursor())?;
                self.behind(conn, score, id, limit + 1).await?
            }
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(id, score)| format!("{score} {id}"));
        Ok((found, next))
    }

    /// Members behind one, which may be gone.
    async fn behind(&self, conn: &mut Conn, score: f64, id: &str, limit: usize) -> Result<Vec<(String, f64)>> {
        let mut asked = pipe();
        asked.add_command(cmd("ZCOUNT").arg(&self.key).arg(score).arg(score).to_owned());
        let ties = ask(conn, &mut asked).await?.count();
        if ties > TIES {
            let first = self.rank_behind(conn, score, id, ties).await?;
            return self.ranked(conn, first, limit).await;
        }
        let most = limit + usize::try_from(ties).unwrap_or(0);
        let mut asked = pipe();
        let (command, end) = if self.newest_first { ("ZREVRANGEBYSCORE", "-inf") } else { ("ZRANGEBYSCORE", "+inf") };
        asked.add_command(cmd(command).arg(&self.key).arg(score).arg(end).arg("WITHSCORES").arg("LIMIT").arg(0).arg(most).to_owned());
        let found = ask(conn, &mut asked).await?.scored();
        #[expect(clippy::float_cmp, reason = "the very number that Redis told")]
        let is_behind = |(member, at): &(String, f64)| *at != score || self.is_after(member, id);
        Ok(found.into_iter().filter(is_behind).take(limit).collect())
    }

    /// Redis orders members of one score by their bytes.
    fn is_after(&self, member: &str, id: &str) -> bool {
        if self.newest_first { member.as_bytes() < id.as_bytes() } else { member.as_bytes() > id.as_bytes() }
    }

    /// The position of the first member behind `id` among many of one score, found by halving.
    async fn rank_behind(&self, conn: &mut Conn, score: f64, id: &str, ties: u64) -> Result<usize> {
        let (from, to) = if self.newest_first { (format!("({score}"), "+inf".to_owned()) } else { ("-inf".to_owned(), format!("({score}")) };
        let mut asked = pipe();
        asked.add_command(cmd("ZCOUNT").arg(&self.key).arg(from).arg(to).to_owned());
        let first = usize::try_from(ask(conn, &mut asked).await?.count()).unwrap_or(0);
        let (mut low, mut high) = (first, first + usize::try_from(ties).unwrap_or(0));
        while low < high {
            let middle = low.midpoint(high);
            let member = self.ranked(conn, middle, 1).await?.pop();
            if member.is_some_and(|(member, _)| !self.is_after(&member, id)) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    async fn ranked(&self, conn: &mut Conn, from: usize, limit: usize) -> Result<Vec<(String, f64)>> {
        let command = if self.newest_first { "ZREVRANGE" } else { "ZRANGE" };
        let asked: Cmd = cmd(command).arg(&self.key).arg(from).arg(from + limit - 1).arg("WITHSCORES").to_owned();
        let mut all = pipe();
        all.add_command(asked);
        Ok(ask(conn, &mut all).await?.scored())
    }
}

fn unknown_cursor() -> Error {
    Error::invalid("after", "Give the value of next from the page before, or none.")
}
