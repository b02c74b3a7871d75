//! Pieces of text as keys of a table.

use std::collections::HashMap;

use crate::table::Table;

/// Values by piece. Nearly all pieces are short, at most 15 bytes, and
/// fit a key; the others have a map of their own.
pub struct Words<V> {
    short: Table<u128, V>,
    long: HashMap<Box<[u8]>, V>,
}

/// The bytes `start..end` of a text as a key, the length on top; 0 if
/// they are too many.
#[inline(always)]
pub fn key_of(text: &[u8], start: usize, end: usize) -> u128 {
    let n = end - start;
    if n > 15 {
        return 0;
    }
    let bytes = match text.get(start..start + 16) {
        Some(bytes) => u128::from_le_bytes(bytes.try_into().unwrap()),
        None => near_the_end(&text[start..end]),
    };
    bytes & ((1 << (8 * n)) - 1) | (n as u128) << 120
}

#[cold]
fn near_the_end(piece: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..piece.len()].copy_from_slice(piece);
    u128::from_le_bytes(bytes)
}

/// The piece that was made a key.
fn piece_of(key: u128) -> Box<[u8]> {
    key.to_le_bytes()[..(key >> 120) as usize].into()
}

impl<V: Copy + Default> Words<V> {
    pub fn with_room(n: usize) -> Self {
        Words { short: Table::with_room(n), long: HashMap::new() }
    }

    pub fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// The value of a piece, if it has one.
    #[inline(always)]
    pub fn get(&self, key: u128, piece: &[u8]) -> Option<V> {
        if key != 0 {
            return self.short.get(key);
        }
        self.long.get(piece).copied()
    }

    /// The value of a piece, entered as `V::default()` if it had none.
    #[inline(always)]
    pub fn entry(&mut self, key: u128, piece: &[u8]) -> &mut V {
        if key != 0 {
            return self.short.entry(key);
        }
        if !self.long.contains_key(piece) {
            self.long.insert(piece.into(), V::default());
        }
        self.long.get_mut(piece).expect("it was entered")
    }

    /// All pieces, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Box<[u8]>, V)> + '_ {
        let short = self.short.iter().map(|(k, v)| (piece_of(k), v));
        short.chain(self.long.iter().map(|(k, &v)| (k.clone(), v)))
    }

    pub fn clear(&mut self) {
        self.short.clear();
        self.long.clear();
    }
}
