//! Signed checkpoints: {origin, size, head, time} under an Ed25519 key that lies outside the database, handed to anchors outside as well, so
//! that a cut-off tail or a recomputed chain is found.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _};
use engine::{Db, args};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::chain::canonical;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// A checkpoint is due after so many rows.
const EVERY_ROWS: i64 = 1_000;
/// …or after so many seconds with at least one new row.
const EVERY_SECONDS: i64 = 3_600;
/// Table and anchor are compared again after this time before a difference is told.
const AGAIN: Duration = Duration::from_millis(250);

const LAST: &str = "SELECT origin, size, head, at, signature FROM audit_checkpoint ORDER BY size DESC LIMIT 1";
const NEWEST_TWO: &str = "SELECT origin, size, head, at, signature FROM audit_checkpoint ORDER BY size DESC LIMIT 2";
const ALL: &str = "SELECT origin, size, head, at, signature FROM audit_checkpoint ORDER BY size LIMIT 100000";
const INSERT: &str = "INSERT INTO audit_checkpoint (size, origin, head, at, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const HEAD: &str = "SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1";
pub(crate) const STATEMENTS: &[&str] = &[LAST, NEWEST_TWO, ALL, INSERT, HEAD];

/// "The trail of `origin` had `size` rows and this head at that time", signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Checkpoint {
    /// Name of the installation.
    pub origin: String,
    /// Rows so far: `seq` of the last.
    pub size: i64,
    /// Hash of the last row, hex.
    pub head: String,
    /// Microseconds since 1970.
    pub at: i64,
    /// Ed25519 over the canonical JSON of the four fields above, hex.
    pub signature: String,
}

#[derive(Serialize)]
struct Signed<'a> {
    origin: &'a str,
    size: i64,
    head: &'a str,
    at: i64,
}

/// The key that signs checkpoints.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    origin: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

impl Signer {
    /// Reads the key file (64 hex digits), or makes it with owner-only rights.
    pub fn open(path: &Path, origin: impl Into<String>) -> Result<Self> {
        let origin = origin.into();
        let fault = |detail: String| Error::Broken(format!("audit key {}: {detail}", path.display()));
        if let Ok(text) = std::fs::read_to_string(path) {
            let bytes = hex::decode(text.trim()).map_err(|e| fault(e.to_string()))?;
            let bytes: [u8; 32] = bytes.try_into().map_err(|_| fault("it is not 32 bytes in hex".into()))?;
            return Ok(Self { key: SigningKey::from_bytes(&bytes), origin });
        }
        let bytes: [u8; 32] = rand::random();
        private_file(path).and_then(|mut file| writeln!(file, "{}", hex::encode(bytes))).map_err(|e| fault(e.to_string()))?;
        Ok(Self { key: SigningKey::from_bytes(&bytes), origin })
    }

    /// The public key, hex: give it to whoever verifies.
    pub fn public(&self) -> String {
        hex::encode(self.key.verifying_key().to_bytes())
    }

    fn sign(&self, size: i64, head: String, now: Timestamp) -> Result<Checkpoint> {
        let text = canonical(&Signed { origin: &self.origin, size, head: &head, at: now.0 })?;
        let signature = hex::encode(self.key.sign(text.as_bytes()).to_bytes());
        Ok(Checkpoint { origin: self.origin.clone(), size, head, at: now.0, signature })
    }

    /// Whether a checkpoint is ours and unchanged.
    pub fn holds(&self, point: &Checkpoint) -> bool {
        let signed = Signed { origin: &point.origin, size: point.size, head: &point.head, at: point.at };
        let signature = hex::decode(&point.signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        match (canonical(&signed), signature) {
            (Ok(text), Some(signature)) => self.key.verifying_key().verify(text.as_bytes(), &signature).is_ok(),
            _ => false,
        }
    }
}

#[cfg(unix)]
pub(crate) fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
pub(crate) fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Checkpoints whose signature held, each once, and what is wrong about where they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    /// The checkpoints, told apart by size and head.
    pub points: Vec<Checkpoint>,
    /// Findings in sentences: table and anchor tell different things, a torn line.
    pub warnings: Vec<String>,
}

impl From<Vec<Checkpoint>> for Trusted {
    fn from(points: Vec<Checkpoint>) -> Self {
        let mut seen = HashSet::new();
        let points = points.into_iter().filter(|point| seen.insert(identity(point))).collect();
        Self { points, warnings: Vec::new() }
    }
}

/// What makes a checkpoint the same in table and anchor.
fn identity(point: &Checkpoint) -> (i64, String) {
    (point.size, point.head.clone())
}

/// A file that checkpoints are appended to, one JSON a line. Put it where the database's owner can't rewrite it.
#[derive(Clone, Debug)]
pub struct Anchor(pub PathBuf);

impl Anchor {
    fn fault(&self, fault: &std::io::Error) -> Error {
        Error::Broken(format!("audit anchor {}: {fault}", self.0.display()))
    }

    /// The file, made when there is none, and what must be written first so that its last line is whole. A torn last line is cut off: the
    /// table still has its checkpoint, and it is written again.
    fn open(&self) -> Result<(std::fs::File, &'static str)> {
        let fault = |e| self.fault(&e);
        let mut file = std::fs::OpenOptions::new().read(true).append(true).create(true).open(&self.0).map_err(fault)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fault)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let rest = bytes.get(whole..).unwrap_or_default();
        if rest.is_empty() {
            return Ok((file, ""));
        }
        if serde_json::from_slice::<Checkpoint>(rest).is_ok() {
            return Ok((file, "\n"));
        }
        file.set_len(whole as u64).map_err(fault)?;
        Ok((file, ""))
    }

    /// One write with its line end, then to the disk.
    fn append(&self, points: &[Checkpoint]) -> Result<()> {
        let (mut file, mut text) = self.open().map(|(file, first)| (file, first.to_owned()))?;
        for point in points {
            text.push_str(&serde_json::to_string(point)?);
            text.push('\n');
        }
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| self.fault(&e))
    }

    /// All checkpoints in the file; none without a file. A torn last line is left out with a warning.
    ///
    /// # Errors
    /// [`Error::Conflict`] that names file and line when another line is no checkpoint; [`Error::Broken`] when reading fails.
    pub fn read(&self) -> Result<Trusted> {
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Trusted::default()),
            Err(fault) => return Err(self.fault(&fault)),
        };
        let mut found = Trusted::default();
        for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            match serde_json::from_slice(line) {
                Ok(point) => found.points.push(point),
                Err(_) if !line.ends_with(b"\n") => {
                    found.warnings.push(format!("The last line of the anchor {} (line {number}) is torn and was left out.", self.0.display()));
                }
                Err(fault) => return Err(Error::Conflict(format!("Line {number} of the anchor {} is no checkpoint: {fault}.", self.0.display()))),
            }
        }
        Ok(found)
    }
}

/// Whether so many rows came since the last checkpoint that the next is due, whatever the time.
pub async fn checkpoint_due_by_rows(db: &Db) -> Result<bool> {
    let Some((size, _)) = db.maybe::<(i64, String)>(HEAD, args![]).await? else { return Ok(false) };
    let last: Option<Checkpoint> = db.maybe(LAST, args![]).await?;
    Ok(size - last.map_or(0, |last| last.size) >= EVERY_ROWS)
}

/// Writes a checkpoint when one is due; gives it back when it was written. One that a crash kept out of the anchor is written there first.
pub async fn checkpoint_if_due(db: &Db, signer: &Signer, anchor: &Anchor, now: Timestamp) -> Result<Option<Checkpoint>> {
    checkpoint(db, signer, anchor, now, false).await
}

/// Writes a checkpoint of all that is new, due or not: the program stops.
pub async fn checkpoint_last(db: &Db, signer: &Signer, anchor: &Anchor, now: Timestamp) -> Result<Option<Checkpoint>> {
    checkpoint(db, signer, anchor, now, true).await
}

async fn checkpoint(db: &Db, signer: &Signer, anchor: &Anchor, now: Timestamp, at_once: bool) -> Result<Option<Checkpoint>> {
    let Some((size, head)) = db.maybe::<(i64, String)>(HEAD, args![]).await? else { return Ok(None) };
    mend(db, signer, anchor).await?;
    let last: Option<Checkpoint> = db.maybe(LAST, args![]).await?;
    let due = last.is_none_or(|last| {
        let (rows, age) = (size - last.size, now.since(Timestamp(last.at)));
        // A clock that was set back must not put the next one off.
        rows > 0 && (at_once || rows >= EVERY_ROWS || !(0..EVERY_SECONDS).contains(&age))
    });
    if !due {
        return Ok(None);
    }
    let point = signer.sign(size, head, now)?;
    let row = args![point.size, point.origin.as_str(), point.head.as_str(), point.at, point.signature.as_str()];
    // An anchor that can't be written is found before the table has a checkpoint that the anchor lacks.
    anchor.open()?;
    db.write(move |tx| Box::pin(async move { tx.exec(INSERT, row).await })).await?;
    anchor.append(std::slice::from_ref(&point))?;
    Ok(Some(point))
}

/// A crash between table and anchor leaves one checkpoint out of the anchor: only the newest, and only next to a file that ends with the one
/// before it. Anything else that is missing stays missing, for the verification to find.
async fn mend(db: &Db, signer: &Signer, anchor: &Anchor) -> Result<()> {
    let newest: Vec<Checkpoint> = db.all(NEWEST_TWO, args![]).await?;
    let Some(last) = newest.first().filter(|point| anchor.0.exists() && signer.holds(point)) else { return Ok(()) };
    let anchored = anchor.read()?.points;
    let before = newest.get(1).map(identity);
    if anchored.last().map(identity) == before {
        tracing::warn!(size = last.size, "a checkpoint was missing in the anchor and is written again");
        anchor.append(std::slice::from_ref(last))?;
    }
    Ok(())
}

/// The checkpoints of table and anchor together. What one has and the other lacks is a warning.
///
/// # Errors
/// [`Error::Conflict`] for one with a wrong signature: somebody wrote it.
pub async fn checkpoints(db: &Db, signer: &Signer, anchor: &Anchor) -> Result<Trusted> {
    let found = compared(db, signer, anchor).await?;
    if found.warnings.is_empty() {
        return Ok(found);
    }
    // A checkpoint that is being written stands in the table a moment before it stands in the anchor.
    tokio::time::sleep(AGAIN).await;
    compared(db, signer, anchor).await
}

async fn compared(db: &Db, signer: &Signer, anchor: &Anchor) -> Result<Trusted> {
    let table: Vec<Checkpoint> = db.all(ALL, args![]).await?;
    let anchored = anchor.read()?;
    if let Some(point) = table.iter().chain(&anchored.points).find(|point| !signer.holds(point)) {
        return Err(Error::Conflict(format!("The checkpoint at row {} has a wrong signature.", point.size)));
    }
    let mut warnings = anchored.warnings;
    let file = anchor.0.display();
    if !table.is_empty() && !anchor.0.exists() {
        warnings.push(format!("The anchor {file} is missing, although the table has checkpoints."));
    } else if let Some(text) = lacking(&table, &anchored.points) {
        warnings.push(format!("The anchor {file} lacks {text} of the table."));
    }
    if let Some(text) = lacking(&anchored.points, &table) {
        warnings.push(format!("The table lacks {text} of the anchor {file}."));
    }
    let points = table.into_iter().chain(anchored.points).collect::<Vec<_>>();
    Ok(Trusted { warnings, ..points.into() })
}

/// "2 checkpoints (the first at row 7)" that `there` lacks.
fn lacking(here: &[Checkpoint], there: &[Checkpoint]) -> Option<String> {
    let known: HashSet<_> = there.iter().map(identity).collect();
    let missing: HashSet<_> = here.iter().map(identity).filter(|point| !known.contains(point)).collect();
    let first = missing.iter().map(|(size, _)| size).min()?;
    let word = if missing.len() == 1 { "checkpoint" } else { "checkpoints" };
    Some(format!("{} {word} (the first at row {first})", missing.len()))
}
