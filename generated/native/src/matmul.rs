// Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. ba7a9f112b9c
//! The product of two tables, walked in three orders.

use crate::view::{Error, View};

/// What the inner loop walks along.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// A row of the left and a column of the right table.
    Columns,
    /// A row of the right table and one of the result.
    Rows,
    /// A tile of the result that fits in the registers.
    Tiles,
}

/// The m, k and n of a product.
type Sizes = [usize; 3];

fn by_columns(a: &[f32], b: &[f32], [m, k, n]: Sizes, c: &mut [f32]) {
    for i in 0..m {
        for j in 0..n {
            for p in 0..k {
                c[i * n + j] += a[i * k + p] * b[p * n + j];
            }
        }
    }
}

fn by_rows(a: &[f32], b: &[f32], [m, k, n]: Sizes, c: &mut [f32]) {
    for i in 0..m {
        let sums = &mut c[i * n..][..n];
        for p in 0..k {
            let weight = a[i * k + p];
            for (sum, x) in sums.iter_mut().zip(&b[p * n..][..n]) {
                *sum += weight * x;
            }
        }
    }
}

/// Rows and columns of a tile: 32 sums.
const TILE: [usize; 2] = [4, 8];
/// How many steps of the inner axis are packed at a time.
const DEPTH: usize = 256;

/// One tile: a column of 4 times a row of 8, over and over.
fn tile(a: &[f32], b: &[f32]) -> [[f32; TILE[1]]; TILE[0]] {
    let mut sums = [[0.0; TILE[1]]; TILE[0]];
    let steps = a.chunks_exact(TILE[0]).zip(b.chunks_exact(TILE[1]));
    for (column, row) in steps {
        for i in 0..TILE[0] {
            for j in 0..TILE[1] {
                sums[i][j] += column[i] * row[j];
            }
        }
    }
    sums
}

/// Writes `width` lines side by side: for each of `depth` steps, one
/// number of each line, and 0 for lines past the end of the table.
fn pack(
    width: usize,
    depth: usize,
    lines: usize,
    at: impl Fn(usize, usize) -> f32,
    out: &mut Vec<f32>,
) {
    out.clear();
    for first in (0..lines).step_by(width) {
        for step in 0..depth {
            for line in first..first + width {
                let inside = line < lines;
                out.push(if inside { at(line, step) } else { 0.0 });
            }
        }
    }
}

fn in_tiles(a: &[f32], b: &[f32], [m, k, n]: Sizes, c: &mut [f32]) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for p in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - p);
        pack(TILE[0], depth, m, |i, s| a[i * k + p + s], &mut left);
        pack(TILE[1], depth, n, |j, s| b[(p + s) * n + j], &mut right);
        let strips = left.chunks_exact(depth * TILE[0]);
        let panels = right.chunks_exact(depth * TILE[1]);
        for (u, panel) in panels.enumerate() {
            for (t, strip) in strips.clone().enumerate() {
                let (i, j) = (t * TILE[0], u * TILE[1]);
                for (row, sums) in (i..m).zip(tile(strip, panel)) {
                    for (column, sum) in (j..n).zip(sums) {
                        c[row * n + column] += sum;
                    }
                }
            }
        }
    }
}

/// Multiplies (m, k) by (k, n) into `out`, which is (m, n).
pub fn matmul(
    left: &View,
    right: &View,
    order: Order,
    out: &mut [f32],
) -> Result<(), Error> {
    let (&[m, k], &[inner, n]) = (left.shape(), right.shape()) else {
        return Err(mismatch(left, right));
    };
    if k != inner {
        return Err(mismatch(left, right));
    }
    let (want, got) = (m.saturating_mul(n), out.len());
    if want != got {
        return Err(Error::Output { want, got });
    }
    let (a, b) = (left.dense()?, right.dense()?);
    out.fill(0.0);
    match order {
        Order::Columns => by_columns(&a, &b, [m, k, n], out),
        Order::Rows => by_rows(&a, &b, [m, k, n], out),
        Order::Tiles => in_tiles(&a, &b, [m, k, n], out),
    }
    Ok(())
}

/// The error of two shapes whose inner sizes don't meet.
pub fn mismatch(left: &View, right: &View) -> Error {
    let (left, right) = (left.shape().to_vec(), right.shape().to_vec());
    Error::Product { left, right }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(data: &[f32], shape: [usize; 2]) -> View<'_> {
        let strides = [shape[1] as isize, 1];
        View::new(data, &shape, &strides, 0).unwrap()
    }

    #[test]
    fn three_orders_one_product() {
        let a: Vec<f32> = (0..1500).map(|i| (i % 7) as f32).collect();
        let b: Vec<f32> = (0..2700).map(|i| (i % 5) as f32).collect();
        let (a, b) = (table(&a, [5, 300]), table(&b, [300, 9]));
        let orders = [Order::Columns, Order::Rows, Order::Tiles];
        let [x, y, z] = orders.map(|order| {
            let mut out = [0.0; 45];
            matmul(&a, &b, order, &mut out).unwrap();
            out
        });
        assert_eq!((x, x), (y, z));
        let error = matmul(&a, &a, Order::Rows, &mut []).unwrap_err();
        let words = "cannot multiply [5, 300] by [5, 300]";
        assert_eq!(error.to_string(), words);
    }
}
