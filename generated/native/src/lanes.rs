// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 9dcdf7c60aaf
//! A register full of numbers at a time.

use std::mem::size_of;

use crate::register::{self, Register};

/// How many numbers a register holds: 16 with AVX-512, 8 with AVX2 and
/// FMA, 4 with SSE or NEON.
pub const LANES: usize = size_of::<Register>() / size_of::<f32>();

/// The numbers in a register.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Lanes(Register);

impl Lanes {
    /// These numbers in a register.
    #[inline(always)]
    pub fn of(numbers: [f32; LANES]) -> Self {
        Lanes(unsafe {
            std::mem::transmute::<[f32; LANES], Register>(numbers)
        })
    }

    /// The numbers in the register.
    #[inline(always)]
    pub fn numbers(self) -> [f32; LANES] {
        unsafe { std::mem::transmute::<Register, [f32; LANES]>(self.0) }
    }

    /// The same number in every lane.
    #[inline(always)]
    pub fn all(x: f32) -> Self {
        Lanes(unsafe { register::all(x) })
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
    /// `to` must have room for `i + n` numbers.
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

    /// `f` of each lane and the same lane of `other`.
    #[inline(always)]
    pub fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let (x, y) = (self.numbers(), other.numbers());
        Self::each(|l| f(x[l], y[l]))
    }

    /// `self` + `a` · `b`.
    #[inline(always)]
    pub fn add_product(self, a: Self, b: Self) -> Self {
        Lanes(unsafe { register::multiply_add(a.0, b.0, self.0) })
    }

    /// `yes` in the lanes whose number `is` so, `no` in the others.
    #[inline(always)]
    pub fn select(
        self,
        is: impl Fn(f32) -> bool,
        yes: Self,
        no: Self,
    ) -> Self {
        let (x, yes, no) =
            (self.numbers(), yes.numbers(), no.numbers());
        Self::each(|l| if is(x[l]) { yes[l] } else { no[l] })
    }

    /// The greater of each lane and the same lane of `other`; with a
    /// NaN, either.
    #[inline(always)]
    pub fn greater(self, other: Self) -> Self {
        Lanes(unsafe { register::max(self.0, other.0) })
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
        self.reduce(|a, b| if a > b { a } else { b })
    }
}

/// An operator, of two vectors and of a vector and a number.
macro_rules! operators {
    ($($trait:ident $name:ident,)*) => {$(
        impl std::ops::$trait for Lanes {
            type Output = Lanes;

            #[inline(always)]
            fn $name(self, other: Lanes) -> Lanes {
                Lanes(unsafe { register::$name(self.0, other.0) })
            }
        }

        impl std::ops::$trait<f32> for Lanes {
            type Output = Lanes;

            #[inline(always)]
            fn $name(self, other: f32) -> Lanes {
                self.$name(Lanes::all(other))
            }
        }

        impl std::ops::$trait<Lanes> for f32 {
            type Output = Lanes;

            #[inline(always)]
            fn $name(self, other: Lanes) -> Lanes {
                Lanes::all(self).$name(other)
            }
        }
    )*};
}
operators! { Add add, Sub sub, Mul mul, Div div, }

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

#[cfg(test)]
mod tests {
    use super::*;

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
