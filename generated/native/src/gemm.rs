// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. c11ecfcd82b1
//! C (+)= A·B for matrices of any strides, one or a batch of them.

use crate::pack::pack;
use crate::panels::PANEL;
use crate::pool;
use crate::run;
use crate::scratch::Scratch;
use crate::share::{rows, Shared};
use crate::tile::{strip, Matrix, Target, ROWS, WIDE};
use crate::vector::{readable, vector_matrix, Line};

/// The most steps along k that are taken together: a panel of B, of
/// 8 to 32 kB, stays in the first-level cache.
const DEPTH: usize = 256;

/// The most rows of A that are taken together: 240 kB, which stay in
/// the second-level cache.
const BLOCK: usize = 240;

/// Steps along k of more numbers than that, and A is packed too:
/// else each step would need a page of memory of its own.
const FAR: usize = 512;

/// Multiplications worth handing to a thread.
const WORTH: usize = 1 << 18;

/// B (k, n), packed: for each block along k, its panels of columns.
#[derive(Clone, Copy)]
struct Packed {
    data: Shared<f32>,
    n: usize,
    k: usize,
    depth: usize,
}

impl Packed {
    /// How many numbers that takes.
    fn room(n: usize, k: usize) -> usize {
        n.next_multiple_of(PANEL) * k
    }

    /// The block of k that begins at `p`: its depth and address.
    unsafe fn block(&self, p: usize) -> (usize, *mut f32) {
        let width = self.n.next_multiple_of(PANEL);
        (self.depth.min(self.k - p), self.data.at(p * width))
    }

    /// Packs the panels of `b`, on all threads.
    unsafe fn fill(&self, b: Matrix) {
        let panels = self.n.div_ceil(PANEL);
        rows(panels, PANEL * self.k, |range| {
            let (from, to) = (range.start * PANEL, range.end * PANEL);
            for p in (0..self.k).step_by(self.depth) {
                let (depth, block) = self.block(p);
                let lines = to.min(self.n) - from;
                let b = b.from(p, from).transposed();
                pack::<PANEL>(b, lines, depth, block.add(from * depth));
            }
        });
    }

    /// C (+)= A·B for `rows` of A, and the columns from `j` to `end`.
    unsafe fn multiply(
        &self,
        a: Matrix,
        rows: usize,
        [j, end]: [usize; 2],
        c: Target,
    ) {
        let far = a.column > FAR;
        let room = rows.next_multiple_of(ROWS) * self.depth;
        let mut packed = Scratch::new(if far { room } else { 0 });
        for p in (0..self.k).step_by(self.depth) {
            let (depth, block) = self.block(p);
            let c = Target { add: c.add || p > 0, ..c };
            let a = a.from(0, p);
            if far {
                pack::<ROWS>(a, rows, depth, packed.start());
            }
            for j in (j..end).step_by(PANEL) {
                let (n, panel) =
                    (PANEL.min(end - j), block.add(j * depth));
                for i in (0..rows).step_by(ROWS) {
                    let data = packed.start().wrapping_add(i * depth);
                    let a = if far {
                        Matrix { data, row: 1, column: ROWS }
                    } else {
                        a.from(i, 0)
                    };
                    let sizes = [ROWS.min(rows - i), n, depth];
                    strip::<WIDE>(sizes, a, panel, c.from(i, j));
                }
            }
        }
    }
}

/// C (m, n) (+)= A (m, k) · B (k, n).
///
/// # Safety
///
/// The matrices must have these sizes, and C overlap neither A nor B.
pub unsafe fn gemm(sizes: [usize; 3], a: Matrix, b: Matrix, c: Target) {
    let [m, n, k] = sizes;
    let line = |data, step| Line { data, step };
    if m == 0 || n == 0 || (k == 0 && c.add) {
    } else if k == 0 {
        (0..m).for_each(|i| c.from(i, 0).clear(n));
    } else if m == 1 && readable(b) {
        let x = line(a.data.cast_mut(), a.column);
        vector_matrix([n, k], x, b, line(c.data, 1), c.add);
    } else if n == 1 && readable(a) {
        let x = line(b.data.cast_mut(), b.row);
        let y = line(c.data, c.stride);
        vector_matrix([m, k], x, a.transposed(), y, c.add);
    } else {
        blocks(sizes, a, b, c);
    }
}

/// Packs B and shares out blocks of C among the threads.
unsafe fn blocks(
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: Matrix,
    c: Target,
) {
    let mut room = Scratch::new(Packed::room(n, k));
    let depth = k.div_ceil(k.div_ceil(DEPTH));
    let data = Shared(room.start());
    let packed = Packed { data, n, k, depth };
    packed.fill(b);
    let tasks = (m * n * k).div_ceil(WORTH).min(4 * pool::threads());
    let rows = m.div_ceil(tasks).next_multiple_of(ROWS).min(BLOCK);
    let across = tasks.div_ceil(m.div_ceil(rows));
    let columns = n.div_ceil(across).next_multiple_of(PANEL);
    let across = n.div_ceil(columns);
    pool::run(m.div_ceil(rows) * across, |t| {
        let (i, j) = (t / across * rows, t % across * columns);
        let end = n.min(j + columns);
        let (a, c) = (a.from(i, 0), c.from(i, 0));
        packed.multiply(a, rows.min(m - i), [j, end], c);
    });
}

/// `gemm` for each of a batch; A, B and C move on by `steps`.
///
/// # Safety
///
/// As for `gemm`, for each.
pub unsafe fn gemm_batch(
    batch: usize,
    [m, n, k]: [usize; 3],
    (a, b, c): (Matrix, Matrix, Target),
    steps: [usize; 3],
) {
    if steps == [m * a.row, 0, m * c.stride] {
        return gemm([batch * m, n, k], a, b, c); // one tall product
    }
    let one = |i: usize| {
        let [a_step, b_step, c_step] = steps.map(|step| i * step);
        let (a, b) = (a.moved(a_step), b.moved(b_step));
        gemm([m, n, k], a, b, c.moved(c_step));
    };
    if batch < pool::threads() {
        return (0..batch).for_each(one);
    }
    rows(batch, m * n * k / 16, |range| range.for_each(one));
}

/// C (m, n) (+)= A (m, k) · B (k, n), for each of a batch. Element
/// (i, j) of matrix t of A is at `a[t·a_step + i·a_row + j·a_column]`,
/// and so for B and C, whose columns lie side by side.
#[repr(C)]
pub struct Gemm {
    batch: usize,
    m: usize,
    n: usize,
    k: usize,
    a: *const f32,
    a_step: usize,
    a_row: usize,
    a_column: usize,
    b: *const f32,
    b_step: usize,
    b_row: usize,
    b_column: usize,
    c: *mut f32,
    c_step: usize,
    c_row: usize,
    /// 1 to add to C, 0 to write over it.
    add: usize,
}

/// # Safety
///
/// All elements must exist, and C overlap neither A nor B, nor one of
/// its matrices another.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_gemm(g: &Gemm) -> i32 {
    let a = Matrix { data: g.a, row: g.a_row, column: g.a_column };
    let b = Matrix { data: g.b, row: g.b_row, column: g.b_column };
    let c = Target { data: g.c, stride: g.c_row, add: g.add != 0 };
    let steps = [g.a_step, g.b_step, g.c_step];
    run(|| gemm_batch(g.batch, [g.m, g.n, g.k], (a, b, c), steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are small and whole, so that sums are exact.
    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i * 37 % 11) as f32 - 5.0).collect()
    }

    fn check(
        sizes @ [m, n, k]: [usize; 3],
        a_turned: bool,
        b_turned: bool,
        add: bool,
    ) {
        let (left, right) = (numbers(m * k + 1), numbers(k * n + 1));
        let view = |data: &[f32], [i, j]: [usize; 2], turned| {
            let (row, column) = if turned { (1, i) } else { (j, 1) };
            Matrix { data: data.as_ptr(), row, column }
        };
        let (a, b) = (
            view(&left, [m, k], a_turned),
            view(&right, [k, n], b_turned),
        );
        let stride = n + 3;
        let mut out = numbers(m * stride + 1);
        let mut want = out.clone();
        for i in 0..m {
            for j in 0..n {
                let terms = (0..k).map(|p| unsafe {
                    *a.from(i, p).data * *b.from(p, j).data
                });
                let old = if add { want[i * stride + j] } else { 0.0 };
                want[i * stride + j] = old + terms.sum::<f32>();
            }
        }
        let c = Target { data: out.as_mut_ptr(), stride, add };
        unsafe { gemm(sizes, a, b, c) };
        assert_eq!(out, want, "{sizes:?} {a_turned} {b_turned} {add}");
    }

    #[test]
    fn all_sizes_and_directions() {
        let sizes = [
            [0, 3, 2],
            [3, 0, 2],
            [3, 2, 0],
            [1, 1, 1],
            [1, 70, 33],
            [70, 1, 33],
            [2, 3, 5],
            [12, 32, 8],
            [13, 33, 300],
            [25, 100, 17],
            [100, 17, 600],
            [6, 500, 64],
        ];
        for sizes in sizes {
            for bits in 0..8 {
                check(sizes, bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_in_its_row() {
        let mut data = vec![1.0; 40 * 40];
        data[3 * 40 + 7] = f32::NAN;
        data[5 * 40 + 2] = f32::INFINITY;
        let a = Matrix { data: data.as_ptr(), row: 40, column: 1 };
        let ones = vec![1.0; 40 * 40];
        let b = Matrix { data: ones.as_ptr(), ..a };
        let mut out = vec![0.0; 40 * 40];
        let data = out.as_mut_ptr();
        let c = Target { data, stride: 40, add: false };
        unsafe { gemm([40; 3], a, b, c) };
        for (i, row) in out.chunks(40).enumerate() {
            match i {
                3 => assert!(row.iter().all(|x| x.is_nan())),
                5 => assert_eq!(row, [f32::INFINITY; 40]),
                _ => assert_eq!(row, [40.0; 40]),
            }
        }
    }

    #[test]
    fn a_batch_may_share_a_matrix() {
        let (left, right) = (numbers(3 * 6), numbers(3 * 6));
        let a = Matrix { data: left.as_ptr(), row: 3, column: 1 };
        let b = Matrix { data: right.as_ptr(), row: 2, column: 1 };
        for step in [0, 6] {
            for a_step in [0, 6] {
                let mut out = vec![0.0; 3 * 4];
                let data = out.as_mut_ptr();
                let c = Target { data, stride: 2, add: false };
                let steps = [a_step, step, 4];
                unsafe { gemm_batch(3, [2, 2, 3], (a, b, c), steps) };
                for (place, x) in out.into_iter().enumerate() {
                    let (t, i, j) =
                        (place / 4, place / 2 % 2, place % 2);
                    let term = |p| {
                        left[t * a_step + i * 3 + p]
                            * right[t * step + p * 2 + j]
                    };
                    assert_eq!(x, (0..3).map(term).sum());
                }
            }
        }
    }
}
