//! Learning merges from counted words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::merging::pair;
use crate::table::Table;

/// A word's tokens lie in `Trainer::ids`, from `start` on.
struct Word {
    start: usize,
    len: usize,
    count: i64,
}

/// A pair of neighbours: how often, and in which words it may be.
#[derive(Default)]
struct Pair {
    tokens: (u32, u32),
    count: i64,
    words: Vec<u32>,
}

#[derive(Default)]
pub struct Trainer {
    ids: Vec<u32>,
    words: Vec<Word>,
    pairs: Vec<Pair>,
    /// Where a pair is in `pairs`, counted from 1.
    places: Option<Table<u64, u32>>,
}

type Entry = (i64, Reverse<(u32, u32)>, usize);

impl Trainer {
    pub fn new(words: &[(Box<[u8]>, u64)]) -> Self {
        let mut new = Trainer {
            places: Some(Table::with_room(1 << 12)),
            ..Default::default()
        };
        for (i, (word, count)) in words.iter().enumerate() {
            let count = *count as i64;
            let (start, len) = (new.ids.len(), word.len());
            new.ids.extend(word.iter().map(|&b| b as u32));
            new.words.push(Word { start, len, count });
            for w in word.windows(2) {
                new.change((w[0] as u32, w[1] as u32), count, i as u32);
            }
        }
        new
    }

    fn change(&mut self, tokens: (u32, u32), by: i64, word: u32) {
        let places = self.places.as_mut().unwrap();
        let place = places.entry(pair(tokens.0, tokens.1));
        if *place == 0 {
            self.pairs.push(Pair { tokens, ..Pair::default() });
            *place = self.pairs.len() as u32;
        }
        let pair = &mut self.pairs[*place as usize - 1];
        pair.count += by;
        if by > 0 && pair.words.last() != Some(&word) {
            pair.words.push(word);
        }
    }

    pub fn run(&mut self, n: usize) -> Vec<(u32, u32)> {
        let mut heap: BinaryHeap<Entry> = BinaryHeap::new();
        let mut known = 0;
        let mut merges = Vec::new();
        while merges.len() < n {
            for (i, pair) in self.pairs.iter().enumerate().skip(known) {
                heap.push((pair.count, Reverse(pair.tokens), i));
            }
            known = self.pairs.len();
            let Some((count, Reverse(tokens), i)) = heap.pop() else { break };
            let now = self.pairs[i].count;
            if now <= 0 { continue; }
            if now != count {
                heap.push((now, Reverse(tokens), i));
                continue;
            }
            let new = 256 + merges.len() as u32;
            merges.push(tokens);
            for word in std::mem::take(&mut self.pairs[i].words) {
                self.merge(word, tokens, new);
            }
            self.pairs[i].count = 0;
        }
        merges
    }

    fn merge(&mut self, word: u32, (a, b): (u32, u32), new: u32) {
        let Word { start, len, count } = self.words[word as usize];
        let (mut from, mut to) = (start, start);
        let end = start + len;
        while from < end {
            if from + 1 < end && self.ids[from] == a && self.ids[from + 1] == b {
                if to > start {
                    let left = self.ids[to - 1];
                    self.change((left, a), -count, word);
                    self.change((left, new), count, word);
                }
                if from + 2 < end {
                    let right = self.ids[from + 2];
                    self.change((b, right), -count, word);
                    self.change((new, right), count, word);
                }
                self.ids[to] = new;
                from += 2;
            } else {
                self.ids[to] = self.ids[from];
                from += 1;
            }
            to += 1;
        }
        self.words[word as usize].len = to - start;
    }
}
