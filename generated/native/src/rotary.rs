// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 21fbdcdb6a99
//! Rotary positions: pairs of numbers, turned by angles (Su et al.,
//! *RoFormer*, 2021). Number i of a head pairs with number half + i.

use crate::run;
use crate::share::{rows, Shared};

/// The heads of all places of a batch of texts.
#[repr(C)]
pub struct Rotary {
    batch: usize,
    places: usize,
    heads: usize,
    /// Half the numbers of a head.
    half: usize,
    /// 1 to turn the other way.
    back: usize,
    x: *const f32,
    /// How far apart texts, places and heads are.
    x_batch: usize,
    x_place: usize,
    x_head: usize,
    /// A row of `half` numbers for each place.
    cos: *const f32,
    sin: *const f32,
    /// Dense; may be x, if that is dense.
    y: *mut f32,
}

unsafe impl Sync for Rotary {}

impl Rotary {
    /// All heads of row i of the texts' places.
    unsafe fn row(&self, i: usize) {
        let (text, place) = (i / self.places, i % self.places);
        let (half, at) = (self.half, place * self.half);
        let (cos, sin) = (self.cos.add(at), self.sin.add(at));
        let x = self.x.add(text * self.x_batch + place * self.x_place);
        let y = Shared(self.y).at(i * self.heads * 2 * half);
        let sign = if self.back != 0 { -1.0 } else { 1.0 };
        for h in 0..self.heads {
            let (x, y) = (x.add(h * self.x_head), y.add(h * 2 * half));
            turn(half, [cos, sin], sign, x, y);
        }
    }
}

/// Turns a head: `half` pairs, by the angles of these cosines and
/// sines, which `sign` makes negative. y may be x.
///
/// # Safety
///
/// There must be so many numbers.
#[inline(always)]
pub unsafe fn turn(
    half: usize,
    angles: [*const f32; 2],
    sign: f32,
    x: *const f32,
    y: *mut f32,
) {
    let whole = half - half % 8;
    for i in (0..whole).step_by(8) {
        turn_some::<8>(i, half, angles, sign, x, y);
    }
    for i in whole..half {
        turn_some::<1>(i, half, angles, sign, x, y);
    }
}

/// Turns N of the pairs, from the i-th on.
#[inline(always)]
unsafe fn turn_some<const N: usize>(
    i: usize,
    half: usize,
    angles: [*const f32; 2],
    sign: f32,
    x: *const f32,
    y: *mut f32,
) {
    let load = |from: *const f32| {
        from.add(i).cast::<[f32; N]>().read_unaligned()
    };
    let [cos, sin] = angles.map(load);
    let (a, b) = (load(x), load(x.add(half)));
    let (mut c, mut d) = ([0.0; N], [0.0; N]);
    for l in 0..N {
        let sin = sin[l] * sign;
        c[l] = a[l] * cos[l] - b[l] * sin;
        d[l] = a[l] * sin + b[l] * cos[l];
    }
    y.add(i).cast::<[f32; N]>().write_unaligned(c);
    y.add(half + i).cast::<[f32; N]>().write_unaligned(d);
}

/// # Safety
///
/// The pointers must be as `Rotary` says.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_rotary(r: &Rotary) -> i32 {
    let width = 4 * r.heads * r.half;
    run(|| {
        rows(r.batch * r.places, width, |part| {
            part.for_each(|i| r.row(i));
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_there_and_back() {
        let (cos, sin) = ([0.0; 18], [1.0; 18]);
        for half in [1, 8, 9] {
            let x: Vec<f32> = (0..8 * half).map(|i| i as f32).collect();
            let mut y = x.clone();
            let mut call = Rotary {
                batch: 1,
                places: 2,
                heads: 2,
                half,
                back: 0,
                x: y.as_ptr(),
                x_batch: 8 * half,
                x_place: 4 * half,
                x_head: 2 * half,
                cos: cos.as_ptr(),
                sin: sin.as_ptr(),
                y: y.as_mut_ptr(),
            };
            assert_eq!(unsafe { nand2llm_rotary(&call) }, 0);
            for (x, y) in x.chunks(2 * half).zip(y.chunks(2 * half)) {
                assert!((0..half).all(|i| y[i] == -x[half + i]));
                assert_eq!(y[half..], x[..half]);
            }
            call.back = 1;
            assert_eq!(unsafe { nand2llm_rotary(&call) }, 0);
            assert_eq!(x, y);
        }
    }
}
