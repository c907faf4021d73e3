//! Reading and writing cookies. The shop's are never readable by scripts and stay on this site.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The session's token.
pub const SESSION: &str = "fm_session";
/// What is in the cart.
pub const CART: &str = "fm_cart";
/// Thirty days, in seconds.
pub const MONTH: i64 = 30 * 86_400;

/// The value of a cookie.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The header that sets a cookie for `seconds`; 0 deletes it. `value` must be of letters, digits, `.`, `-` and `_`.
pub fn write(name: &str, value: &str, seconds: i64) -> (HeaderName, HeaderValue) {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    (SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("fm_none=; Max-Age=0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("xfm_cart=1; fm_cart=2; fm_cart2=3"));
        assert_eq!(read(&headers, CART), Some("2"));
        assert_eq!(read(&headers, SESSION), None);
    }
}
