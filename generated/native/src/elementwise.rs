// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 1543e07c4a67
//! One number from one or two others, n times. The result may be
//! written over an operand.

use std::ptr;

use crate::functions::{sigmoid, tanh};
use crate::lanes::{walk, Lanes};
use crate::run;
use crate::share::{rows, Shared};

/// to[i] = f(the i-th numbers of `from`), on all threads.
///
/// # Safety
///
/// All pointers must point to n numbers. `to` may be one of `from`,
/// but must not overlap it otherwise.
unsafe fn each<const N: usize>(
    n: usize,
    from: [*const f32; N],
    to: *mut f32,
    f: impl Fn([Lanes; N]) -> Lanes + Sync,
) {
    let (from, to) = (from.map(Shared::of), Shared(to));
    rows(n, 1, |part| {
        let (mut starts, to) = ([ptr::null(); N], to.at(part.start));
        for k in 0..N {
            starts[k] = from[k].at(part.start).cast_const();
        }
        walk!(part.len(), |i, count| {
            let mut x = [Lanes::all(0.0); N];
            for k in 0..N {
                x[k] = Lanes::load(starts[k], i, count, 0.0);
            }
            let y = f(x);
            y.store(to, i, count);
        });
    });
}

/// √(2/π), and 0.044715 times that.
const GELU: [f32; 2] = [0.797_884_6, 0.035_677_41];

/// x·(1 + tanh u)/2 with u = √(2/π)·(x + 0.044715·x³) (Hendrycks and
/// Gimpel, *Gaussian Error Linear Units*, 2016), where (1 + tanh u)/2
/// is sigmoid(2u).
#[inline(always)]
pub fn gelu(x: Lanes) -> Lanes {
    x * sigmoid(2.0 * x * (x * x * GELU[1] + GELU[0]))
}

/// The derivative of `gelu`.
#[inline(always)]
fn gelu_slope(x: Lanes) -> Lanes {
    let square = x * x;
    let s = sigmoid(2.0 * x * (square * GELU[1] + GELU[0]));
    let u_slope = square * (3.0 * GELU[1]) + GELU[0];
    s + s * (1.0 - s) * (2.0 * x * u_slope)
}

/// x·sigmoid(x)
#[inline(always)]
pub fn silu(x: Lanes) -> Lanes {
    x * sigmoid(x)
}

/// The derivative of `silu`.
#[inline(always)]
fn silu_slope(x: Lanes) -> Lanes {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

/// The derivative of `tanh`.
#[inline(always)]
fn tanh_slope(x: Lanes) -> Lanes {
    1.0 - tanh(x) * tanh(x)
}

/// x if it is positive, or not a number; else 0.
#[inline(always)]
pub fn relu(x: Lanes) -> Lanes {
    x.select(|x| x <= 0.0, Lanes::all(0.0), x)
}

/// 1 where x is positive, or not a number; else 0.
#[inline(always)]
fn relu_slope(x: Lanes) -> Lanes {
    x.select(|x| x <= 0.0, Lanes::all(0.0), Lanes::all(1.0))
}

/// out = x + y
#[repr(C)]
pub struct Add {
    n: usize,
    x: *const f32,
    y: *const f32,
    out: *mut f32,
}

/// # Safety
///
/// As for `each`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_add(a: &Add) -> i32 {
    run(|| each(a.n, [a.x, a.y], a.out, |[x, y]| x + y))
}

/// y += scale · x
#[repr(C)]
pub struct AddScaled {
    n: usize,
    scale: f64,
    x: *const f32,
    y: *mut f32,
}

/// # Safety
///
/// As for `each`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_add_scaled(a: &AddScaled) -> i32 {
    let scale = a.scale as f32;
    let f = |[x, y]: [Lanes; 2]| x * scale + y;
    run(|| each(a.n, [a.x, a.y], a.y, f))
}

/// y = f(x), where f is by number: 0 relu, 1 relu², 2 gelu, 3 silu,
/// 4 tanh.
#[repr(C)]
pub struct Activation {
    f: usize,
    n: usize,
    x: *const f32,
    y: *mut f32,
}

impl Activation {
    unsafe fn run(&self, f: impl Fn(Lanes) -> Lanes + Sync) {
        each(self.n, [self.x], self.y, |[x]| f(x));
    }
}

/// # Safety
///
/// As for `each`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_activation(a: &Activation) -> i32 {
    run(|| match a.f {
        0 => a.run(relu),
        1 => a.run(|x| relu(x) * relu(x)),
        2 => a.run(gelu),
        3 => a.run(silu),
        4 => a.run(tanh),
        f => panic!("no activation {f}"),
    })
}

/// dx (+)= dy · f′(x), f as for `Activation`.
#[repr(C)]
pub struct ActivationBackward {
    f: usize,
    n: usize,
    x: *const f32,
    dy: *const f32,
    dx: *mut f32,
    /// 1 to add to dx, 0 to write over it.
    add: usize,
}

impl ActivationBackward {
    unsafe fn run(&self, slope: impl Fn(Lanes) -> Lanes + Sync) {
        let (n, x, dy, dx) = (self.n, self.x, self.dy, self.dx);
        if self.add == 0 {
            each(n, [x, dy], dx, |[x, dy]| dy * slope(x));
        } else {
            let f = |[x, dy, dx]: [Lanes; 3]| dx + dy * slope(x);
            each(n, [x, dy, dx], dx, f);
        }
    }
}

/// # Safety
///
/// As for `each`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_activation_backward(
    a: &ActivationBackward,
) -> i32 {
    run(|| match a.f {
        0 => a.run(relu_slope),
        1 => a.run(|x| 2.0 * relu(x)),
        2 => a.run(gelu_slope),
        3 => a.run(silu_slope),
        4 => a.run(tanh_slope),
        f => panic!("no activation {f}"),
    })
}

/// y = cap · tanh(x / cap)
#[repr(C)]
pub struct Softcap {
    n: usize,
    cap: f64,
    x: *const f32,
    /// May be x.
    y: *mut f32,
}

/// # Safety
///
/// As for `each`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_softcap(s: &Softcap) -> i32 {
    let (cap, less) = (s.cap as f32, (1.0 / s.cap) as f32);
    run(|| each(s.n, [s.x], s.y, |[x]| tanh(x * less) * cap))
}

/// dx = dy · (1 − (y / cap)²)
#[repr(C)]
pub struct SoftcapBackward {
    n: usize,
    cap: f64,
    y: *const f32,
    dy: *const f32,
    /// May be dy.
    dx: *mut f32,
}

/// # Safety
///
/// As for `each`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_softcap_backward(
    s: &SoftcapBackward,
) -> i32 {
    let less = (1.0 / s.cap) as f32;
    let slope = |t: Lanes| 1.0 - t * t;
    let f = |[y, dy]: [Lanes; 2]| dy * slope(y * less);
    run(|| each(s.n, [s.y, s.dy], s.dx, f))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of both signs, with what is special in the first places.
    fn numbers(n: usize) -> Vec<f32> {
        let mut x: Vec<_> =
            (0..n).map(|i| (i * 37 % 101) as f32 / 9.0 - 5.0).collect();
        let special = [f32::NAN, 0.0, -0.0, f32::INFINITY];
        for (x, special) in x.iter_mut().zip(special) {
            *x = special;
        }
        x
    }

    fn close(got: f32, want: f64) -> bool {
        let both = got.is_nan() && want.is_nan();
        let far = (f64::from(got) - want).abs();
        both || f64::from(got) == want
            || far <= 1e-6 * want.abs().max(1.0)
    }

    /// Each function in double precision, and its slope there.
    fn truth(f: usize, x: f64) -> f64 {
        let u = (2.0 / std::f64::consts::PI).sqrt()
            * (x + 0.044_715 * x.powi(3));
        match f {
            0 if x.is_nan() => x,
            0 => x.max(0.0),
            1 => truth(0, x).powi(2),
            2 => 0.5 * x * (1.0 + u.tanh()),
            4 => x.tanh(),
            _ => x / (1.0 + (-x).exp()),
        }
    }

    #[test]
    fn activations_and_their_slopes() {
        for n in [0, 1, 5, 16, 33, 40_001] {
            let (x, dy) = (numbers(n), vec![2.0; n]);
            let (mut y, mut dx) = (vec![9.0; n], vec![1.0; n]);
            for f in 0..5 {
                let forward = Activation {
                    f,
                    n,
                    x: x.as_ptr(),
                    y: y.as_mut_ptr(),
                };
                assert_eq!(unsafe { nand2llm_activation(&forward) }, 0);
                dx.fill(1.0);
                let backward = ActivationBackward {
                    f,
                    n,
                    x: x.as_ptr(),
                    dy: dy.as_ptr(),
                    dx: dx.as_mut_ptr(),
                    add: 1,
                };
                unsafe { nand2llm_activation_backward(&backward) };
                for (i, &x) in x.iter().enumerate() {
                    let x = f64::from(x);
                    assert!(close(y[i], truth(f, x)), "{f} of {x}");
                    let rise = truth(f, x + 1e-5) - truth(f, x - 1e-5);
                    let want = 1.0 + rise / 1e-5;
                    let near = (f64::from(dx[i]) - want).abs() < 1e-4;
                    assert!(near || x == 0.0 || !x.is_finite());
                }
            }
        }
    }

    #[test]
    fn a_slope_at_zero_and_at_no_number() {
        let of =
            |f: fn(Lanes) -> Lanes, x| f(Lanes::all(x)).numbers()[0];
        assert_eq!(
            (of(relu_slope, 0.0), of(gelu_slope, 0.0)),
            (0.0, 0.5)
        );
        for f in [relu, gelu, gelu_slope, silu, tanh_slope] {
            assert!(of(f, f32::NAN).is_nan());
        }
    }

    #[test]
    fn sums_may_be_written_over_an_operand() {
        let mut x = vec![3.0; 37];
        let (n, p) = (x.len(), x.as_mut_ptr());
        unsafe { nand2llm_add(&Add { n, x: p, y: p, out: p }) };
        let y = [1.0; 37];
        let scaled = AddScaled { n, scale: 0.5, x: y.as_ptr(), y: p };
        unsafe { nand2llm_add_scaled(&scaled) };
        assert_eq!(x, [6.5; 37]);
    }
}
