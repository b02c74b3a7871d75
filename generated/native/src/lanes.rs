//! A register full of numbers at a time: plain loops over an array,
//! which the compiler turns into vector instructions.

/// How many numbers a vector register holds: of AVX-512, of AVX, of
/// SSE and NEON.
pub const LANES: usize = if cfg!(target_feature = "avx512f") {
    16
} else if cfg!(target_feature = "avx") {
    8
} else {
    4
};

#[cfg(target_feature = "avx512f")]
type Register = std::arch::x86_64::__m512;
#[cfg(all(target_feature = "avx", not(target_feature = "avx512f")))]
type Register = std::arch::x86_64::__m256;
#[cfg(all(target_arch = "x86_64", not(target_feature = "avx")))]
type Register = std::arch::x86_64::__m128;
#[cfg(not(target_arch = "x86_64"))]
type Register = [f32; LANES];

/// A vector register.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Lanes(Register);

impl Lanes {
    #[inline(always)]
    pub fn of(numbers: [f32; LANES]) -> Self {
        Lanes(unsafe {
            std::mem::transmute::<[f32; LANES], Register>(numbers)
        })
    }

    #[inline(always)]
    pub fn numbers(self) -> [f32; LANES] {
        unsafe { std::mem::transmute::<Register, [f32; LANES]>(self.0) }
    }

    /// The same number in every lane.
    #[inline(always)]
    pub fn all(x: f32) -> Self {
        Lanes::of([x; LANES])
    }

    /// Numbers `i` to `i + n` of those at `from`; where n is less than
    /// `LANES`, `rest` is in the other lanes.
    ///
    /// # Safety
    ///
    /// `from` must point to `i + n` numbers.
    #[inline(always)]
    pub unsafe fn load(
        from: *const f32,
        i: usize,
        n: usize,
        rest: f32,
    ) -> Self {
        let whole = |i| from.add(i).cast::<Lanes>().read_unaligned();
        if n == LANES {
            return whole(i);
        }
        if i < LANES {
            return Self::load_few(from.add(i), n, rest);
        }
        // The last n lanes of a vector that ends where the numbers do.
        let other = LANES - n;
        let last = whole(i + n - LANES).numbers();
        let lane = |l| if l < other { rest } else { last[l] };
        Self::each(lane)
    }

    /// Not inlined, so that code with the lanes stays straight.
    #[inline(never)]
    unsafe fn load_few(from: *const f32, n: usize, rest: f32) -> Self {
        let number = |l| if l < n { *from.add(l) } else { rest };
        Self::each(number)
    }

    /// Writes what was loaded as numbers `i` to `i + n` to the same
    /// places at `to`.
    ///
    /// # Safety
    ///
    /// `to` must have room for `i + n` numbers. The others of them must
    /// be the caller's too: some are read, and written as they were.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut f32, i: usize, n: usize) {
        if n == LANES {
            to.add(i).cast::<Lanes>().write_unaligned(self);
        } else {
            let first = if i < LANES { 0 } else { LANES - n };
            self.store_few(first, to.add(i), n);
        }
    }

    /// Writes n lanes from the one numbered `first` on.
    #[inline(never)]
    unsafe fn store_few(&self, first: usize, to: *mut f32, n: usize) {
        let lanes = self.numbers();
        for l in 0..n {
            *to.add(l) = lanes[first + l];
        }
    }

    /// `f` of each lane's number, 0 and on.
    #[inline(always)]
    pub fn each(f: impl Fn(usize) -> f32) -> Self {
        let mut out = [0.0; LANES];
        for (lane, x) in out.iter_mut().enumerate() {
            *x = f(lane);
        }
        Lanes::of(out)
    }

    /// `f` of each lane.
    #[inline(always)]
    pub fn map(self, f: impl Fn(f32) -> f32) -> Self {
        let x = self.numbers();
        Self::each(|l| f(x[l]))
    }

    /// `f` of each lane and the same lane of `other`.
    #[inline(always)]
    pub fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let (x, y) = (self.numbers(), other.numbers());
        Self::each(|l| f(x[l], y[l]))
    }

    /// `self` + `a` · `b`.
    #[inline(always)]
    pub fn add_product(self, a: Self, b: Self) -> Self {
        let (x, a, b) = (self.numbers(), a.numbers(), b.numbers());
        Self::each(|l| mul_add(a[l], b[l], x[l]))
    }

    /// One number from all lanes: halves onto halves.
    #[inline(always)]
    fn reduce(self, f: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = self.numbers();
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = f(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }

    /// The sum of all lanes.
    #[inline(always)]
    pub fn sum(self) -> f32 {
        self.reduce(|a, b| a + b)
    }

    /// The greatest of all lanes.
    #[inline(always)]
    pub fn max(self) -> f32 {
        self.reduce(greater)
    }
}

impl std::ops::Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

/// `walk!(n, |i, count| { … })` does the block for each vector in n
/// numbers, with its place and `LANES`, then once for what is left. A
/// macro, so that both copies of the block are compiled where they
/// stand: a closure that is used twice may become a call, and keep
/// its sums in memory.
macro_rules! walk {
    ($n:expr, |$i:ident, $count:ident| $body:block) => {{
        const STEP: usize = $crate::lanes::LANES;
        let n: usize = $n;
        let whole = n - n % STEP;
        for $i in (0..whole).step_by(STEP) {
            let $count = STEP;
            $body
        }
        if whole < n {
            let ($i, $count) = (whole, n - whole);
            $body
        }
    }};
}
pub(crate) use walk;

/// `a`·`b` + `c`: rounded once where the processor can do so.
/// Elsewhere `f32::mul_add` would call a slow library function.
#[inline(always)]
pub fn mul_add(a: f32, b: f32, c: f32) -> f32 {
    let fused =
        cfg!(any(target_feature = "fma", target_arch = "aarch64"));
    if fused {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// The greater number; unlike `f32::max` it is one instruction. With
/// a NaN, either.
#[inline(always)]
pub fn greater(a: f32, b: f32) -> f32 {
    if a > b {
        a
    } else {
        b
    }
}

/// A polynomial in x, its highest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for c in &coefficients[1..] {
        sum = mul_add(sum, x, *c);
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
pub fn exp(x: f32) -> f32 {
    let shifted = mul_add(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = mul_add(n, -LN_2[1], mul_add(n, -LN_2[0], x));
    let p = polynomial(
        r,
        [
            1.987_569_1e-4,
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            5.0e-1,
        ],
    );
    let y = mul_add(p * r, r, r) + 1.0;
    let raised = y.to_bits().wrapping_add(shifted.to_bits() << 23);
    let y = if x < -87.3 { 0.0 } else { f32::from_bits(raised) };
    if x <= 88.722_83 {
        y
    } else {
        x + f32::INFINITY
    }
}

/// tanh x, within 4 units in the last place.
///
/// 1 − 2/(e²ˣ + 1); near 0, where that would cancel, a polynomial
/// (Cephes, `tanhf.c`).
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
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
    let near = mul_add(p * square, x, x);
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if x.abs() < 0.625 {
        near
    } else {
        far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The greatest error in units in the last place (ulp).
    fn worst(f: fn(f32) -> f32, truth: fn(f64) -> f64, to: f32) -> f64 {
        let mut worst = 0.0;
        let mut x = -to;
        while x < to {
            let (got, want) = (f64::from(f(x)), truth(f64::from(x)));
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
            assert_eq!((exp(x), tanh(x)), (e, t), "of {x}");
        }
        assert!(exp(88.72).is_finite() && exp(-87.29) > 0.0);
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }

    #[test]
    fn walks_reach_every_number_once() {
        let data: Vec<f32> = (0..100).map(|i| i as f32).collect();
        for n in [0, 1, 15, 16, 17, 33, 100] {
            let mut copy = vec![-1.0; 100];
            let mut sum = Lanes::all(0.0);
            walk!(n, |i, count| {
                unsafe {
                    let lanes =
                        Lanes::load(data.as_ptr(), i, count, 0.0);
                    lanes.store(copy.as_mut_ptr(), i, count);
                    sum = sum + lanes;
                }
            });
            assert_eq!(copy[..n], data[..n]);
            assert!(copy[n..].iter().all(|&x| x == -1.0));
            assert_eq!(sum.sum(), data[..n].iter().sum());
        }
    }

    #[test]
    fn the_greatest_lane() {
        for place in 0..LANES {
            let x = |l| if l == place { -1.0 } else { -2.0 };
            assert_eq!(Lanes::each(x).max(), -1.0);
        }
    }
}
