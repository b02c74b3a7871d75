// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 994de22dbdf7
//! How often each piece occurs in texts.

use crate::parts::{at_once, Texts};
use crate::split::{pieces, Split};
use crate::words::{key_of, Words};

/// Pieces and their numbers, of all texts so far.
pub struct Counter {
    split: Split,
    pub words: Words<u64>,
}

impl Counter {
    /// Nothing counted yet.
    pub fn new(split: Split) -> Self {
        Counter { split, words: Words::default() }
    }

    /// Counts the pieces of some texts, with so many threads.
    pub fn add(&mut self, texts: &Texts, threads: usize) {
        let counted = at_once(texts.parts(threads), |part| {
            let mut words = Words::default();
            for (_, text) in texts.within(part) {
                pieces(text, self.split, |start, end| {
                    let key = key_of(text, start, end);
                    *words.entry(key, &text[start..end]) += 1;
                });
            }
            words
        });
        for words in counted {
            words.each(|key, piece, n: u64| {
                *self.words.entry(key, piece) += n;
            });
        }
    }
}
