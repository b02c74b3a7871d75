// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 66d8c35885de
//! The functions that kernels are made of, for a vector of numbers.

use crate::lanes::Lanes;

/// A polynomial in x, its highest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(
    x: Lanes,
    coefficients: [f32; N],
) -> Lanes {
    let mut sum = Lanes::all(coefficients[0]);
    for c in &coefficients[1..] {
        sum = Lanes::all(*c).add_product(sum, x);
    }
    sum
}

/// Added and taken away again, it rounds to a whole number, which the
/// lowest bits of the sum hold meanwhile.
const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³

/// ln 2 in two parts; the first, times a whole number, is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// eˣ, within 2 units in the last place. Below −87.3, where results
/// are under 1.2e-38, it is 0.
///
/// x is n·ln 2 + r, so eˣ is 2ⁿ·eʳ: a polynomial in r, whose exponent
/// bits are raised by n (Cephes, `expf.c`).
#[inline(always)]
pub fn exp(x: Lanes) -> Lanes {
    let scale = Lanes::all(std::f32::consts::LOG2_E);
    let shifted = Lanes::all(ROUND).add_product(x, scale);
    let n = shifted - ROUND;
    let r = x.add_product(n, Lanes::all(-LN_2[0]));
    let r = r.add_product(n, Lanes::all(-LN_2[1]));
    let p = polynomial(
        r,
        [
            1.987_569_1e-4,
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ],
    );
    let y = r.add_product(p * r, r) + 1.0;
    let raised = y.zip(shifted, |y, n| {
        f32::from_bits(y.to_bits().wrapping_add(n.to_bits() << 23))
    });
    let y = x.select(|x| x < -87.3, Lanes::all(0.0), raised);
    x.select(|x| x <= 88.722_83, y, x + f32::INFINITY) // or NaN
}

/// tanh x, within 4 units in the last place.
///
/// 1 − 2/(e²ˣ + 1); near 0, where that would cancel, a polynomial
/// (Cephes, `tanhf.c`).
#[inline(always)]
pub fn tanh(x: Lanes) -> Lanes {
    let square = x * x;
    let p = polynomial(
        square,
        [
            -5.704_988_7e-3,
            2.063_909e-2,
            -5.373_971_5e-2,
            1.333_144_2e-1,
            -3.333_328e-1,
        ],
    );
    let near = x.add_product(p * square, x);
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    x.select(|x| x.abs() < 0.625, near, far)
}

/// 1/(1 + e⁻ˣ)
#[inline(always)]
pub fn sigmoid(x: Lanes) -> Lanes {
    1.0 / (1.0 + exp(0.0 - x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: fn(Lanes) -> Lanes, x: f32) -> f32 {
        f(Lanes::all(x)).numbers()[0]
    }

    /// The greatest error in units in the last place (ulp).
    fn worst(
        f: fn(Lanes) -> Lanes,
        truth: fn(f64) -> f64,
        to: f32,
    ) -> f64 {
        let mut worst = 0.0;
        let mut x = -to;
        while x < to {
            let (got, want) =
                (f64::from(of(f, x)), truth(f64::from(x)));
            let bits = (want as f32).abs().to_bits();
            let ulp = f32::from_bits(bits + 1) - f32::from_bits(bits);
            worst =
                f64::max(worst, (got - want).abs() / f64::from(ulp));
            x += to * 1.234_5e-6;
        }
        worst
    }

    #[test]
    fn exp_and_tanh_are_close() {
        let (e, t) =
            (worst(exp, f64::exp, 87.2), worst(tanh, f64::tanh, 9.));
        assert!(e < 2.0 && t < 4.0, "exp {e}, tanh {t}");
        assert!(worst(tanh, f64::tanh, 0.7) < 4.0);
    }

    #[test]
    fn exp_and_tanh_at_the_edges() {
        let inf = f32::INFINITY;
        for (x, e, t) in [
            (inf, inf, 1.0),
            (-inf, 0.0, -1.0),
            (0.0, 1.0, 0.0),
            (89.0, inf, 1.0),
            (-104.0, 0.0, -1.0),
            (-1e30, 0.0, -1.0),
        ] {
            assert_eq!((of(exp, x), of(tanh, x)), (e, t), "of {x}");
        }
        assert!(of(exp, 88.72).is_finite() && of(exp, -87.29) > 0.0);
        let none = f32::NAN;
        assert!(of(exp, none).is_nan() && of(tanh, none).is_nan());
    }
}
