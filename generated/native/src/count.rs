//! How often each piece occurs.

use crate::parts::{share, Texts};
use crate::split::{pieces, Split};
use crate::words::{key_of, Words};

pub struct Counter {
    split: Split,
    words: Words<u64>,
}

impl Counter {
    pub fn new(split: Split) -> Self {
        Counter { split, words: Words::with_room(1 << 12) }
    }

    pub fn add(&mut self, texts: Texts, threads: usize) {
        let split = self.split;
        let begin = || Words::with_room(1 << 12);
        let all = share(
            texts.parts(),
            threads,
            begin,
            |words, part| {
                for stretch in texts.stretches(part) {
                    count(stretch, split, words);
                }
            },
        );
        for words in all {
            words.iter().for_each(|(piece, n)| {
                let key = key_of(&piece, 0, piece.len());
                *self.words.entry(key, &piece) += n;
            });
        }
    }

    pub fn words(&self) -> Vec<(Box<[u8]>, u64)> {
        self.words.iter().collect()
    }
}

fn count(text: &[u8], split: Split, words: &mut Words<u64>) {
    pieces(text, split, |start, end| {
        let key = key_of(text, start, end);
        *words.entry(key, &text[start..end]) += 1;
    });
}
