// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 6b07b0b44df2
//! Copies of parts of a matrix in the order in which tiles read them.

use crate::tile::Matrix;

/// Writes the rows of `from` (lines, depth) side by side, in strips of
/// W lines: for each step along the depth, one number of each line.
/// Lines past the last are 0.
///
/// # Safety
///
/// `to` must have room for the lines, rounded up to whole strips,
/// times the depth.
pub unsafe fn pack<const W: usize>(
    from: Matrix,
    lines: usize,
    depth: usize,
    to: *mut f32,
) {
    for first in (0..lines).step_by(W) {
        let count = W.min(lines - first);
        let (from, to) = (from.from(first, 0), to.add(first * depth));
        if count == W && from.row == 1 {
            copy::<W>(from, depth, to);
        } else {
            turn::<W>(from, count, depth, to);
        }
    }
}

/// W lines that lie side by side already.
unsafe fn copy<const W: usize>(
    from: Matrix,
    depth: usize,
    to: *mut f32,
) {
    for p in 0..depth {
        let step = from.from(0, p).data.cast::<[f32; W]>();
        let to = to.add(p * W).cast::<[f32; W]>();
        to.write_unaligned(step.read_unaligned());
    }
}

/// `count` lines that lie anyhow, and zeros for the rest of W.
unsafe fn turn<const W: usize>(
    from: Matrix,
    count: usize,
    depth: usize,
    to: *mut f32,
) {
    for p in 0..depth {
        let (from, to) = (from.from(0, p), to.add(p * W));
        for line in 0..count {
            *to.add(line) = *from.data.add(line * from.row);
        }
        for line in count..W {
            *to.add(line) = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_lines_stand_side_by_side() {
        let data: Vec<f32> = (0..60).map(|i| i as f32).collect();
        for (row, column) in [(1, 10), (10, 1), (3, 5)] {
            let from = Matrix { data: data.as_ptr(), row, column };
            let mut to = vec![-1.0; 8 * 4];
            unsafe { pack::<4>(from, 6, 4, to.as_mut_ptr()) };
            for (place, x) in to.into_iter().enumerate() {
                let line = place / 16 * 4 + place % 4;
                let p = place / 4 % 4;
                let at = (line * row + p * column) as f32;
                assert_eq!(x, if line < 6 { at } else { 0.0 });
            }
        }
    }
}
