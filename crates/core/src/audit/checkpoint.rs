//! Signed checkpoints: {origin, size, head, time} under an Ed25519 key that lies outside the database, handed to anchors outside as well, so
//! that a cut-off tail or a recomputed chain is found.

use std::io::Write;
use std::path::{Path, PathBuf};

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

const LAST: &str = "SELECT origin, size, head, at, signature FROM audit_checkpoint ORDER BY size DESC LIMIT 1";
const ALL: &str = "SELECT origin, size, head, at, signature FROM audit_checkpoint ORDER BY size LIMIT 100000";
const INSERT: &str = "INSERT INTO audit_checkpoint (size, origin, head, at, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const HEAD: &str = "SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1";
pub(crate) const STATEMENTS: &[&str] = &[LAST, ALL, INSERT, HEAD];

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
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// A file that checkpoints are appended to, one JSON a line. Put it where the database's owner can't rewrite it.
#[derive(Clone, Debug)]
pub struct Anchor(pub PathBuf);

impl Anchor {
    fn append(&self, point: &Checkpoint) -> Result<()> {
        let fault = |e: std::io::Error| Error::Broken(format!("audit anchor {}: {e}", self.0.display()));
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&self.0).map_err(fault)?;
        writeln!(file, "{}", serde_json::to_string(point)?).and_then(|()| file.sync_all()).map_err(fault)
    }

    /// All checkpoints in the file; an unreadable line is an error, not a gap.
    pub fn read(&self) -> Result<Vec<Checkpoint>> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) => text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect(),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(fault) => Err(Error::Broken(format!("audit anchor {}: {fault}", self.0.display()))),
        }
    }
}

/// Writes a checkpoint when one is due; gives it back when it was written.
pub async fn checkpoint_if_due(db: &Db, signer: &Signer, anchor: &Anchor, now: Timestamp) -> Result<Option<Checkpoint>> {
    let Some((size, head)) = db.maybe::<(i64, String)>(HEAD, args![]).await? else { return Ok(None) };
    let last: Option<Checkpoint> = db.maybe(LAST, args![]).await?;
    let due = last.is_none_or(|last| size > last.size && (size - last.size >= EVERY_ROWS || now.since(Timestamp(last.at)) >= EVERY_SECONDS));
    if !due {
        return Ok(None);
    }
    let point = signer.sign(size, head, now)?;
    let row = args![point.size, point.origin.as_str(), point.head.as_str(), point.at, point.signature.as_str()];
    db.write(move |tx| Box::pin(async move { tx.exec(INSERT, row).await })).await?;
    anchor.append(&point)?;
    Ok(Some(point))
}

/// The checkpoints of table and anchor together. One with a wrong signature is an error: somebody wrote it.
pub async fn checkpoints(db: &Db, signer: &Signer, anchor: &Anchor) -> Result<Vec<Checkpoint>> {
    let mut points: Vec<Checkpoint> = db.all(ALL, args![]).await?;
    points.extend(anchor.read()?);
    match points.iter().find(|point| !signer.holds(point)) {
        Some(point) => Err(Error::Conflict(format!("The checkpoint at row {} has a wrong signature.", point.size))),
        None => Ok(points),
    }
}
