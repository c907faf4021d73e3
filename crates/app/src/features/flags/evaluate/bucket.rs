//! Which share of 2³² a key falls into.

/// Seed of the hash that deals the shares of a rule's split. Rollouts use 0: whoever is first in a rollout is not always in the first share.
pub const SPLIT_SEED: u32 = 0x5144_5350;

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// murmur3, 32 bits, x86, by Austin Appleby (public domain: `MurmurHash3.cpp` of SMHasher), fed piece by piece: the part of the text that is the
/// same for everybody is hashed once.
#[derive(Clone, Copy, Debug)]
pub struct Hash {
    state: u32,
    tail: u32,
    tail_bytes: u32,
    length: u32,
}

impl Hash {
    /// Nothing fed yet.
    pub fn new(seed: u32) -> Self {
        Self { state: seed, tail: 0, tail_bytes: 0, length: 0 }
    }

    /// With these bytes appended.
    #[must_use]
    pub fn feed(mut self, bytes: &[u8]) -> Self {
        // Texts are bounded far below 4 GiB; the algorithm counts modulo 2³².
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2³² by definition")]
        let length = bytes.len() as u32;
        self.length = self.length.wrapping_add(length);
        let (words, rest) = bytes.as_chunks::<4>();
        let shift = 8 * self.tail_bytes;
        for word in words {
            let word = u32::from_le_bytes(*word);
            self.mix(self.tail | (word << shift));
            self.tail = word.checked_shr(32 - shift).unwrap_or(0);
        }
        for byte in rest {
            self.tail |= u32::from(*byte) << (8 * self.tail_bytes);
            self.tail_bytes += 1;
            if self.tail_bytes == 4 {
                self.mix(self.tail);
                (self.tail, self.tail_bytes) = (0, 0);
            }
        }
        self
    }

    fn mix(&mut self, word: u32) {
        self.state ^= scramble(word);
        self.state = self.state.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }

    /// The hash of everything that was fed.
    pub fn finish(self) -> u32 {
        let mut h = self.state ^ scramble(self.tail) ^ self.length;
        h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
        h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
        h ^ (h >> 16)
    }
}

fn scramble(word: u32) -> u32 {
    word.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

/// murmur3 of one text.
pub fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    Hash::new(seed).feed(bytes).finish()
}

/// How many of the 2³² hashes are in at so many basis points: 0 at 0, all at 10,000.
pub fn threshold(basis_points: i64) -> u64 {
    (basis_points.clamp(0, 10_000).unsigned_abs() << 32) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the verification of SMHasher and the vectors that implementations share.
    #[test]
    fn hashes_are_those_of_the_reference() {
        let known: [(&[u8], u32, u32); 10] = [
            (b"", 0, 0),
            (b"", 1, 0x514e_28b7),
            (b"", 0xffff_ffff, 0x81f1_6f39),
            (b"\0\0\0\0", 0, 0x2362_f9de),
            (b"a", 0x9747_b28c, 0x7fa0_9ea6),
            (b"aa", 0x9747_b28c, 0x5d21_1726),
            (b"aaa", 0x9747_b28c, 0x283e_0130),
            (b"aaaa", 0x9747_b28c, 0x5a97_808a),
            (b"Hello, world!", 0x9747_b28c, 0x2488_4cba),
            (b"The quick brown fox jumps over the lazy dog", 0x9747_b28c, 0x2fa8_26cd),
        ];
        for (text, seed, hash) in known {
            assert_eq!(murmur3(text, seed), hash, "{text:?} {seed:x}");
        }
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let text = b"The quick brown fox jumps over the lazy dog";
        for first in 0..text.len() {
            for second in first..text.len() {
                let pieces = Hash::new(7).feed(&text[..first]).feed(&text[first..second]).feed(&text[second..]).finish();
                assert_eq!(pieces, murmur3(text, 7), "{first} {second}");
            }
        }
    }

    #[test]
    fn thresholds_are_exact_at_both_ends() {
        assert_eq!((threshold(0), threshold(10_000), threshold(5_000)), (0, 1 << 32, 1 << 31));
        assert_eq!(threshold(50), 21_474_836, "half a percent is half a percent");
        assert!((0..10_000).all(|points| threshold(points) < threshold(points + 1)));
    }
}
