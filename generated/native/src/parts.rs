//! Texts cut into parts, and the parts shared out among threads.

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
    /// None unless the ends rise, up to the length of the bytes.
    pub fn new(bytes: &'a [u8], ends: &'a [usize]) -> Option<Self> {
        let rising = ends.windows(2).all(|w| w[0] <= w[1]);
        let last = ends.last().copied().unwrap_or(0);
        (rising && last == bytes.len()).then_some(Texts { bytes, ends })
    }

    /// The stretches of text, none longer than one text, in a range.
    pub fn stretches(
        self,
        range: Range<usize>,
    ) -> impl Iterator<Item = &'a [u8]> {
        let first = self.ends.partition_point(|&end| end <= range.start);
        let mut start = range.start;
        self.ends[first..].iter().map_while(move |&end| {
            let stretch = start..end.min(range.end);
            start = stretch.end;
            (stretch.start < stretch.end)
                .then(|| &self.bytes[stretch])
        })
    }

    /// Ranges that cover all bytes and cut no piece.
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

    /// A place from `at` on that cuts no piece.
    fn cut(self, at: usize) -> usize {
        let i = self.ends.partition_point(|&end| end <= at);
        match self.ends.get(i) {
            Some(&end) => safe_cut(&self.bytes[..end], at),
            None => self.bytes.len(),
        }
    }
}

/// Lets threads take jobs and do them, each with something of its own
/// that `begin` makes; returns these things.
pub fn share<J: Send, T: Send>(
    jobs: Vec<J>,
    threads: usize,
    begin: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, J) + Sync,
) -> Vec<T> {
    let threads = threads.clamp(1, jobs.len().max(1));
    let queue = Mutex::new(jobs.into_iter());
    let take = || queue.lock().expect("no panic holds it").next();
    let serve = || {
        let mut mine = begin();
        while let Some(job) = take() {
            work(&mut mine, job);
        }
        mine
    };
    thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads).map(|_| scope.spawn(serve)).collect();
        let mut all = vec![serve()];
        for other in others {
            all.push(other.join().expect("a job panicked"));
        }
        all
    })
}
