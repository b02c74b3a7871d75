// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. f6343b51ce06
//! Vectors of a row of attention's scores, of which some keys are not
//! seen.

use std::ops::Range;

use crate::lanes::{walk, Lanes, LANES};

/// What belongs to the keys from `j` on, with `other` in the place of
/// what belongs to those that are not seen.
#[inline(always)]
pub fn where_seen(
    x: Lanes,
    j: usize,
    seen: &Range<usize>,
    other: f32,
) -> Lanes {
    let inside = seen.start <= j && j + LANES <= seen.end;
    if inside {
        x
    } else {
        replace_unseen(x, j, seen, other)
    }
}

/// Not inlined, so that the code for all other vectors stays straight.
#[inline(never)]
fn replace_unseen(
    x: Lanes,
    j: usize,
    seen: &Range<usize>,
    other: f32,
) -> Lanes {
    let start = seen.start.saturating_sub(j) as u32;
    let end = seen.end.saturating_sub(j).min(LANES) as u32;
    let (x, n) = (x.numbers(), end.saturating_sub(start));
    Lanes::each(|l| {
        let in_order = (l as u32).wrapping_sub(start);
        if in_order < n {
            x[l]
        } else {
            other
        }
    })
}

/// The greatest of n scores of those that are seen, −∞ of none.
///
/// # Safety
///
/// `row` must have n numbers, rounded up to whole vectors.
pub unsafe fn greatest_seen(
    row: *const f32,
    n: usize,
    seen: &Range<usize>,
) -> f32 {
    let mut most = Lanes::all(f32::NEG_INFINITY);
    walk!(n.next_multiple_of(LANES), |j, count| {
        let x = Lanes::load(row, j, count, 0.0);
        let x = where_seen(x, j, seen, f32::NEG_INFINITY);
        most = most.greater(x);
    });
    most.max()
}
