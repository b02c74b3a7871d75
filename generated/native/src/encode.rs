//! From text to tokens.

use std::sync::Mutex;

use crate::merging::{Desk, Merges};
use crate::parts::{share, Texts};
use crate::split::{pieces, Split};
use crate::words::{key_of, Words};

/// So many pieces are remembered before a cache starts afresh.
const REMEMBERED: usize = 1 << 18;

/// A piece's tokens: up to three here, more of them elsewhere.
#[derive(Clone, Copy, Default)]
struct Tokens {
    n: u32,
    /// The tokens; if they are more than three, where they start.
    ids: [u32; 3],
}

/// What a thread remembers of the pieces that it has seen.
struct Cache {
    words: Words<Tokens>,
    /// The tokens of pieces with more than three.
    more: Vec<u32>,
    desk: Desk,
}

/// A tokenizer's merges, ready for use by many threads at once.
pub struct Encoder {
    merges: Merges,
    split: Split,
    caches: Mutex<Vec<Cache>>,
}

/// Where ids are written, one after the other.
struct Out<'a> {
    ids: &'a mut [u32],
    n: usize,
}

impl Out<'_> {
    #[inline(always)]
    fn push(&mut self, tokens: Tokens, more: &[u32]) {
        let n = tokens.n as usize;
        if n <= 3 && self.n + 3 <= self.ids.len() {
            // always three: no branch, and what is too much is
            // written over by the next
            self.ids[self.n..self.n + 3].copy_from_slice(&tokens.ids);
        } else {
            self.push_slowly(tokens, more);
        }
        self.n += n;
    }

    #[cold]
    fn push_slowly(&mut self, tokens: Tokens, more: &[u32]) {
        let n = tokens.n as usize;
        let ids = if n <= 3 {
            &tokens.ids[..n]
        } else {
            &more[tokens.ids[0] as usize..][..n]
        };
        self.ids[self.n..self.n + n].copy_from_slice(ids);
    }
}

impl Cache {
    fn new() -> Self {
        Cache {
            words: Words::with_room(1 << 12),
            more: Vec::new(),
            desk: Desk::default(),
        }
    }

    /// Works out the tokens of a piece, and remembers them.
    #[cold]
    fn learn(
        &mut self,
        merges: &Merges,
        key: u128,
        piece: &[u8],
    ) -> Tokens {
        if self.words.len() >= REMEMBERED {
            self.words.clear();
            self.more.clear();
        }
        merges.apply(piece, &mut self.desk);
        let found = &self.desk.ids;
        let mut tokens = Tokens { n: found.len() as u32, ids: [0; 3] };
        if found.len() <= 3 {
            tokens.ids[..found.len()].copy_from_slice(found);
        } else {
            tokens.ids[0] = self.more.len() as u32;
            self.more.extend(found);
        }
        *self.words.entry(key, piece) = tokens;
        tokens
    }
}

impl Encoder {
    pub fn new(merges: Merges, split: Split) -> Self {
        Encoder { merges, split, caches: Mutex::default() }
    }

    /// Encodes a stretch of text, appending to `out`.
    fn stretch(&self, text: &[u8], cache: &mut Cache, out: &mut Out) {
        pieces(text, self.split, |start, end| {
            let key = key_of(text, start, end);
            let piece = &text[start..end];
            let tokens = match cache.words.get(key, piece) {
                Some(tokens) => tokens,
                None => cache.learn(&self.merges, key, piece),
            };
            out.push(tokens, &cache.more);
        });
    }

    /// Encodes texts to `out`, which has room for as many ids as there
    /// are bytes; `ends` gets where each text's ids end.
    pub fn encode(
        &self,
        texts: Texts,
        threads: usize,
        out: &mut [u32],
        ends: &mut [usize],
    ) -> usize {
        let parts = texts.parts();
        let counts: Vec<_> =
            parts.iter().map(|_| Mutex::new(Vec::new())).collect();
        let mut jobs = Vec::new();
        let mut rest = &mut *out;
        for (part, counts) in parts.iter().zip(&counts) {
            let (ids, tail) = rest.split_at_mut(part.len());
            jobs.push((part.clone(), ids, counts));
            rest = tail;
        }
        let begin = || {
            let mut caches = self.caches.lock().expect("no panic");
            caches.pop().unwrap_or_else(Cache::new)
        };
        let caches = share(jobs, threads, begin, |cache, job| {
            let (part, ids, counts) = job;
            let mut out = Out { ids, n: 0 };
            let mut mine = Vec::new();
            for stretch in texts.stretches(part) {
                self.stretch(stretch, cache, &mut out);
                mine.push((stretch.len(), out.n));
            }
            *counts.lock().expect("no panic") = mine;
        });
        self.caches.lock().expect("no panic").extend(caches);
        let _ = ends;
        let mut n = 0;
        for (part, counts) in parts.iter().zip(&counts) {
            let counts = counts.lock().expect("no panic");
            let got = counts.last().map_or(0, |c| c.1);
            out.copy_within(part.start..part.start + got, n);
            n += got;
        }
        n
    }
}
