// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 440387e2ba90
//! Small products, whose right operand is packed once for many: all
//! of it should fit in a cache.

use crate::lanes::LANES;
use crate::pack::pack;
use crate::tile::{strip, Matrix, Target, ROWS, WIDE};

/// Columns of a panel.
pub const PANEL: usize = WIDE * LANES;

/// A matrix packed in panels of columns, `depth` rows deep.
#[derive(Clone, Copy)]
pub struct Panels {
    pub data: *const f32,
    pub depth: usize,
}

/// C (m, n) (+)= A (m, k) · B (k, n), with B in panels of N vectors.
///
/// # Safety
///
/// As for `strip`, for each panel.
pub unsafe fn product<const N: usize>(
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Panels,
    c: Target,
) {
    for j in (0..n).step_by(N * LANES) {
        let panel = b.data.add(j * b.depth);
        for i in (0..m).step_by(ROWS) {
            let sizes = [ROWS.min(m - i), (n - j).min(N * LANES), k];
            strip::<N>(sizes, a.from(i, 0), panel, c.from(i, j));
        }
    }
}

/// Copies a matrix (depth, n) to panels of columns, as wide as fits.
///
/// # Safety
///
/// As for `pack`.
pub unsafe fn columns(
    from: Matrix,
    [n, depth]: [usize; 2],
    to: *mut f32,
) {
    if n > LANES {
        pack::<PANEL>(from.transposed(), n, depth, to);
    } else {
        pack::<LANES>(from.transposed(), n, depth, to);
    }
}

/// `product` with what `columns` packed, from row `first` on.
///
/// # Safety
///
/// As for `product`.
pub unsafe fn times(
    sizes: [usize; 3],
    a: Matrix,
    b: Panels,
    first: usize,
    c: Target,
) {
    let from =
        |width: usize| Panels { data: b.data.add(first * width), ..b };
    if sizes[1] > LANES {
        product::<WIDE>(sizes, a, from(PANEL), c);
    } else {
        product::<1>(sizes, a, from(LANES), c);
    }
}
