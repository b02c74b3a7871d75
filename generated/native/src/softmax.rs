//! Softmax and its logarithm along rows, and their gradients.

use crate::lanes::{exp, greater, walk, Lanes};
use crate::pool::rows;
use crate::run;

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
        most = most.zip(x, greater);
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
        let e = x.map(|x| exp(x - b));
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
        sum = sum + x.map(|x| exp(x - b));
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
    f: impl Fn(f32) -> f32,
) {
    walk!(n, |j, count| {
        let x = Lanes::load(x, j, count, 0.0);
        x.map(&f).store(y, j, count);
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
            let dx = if log {
                y.zip(dy, |y, dy| dy - exp(y) * sum)
            } else {
                y.zip(dy, |y, dy| y * (dy - sum))
            };
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
