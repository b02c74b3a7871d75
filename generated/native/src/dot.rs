// Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. ca7c0670ad9f
//! The dot product of two slices, added up in two orders.

/// One product after the other, onto one sum.
pub fn one_by_one(x: &[f32], y: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, b) in x.iter().zip(y) {
        sum += a * b;
    }
    sum
}

/// How many sums run side by side in `in_lanes`.
const LANES: usize = 32;

/// Dealt out to `LANES` sums, which are added up at the end.
pub fn in_lanes(x: &[f32], y: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest = one_by_one(xs.remainder(), ys.remainder());
    for (a, b) in xs.zip(ys) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
