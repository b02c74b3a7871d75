// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. d2e7e6e389bd
//! Softmax and its logarithm along rows, and their gradients.

use crate::functions::exp;
use crate::lanes::{walk, Lanes};
use crate::run;
use crate::share::rows;

/// The greatest of n numbers, −∞ of none. With a NaN among them, any:
/// the sum of exponentials will be NaN then.
///
/// # Safety
///
/// There must be n numbers at `x`.
#[inline(always)]
pub unsafe fn greatest(n: usize, x: *const f32) -> f32 {
    let mut most = Lanes::all(f32::NEG_INFINITY);
    walk!(n, |j, count| {
        let x = Lanes::load(x, j, count, f32::NEG_INFINITY);
        most = most.greater(x);
    });
    most.max()
}

/// Writes eˣ⁻ᵇ for n numbers x to `y`, and gives their sum. y may be x.
///
/// # Safety
///
/// There must be n numbers at `x`, and room for them at `y`.
#[inline(always)]
pub unsafe fn exponentials(
    n: usize,
    x: *const f32,
    b: f32,
    y: *mut f32,
) -> f32 {
    let mut sum = Lanes::all(0.0);
    walk!(n, |j, count| {
        let x = Lanes::load(x, j, count, f32::NEG_INFINITY);
        let e = exp(x - b);
        e.store(y, j, count);
        sum = sum + e;
    });
    sum.sum()
}

/// The sum of eˣ⁻ᵇ for n numbers x.
///
/// # Safety
///
/// There must be n numbers at `x`.
#[inline(always)]
pub unsafe fn sum_of_exponentials(
    n: usize,
    x: *const f32,
    b: f32,
) -> f32 {
    let mut sum = Lanes::all(0.0);
    walk!(n, |j, count| {
        let x = Lanes::load(x, j, count, f32::NEG_INFINITY);
        sum = sum + exp(x - b);
    });
    sum.sum()
}

/// y = f(x) for n numbers. y may be x.
///
/// # Safety
///
/// There must be n numbers at `x`, and room for them at `y`.
#[inline(always)]
pub unsafe fn map(
    n: usize,
    x: *const f32,
    y: *mut f32,
    f: impl Fn(Lanes) -> Lanes,
) {
    walk!(n, |j, count| {
        let x = Lanes::load(x, j, count, 0.0);
        f(x).store(y, j, count);
    });
}

/// Softmax of n rows of c numbers.
#[repr(C)]
pub struct Softmax {
    n: usize,
    c: usize,
    /// 1 for its logarithm.
    log: usize,
    x: *const f32,
    /// n rows of c numbers; may be x.
    y: *mut f32,
}

unsafe impl Sync for Softmax {}

impl Softmax {
    unsafe fn row(&self, i: usize) {
        let (c, start) = (self.c, i * self.c);
        let (x, y) = (self.x.add(start), self.y.add(start));
        let most = greatest(c, x);
        if self.log != 0 {
            let sum = sum_of_exponentials(c, x, most);
            let lse = most + sum.ln();
            map(c, x, y, |x| x - lse);
        } else {
            let scale = 1.0 / exponentials(c, x, most, y);
            map(c, y, y, |e| e * scale);
        }
    }
}

/// # Safety
///
/// The pointers must be as `Softmax` says; y may be x, but must not
/// overlap it otherwise.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_softmax(s: &Softmax) -> i32 {
    run(|| rows(s.n, 4 * s.c, |part| part.for_each(|i| s.row(i))))
}

/// The gradient of `Softmax`, whose result is y:
/// dx = y·(dy − Σ y·dy), or of its logarithm dx = dy − eʸ·Σ dy.
#[repr(C)]
pub struct SoftmaxBackward {
    n: usize,
    c: usize,
    log: usize,
    y: *const f32,
    dy: *const f32,
    /// n rows of c numbers; may be dy.
    dx: *mut f32,
}

unsafe impl Sync for SoftmaxBackward {}

impl SoftmaxBackward {
    unsafe fn row(&self, i: usize) {
        let (c, start) = (self.c, i * self.c);
        let (y, dy) = (self.y.add(start), self.dy.add(start));
        let log = self.log != 0;
        let mut sum = Lanes::all(0.0);
        walk!(c, |j, count| {
            let y = Lanes::load(y, j, count, 0.0);
            let dy = Lanes::load(dy, j, count, 0.0);
            sum = if log { sum + dy } else { sum.add_product(y, dy) };
        });
        let sum = sum.sum();
        walk!(c, |j, count| {
            let y = Lanes::load(y, j, count, 0.0);
            let dy = Lanes::load(dy, j, count, 0.0);
            let dx =
                if log { dy - exp(y) * sum } else { y * (dy - sum) };
            dx.store(self.dx.add(start), j, count);
        });
    }
}

/// # Safety
///
/// The pointers must be as `SoftmaxBackward` says; dx may be dy, but
/// must not overlap anything otherwise.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_softmax_backward(
    s: &SoftmaxBackward,
) -> i32 {
    run(|| rows(s.n, 4 * s.c, |part| part.for_each(|i| s.row(i))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_shares() {
        for c in [1, 5, 16, 37] {
            let x: Vec<f32> = (0..2 * c)
                .map(|i| (i * 37 % 11) as f32 * 9.0)
                .collect();
            let mut y = vec![0.0; 2 * c];
            let softmax = |log, y: &mut Vec<f32>| Softmax {
                n: 2,
                c,
                log,
                x: x.as_ptr(),
                y: y.as_mut_ptr(),
            };
            for log in [0, 1] {
                unsafe { nand2llm_softmax(&softmax(log, &mut y)) };
                for (row, y) in x.chunks(c).zip(y.chunks(c)) {
                    let e = |x: f32| f64::from(x).exp();
                    let sum: f64 = row.iter().map(|&x| e(x)).sum();
                    for (&x, &y) in row.iter().zip(y) {
                        let share = e(x) / sum;
                        let want =
                            if log == 1 { share.ln() } else { share };
                        assert!((f64::from(y) - want).abs() < 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn slopes_add_up_to_nothing() {
        let y = [0.25; 4].repeat(5);
        let dy: Vec<f32> = (0..20).map(|i| (i % 7) as f32).collect();
        let mut dx = vec![9.0; 20];
        let softmax = SoftmaxBackward {
            n: 5,
            c: 4,
            log: 0,
            y: y.as_ptr(),
            dy: dy.as_ptr(),
            dx: dx.as_mut_ptr(),
        };
        unsafe { nand2llm_softmax_backward(&softmax) };
        for (dx, dy) in dx.chunks(4).zip(dy.chunks(4)) {
            assert_eq!(dx.iter().sum::<f32>(), 0.0);
            assert_eq!(dx[1] - dx[0], (dy[1] - dy[0]) / 4.0);
        }
    }

    #[test]
    fn no_number_makes_its_row_none() {
        let mut x = [1.0, f32::NAN, 2.0, f32::INFINITY, 1.0, 1.0];
        let (n, c, data) = (3, 2, x.as_mut_ptr());
        let softmax = Softmax { n, c, log: 0, x: data, y: data };
        unsafe { nand2llm_softmax(&softmax) };
        assert!(x[..2].iter().all(|x| x.is_nan()) && x[3].is_nan());
        assert_eq!(x[4..], [0.5, 0.5]);
    }
}
