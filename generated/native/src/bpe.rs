// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 20befb5f34c6
//! The tokenizer as other languages call it.
//!
//! Encoders and counters are made here, kept by the caller, and given
//! back to be freed.

use std::sync::Mutex;

use crate::count::Counter;
use crate::encode::Encoder;
use crate::merges::Merges;
use crate::parts::Texts;
use crate::split::Split;
use crate::train::Trainer;
use crate::{borrow, borrow_mut, status};

/// Texts in C's terms: their number, addresses and lengths.
#[repr(C)]
pub struct RawTexts {
    count: usize,
    texts: *const *const u8,
    lengths: *const usize,
}

impl RawTexts {
    unsafe fn borrow(&self) -> Texts<'_> {
        let texts = borrow(self.texts, self.count).iter();
        let lengths = borrow(self.lengths, self.count);
        let each = texts.zip(lengths);
        Texts::new(each.map(|(&text, &n)| borrow(text, n)).collect())
    }
}

fn split(way: usize) -> Result<Split, String> {
    let ways = [Split::Gpt2, Split::Gpt4];
    let known = ways.get(way).copied();
    known.ok_or(format!("no way to split has number {way}"))
}

/// Makes an encoder. `bytes` has the tokens of the 256 bytes.
///
/// # Safety
///
/// `bytes` must point to 256 numbers, `merges` to 2n, `out` to room
/// for a pointer, which must go to `nand2llm_encoder_free` at the end.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_encoder_new(
    bytes: &[u32; 256],
    merges: *const [u32; 2],
    n: usize,
    way: usize,
    out: &mut *mut Encoder,
) -> i32 {
    status(|| -> Result<(), String> {
        let merges = Merges::new(*bytes, borrow(merges, n));
        let encoder = Encoder::new(merges, split(way)?);
        *out = Box::into_raw(Box::new(encoder));
        Ok(())
    })
}

/// Encodes texts to `out`, and writes where the tokens of each end.
///
/// # Safety
///
/// The texts must be as `RawTexts` says; `out` must have room for as
/// many numbers as there are bytes, and `ends` for one a text.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_encode(
    encoder: &Encoder,
    texts: &RawTexts,
    threads: usize,
    out: *mut u32,
    ends: *mut usize,
) -> i32 {
    status(|| -> Result<(), String> {
        let ends = borrow_mut(ends, texts.count);
        let texts = texts.borrow();
        let out = borrow_mut(out, texts.size());
        encoder.encode(&texts, threads, out, ends);
        Ok(())
    })
}

/// Frees an encoder.
///
/// # Safety
///
/// Nobody may use it afterwards.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_encoder_free(it: *mut Encoder) {
    drop(Box::from_raw(it));
}

/// Makes a counter.
///
/// # Safety
///
/// `out` must have room for a pointer, which must go to
/// `nand2llm_counter_free` at the end.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_counter_new(
    way: usize,
    out: &mut *mut Mutex<Counter>,
) -> i32 {
    status(|| -> Result<(), String> {
        let counter = Mutex::new(Counter::new(split(way)?));
        *out = Box::into_raw(Box::new(counter));
        Ok(())
    })
}

/// Counts the pieces of more texts.
///
/// # Safety
///
/// The texts must be as `RawTexts` says.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_count(
    counter: &Mutex<Counter>,
    texts: &RawTexts,
    threads: usize,
) -> i32 {
    status(|| -> Result<(), String> {
        let mut counter =
            counter.lock().map_err(|error| error.to_string())?;
        counter.add(&texts.borrow(), threads);
        Ok(())
    })
}

/// Learns at most n merges from what was counted, of pairs that occur
/// `least` times; writes them to `merges`, and their number to `found`.
///
/// # Safety
///
/// `merges` must have room for 2n numbers.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_learn(
    counter: &Mutex<Counter>,
    n: usize,
    least: usize,
    merges: *mut [u32; 2],
    found: &mut usize,
) -> i32 {
    status(|| -> Result<(), String> {
        let counter =
            counter.lock().map_err(|error| error.to_string())?;
        let trainer = Trainer::new(&counter.words);
        let learned = trainer.learn(n, least as i64);
        *found = learned.len();
        borrow_mut(merges, n)[..learned.len()]
            .copy_from_slice(&learned);
        Ok(())
    })
}

/// Frees a counter.
///
/// # Safety
///
/// Nobody may use it afterwards.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_counter_free(
    it: *mut Mutex<Counter>,
) {
    drop(Box::from_raw(it));
}
