//! A hash table for keys of a fixed size, in one flat array.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// What can be a key: an integer, where 0 stands for an empty slot.
pub trait Key: Copy + Default + PartialEq {
    /// Two words whose product mixes the bits of the key.
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

/// Values by key. At most half of the slots are in use.
pub struct Table<K, V> {
    slots: Vec<Slot<K, V>>,
    len: usize,
    seed: u64,
}

impl<K: Key, V: Copy + Default> Table<K, V> {
    /// An empty table with room for `n` entries before it grows.
    pub fn with_room(n: usize) -> Self {
        let size = (2 * n).next_power_of_two().max(16);
        let slots = vec![Slot::default(); size];
        let seed = RandomState::new().build_hasher().finish();
        Table { slots, len: 0, seed }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The slot where a key is, or would be.
    #[inline(always)]
    fn place(&self, key: K) -> usize {
        let (a, b) = key.halves();
        let a = (a ^ self.seed) as u128;
        let product = a * (b ^ 0x9E37_79B9_7F4A_7C15) as u128;
        let hash = product as u64 ^ (product >> 64) as u64;
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let found = self.slots[place].key;
            if found == key || found == K::default() {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    /// The value of a key, if it has one.
    #[inline(always)]
    pub fn get(&self, key: K) -> Option<V> {
        let slot = &self.slots[self.place(key)];
        (slot.key == key).then_some(slot.value)
    }

    /// The value of a key, entered as `V::default()` if it had none.
    #[inline(always)]
    pub fn entry(&mut self, key: K) -> &mut V {
        let mut place = self.place(key);
        if self.slots[place].key != key {
            if 2 * self.len >= self.slots.len() {
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

    /// All entries, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        let used = |slot: &&Slot<K, V>| slot.key != K::default();
        self.slots.iter().filter(used).map(|s| (s.key, s.value))
    }

    /// Forgets all entries and keeps the slots.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.len = 0;
    }
}
