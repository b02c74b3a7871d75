// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. ce6e4e808225
//! Cross-entropy of rows of logits with the right classes, and its
//! gradient; both at once where the logits are not needed again.

use crate::functions::exp;
use crate::share::{rows, Shared};
use crate::softmax::{
    exponentials, greatest, map, sum_of_exponentials,
};
use crate::status;

/// The target of a row that does not count.
const IGNORE: i64 = -1;

/// n rows of c logits and the class of each.
#[repr(C)]
pub struct CrossEntropy {
    n: usize,
    c: usize,
    logits: *const f32,
    targets: *const i64,
    /// n losses: ln Σ eˣ − x[target], or 0 where the target is −1.
    loss: *mut f32,
    /// n numbers: ln Σ eˣ.
    lse: *mut f32,
}

unsafe impl Sync for CrossEntropy {}

/// An error that names the first target that is no class.
unsafe fn check(
    n: usize,
    c: usize,
    targets: *const i64,
) -> Result<(), String> {
    for i in 0..n {
        let target = *targets.add(i);
        let known = usize::try_from(target).is_ok_and(|t| t < c);
        if !known && target != IGNORE {
            return Err(format!(
                "the target of row {i} is {target}; it would be a \
                 class from 0 to {}, or {IGNORE} for a row that does \
                 not count",
                c as i64 - 1
            ));
        }
    }
    Ok(())
}

impl CrossEntropy {
    unsafe fn row(&self, i: usize) {
        let x = self.logits.add(i * self.c);
        let most = greatest(self.c, x);
        let lse = most + sum_of_exponentials(self.c, x, most).ln();
        *self.lse.add(i) = lse;
        *self.loss.add(i) = match *self.targets.add(i) {
            IGNORE => 0.0,
            target => lse - *x.add(target as usize),
        };
    }
}

/// # Safety
///
/// The pointers must be as `CrossEntropy` says, and nothing overlap.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_cross_entropy(
    ce: &CrossEntropy,
) -> i32 {
    status(|| {
        check(ce.n, ce.c, ce.targets)?;
        rows(ce.n, 4 * ce.c, |part| part.for_each(|i| ce.row(i)));
        Ok::<(), String>(())
    })
}

/// dlogits = (softmax − 1 at the target)·scale; n, c, logits, targets
/// and lse are as in `CrossEntropy`.
#[repr(C)]
pub struct CrossEntropyBackward {
    n: usize,
    c: usize,
    logits: *const f32,
    targets: *const i64,
    lse: *const f32,
    scale: f64,
    /// n rows of c numbers; may be the logits.
    dlogits: *mut f32,
}

unsafe impl Sync for CrossEntropyBackward {}

impl CrossEntropyBackward {
    unsafe fn row(&self, i: usize) {
        let (c, start) = (self.c, i * self.c);
        let (x, dx) = (self.logits.add(start), self.dlogits.add(start));
        let (scale, lse) = (self.scale as f32, *self.lse.add(i));
        match *self.targets.add(i) {
            IGNORE => dx.write_bytes(0, c),
            target => {
                map(c, x, dx, |x| exp(x - lse) * scale);
                *dx.add(target as usize) -= scale;
            }
        }
    }
}

/// # Safety
///
/// The pointers must be as `CrossEntropyBackward` says; dlogits may be
/// the logits, but nothing overlap otherwise.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_cross_entropy_backward(
    ce: &CrossEntropyBackward,
) -> i32 {
    status(|| {
        check(ce.n, ce.c, ce.targets)?;
        rows(ce.n, 4 * ce.c, |part| part.for_each(|i| ce.row(i)));
        Ok::<(), String>(())
    })
}

/// Forward and backward at once: n rows of c logits become the
/// gradient of the mean loss, times scale.
#[repr(C)]
pub struct CrossEntropyInPlace {
    n: usize,
    c: usize,
    /// n rows of c numbers: logits before, gradients after.
    logits: *mut f32,
    targets: *const i64,
    scale: f64,
    /// n losses, 0 where the target is −1.
    loss: *mut f32,
    /// The mean loss of the rows that count; NaN if none does.
    mean: *mut f64,
}

unsafe impl Sync for CrossEntropyInPlace {}

impl CrossEntropyInPlace {
    unsafe fn row(&self, i: usize, scale: f32) {
        let x = self.logits.add(i * self.c);
        let target = *self.targets.add(i);
        if target == IGNORE {
            x.write_bytes(0, self.c);
            *self.loss.add(i) = 0.0;
            return;
        }
        let right = x.add(target as usize);
        let most = greatest(self.c, x);
        let logit = *right - most;
        let sum = exponentials(self.c, x, most, x);
        *self.loss.add(i) = sum.ln() - logit;
        map(self.c, x, x, |e| e * (scale / sum));
        *right -= scale;
    }

    unsafe fn run(&self) {
        let at = Shared::of(self.targets);
        let counts = |&i: &usize| unsafe { *at.at(i) != IGNORE };
        let count = (0..self.n).filter(counts).count() as f64;
        let scale = (self.scale / count) as f32;
        rows(self.n, 6 * self.c, |part| {
            part.for_each(|i| self.row(i, scale));
        });
        let losses = (0..self.n).map(|i| f64::from(*self.loss.add(i)));
        *self.mean = losses.sum::<f64>() / count;
    }
}

/// # Safety
///
/// The pointers must be as `CrossEntropyInPlace` says, and nothing
/// overlap.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_cross_entropy_in_place(
    ce: &CrossEntropyInPlace,
) -> i32 {
    status(|| {
        check(ce.n, ce.c, ce.targets)?;
        ce.run();
        Ok::<(), String>(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_place(
        c: usize,
        x: &mut [f32],
        targets: &[i64],
    ) -> (i32, f64) {
        let (mut loss, mut mean) = (vec![0.0; targets.len()], 0.0);
        let ce = CrossEntropyInPlace {
            n: targets.len(),
            c,
            logits: x.as_mut_ptr(),
            targets: targets.as_ptr(),
            scale: 1.0,
            loss: loss.as_mut_ptr(),
            mean: &mut mean,
        };
        (unsafe { nand2llm_cross_entropy_in_place(&ce) }, mean)
    }

    #[test]
    fn equal_logits_lose_the_logarithm_of_their_number() {
        for c in [1, 2, 16, 65] {
            let mut x = vec![3.0; 3 * c];
            let (status, mean) =
                in_place(c, &mut x, &[0, -1, c as i64 - 1]);
            assert_eq!(status, 0);
            assert!((mean - (c as f64).ln()).abs() < 1e-6);
            let share = 0.5 / c as f32;
            assert!((x[0] - (share - 0.5)).abs() < 1e-6);
            assert_eq!(x[c..2 * c], vec![0.0; c]);
            let last = x[2 * c..].iter().sum::<f32>();
            assert!(last.abs() < 1e-6);
        }
    }

    #[test]
    fn a_target_that_is_no_class_changes_nothing() {
        for wrong in [5, -2, i64::MAX] {
            let mut x = vec![3.0; 10];
            assert_eq!(in_place(5, &mut x, &[4, wrong]).0, 1);
            assert_eq!(x, [3.0; 10]);
            let reason = crate::LAST_ERROR.with_borrow(String::clone);
            let want = format!("the target of row 1 is {wrong}; ");
            assert!(reason.starts_with(&want), "{reason}");
        }
    }
}
