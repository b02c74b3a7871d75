// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. ab2424eca912
//! Optimizers, for all parameters of a model in one long vector.
//!
//! They round as PyTorch does: what depends on the step alone is
//! worked out in double precision.

use crate::pool;
use crate::run;
use crate::share::{rows, Shared};

/// Sum of the squares of n numbers.
#[repr(C)]
pub struct SumSquares {
    n: usize,
    x: *const f32,
    sum: *mut f64,
}

unsafe impl Sync for SumSquares {}

/// Numbers that are added up before anything else is: the threads do
/// not change the result.
const PART: usize = 16 * 1024;

/// Sums that run side by side.
const SUMS: usize = 16;

/// The sum of the squares, in double precision.
fn squares(x: &[f32]) -> f64 {
    let mut sums = [0.0; SUMS];
    let whole = x.chunks_exact(SUMS);
    for (sum, &x) in sums.iter_mut().zip(whole.remainder()) {
        *sum += f64::from(x) * f64::from(x);
    }
    for x in whole {
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    sums.iter().sum()
}

/// # Safety
///
/// The pointers must be as `SumSquares` says.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_sum_squares(s: &SumSquares) -> i32 {
    run(|| {
        let mut parts = vec![0.0; s.n.div_ceil(PART)];
        let out = Shared(parts.as_mut_ptr());
        pool::run(parts.len(), |t| {
            let n = PART.min(s.n - t * PART);
            let x = crate::borrow(s.x.wrapping_add(t * PART), n);
            *out.at(t) = squares(x);
        });
        *s.sum = parts.iter().sum();
    })
}

/// One step of AdamW (Loshchilov and Hutter, *Decoupled Weight Decay
/// Regularization*, 2019).
#[repr(C)]
pub struct AdamW {
    n: usize,
    /// Only the first of the parameters decay.
    decaying: usize,
    /// Counted from 1.
    step: usize,
    rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    decay: f64,
    /// What gradients are multiplied with, for clipping.
    scale: f64,
    parameters: *mut f32,
    gradients: *const f32,
    mean: *mut f32,
    square: *mut f32,
}

unsafe impl Sync for AdamW {}

impl AdamW {
    /// The parameters from `start` on, as many as `p` has; all are
    /// multiplied with `keep` first.
    unsafe fn part(&self, start: usize, n: usize, keep: f32) {
        let corrected1 = 1.0 - self.beta1.powi(self.step as i32);
        let corrected2 = 1.0 - self.beta2.powi(self.step as i32);
        let rate = (self.rate / corrected1) as f32;
        let root = corrected2.sqrt() as f32;
        let (eps, scale) = (self.eps as f32, self.scale as f32);
        let beta2 = self.beta2 as f32;
        let new1 = (1.0 - self.beta1) as f32;
        let new2 = (1.0 - self.beta2) as f32;
        let p = crate::borrow_mut(self.parameters.add(start), n);
        let g = crate::borrow(self.gradients.add(start), n);
        let m = crate::borrow_mut(self.mean.add(start), n);
        let v = crate::borrow_mut(self.square.add(start), n);
        for i in 0..n {
            let gradient = g[i] * scale;
            m[i] += (gradient - m[i]) * new1;
            v[i] = v[i] * beta2 + gradient * gradient * new2;
            p[i] = p[i] * keep
                - rate * (m[i] / (v[i].sqrt() / root + eps));
        }
    }
}

/// # Safety
///
/// All four vectors must have n numbers, and nothing overlap.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_adamw(a: &AdamW) -> i32 {
    let keep = (1.0 - a.rate * a.decay) as f32;
    run(|| {
        rows(a.n, 8, |part| {
            let middle = a.decaying.clamp(part.start, part.end);
            a.part(part.start, middle - part.start, keep);
            a.part(middle, part.end - middle, 1.0);
        });
    })
}

/// One step of gradient descent, with momentum.
#[repr(C)]
pub struct Sgd {
    n: usize,
    decaying: usize,
    rate: f64,
    momentum: f64,
    /// Added to the gradient, times the parameter.
    decay: f64,
    scale: f64,
    /// 1 to look ahead, as Nesterov does.
    nesterov: usize,
    parameters: *mut f32,
    gradients: *const f32,
    /// n numbers, 0 before the first step; null without momentum.
    velocity: *mut f32,
}

unsafe impl Sync for Sgd {}

impl Sgd {
    unsafe fn part(&self, start: usize, n: usize, decay: f32) {
        let (rate, scale) = (self.rate as f32, self.scale as f32);
        let momentum = self.momentum as f32;
        let p = crate::borrow_mut(self.parameters.add(start), n);
        let g = crate::borrow(self.gradients.add(start), n);
        let gradient = |i: usize, p: f32| g[i] * scale + decay * p;
        if self.velocity.is_null() {
            for (i, p) in p.iter_mut().enumerate() {
                *p -= rate * gradient(i, *p);
            }
            return;
        }
        let v = crate::borrow_mut(self.velocity.add(start), n);
        for (i, p) in p.iter_mut().enumerate() {
            let gradient = gradient(i, *p);
            v[i] = v[i] * momentum + gradient;
            let ahead = gradient + momentum * v[i];
            *p -= rate * if self.nesterov != 0 { ahead } else { v[i] };
        }
    }
}

/// # Safety
///
/// All vectors must have n numbers, and nothing overlap.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_sgd(s: &Sgd) -> i32 {
    run(|| {
        rows(s.n, 4, |part| {
            let middle = s.decaying.clamp(part.start, part.end);
            s.part(part.start, middle - part.start, s.decay as f32);
            s.part(middle, part.end - middle, 0.0);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_add_up() {
        for n in [0, 1, 17, 40_000] {
            let (x, mut sum) = (vec![3.0; n], -1.0);
            let call = SumSquares { n, x: x.as_ptr(), sum: &mut sum };
            unsafe { nand2llm_sum_squares(&call) };
            assert_eq!(sum, 9.0 * n as f64);
        }
    }

    /// The first step of AdamW has the length `rate`, whatever the
    /// gradient; half of the parameters decay before it.
    #[test]
    fn adamw_steps_and_decays() {
        for n in [2, 34, 5000] {
            let mut p = vec![1.0; n];
            let g: Vec<f32> = (0..n).map(|i| i as f32 - 0.5).collect();
            let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
            let call = AdamW {
                n,
                decaying: n / 2,
                step: 1,
                rate: 0.25,
                beta1: 0.9,
                beta2: 0.99,
                eps: 0.0,
                decay: 0.5,
                scale: 2.0,
                parameters: p.as_mut_ptr(),
                gradients: g.as_ptr(),
                mean: m.as_mut_ptr(),
                square: v.as_mut_ptr(),
            };
            unsafe { nand2llm_adamw(&call) };
            for (i, p) in p.iter().enumerate() {
                let kept = if i < n / 2 { 0.875 } else { 1.0 };
                let want = kept - 0.25 * g[i].signum();
                assert!((p - want).abs() < 1e-6, "{p} {want}");
            }
        }
    }

    #[test]
    fn momentum_gathers_speed() {
        for (nesterov, want) in
            [(0, [-0.5, -1.25]), (1, [-0.75, -1.625])]
        {
            let (mut p, mut v) = (vec![0.0; 33], vec![0.0; 33]);
            let g = vec![1.0; 33];
            let call = Sgd {
                n: 33,
                decaying: 0,
                rate: 0.5,
                momentum: 0.5,
                decay: 0.5,
                scale: 1.0,
                nesterov,
                parameters: p.as_mut_ptr(),
                gradients: g.as_ptr(),
                velocity: v.as_mut_ptr(),
            };
            for want in want {
                unsafe { nand2llm_sgd(&call) };
                assert!(p.iter().all(|&p| p == want), "{p:?}");
            }
        }
    }
}
