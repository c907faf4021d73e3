//! The verifier: walks the chain in pages, or an export line by line, and names the first row that is wrong.

use engine::Db;
use serde::Serialize;
use utoipa::ToSchema;

use super::chain::{GENESIS, hash_of};
use super::checkpoint::Trusted;
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
    /// True when every row, every link and every checkpoint holds. Look at `warnings` as well.
    pub valid: bool,
    /// The first row. More than 1: a part of the trail, linked to a row before it that was not looked at.
    pub from: i64,
    /// Rows that were checked.
    pub checked: i64,
    /// Different checkpoints that were compared.
    pub checkpoints: i64,
    /// Hash of the last row.
    pub head: String,
    /// The first break.
    pub first_break: Option<Break>,
    /// Of a file: the trail went on after it, at least to this row, as a checkpoint says.
    pub beyond: Option<i64>,
    /// Findings beside the chain: checkpoints that only the table or only the anchor has, a torn anchor.
    pub warnings: Vec<String>,
}

/// Checks rows one after another.
#[derive(Debug)]
pub struct Verifier {
    trusted: Trusted,
    file: bool,
    from: i64,
    compared: i64,
    checked: i64,
    next: i64,
    prev: String,
    first_break: Option<Break>,
}

impl Verifier {
    /// The whole trail, strictly: from the first row on, up to the last checkpoint (signatures are checked by the
    /// [`Signer`](super::Signer)).
    pub fn new(trusted: impl Into<Trusted>) -> Self {
        let prev = GENESIS.into();
        Self { trusted: trusted.into(), file: false, from: 1, compared: 0, checked: 0, next: 1, prev, first_break: None }
    }

    /// An exported file: it may begin at a later row, and the trail may have gone on after it.
    pub fn of_file(trusted: impl Into<Trusted>) -> Self {
        Self { file: true, ..Self::new(trusted) }
    }

    /// Takes the next row; false once something is broken.
    pub fn take(&mut self, row: &Row) -> Result<bool> {
        let begun = self.file && self.checked == 0 && row.seq > 1;
        if begun {
            (self.from, self.next) = (row.seq, row.seq);
            self.prev.clone_from(&row.prev_hash);
        }
        let fault = match () {
            () if row.seq != self.next => Some(format!("row {} is missing", self.next)),
            () if row.prev_hash != self.prev => Some("it is not linked to the row before".into()),
            // A link that is no hash at all is a forgery too, not a fault of ours.
            () if hash_of(row).ok().as_ref() != Some(&row.hash) => Some("its fields don't match its hash".into()),
            () if begun => self.compare(row.seq - 1, &row.prev_hash).or_else(|| self.compare(row.seq, &row.hash)),
            () => self.compare(row.seq, &row.hash),
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

    /// What the checkpoints at `size` say against this hash of its row.
    fn compare(&mut self, size: i64, hash: &str) -> Option<String> {
        let mut fault = None;
        for point in self.trusted.points.iter().filter(|point| point.size == size) {
            self.compared += 1;
            if point.head != hash {
                fault = Some(format!("the checkpoint of {} has another hash", crate::Timestamp(point.at).rfc3339()));
            }
        }
        fault
    }

    /// The result; a checkpoint beyond the last row of the whole trail says that the tail was cut off.
    pub fn finish(mut self) -> Report {
        let further = self.trusted.points.iter().map(|point| point.size).filter(|size| *size >= self.next).max();
        let further = further.filter(|_| self.first_break.is_none());
        if let (false, Some(size)) = (self.file, further) {
            let detail = format!("rows from here to {size} are missing: a checkpoint has seen them");
            self.first_break = Some(Break { seq: self.next, detail });
        }
        Report {
            valid: self.first_break.is_none(),
            from: self.from,
            checked: self.checked,
            checkpoints: self.compared,
            head: self.prev,
            first_break: self.first_break,
            beyond: further.filter(|_| self.file),
            warnings: self.trusted.warnings,
        }
    }
}

/// Verifies the whole trail in the database, in pages, against `trusted` checkpoints: those whose signature held, from the table and from
/// the anchors.
pub async fn verify(db: &Db, trusted: impl Into<Trusted>) -> Result<Report> {
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
