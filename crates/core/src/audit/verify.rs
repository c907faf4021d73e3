//! The verifier: walks the chain in pages, or an export line by line, and names the first row that is wrong.

use engine::Db;
use serde::Serialize;
use utoipa::ToSchema;

use super::chain::{GENESIS, hash_of};
use super::checkpoint::Checkpoint;
use super::{Row, export_page};
use crate::error::Result;

/// Where the chain is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Break {
    /// The row.
    pub seq: i64,
    /// What is wrong with it.
    pub detail: String,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    /// True when every row, every link and every checkpoint holds.
    pub valid: bool,
    /// Rows that were checked.
    pub checked: i64,
    /// Checkpoints that were compared.
    pub checkpoints: i64,
    /// Hash of the last row.
    pub head: String,
    /// The first break.
    pub first_break: Option<Break>,
}

/// Checks rows one after another.
#[derive(Debug)]
pub struct Verifier {
    checkpoints: Vec<Checkpoint>,
    compared: i64,
    checked: i64,
    next: i64,
    prev: String,
    first_break: Option<Break>,
}

impl Verifier {
    /// From the first row on, against these checkpoints (their signatures are checked by the [`Signer`](super::Signer)).
    pub fn new(checkpoints: Vec<Checkpoint>) -> Self {
        Self { checkpoints, compared: 0, checked: 0, next: 1, prev: GENESIS.into(), first_break: None }
    }

    /// Takes the next row; false once something is broken.
    pub fn take(&mut self, row: &Row) -> Result<bool> {
        let fault = match () {
            () if row.seq != self.next => Some(format!("row {} is missing", self.next)),
            () if row.prev_hash != self.prev => Some("it is not linked to the row before".into()),
            () if hash_of(row)? != row.hash => Some("its fields don't match its hash".into()),
            () => self.against_checkpoint(row),
        };
        if let Some(detail) = fault {
            self.first_break = Some(Break { seq: row.seq.min(self.next), detail });
            return Ok(false);
        }
        self.checked += 1;
        self.next = row.seq + 1;
        self.prev.clone_from(&row.hash);
        Ok(true)
    }

    fn against_checkpoint(&mut self, row: &Row) -> Option<String> {
        let here = self.checkpoints.iter().filter(|point| point.size == row.seq);
        let mut fault = None;
        for point in here {
            self.compared += 1;
            if point.head != row.hash {
                fault = Some(format!("the checkpoint of {} has another hash", crate::Timestamp(point.at).rfc3339()));
            }
        }
        fault
    }

    /// The result; a checkpoint beyond the last row says that the tail was cut off.
    pub fn finish(mut self) -> Report {
        let cut = self.checkpoints.iter().filter(|point| point.size >= self.next).map(|point| point.size).max();
        if let (None, Some(size)) = (&self.first_break, cut) {
            let detail = format!("rows from here to {size} are missing: a checkpoint has seen them");
            self.first_break = Some(Break { seq: self.next, detail });
        }
        Report {
            valid: self.first_break.is_none(),
            checked: self.checked,
            checkpoints: self.compared,
            head: self.prev,
            first_break: self.first_break,
        }
    }
}

/// Verifies the whole trail in the database, in pages, against `trusted` checkpoints: those whose signature held, from the table and from
/// the anchors.
pub async fn verify(db: &Db, trusted: Vec<Checkpoint>) -> Result<Report> {
    let mut verifier = Verifier::new(trusted);
    let mut after = 0;
    loop {
        let page = export_page(db, after, 1_000).await?;
        let Some(last) = page.last().map(|row| row.seq) else { break };
        for row in &page {
            if !verifier.take(row)? {
                return Ok(verifier.finish());
            }
        }
        after = last;
    }
    Ok(verifier.finish())
}

