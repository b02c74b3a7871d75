// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. abc7fc77e5b6
//! A hash table for keys of a fixed size, in one flat array.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// An integer as a key. 0 is none: it marks an empty slot.
pub trait Key: Copy + Default + PartialEq {
    /// The key as two words, to be mixed.
    fn halves(self) -> (u64, u64);
}

impl Key for u64 {
    #[inline(always)]
    fn halves(self) -> (u64, u64) {
        (self, 0)
    }
}

impl Key for u128 {
    #[inline(always)]
    fn halves(self) -> (u64, u64) {
        (self as u64, (self >> 64) as u64)
    }
}

#[derive(Clone, Default)]
struct Slot<K, V> {
    key: K,
    value: V,
}

/// Values by key. The number of slots is a power of two, and at least
/// half of them are empty.
pub struct Table<K, V> {
    slots: Vec<Slot<K, V>>,
    len: usize,
    seed: u64,
}

impl<K: Key, V: Copy + Default> Table<K, V> {
    /// An empty table with room for n keys before it has to grow.
    pub fn with_room(n: usize) -> Self {
        let size = (2 * n).next_power_of_two().max(16);
        let slots = vec![Slot::default(); size];
        let seed = RandomState::new().build_hasher().finish();
        Table { slots, len: 0, seed }
    }

    /// A number that depends on every bit of the key, and on the seed.
    #[inline(always)]
    fn hash(&self, key: K) -> usize {
        let (a, b) = key.halves();
        let a = (a ^ self.seed) as u128;
        let b = (b ^ 0x9E37_79B9_7F4A_7C15) as u128;
        let product = a * b;
        (product ^ product >> 64) as usize
    }

    /// The slot that a key is in, or would be.
    #[inline(always)]
    fn place(&self, key: K) -> usize {
        let last = self.slots.len() - 1;
        let mut place = self.hash(key) & last;
        loop {
            let found = self.slots[place].key;
            if found == key || found == K::default() {
                return place;
            }
            place = (place + 1) & last;
        }
    }

    /// The value of a key, if it has one.
    #[inline(always)]
    pub fn get(&self, key: K) -> Option<V> {
        let slot = &self.slots[self.place(key)];
        (slot.key == key).then_some(slot.value)
    }

    /// The value of a key, to be changed; a new key's is the default.
    #[inline(always)]
    pub fn entry(&mut self, key: K) -> &mut V {
        let mut place = self.place(key);
        if self.slots[place].key != key {
            if 2 * (self.len + 1) > self.slots.len() {
                self.grow();
                place = self.place(key);
            }
            self.len += 1;
            self.slots[place].key = key;
        }
        &mut self.slots[place].value
    }

    #[cold]
    fn grow(&mut self) {
        let double = vec![Slot::default(); 2 * self.slots.len()];
        for slot in std::mem::replace(&mut self.slots, double) {
            if slot.key != K::default() {
                let place = self.place(slot.key);
                self.slots[place] = slot;
            }
        }
    }

    /// All keys and values, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        let full = |slot: &&Slot<K, V>| slot.key != K::default();
        self.slots.iter().filter(full).map(|s| (s.key, s.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_remembers() {
        let mut table = Table::with_room(0);
        for key in 1..5000_u64 {
            *table.entry(key << 32) += key;
            *table.entry(key << 32) += key;
        }
        assert!((1..5000).all(|k| table.get(k << 32) == Some(2 * k)));
        assert_eq!(table.get(7), None);
        assert_eq!(table.iter().count(), 4999);
        assert_eq!(
            table.iter().map(|(_, v)| v).sum::<u64>(),
            24_995_000
        );
    }
}
