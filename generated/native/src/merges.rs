// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 9b4701cdf73b
//! Applying merges to the bytes of one piece.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::table::Table;

/// Instead of a token: nothing, or a pair that is never joined.
const NONE: u32 = u32::MAX;
/// Up to so many bytes, looking at every pair is the fastest way.
const SHORT: usize = 64;

/// Which token each pair becomes. The lower ones are joined first.
pub struct Merges {
    bytes: [u32; 256],
    pairs: Table<u64, u32>,
}

/// Two tokens as a key, which must not be 0.
#[inline(always)]
pub fn pair(left: u32, right: u32) -> u64 {
    (left as u64 + 1) << 32 | right as u64
}

impl Merges {
    /// `bytes` has the token of each byte; merge i makes 256 + i.
    pub fn new(bytes: [u32; 256], merges: &[[u32; 2]]) -> Self {
        let mut pairs = Table::with_room(merges.len());
        for (new, &[left, right]) in (256..).zip(merges) {
            *pairs.entry(pair(left, right)) = new;
        }
        Merges { bytes, pairs }
    }

    /// What two tokens become, or NONE.
    #[inline(always)]
    fn joined(&self, left: u32, right: u32) -> u32 {
        self.pairs.get(pair(left, right)).unwrap_or(NONE)
    }

    /// Writes the tokens of a piece to `ids`, over what was there.
    pub fn apply(&self, piece: &[u8], ids: &mut Vec<u32>) {
        ids.clear();
        ids.extend(piece.iter().map(|&b| self.bytes[b as usize]));
        if piece.len() <= SHORT {
            self.join_short(ids);
        } else {
            self.join_long(ids);
        }
    }

    /// Joins the first of the lowest pairs, until none is left.
    fn join_short(&self, ids: &mut Vec<u32>) {
        let mut all = [NONE; SHORT];
        let mut n = ids.len() - 1;
        for i in 0..n {
            all[i] = self.joined(ids[i], ids[i + 1]);
        }
        while let Some((i, new)) = lowest(&all[..n]) {
            ids[i] = new;
            ids.remove(i + 1);
            all.copy_within(i + 1..n, i);
            n -= 1;
            if i > 0 {
                all[i - 1] = self.joined(ids[i - 1], new);
            }
            if i < n {
                all[i] = self.joined(new, ids[i + 1]);
            }
        }
    }

    /// The same by a heap, in n·log n steps where the other takes n².
    fn join_long(&self, ids: &mut Vec<u32>) {
        let mut chain = Chain::new(ids.len());
        let mut heap = BinaryHeap::new();
        for i in 0..ids.len() - 1 {
            heap.push(Reverse((self.joined(ids[i], ids[i + 1]), i)));
        }
        while let Some(Reverse((new, i))) = heap.pop() {
            if new == NONE {
                break;
            }
            let Some(j) = chain.after(i) else { continue };
            if ids[i] == NONE || self.joined(ids[i], ids[j]) != new {
                continue; // one of them has been joined otherwise
            }
            (ids[i], ids[j]) = (new, NONE);
            chain.remove(j);
            if let Some(j) = chain.after(i) {
                heap.push(Reverse((self.joined(new, ids[j]), i)));
            }
            if let Some(h) = chain.before(i) {
                heap.push(Reverse((self.joined(ids[h], new), h)));
            }
        }
        ids.retain(|&id| id != NONE);
    }
}

/// The lowest joined token, and the first place where it can be had.
#[inline(always)]
fn lowest(all: &[u32]) -> Option<(usize, u32)> {
    let (mut at, mut least) = (0, NONE);
    for (i, &new) in all.iter().enumerate() {
        if new < least {
            (at, least) = (i, new);
        }
    }
    (least < NONE).then_some((at, least))
}

/// The places that are left of 0..n, each with its neighbors.
struct Chain {
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Chain {
    fn new(n: usize) -> Self {
        // place n stands for both ends
        let before = (0..=n).map(|i| (i + n) % (n + 1)).collect();
        let after = (0..=n).map(|i| (i + 1) % (n + 1)).collect();
        Chain { before, after }
    }

    fn after(&self, i: usize) -> Option<usize> {
        Some(self.after[i]).filter(|&j| j < self.after.len() - 1)
    }

    fn before(&self, i: usize) -> Option<usize> {
        Some(self.before[i]).filter(|&j| j < self.after.len() - 1)
    }

    fn remove(&mut self, i: usize) {
        let (before, after) = (self.before[i], self.after[i]);
        self.after[before] = after;
        self.before[after] = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heap_joins_as_looking_everywhere_does() {
        // a, b and what comes of them, in a few generations
        let mut merges = Vec::new();
        for i in 0..40_u32 {
            let token = |x: u32| match x % (i + 2) {
                0 => 97,
                1 => 98,
                made => 254 + made,
            };
            merges.push([token(i * i + 1), token(7 * i + 3)]);
        }
        let bytes = std::array::from_fn(|byte| byte as u32);
        let merges = Merges::new(bytes, &merges);
        for n in 1..=SHORT {
            for seed in 0..50 {
                let letter = |i| 97 + ((i * i * 7 + i * seed) / 3 % 2);
                let mut short: Vec<_> =
                    (0..n as u32).map(letter).collect();
                let mut long = short.clone();
                merges.join_short(&mut short);
                merges.join_long(&mut long);
                assert_eq!(short, long);
            }
        }
    }
}
