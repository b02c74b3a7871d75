// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 827e28dd58fe
//! Learning merges from counted words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;

use crate::merges::pair;
use crate::table::Table;
use crate::words::Words;

/// A word: how often it occurs, and where its tokens are.
struct Word {
    times: i64,
    start: usize,
    len: usize,
}

/// Two neighbors: how often they occur, and in which words they do,
/// or did.
struct Pair {
    tokens: [u32; 2],
    times: i64,
    words: Vec<u32>,
}

/// All words, and all pairs in them.
pub struct Trainer {
    words: Vec<Word>,
    /// The tokens of all words, one word after the other.
    tokens: Vec<u32>,
    pairs: Vec<Pair>,
    /// The number of each pair in `pairs`, plus 1.
    numbers: Table<u64, u32>,
}

impl Trainer {
    /// The words as they were counted, in bytes.
    pub fn new(counted: &Words<u64>) -> Self {
        let mut new = Trainer {
            words: Vec::new(),
            tokens: Vec::new(),
            pairs: Vec::new(),
            numbers: Table::with_room(1 << 12),
        };
        counted.each(|_, word, times| new.enter(word, times as i64));
        new
    }

    fn enter(&mut self, word: &[u8], times: i64) {
        let number = self.words.len() as u32;
        let (start, len) = (self.tokens.len(), word.len());
        self.words.push(Word { times, start, len });
        self.tokens.extend(word.iter().map(|&byte| byte as u32));
        for two in word.windows(2) {
            let two = [two[0] as u32, two[1] as u32];
            self.change(two, times, number);
        }
    }

    /// Counts a pair so many times more, or less, because of a word.
    fn change(&mut self, tokens: [u32; 2], by: i64, word: u32) {
        let number = self.numbers.entry(pair(tokens[0], tokens[1]));
        if *number == 0 {
            let words = Vec::new();
            self.pairs.push(Pair { tokens, times: 0, words });
            *number = self.pairs.len() as u32;
        }
        let pair = &mut self.pairs[*number as usize - 1];
        pair.times += by;
        if by > 0 && pair.words.last() != Some(&word) {
            pair.words.push(word);
        }
    }

    /// Learns at most n merges, of pairs that occur `least` times. The
    /// commonest is merged first; of equals, that of smaller tokens.
    pub fn learn(mut self, n: usize, least: i64) -> Vec<[u32; 2]> {
        let (mut merges, mut heap) = (Vec::new(), BinaryHeap::new());
        let mut known = 0;
        while merges.len() < n {
            for (i, pair) in self.pairs.iter().enumerate().skip(known) {
                heap.push((pair.times, Reverse(pair.tokens), i));
            }
            known = self.pairs.len();
            let Some((times, tokens, i)) = heap.pop() else { break };
            let now = self.pairs[i].times;
            if now < times {
                heap.push((now, tokens, i)); // for later
                continue;
            }
            if now < least.max(1) {
                break;
            }
            merges.push(tokens.0);
            self.merge(i, 255 + merges.len() as u32);
        }
        merges
    }

    /// Puts a new token for a pair, wherever it is.
    fn merge(&mut self, i: usize, new: u32) {
        let [left, right] = self.pairs[i].tokens;
        for word in mem::take(&mut self.pairs[i].words) {
            self.merge_in(word, left, right, new);
        }
        self.pairs[i].times = 0;
    }

    /// The same in one word, whose tokens move together: `to` is
    /// where the next one goes, and `from` where it comes from.
    fn merge_in(&mut self, word: u32, a: u32, b: u32, new: u32) {
        let Word { times, start, len } = self.words[word as usize];
        let end = start + len;
        let (mut from, mut to) = (start, start);
        while from < end {
            let mut token = self.tokens[from];
            from += 1;
            if token == a && from < end && self.tokens[from] == b {
                token = new;
                from += 1;
                if to > start {
                    let before = self.tokens[to - 1];
                    self.change([before, a], -times, word);
                    self.change([before, new], times, word);
                }
                if from < end {
                    let after = self.tokens[from];
                    self.change([b, after], -times, word);
                    self.change([new, after], times, word);
                }
            }
            self.tokens[to] = token;
            to += 1;
        }
        self.words[word as usize].len = to - start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The merges as the definition has them: count, merge, repeat.
    fn plainly(mut words: Vec<(Vec<u32>, i64)>) -> Vec<[u32; 2]> {
        let mut merges = Vec::new();
        loop {
            let mut counts = std::collections::BTreeMap::new();
            for (word, times) in &words {
                for two in word.windows(2) {
                    *counts.entry([two[0], two[1]]).or_insert(0) +=
                        times;
                }
            }
            let best =
                counts.iter().max_by_key(|(&p, &n)| (n, Reverse(p)));
            let Some((&best, _)) = best.filter(|(_, &n)| n > 1) else {
                return merges;
            };
            merges.push(best);
            for (word, _) in &mut words {
                let mut i = 0;
                while i + 1 < word.len() {
                    if word[i..i + 2] == best {
                        word.splice(
                            i..i + 2,
                            [255 + merges.len() as u32],
                        );
                    }
                    i += 1;
                }
            }
        }
    }

    #[test]
    fn merges_are_those_of_the_definition() {
        for seed in 1..400_u64 {
            let (mut words, mut counted) =
                (Vec::new(), Words::default());
            for i in 1..12_u64 {
                let mix =
                    (seed * i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let word: Vec<u8> = (0..mix >> 59)
                    .map(|b| b'a' + (mix >> (2 * b) & 3) as u8 % 3)
                    .collect();
                if word.is_empty() {
                    continue;
                }
                let key = crate::words::key_of(&word, 0, word.len());
                *counted.entry(key, &word) += i;
                let tokens = word.iter().map(|&b| b as u32).collect();
                words.push((tokens, i as i64));
            }
            let learned = Trainer::new(&counted).learn(999, 2);
            assert_eq!(learned, plainly(words));
        }
    }
}
