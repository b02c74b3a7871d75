// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 2ae21201f989
//! y (+)= x·B for a single row x: B is read once, as it lies.

use crate::lanes::{walk, Lanes, LANES};
use crate::scratch::Scratch;
use crate::share::{rows, Shared};
use crate::tile::Matrix;

/// Numbers that lie `step` apart.
#[derive(Clone, Copy)]
pub struct Line {
    pub data: *mut f32,
    pub step: usize,
}

/// Whether `vector_matrix` can read `b`: along its rows or columns.
pub fn readable(b: Matrix) -> bool {
    b.row == 1 || b.column == 1
}

/// y (n) (+)= x (k) · B (k, n), for a `readable` B.
///
/// # Safety
///
/// The operands must have these sizes, and y overlap neither.
pub unsafe fn vector_matrix(
    [n, k]: [usize; 2],
    x: Line,
    b: Matrix,
    y: Line,
    add: bool,
) {
    let mut room = Scratch::new(k + n);
    let weights = Shared(room.start());
    for p in 0..k {
        *weights.at(p) = *x.data.add(p * x.step);
    }
    let sums = Shared(weights.at(k));
    rows(n, k, |range| {
        let b = b.from(0, range.start);
        let (n, y) = (range.len(), sums.at(range.start));
        if b.row == 1 {
            for j in 0..n {
                *y.add(j) = dot(k, weights.at(0), b.from(0, j).data);
            }
        } else {
            weighted_rows([n, k], weights.at(0), b, y);
        }
    });
    for j in 0..n {
        let y = y.data.add(j * y.step);
        *y = if add { *y + *sums.at(j) } else { *sums.at(j) };
    }
}

/// The dot product of k numbers and k others.
///
/// # Safety
///
/// There must be so many.
pub unsafe fn dot(k: usize, x: *const f32, y: *const f32) -> f32 {
    const LONG: usize = 4 * LANES;
    let mut sums = [Lanes::all(0.0); 4];
    let long = k - k % LONG;
    for p in (0..long).step_by(LONG) {
        for (v, sum) in sums.iter_mut().enumerate() {
            let p = p + v * LANES;
            let x = Lanes::load(x, p, LANES, 0.0);
            let y = Lanes::load(y, p, LANES, 0.0);
            *sum = sum.add_product(x, y);
        }
    }
    walk!(k - long, |p, count| {
        let x = Lanes::load(x, long + p, count, 0.0);
        let y = Lanes::load(y, long + p, count, 0.0);
        sums[0] = sums[0].add_product(x, y);
    });
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}

/// y = Σ x[p] · row p of B, eight rows at a time.
unsafe fn weighted_rows(
    [n, k]: [usize; 2],
    x: *const f32,
    b: Matrix,
    y: *mut f32,
) {
    std::slice::from_raw_parts_mut(y, n).fill(0.0);
    let eights = k - k % 8;
    for p in (0..eights).step_by(8) {
        add_rows::<8>(n, x.add(p), b.from(p, 0), y);
    }
    for p in eights..k {
        add_rows::<1>(n, x.add(p), b.from(p, 0), y);
    }
}

/// y += Σ x[p] · row p of B, for R rows.
unsafe fn add_rows<const R: usize>(
    n: usize,
    x: *const f32,
    b: Matrix,
    y: *mut f32,
) {
    let x: [f32; R] = std::array::from_fn(|p| *x.add(p));
    walk!(n, |j, count| {
        let mut sum = Lanes::load(y, j, count, 0.0);
        for (p, &x) in x.iter().enumerate() {
            let row = Lanes::load(b.from(p, 0).data, j, count, 0.0);
            sum = sum.add_product(Lanes::all(x), row);
        }
        sum.store(y, j, count);
    });
}
