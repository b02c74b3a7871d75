// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 02be01682684
//! From texts to tokens.

use std::mem;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::merges::Merges;
use crate::parts::{at_once, Texts};
use crate::split::{pieces, Split};
use crate::words::{key_of, Words};

/// After so many bytes of pieces a thread begins to remember anew.
const REMEMBERED: usize = 1 << 21;

/// The tokens of a piece: themselves if they are at most three, else
/// where they begin in `Memory::longer`.
#[derive(Clone, Copy, Default)]
struct Tokens {
    n: u32,
    ids: [u32; 3],
}

/// What a thread remembers of the pieces that it met.
#[derive(Default)]
struct Memory {
    known: Words<Tokens>,
    longer: Vec<u32>,
    /// How many bytes the pieces have.
    bytes: usize,
    /// The tokens of the piece at hand.
    ids: Vec<u32>,
}

impl Memory {
    /// Works out the tokens of a piece, and remembers them.
    #[cold]
    fn learn(
        &mut self,
        key: u128,
        piece: &[u8],
        merges: &Merges,
    ) -> Tokens {
        if self.bytes >= REMEMBERED {
            *self = Memory::default();
        }
        self.bytes += piece.len();
        merges.apply(piece, &mut self.ids);
        let n = self.ids.len();
        let mut tokens = Tokens { n: n as u32, ids: [0; 3] };
        if n <= 3 {
            tokens.ids[..n].copy_from_slice(&self.ids);
        } else {
            tokens.ids[0] = self.longer.len() as u32;
            self.longer.extend(&self.ids);
        }
        *self.known.entry(key, piece) = tokens;
        tokens
    }

    /// Writes tokens to the beginning of `out`.
    #[inline(always)]
    fn write(&self, tokens: Tokens, out: &mut [u32]) {
        let n = tokens.n as usize;
        if n <= 3 && out.len() >= 3 {
            // what is too much here, the next ones write over
            out[..3].copy_from_slice(&tokens.ids);
        } else if n <= 3 {
            out[..n].copy_from_slice(&tokens.ids[..n]);
        } else {
            let start = tokens.ids[0] as usize;
            let ids = &self.longer[start..start + n];
            out[..n].copy_from_slice(ids);
        }
    }
}

/// A tokenizer that many threads may use at once.
pub struct Encoder {
    merges: Merges,
    split: Split,
    /// What threads have learned, for those to come.
    memories: Mutex<Vec<Memory>>,
}

impl Encoder {
    pub fn new(merges: Merges, split: Split) -> Self {
        Encoder { merges, split, memories: Mutex::default() }
    }

    fn memories(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the tokens of a text; returns how many there are.
    fn encode_one(
        &self,
        text: &[u8],
        memory: &mut Memory,
        out: &mut [u32],
    ) -> usize {
        let mut n = 0;
        pieces(text, self.split, |start, end| {
            let key = key_of(text, start, end);
            let piece = &text[start..end];
            let tokens = match memory.known.get(key, piece) {
                Some(tokens) => tokens,
                None => memory.learn(key, piece, &self.merges),
            };
            memory.write(tokens, &mut out[n..]);
            n += tokens.n as usize;
        });
        n
    }

    /// Writes the tokens of texts, which are never more than the bytes
    /// are, to `out`, and to `ends` where those of each text end.
    pub fn encode(
        &self,
        texts: &Texts,
        threads: usize,
        out: &mut [u32],
        ends: &mut [usize],
    ) {
        let parts = texts.parts(threads);
        let jobs = with_room(&parts, out);
        let found = at_once(jobs, |(part, out)| {
            let memory = self.memories().pop();
            let mut memory = memory.unwrap_or_default();
            let (mut n, mut found) = (0, Vec::new());
            for (i, text) in texts.within(part) {
                let out = &mut out[n..];
                n += self.encode_one(text, &mut memory, out);
                found.push((i, n));
            }
            self.memories().push(memory);
            found
        });
        close_up(&parts, &found, out, ends);
    }
}

/// A part of the texts, and room for its tokens.
type Job<'a> = (Range<usize>, &'a mut [u32]);

/// Each part with as much room as it has bytes.
fn with_room<'a>(
    parts: &[Range<usize>],
    mut out: &'a mut [u32],
) -> Vec<Job<'a>> {
    let room = |part: &Range<usize>| {
        let (mine, rest) = mem::take(&mut out).split_at_mut(part.len());
        out = rest;
        (part.clone(), mine)
    };
    parts.iter().map(room).collect()
}

/// Moves the tokens of all parts together. `found` has, for each part,
/// the texts' numbers and where their tokens end in the part.
fn close_up(
    parts: &[Range<usize>],
    found: &[Vec<(usize, usize)>],
    out: &mut [u32],
    ends: &mut [usize],
) {
    let mut n = 0;
    ends.fill(0);
    for (part, found) in parts.iter().zip(found) {
        for &(text, end) in found {
            ends[text] = n + end;
        }
        let here = found.last().map_or(0, |&(_, end)| end);
        out.copy_within(part.start..part.start + here, n);
        n += here;
    }
    for i in 1..ends.len() {
        ends[i] = ends[i].max(ends[i - 1]); // of empty texts
    }
}
