// Made from book/part3/11-fast.draft.md by tangle.py; edit there, or here and stitch. 6d4bfe89459d
//! Texts cut into parts, and work shared out among threads.

use std::ops::Range;
use std::sync::Mutex;
use std::thread;

use crate::split::safe_cut;

/// About how many bytes make a part worth handing to a thread.
const PART: usize = 1 << 18;

/// Texts, one after the other; `ends[i]` is where text i ends.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Texts<'a> {
    /// An error unless the ends rise to the number of bytes.
    pub fn new(
        bytes: &'a [u8],
        ends: &'a [usize],
    ) -> Result<Self, String> {
        let rising = ends.windows(2).all(|w| w[0] <= w[1]);
        let last = ends.last().copied().unwrap_or(0);
        if rising && last == bytes.len() {
            return Ok(Texts { bytes, ends });
        }
        Err(format!(
            "texts end at {last} of {} bytes, rising: {rising}",
            bytes.len()
        ))
    }

    /// Ranges that cover all bytes, and whose ends cut no piece.
    pub fn parts(self) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut start = 0;
        while start < self.bytes.len() {
            let end = self.cut(start + PART);
            parts.push(start..end);
            start = end;
        }
        parts
    }

    fn cut(self, at: usize) -> usize {
        let text = self.ends.partition_point(|&end| end <= at);
        match self.ends.get(text) {
            Some(&end) => safe_cut(&self.bytes[..end], at),
            None => self.bytes.len(),
        }
    }

    /// What a part holds of each text, with the text's number.
    pub fn within(
        self,
        part: Range<usize>,
    ) -> impl Iterator<Item = (usize, &'a [u8])> {
        let past = |&end: &usize| end <= part.start;
        let first = self.ends.partition_point(past);
        let mut start = part.start;
        (first..self.ends.len()).map_while(move |text| {
            let end = self.ends[text].min(part.end);
            let bytes = &self.bytes[start..end];
            let more = start < part.end;
            start = end;
            more.then_some((text, bytes))
        })
    }
}

/// Lets threads do jobs, each thread with things of its own that
/// `begin` lays out. Returns these things, and the results in order.
pub fn share<J: Send, T: Send, R: Send>(
    jobs: Vec<J>,
    threads: usize,
    begin: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, J) -> R + Sync,
) -> (Vec<T>, Vec<R>) {
    let threads = threads.clamp(1, jobs.len().max(1));
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let take = || queue.lock().expect("nobody panics").next();
    let serve = || {
        let (mut things, mut done) = (begin(), Vec::new());
        while let Some((i, job)) = take() {
            done.push((i, work(&mut things, job)));
        }
        (things, done)
    };
    let (things, done): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads).map(|_| scope.spawn(serve)).collect();
        let mut all = vec![serve()];
        all.extend(others.into_iter().map(|t| t.join().unwrap()));
        all.into_iter().unzip()
    });
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|&(i, _)| i);
    (things, done.into_iter().map(|(_, result)| result).collect())
}
