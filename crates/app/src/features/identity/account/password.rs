//! Passwords: what is accepted, and Argon2id (19 MiB, 2 passes, 1 lane) off the async threads, two at a time.

use std::sync::LazyLock;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use qd_core::secret::Secret;
use qd_core::{Error, Result};
use tokio::sync::Semaphore;

use crate::features::identity::crypto;

/// Shortest and longest password, in characters.
pub const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// The commonest passwords of at least twelve characters, and our own names; compared without case, digits at the end and punctuation.
const COMMON: &[&str] = &[
    "password",
    "passwordpassword",
    "passw0rd",
    "changeme",
    "changemeplease",
    "changethis",
    "administrator",
    "adminadmin",
    "adminadminadmin",
    "qwerty",
    "qwertyuiop",
    "qwertyuiopasdf",
    "qwertyqwerty",
    "qwertyuiopasdfghjkl",
    "qazwsxedc",
    "qazwsxedcrfv",
    "asdfghjkl",
    "asdfghjklzxc",
    "zxcvbnm",
    "letmein",
    "letmeinplease",
    "letmeinnow",
    "iloveyou",
    "iloveyouforever",
    "welcome",
    "welcomewelcome",
    "welcometoadmin",
    "trustno",
    "trustnoone",
    "superman",
    "superadmin",
    "superadministrator",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "monkeymonkey",
    "dragondragon",
    "masterkey",
    "correcthorsebatterystaple",
    "thisismypassword",
    "mypassword",
    "mysecretpassword",
    "secretsecret",
    "nopassword",
    "quarterdeck",
    "testtesttest",
    "aaaaaaaaaaaa",
];

/// Two hashes at once: each takes 19 MiB and tens of milliseconds of a core.
static SLOTS: Semaphore = Semaphore::const_new(2);
/// How long a sign-in may wait for a slot.
const PATIENCE: Duration = Duration::from_secs(5);

/// Verified against when there is no account or no password, so that the time of the answer tells nothing.
static DUMMY: LazyLock<Option<String>> = LazyLock::new(|| hash_now(&crypto::random_secret()).ok());

/// What is wrong with a new password, as fault of `field`.
///
/// # Errors
/// [`Error::Invalid`] with a sentence that says what to do.
pub fn check(password: &Secret, email: &str, field: &str) -> Result<()> {
    let text = password.expose();
    let lower = text.to_lowercase();
    let letters = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let core = letters(text);
    let core = core.trim_end_matches(|c: char| c.is_ascii_digit());
    let local = letters(email.split('@').next().unwrap_or_default());
    let detail = match text.chars().count() {
        count if !LENGTH.contains(&count) => format!("Use {} to {} characters.", LENGTH.start(), LENGTH.end()),
        _ if lower == email || (!local.is_empty() && core == local) => "Don't use your email.".to_owned(),
        _ if core.is_empty() || COMMON.contains(&core) || is_run(&lower) => {
            "This is among the first that people try. Three or four random words work well.".to_owned()
        }
        _ => return Ok(()),
    };
    Err(Error::invalid(field, detail))
}

/// One character over and over.
fn is_run(text: &str) -> bool {
    let first = text.chars().next();
    text.chars().all(|c| Some(c) == first)
}

/// The hash to store, in PHC form.
///
/// # Errors
/// [`Error::Overloaded`] when too many wait for a turn.
pub async fn hash(password: Secret) -> Result<String> {
    in_turn(move || hash_now(&password)).await
}

/// Whether `password` is the one of `stored`. Without a stored one it takes as long and says no.
///
/// # Errors
/// [`Error::Overloaded`] when too many wait for a turn.
pub async fn verify(password: Secret, stored: Option<String>) -> Result<bool> {
    in_turn(move || {
        // Made before it is needed: else the very first unknown account would take twice as long.
        LazyLock::force(&DUMMY);
        let real = stored.is_some();
        let Some(phc) = stored.or_else(|| DUMMY.clone()) else { return Ok(false) };
        let parsed = PasswordHash::new(&phc).map_err(|fault| Error::Broken(format!("stored password hash: {fault}")))?;
        let matches = hasher()?.verify_password(password.expose().as_bytes(), &parsed).is_ok();
        Ok(matches && real)
    })
    .await
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let busy = || Error::Overloaded { detail: "Too many people sign in at once. Nothing was changed.".into(), retry_after: 5 };
    let slot = tokio::time::timeout(PATIENCE, SLOTS.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    // The slot goes along: a caller who hangs up must not free it while the hash still runs.
    let done = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        work()
    });
    done.await.map_err(|fault| Error::Broken(format!("password hashing: {fault}")))?
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|fault| Error::Broken(format!("argon2: {fault}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &Secret) -> Result<String> {
    let hash = hasher()?.hash_password(password.expose().as_bytes());
    Ok(hash.map_err(|fault| Error::Broken(format!("argon2: {fault}")))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(password: &str) -> bool {
        check(&Secret::new(password), "mara.lindqvist@fern.example", "new").is_err()
    }

    #[test]
    fn weak_passwords_are_refused() {
        for weak in [
            "short",
            "Password1234",
            "P-A-S-S-W-O-R-D-1",
            "quarterdeck2026",
            "mara.lindqvist@fern.example",
            "Mara.Lindqvist1",
            "111111111111",
            "............",
            &"x".repeat(129),
        ] {
            assert!(refused(weak), "{weak}");
        }
        for good in ["tin-lantern-harbour", "Zwölf Zeichen genau", "8f3k-2l9x-77qp"] {
            assert!(!refused(good), "{good}");
        }
    }

    #[tokio::test]
    async fn only_the_right_password_fits_and_the_hash_says_how_it_was_made() {
        let stored = hash(Secret::new("tin-lantern-harbour")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(Secret::new("tin-lantern-harbour"), Some(stored.clone())).await.unwrap());
        assert!(!verify(Secret::new("tin-lantern-harbor"), Some(stored)).await.unwrap());
        assert!(!verify(Secret::new("anything at all"), None).await.unwrap());
    }
}
