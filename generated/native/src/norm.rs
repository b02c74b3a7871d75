// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. ec65cd5350a5
//! Layer norm and RMS norm of rows, and their gradients.
//!
//! y = (x − mean)·rstd·weight + bias, where rstd is 1/√(mean of
//! (x − mean)² + eps). RMS norm takes 0 for the mean (Ba et al.,
//! *Layer Normalization*, 2016; Zhang and Sennrich, *Root Mean Square
//! Layer Normalization*, 2019).

use std::ptr;

use crate::lanes::{walk, Lanes};
use crate::pool;
use crate::run;
use crate::scratch::Scratch;
use crate::share::{rows, Shared};

/// The norm of n rows of c numbers.
#[repr(C)]
pub struct Norm {
    pub n: usize,
    pub c: usize,
    /// 1 for layer norm, 0 for RMS norm.
    pub center: usize,
    pub eps: f64,
    pub x: *const f32,
    /// c numbers, or null for ones.
    pub weight: *const f32,
    /// c numbers, or null for zeros.
    pub bias: *const f32,
    /// n rows of c numbers; may be x.
    pub y: *mut f32,
    /// n numbers; not used by RMS norm.
    pub mean: *mut f32,
    /// n numbers.
    pub rstd: *mut f32,
}

unsafe impl Sync for Norm {}

/// The `count` numbers at `i`, or where there are none, `other`.
#[inline(always)]
unsafe fn load_or(
    from: *const f32,
    i: usize,
    count: usize,
    other: f32,
) -> Lanes {
    if from.is_null() {
        return Lanes::all(other);
    }
    Lanes::load(from, i, count, 0.0)
}

impl Norm {
    /// The norm of row i.
    ///
    /// # Safety
    ///
    /// The pointers must be as `Norm` says.
    pub unsafe fn row(&self, i: usize) {
        let (c, x) = (self.c, self.x.add(i * self.c));
        let mut mean = 0.0;
        if self.center != 0 {
            let mut sum = Lanes::all(0.0);
            walk!(c, |j, count| {
                sum = sum + Lanes::load(x, j, count, 0.0);
            });
            mean = sum.sum() / c as f32;
            *self.mean.add(i) = mean;
        }
        let mut squares = Lanes::all(0.0);
        walk!(c, |j, count| {
            let x = Lanes::load(x, j, count, mean) - mean;
            squares = squares.add_product(x, x);
        });
        let squares = squares.sum();
        let rstd = 1.0 / (squares / c as f32 + self.eps as f32).sqrt();
        *self.rstd.add(i) = rstd;
        let y = self.y.add(i * c);
        walk!(c, |j, count| {
            let x = Lanes::load(x, j, count, 0.0);
            let weight = load_or(self.weight, j, count, 1.0);
            let bias = load_or(self.bias, j, count, 0.0);
            let y_hat = (x - mean) * rstd;
            bias.add_product(y_hat, weight).store(y, j, count);
        });
    }
}

/// # Safety
///
/// The pointers must be as `Norm` says; y may be x, but must not
/// overlap anything otherwise.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_norm(norm: &Norm) -> i32 {
    run(|| {
        rows(norm.n, 4 * norm.c, |part| part.for_each(|i| norm.row(i)));
    })
}

/// The gradient of `Norm`: n, c, center, x, weight, mean and rstd are
/// as there.
#[repr(C)]
pub struct NormBackward {
    n: usize,
    c: usize,
    center: usize,
    x: *const f32,
    weight: *const f32,
    mean: *const f32,
    rstd: *const f32,
    dy: *const f32,
    /// n rows of c numbers.
    dx: *mut f32,
    /// c numbers, or null for nobody asks.
    dweight: *mut f32,
    /// c numbers, or null for nobody asks.
    dbias: *mut f32,
    /// 1 to add to dx, 0 to write over it.
    add: usize,
    /// The same for dweight and dbias.
    add_weight: usize,
}

unsafe impl Sync for NormBackward {}

/// At most so many groups of rows have sums of their own for dweight
/// and dbias. What is in a group depends on n alone, and groups are
/// added in order, so that the threads do not change the result.
const GROUPS: usize = 64;

impl NormBackward {
    /// Of `count` numbers from `j` on of row i: (x − mean)·rstd, and
    /// the gradient of that.
    #[inline(always)]
    unsafe fn hats(
        &self,
        [i, j, count]: [usize; 3],
        [mean, rstd]: [f32; 2],
    ) -> (Lanes, Lanes) {
        let start = i * self.c;
        let x = Lanes::load(self.x.add(start), j, count, mean);
        let dy = Lanes::load(self.dy.add(start), j, count, 0.0);
        let weight = load_or(self.weight, j, count, 1.0);
        let x_hat = (x - mean) * rstd;
        (x_hat, dy * weight)
    }

    /// The gradients of row i; `sums` holds dweight and dbias so far.
    unsafe fn row(&self, i: usize, sums: *mut f32) {
        let c = self.c;
        let center = self.center != 0;
        let mean = if center { *self.mean.add(i) } else { 0.0 };
        let rstd = *self.rstd.add(i);
        let (mut plain, mut along) = (Lanes::all(0.0), Lanes::all(0.0));
        let (dweight, dbias) = (sums, sums.add(c));
        let asked = !self.dweight.is_null() || !self.dbias.is_null();
        let dy = self.dy.add(i * c);
        walk!(c, |j, count| {
            let (x_hat, dx_hat) =
                self.hats([i, j, count], [mean, rstd]);
            plain = plain + dx_hat;
            along = along.add_product(x_hat, dx_hat);
            if asked {
                let dy = Lanes::load(dy, j, count, 0.0);
                let old = Lanes::load(dweight, j, count, 0.0);
                old.add_product(x_hat, dy).store(dweight, j, count);
                let old = Lanes::load(dbias, j, count, 0.0);
                (old + dy).store(dbias, j, count);
            }
        });
        let plain = if center { plain.sum() } else { 0.0 };
        let (plain, along) = (plain / c as f32, along.sum() / c as f32);
        let dx = self.dx.add(i * c);
        let old = if self.add != 0 { dx } else { ptr::null_mut() };
        walk!(c, |j, count| {
            let (x_hat, dx_hat) =
                self.hats([i, j, count], [mean, rstd]);
            let gradient = (dx_hat - plain - x_hat * along) * rstd;
            let sum = load_or(old, j, count, 0.0) + gradient;
            sum.store(dx, j, count);
        });
    }

    unsafe fn run(&self) {
        let c = self.c;
        let group = self.n.div_ceil(GROUPS).max(16);
        let groups = self.n.div_ceil(group);
        let mut room = Scratch::new(2 * groups * c);
        let sums = Shared(room.start());
        pool::run(groups, |t| {
            let sums = sums.at(2 * t * c);
            sums.write_bytes(0, 2 * c);
            let rows = t * group..self.n.min((t + 1) * group);
            rows.for_each(|i| self.row(i, sums));
        });
        let all = |first| {
            (0..groups).map(move |t| sums.at(2 * t * c + first))
        };
        self.add_up(all(0), self.dweight);
        self.add_up(all(c), self.dbias);
    }

    /// out (+)= the sum of the rows at `parts`, in their order.
    unsafe fn add_up(
        &self,
        parts: impl Iterator<Item = *mut f32> + Clone,
        out: *mut f32,
    ) {
        if out.is_null() {
            return;
        }
        walk!(self.c, |j, count| {
            let old = if self.add_weight != 0 {
                out
            } else {
                ptr::null_mut()
            };
            let mut sum = load_or(old, j, count, 0.0);
            for part in parts.clone() {
                sum = sum + Lanes::load(part, j, count, 0.0);
            }
            sum.store(out, j, count);
        });
    }
}

/// # Safety
///
/// As for `nand2llm_norm`; dx may be dy.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_norm_backward(
    norm: &NormBackward,
) -> i32 {
    run(|| norm.run())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        let number = |i| ((i * 37 + seed) % 101) as f32 / 25.0 - 2.0;
        (0..n).map(number).collect()
    }

    /// y, and the sum of dy·y: what gradients are checked with.
    fn plain(
        [n, c]: [usize; 2],
        center: bool,
        [x, w, b, dy]: [&[f32]; 4],
    ) -> (Vec<f64>, f64) {
        let mut y = vec![0.0; n * c];
        for i in 0..n {
            let row: Vec<_> =
                x[i * c..][..c].iter().map(|&x| f64::from(x)).collect();
            let mean = row.iter().sum::<f64>() / c as f64;
            let mean = if center { mean } else { 0.0 };
            let square = row.iter().map(|x| (x - mean).powi(2));
            let rstd = (square.sum::<f64>() / c as f64 + 0.1).sqrt();
            for j in 0..c {
                y[i * c + j] = (row[j] - mean) / rstd * f64::from(w[j])
                    + f64::from(b[j]);
            }
        }
        let sum = y.iter().zip(dy).map(|(y, &dy)| y * f64::from(dy));
        let sum = sum.sum();
        (y, sum)
    }

    fn check([n, c]: [usize; 2], center: bool) {
        let (x, dy) = (numbers(n * c, 1), numbers(n * c, 2));
        let (w, b) = (numbers(c, 3), numbers(c, 4));
        let (mut y, mut dx) = (vec![9.0; n * c], vec![9.0; n * c]);
        let (mut mean, mut rstd) = (vec![0.0; n], vec![0.0; n]);
        let (mut dw, mut db) = (vec![1.0; c], vec![1.0; c]);
        let forward = Norm {
            n,
            c,
            center: center.into(),
            eps: 0.1,
            x: x.as_ptr(),
            weight: w.as_ptr(),
            bias: b.as_ptr(),
            y: y.as_mut_ptr(),
            mean: mean.as_mut_ptr(),
            rstd: rstd.as_mut_ptr(),
        };
        let backward = NormBackward {
            n,
            c,
            center: center.into(),
            x: x.as_ptr(),
            weight: w.as_ptr(),
            mean: mean.as_ptr(),
            rstd: rstd.as_ptr(),
            dy: dy.as_ptr(),
            dx: dx.as_mut_ptr(),
            dweight: dw.as_mut_ptr(),
            dbias: db.as_mut_ptr(),
            add: 0,
            add_weight: 1,
        };
        let status = unsafe {
            (nand2llm_norm(&forward), nand2llm_norm_backward(&backward))
        };
        assert_eq!(status, (0, 0));
        let want = plain([n, c], center, [&x, &w, &b, &dy]).0;
        let close = |a: f32, b: f64, e| (f64::from(a) - b).abs() < e;
        assert!(y.iter().zip(want).all(|(&y, w)| close(y, w, 1e-5)));
        let slope = |change: &dyn Fn(f32, [&mut Vec<f32>; 3])| {
            let side = |h| {
                let (mut x, mut w, mut b) =
                    (x.clone(), w.clone(), b.clone());
                change(h, [&mut x, &mut w, &mut b]);
                plain([n, c], center, [&x, &w, &b, &dy]).1
            };
            (side(1.0 / 64.0) - side(-1.0 / 64.0)) * 32.0
        };
        for i in 0..n * c {
            let want = slope(&|h, [x, _, _]| x[i] += h);
            assert!(close(dx[i], want, 0.02), "{} {want}", dx[i]);
        }
        for j in 0..c {
            let want = slope(&|h, [_, w, _]| w[j] += h);
            assert!(close(dw[j] - 1.0, want, 1e-3));
            let want = slope(&|h, [_, _, b]| b[j] += h);
            assert!(close(db[j] - 1.0, want, 1e-3));
        }
    }

    #[test]
    fn norms_and_their_slopes() {
        for sizes in [[0, 3], [1, 1], [3, 5], [2, 16], [21, 37]] {
            check(sizes, true);
            check(sizes, false);
        }
    }
}
