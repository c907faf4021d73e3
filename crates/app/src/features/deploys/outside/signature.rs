//! Whether a hook comes from whom it says: Standard Webhooks (Render) and GitHub's HMAC. Compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qd_core::Timestamp;
use qd_core::keys::mac;
use subtle::ConstantTimeEq;

/// Seconds that the sender's clock may differ from ours.
const TOLERANCE: i64 = 300;
/// Most signatures that are looked at.
const MOST: usize = 8;

/// The headers of Standard Webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'h> {
    /// `webhook-id`
    pub id: &'h str,
    /// `webhook-timestamp`: Unix seconds.
    pub timestamp: &'h str,
    /// `webhook-signature`: `v1,BASE64`, several with a space between.
    pub signature: &'h str,
}

/// Why a hook is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A header is missing or odd.
    Headers,
    /// Too old, or of the future.
    Time,
    /// Nobody with the secret signed this.
    Signature,
}

impl Wrong {
    /// What to tell the sender.
    pub fn words(self) -> &'static str {
        match self {
            Self::Headers => "The signature's headers are missing or can't be read.",
            Self::Time => "The hook was signed more than 5 minutes ago, or in the future.",
            Self::Signature => "The signature does not fit the body and our secret.",
        }
    }
}

/// Verifies Standard Webhooks: HMAC-SHA256 over `id.timestamp.body` under the bytes behind `whsec_`.
pub fn standard(secret: &str, signed: Signed<'_>, body: &[u8], now: Timestamp) -> Result<(), Wrong> {
    let Signed { id, timestamp, signature } = signed;
    let fine = (1..=200).contains(&id.len()) && !id.contains('.') && id.chars().all(|c| c.is_ascii_graphic());
    let sent: i64 = timestamp.parse().map_err(|_| Wrong::Headers)?;
    if !fine {
        return Err(Wrong::Headers);
    }
    if now.seconds().saturating_sub(sent).saturating_abs() > TOLERANCE {
        return Err(Wrong::Time);
    }
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let text = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let wanted = mac(&key, &text);
    let fits = |one: &str| {
        let given = one.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        bool::from(wanted.as_slice().ct_eq(&given))
    };
    // Every signature is looked at: which one fits is nobody's business.
    if signature.split(' ').take(MOST).fold(false, |any, one| any | fits(one)) { Ok(()) } else { Err(Wrong::Signature) }
}

/// Verifies `X-Hub-Signature-256: sha256=HEX`.
pub fn github(secret: &str, signature: &str, body: &[u8]) -> Result<(), Wrong> {
    let given = signature.strip_prefix("sha256=").and_then(|text| hex::decode(text).ok()).ok_or(Wrong::Headers)?;
    if bool::from(mac(secret.as_bytes(), body).as_slice().ct_eq(&given)) { Ok(()) } else { Err(Wrong::Signature) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn sign(id: &str, at: i64, body: &str) -> String {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        format!("v1,{}", STANDARD.encode(mac(&key, format!("{id}.{at}.{body}").as_bytes())))
    }

    /// The example that the Standard Webhooks libraries test with.
    #[test]
    fn the_published_example_holds() {
        let signed =
            Signed { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" };
        assert_eq!(standard(SECRET, signed, br#"{"test": 2432232314}"#, Timestamp::from_seconds(1_614_265_330)), Ok(()));
    }

    #[test]
    fn only_the_right_body_time_and_secret_pass() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let good = sign("msg_1", 1_800_000_000, "{}");
        let check = |signature: &str, at: i64, body: &str, secret: &str| {
            standard(secret, Signed { id: "msg_1", timestamp: &at.to_string(), signature }, body.as_bytes(), now)
        };
        assert_eq!(check(&good, 1_800_000_000, "{}", SECRET), Ok(()));
        assert_eq!(check(&format!("v1a,x v1,AAAA {good}"), 1_800_000_000, "{}", SECRET), Ok(()), "several, one fits");
        assert_eq!(check(&good, 1_800_000_000, "{ }", SECRET), Err(Wrong::Signature));
        assert_eq!(check(&good, 1_800_000_001, "{}", SECRET), Err(Wrong::Signature));
        assert_eq!(check(&good, 1_800_000_000, "{}", "whsec_AAAA"), Err(Wrong::Signature));
        assert_eq!(check("", 1_800_000_000, "{}", SECRET), Err(Wrong::Signature));
        let early = sign("msg_1", 1_799_999_699, "{}");
        assert_eq!(check(&early, 1_799_999_699, "{}", SECRET), Err(Wrong::Time));
        let edge = sign("msg_1", 1_799_999_700, "{}");
        assert_eq!(check(&edge, 1_799_999_700, "{}", SECRET), Ok(()));
        let odd = Signed { id: "msg.1", timestamp: "now", signature: &good };
        assert_eq!(standard(SECRET, odd, b"{}", now), Err(Wrong::Headers));
    }

    #[test]
    fn github_signs_the_body_alone() {
        // The example of GitHub's manual.
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(github(secret, good, body), Ok(()));
        assert_eq!(github("other", good, body), Err(Wrong::Signature));
        assert_eq!(github(secret, "sha1=757107", body), Err(Wrong::Headers));
        assert_eq!(github(secret, "sha256=zz", body), Err(Wrong::Headers));
    }

    proptest::proptest! {
        #[test]
        fn odd_headers_never_pass_and_never_panic(id in "\\PC{0,20}", at in "\\PC{0,12}", text in "\\PC{0,60}", body in proptest::collection::vec(0_u8.., 0..40)) {
            let signed = Signed { id: &id, timestamp: &at, signature: &text };
            proptest::prop_assert!(standard(SECRET, signed, &body, Timestamp::from_seconds(1_800_000_000)).is_err());
            proptest::prop_assert!(github("s", &text, &body).is_err());
        }
    }
}
