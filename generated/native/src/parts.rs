// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 251e71cf8b9c
//! Texts cut into parts, one for each thread.

use std::ops::Range;
use std::thread;

use crate::split::safe_cut;

/// How many bytes are worth a thread of their own.
const ENOUGH: usize = 1 << 16;

/// Some texts, thought of as one after the other.
pub struct Texts<'a> {
    texts: Vec<&'a [u8]>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl<'a> Texts<'a> {
    pub fn new(texts: Vec<&'a [u8]>) -> Self {
        let mut end = 0;
        let end_of = |text: &&[u8]| {
            end += text.len();
            end
        };
        let ends = texts.iter().map(end_of).collect();
        Texts { texts, ends }
    }

    /// The number of bytes of all texts.
    pub fn size(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// At most n ranges of about the same length that cover all bytes,
    /// and whose ends cut no piece.
    pub fn parts(&self, n: usize) -> Vec<Range<usize>> {
        let n = n.clamp(1, 1 + self.size() / ENOUGH);
        let mut cuts: Vec<_> =
            (0..n).map(|i| self.cut(self.size() / n * i)).collect();
        cuts.push(self.size());
        cuts.windows(2).map(|two| two[0]..two[1]).collect()
    }

    /// A place from `at` on where a cut goes through no piece.
    fn cut(&self, at: usize) -> usize {
        let i = self.ends.partition_point(|&end| end <= at);
        let Some(text) = self.texts.get(i) else { return at };
        let start = self.ends[i] - text.len();
        if at > start {
            start + safe_cut(text, at - start)
        } else {
            at
        }
    }

    /// What a part holds of each text, with the text's number.
    pub fn within(
        &self,
        part: Range<usize>,
    ) -> impl Iterator<Item = (usize, &'a [u8])> + '_ {
        let first = self.ends.partition_point(|&e| e <= part.start);
        let last = self.ends.partition_point(|&e| e < part.end);
        let held = move |(i, &end): (usize, &usize)| {
            let text = self.texts[i];
            let start = end - text.len();
            let from = part.start.max(start) - start;
            let to = part.end.min(end).max(start) - start;
            (from < to).then(|| (i, &text[from..to]))
        };
        let ends = self.ends.iter().enumerate();
        ends.take(last + 1).skip(first).filter_map(held)
    }
}

/// Does all jobs at once, each on a thread; returns what comes of them.
pub fn at_once<J: Send, R: Send>(
    jobs: Vec<J>,
    work: impl Fn(J) -> R + Sync,
) -> Vec<R> {
    let mut jobs = jobs.into_iter();
    let Some(mine) = jobs.next() else { return Vec::new() };
    let work = &work;
    thread::scope(|scope| {
        let others: Vec<_> =
            jobs.map(|job| scope.spawn(move || work(job))).collect();
        let mut results = vec![work(mine)];
        for other in others {
            results.push(other.join().expect("a job panicked"));
        }
        results
    })
}
