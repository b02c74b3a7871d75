//! Merging the tokens of one piece, by rank.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::table::Table;

/// Stands for: these two are never merged.
const NEVER: u32 = u32::MAX;
/// Up to so many bytes, looking at all pairs is the fastest way.
const SHORT: usize = 64;

/// A tokenizer's merges: which token each pair becomes.
pub struct Merges {
    bytes: [u32; 256],
    pairs: Table<u64, u32>,
}

/// Space to work in, kept from one piece to the next.
#[derive(Default)]
pub struct Desk {
    pub ids: Vec<u32>,
    ranks: Vec<u32>,
    next: Vec<u32>,
    before: Vec<u32>,
}

/// Two tokens as a key. Keys aren't 0, so the first is counted from 1.
#[inline(always)]
pub fn pair(left: u32, right: u32) -> u64 {
    (left as u64 + 1) << 32 | right as u64
}

impl Merges {
    /// `bytes` are the tokens of single bytes; merge i makes token
    /// 256 + i.
    pub fn new(bytes: [u32; 256], merges: &[[u32; 2]]) -> Self {
        let mut pairs = Table::with_room(merges.len());
        for (new, &[left, right]) in (256..).zip(merges) {
            *pairs.entry(pair(left, right)) = new;
        }
        Merges { bytes, pairs }
    }

    #[inline(always)]
    fn rank(&self, left: u32, right: u32) -> u32 {
        self.pairs.get(pair(left, right)).unwrap_or(NEVER)
    }

    /// Leaves the tokens of a piece in `desk.ids`.
    pub fn apply(&self, piece: &[u8], desk: &mut Desk) {
        desk.ids.clear();
        let ids = piece.iter().map(|&b| self.bytes[b as usize]);
        desk.ids.extend(ids);
        if piece.len() <= SHORT {
            self.apply_short(desk);
        } else {
            self.apply_long(desk);
        }
    }

    /// Merges the pair of lowest rank, again and again.
    fn apply_short(&self, desk: &mut Desk) {
        let Desk { ids, ranks, .. } = desk;
        ranks.clear();
        ranks.extend(ids.windows(2).map(|w| self.rank(w[0], w[1])));
        while let Some((i, &new)) =
            ranks.iter().enumerate().min_by_key(|(_, &rank)| rank)
        {
            if new == NEVER {
                break;
            }
            ids[i] = new;
            ids.remove(i + 1);
            ranks.remove(i);
            if i > 0 {
                ranks[i - 1] = self.rank(ids[i - 1], new);
            }
            if i < ranks.len() {
                ranks[i] = self.rank(new, ids[i + 1]);
            }
        }
    }

    /// The same with a heap: n bytes take n·log n steps, not n².
    fn apply_long(&self, desk: &mut Desk) {
        let Desk { ids, next, before, .. } = desk;
        let n = ids.len() as u32;
        next.clear();
        next.extend(1..=n);
        before.clear();
        before.extend((0..n).map(|i| i.wrapping_sub(1)));
        let mut heap: BinaryHeap<Reverse<(u32, u32)>> = (0..n - 1)
            .map(|i| {
                (self.rank(ids[i as usize], ids[i as usize + 1]), i)
            })
            .filter(|&(rank, _)| rank != NEVER)
            .map(Reverse)
            .collect();
        while let Some(Reverse((new, i))) = heap.pop() {
            let at = i as usize;
            let Some(right) = live(next[at], n) else { continue };
            if ids[at] == NEVER
                || self.rank(ids[at], ids[right]) != new
            {
                continue; // one of them has been merged since
            }
            ids[at] = new;
            ids[right] = NEVER;
            next[at] = next[right];
            if let Some(after) = live(next[at], n) {
                before[after] = i;
                let rank = self.rank(new, ids[after]);
                if rank != NEVER {
                    heap.push(Reverse((rank, i)));
                }
            }
            if let Some(left) = live(before[at], n) {
                let rank = self.rank(ids[left], new);
                if rank != NEVER {
                    heap.push(Reverse((rank, left as u32)));
                }
            }
        }
        ids.retain(|&id| id != NEVER);
    }
}

fn live(i: u32, n: u32) -> Option<usize> {
    (i < n).then_some(i as usize)
}
