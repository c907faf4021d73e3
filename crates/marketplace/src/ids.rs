//! Ids: UUIDs of version 7, random for what happens now, computed for what the generator makes.

use uuid::Uuid;

/// A new id.
pub fn new() -> Uuid {
    Uuid::now_v7()
}

/// Microseconds since 1970, UTC, now.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The id of the `sequence`-th row of a table, made at `at` (µs). Rows of one millisecond sort by `sequence`; `salt`
/// fills the rest.
pub fn computed(at: i64, sequence: u32, salt: u64) -> Uuid {
    let millis = u64::try_from(at / 1_000).unwrap_or(0);
    let tail = ((u128::from(sequence) & 0xf_ffff) << 42) | u128::from(salt & 0x3ff_ffff_ffff);
    let head = (u128::from(millis) << 80) | (u128::from(sequence >> 20) << 64);
    let mut bytes = (head | tail).to_be_bytes();
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version |= 0x70;
    *variant = (*variant & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_ids_are_version_7_and_sort() {
        let at = 1_700_000_000_000_000;
        let ids: Vec<_> = [0, 1, 0xf_ffff, 0x10_0000, u32::MAX].map(|n| computed(at, n, u64::MAX)).into();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.get_version_num() == 7));
        assert!(computed(at + 1_000, 0, 0) > computed(at, u32::MAX, u64::MAX));
    }
}
