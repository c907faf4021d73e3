//! Every reader over the same bytes, for the fuzzer and for its corpus.

use qd_core::port::queue::{JobState, TextCut};

use super::{Hash, client, due, event, millis, options, priority, reference, row, slot, stacks, version};

/// Reads `bytes` as everything that BullMQ writes.
///
/// # Panics
/// When something is told that is longer than it may be: a fault of ours.
pub fn anything(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let number = bytes.first_chunk::<8>().map_or(0.0, |bits| f64::from_le_bytes(*bits));
    let words: Vec<&str> = text.split(['\n', ' ']).collect();
    let (pairs, _) = words.as_chunks::<2>();
    let fields: Vec<(String, String)> = pairs.iter().map(|[key, value]| ((*key).to_owned(), (*value).to_owned())).collect();
    let told = event(&text, &fields).or_else(|| event("17-0", &fields));
    assert!(told.is_none_or(|told| told.job.len() <= text.len()), "a job of its own making");
    let mut hash = Hash::default();
    for (field, value) in FIELDS.iter().zip(words.iter().copied().chain(std::iter::repeat(&*text))) {
        hash.fields.insert(field, value.to_owned());
        hash.sizes.insert(field, u64::try_from(value.len()).unwrap_or(u64::MAX));
    }
    for state in JobState::ALL {
        let row = row(&text, state, Some(number), &hash, [64, 16]);
        assert!(row.data.text.len() <= 64 && row.reason.is_none_or(|reason| reason.text.len() <= 16), "more than was asked for");
    }
    assert!(stacks(&text).iter().all(|stack| stack.text.len() <= TextCut::MAX), "a whole stack");
    for line in text.lines() {
        let worker = client(line, "bull", |name| name.len() == 4);
        assert!(worker.is_none_or(|worker| !worker.queue.is_empty()), "a worker of nothing");
    }
    let job = reference(&text, "bull");
    assert!(job.is_none_or(|job| !job.queue.is_empty() && !job.id.is_empty()), "a job of nothing");
    _ = (millis(&text), options(&text), slot(&text), version(&text), due(number), priority(number));
}

const FIELDS: [&str; 10] = ["name", "data", "opts", "failedReason", "timestamp", "processedOn", "finishedOn", "atm", "priority", "rjk"];

#[cfg(test)]
mod tests {
    use super::anything;

    fn corpus() -> Vec<Vec<u8>> {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/bullmq");
        std::fs::read_dir(corpus).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn the_corpus_is_read() {
        let files = corpus();
        assert!(files.len() >= 10, "the corpus is there");
        files.iter().for_each(|file| anything(file));
    }

    /// The same few thousand broken texts in every run.
    #[test]
    fn broken_texts_are_read_too() {
        let (files, mut dice) = (corpus(), 0x2545_F491_4F6C_DD1D_u64);
        let mut roll = |sides: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % u64::try_from(sides.max(1)).unwrap()).unwrap()
        };
        for _ in 0..5_000 {
            let mut text = files[roll(files.len())].clone();
            for _ in 0..=roll(4) {
                let at = roll(text.len());
                match roll(4) {
                    0 if !text.is_empty() => text[at] = u8::try_from(roll(256)).unwrap(),
                    1 => text.truncate(at),
                    2 => text.splice(at..at, b":-0{[ \n"[roll(7)..].iter().copied()).for_each(drop),
                    _ => text.extend_from_slice(&files[roll(files.len())]),
                }
            }
            anything(&text);
        }
    }
}
