//! The border.
use crate::count::Counter;
use crate::encode::Encoder;
use crate::merging::Merges;
use crate::parts::Texts;
use crate::split::Split;
use crate::train::Trainer;
use std::slice::from_raw_parts;

#[no_mangle]
pub unsafe extern "C" fn t_train(text: *const u8, n: usize, size: usize, threads: usize, out: *mut u32) -> usize {
    let text = from_raw_parts(text, n);
    let ends = [n];
    let mut c = Counter::new(Split::Gpt4);
    let t0 = std::time::Instant::now();
    c.add(Texts::new(text, &ends).unwrap(), threads);
    let t1 = t0.elapsed();
    let words = c.words();
    let m = Trainer::new(&words).run(size - 256);
    eprintln!("count {:?} all {:?} words {}", t1, t0.elapsed(), words.len());
    for (i, m) in m.iter().enumerate() { *out.add(2 * i) = m.0; *out.add(2 * i + 1) = m.1; }
    m.len()
}
#[no_mangle]
pub unsafe extern "C" fn t_new(merges: *const [u32; 2], n: usize) -> *mut Encoder {
    let b: [u32; 256] = std::array::from_fn(|i| i as u32);
    let m = Merges::new(b, from_raw_parts(merges, n));
    Box::into_raw(Box::new(Encoder::new(m, Split::Gpt4)))
}
#[no_mangle]
pub unsafe extern "C" fn t_encode(e: &Encoder, text: *const u8, n: usize, threads: usize, out: *mut u32) -> usize {
    let ends = [n];
    let mut e2 = [0];
    e.encode(Texts::new(from_raw_parts(text, n), &ends).unwrap(), threads, std::slice::from_raw_parts_mut(out, n), &mut e2)
}
#[no_mangle]
pub unsafe extern "C" fn t_split(text: *const u8, n: usize) -> usize {
    let text = from_raw_parts(text, n);
    let mut k = 0;
    crate::split::pieces(text, Split::Gpt4, |_, e| k += 1 + e / (1 << 60));
    k
}
