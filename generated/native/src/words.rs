// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. e4e2efb0e6ee
//! Pieces of text as the keys of a table.

use std::collections::HashMap;

use crate::table::Table;

/// Values by piece. Nearly all pieces are short, and fit a key of 16
/// bytes with their length; the others have a map of their own.
pub struct Words<V> {
    short: Table<u128, V>,
    long: HashMap<Box<[u8]>, V>,
}

/// A piece of up to 15 bytes as a key, its length on top; 0 for any
/// that is longer.
#[inline(always)]
pub fn key_of(text: &[u8], start: usize, end: usize) -> u128 {
    let n = end - start;
    if n > 15 {
        return 0;
    }
    let bytes = match text.get(start..start + 16) {
        Some(bytes) => bytes.try_into().expect("16 bytes"),
        None => alone(&text[start..end]),
    };
    let only = (1 << (8 * n)) - 1; // these of the 16 bytes
    u128::from_le_bytes(bytes) & only | (n as u128) << 120
}

/// A piece near the end of the text, with zeros after it.
#[cold]
fn alone(piece: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..piece.len()].copy_from_slice(piece);
    bytes
}

impl<V: Copy + Default> Default for Words<V> {
    fn default() -> Self {
        Words { short: Table::with_room(1 << 12), long: HashMap::new() }
    }
}

impl<V: Copy + Default> Words<V> {
    /// The value of a piece, if it has one.
    #[inline(always)]
    pub fn get(&self, key: u128, piece: &[u8]) -> Option<V> {
        if key != 0 {
            self.short.get(key)
        } else {
            self.long.get(piece).copied()
        }
    }

    /// The value of a piece, to be changed; a new one's is the default.
    #[inline(always)]
    pub fn entry(&mut self, key: u128, piece: &[u8]) -> &mut V {
        if key != 0 {
            return self.short.entry(key);
        }
        if !self.long.contains_key(piece) {
            self.long.insert(piece.into(), V::default());
        }
        self.long.get_mut(piece).expect("it is there")
    }

    /// Calls `visit` for each piece, with its key and value.
    pub fn each(&self, mut visit: impl FnMut(u128, &[u8], V)) {
        for (key, value) in self.short.iter() {
            let n = (key >> 120) as usize;
            visit(key, &key.to_le_bytes()[..n], value);
        }
        for (piece, &value) in &self.long {
            visit(0, piece, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_as_they_went() {
        let text = b"a\0 is not a, nor is abcdefghijklmnopqrstuvw a";
        let mut words = Words::default();
        let cuts = [0, 1, 2, 5, 19, 42, 44, text.len()];
        for cut in cuts.windows(2) {
            let key = key_of(text, cut[0], cut[1]);
            *words.entry(key, &text[cut[0]..cut[1]]) += 1;
        }
        let mut found = Vec::new();
        words.each(|key, piece, n| {
            assert_eq!(words.get(key, piece), Some(n));
            found.push((piece.to_vec(), n));
        });
        found.sort();
        assert_eq!(found.len(), 6);
        assert_eq!(found[0], (b"\0".to_vec(), 1));
        assert_eq!(
            found.iter().map(|f| f.0.len()).sum::<usize>() + 1,
            text.len()
        );
    }
}
