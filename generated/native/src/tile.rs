// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 2d2a55098118
//! The inner loop of all products: a tile of sums kept in registers.

use crate::lanes::{Lanes, LANES};

/// Vectors in a row of a tile.
pub const WIDE: usize = 2;

/// Rows of a tile: of 32 registers (AVX-512, NEON) 24 hold its sums,
/// of 16 (AVX, SSE) 12. The others are for what is multiplied.
pub const ROWS: usize =
    if cfg!(any(target_feature = "avx512f", target_arch = "aarch64")) {
        12
    } else {
        6
    };

/// Rows of the tile for the last rows of a matrix.
const FEW: usize = ROWS / 3;

/// A matrix to read: element (i, j) is at `data[i·row + j·column]`.
#[derive(Clone, Copy)]
pub struct Matrix {
    pub data: *const f32,
    pub row: usize,
    pub column: usize,
}

unsafe impl Send for Matrix {}
unsafe impl Sync for Matrix {}

impl Matrix {
    /// The matrix that begins at element (i, j).
    ///
    /// # Safety
    ///
    /// There must be an element (i, j).
    #[inline(always)]
    pub unsafe fn from(self, i: usize, j: usize) -> Self {
        let data = self.data.add(i * self.row + j * self.column);
        Matrix { data, ..self }
    }

    /// The same matrix, `by` numbers further on.
    ///
    /// # Safety
    ///
    /// There must be one.
    pub unsafe fn moved(self, by: usize) -> Self {
        Matrix { data: self.data.add(by), ..self }
    }

    /// Rows for columns.
    pub fn transposed(self) -> Self {
        Matrix { row: self.column, column: self.row, ..self }
    }
}

/// The sums of a tile: R rows of N vectors.
type Sums<const R: usize, const N: usize> = [[Lanes; N]; R];

/// `rows` ≤ R rows of A (R, k) times one panel of B: k rows of N
/// vectors.
///
/// Rows past the last read the last one again; nobody will look at
/// their sums.
#[inline(always)]
unsafe fn multiply<const R: usize, const N: usize>(
    k: usize,
    a: Matrix,
    rows: usize,
    b: *const f32,
) -> Sums<R, N> {
    let mut sums = [[Lanes::all(0.0); N]; R];
    let lines: [_; R] =
        std::array::from_fn(|i| a.from(i.min(rows - 1), 0).data);
    for p in 0..k {
        let b = b.add(p * N * LANES);
        let row: [_; N] = std::array::from_fn(|v| {
            Lanes::load(b, v * LANES, LANES, 0.0)
        });
        for i in 0..R {
            let x = Lanes::all(*lines[i].add(p * a.column));
            for v in 0..N {
                sums[i][v] = sums[i][v].add_product(x, row[v]);
            }
        }
    }
    sums
}

/// Where a product goes: rows `stride` apart; added to what is there
/// or written over it.
#[derive(Clone, Copy)]
pub struct Target {
    pub data: *mut f32,
    pub stride: usize,
    pub add: bool,
}

unsafe impl Send for Target {}
unsafe impl Sync for Target {}

impl Target {
    /// The part that begins at element (i, j).
    ///
    /// # Safety
    ///
    /// There must be an element (i, j).
    #[inline(always)]
    pub unsafe fn from(self, i: usize, j: usize) -> Self {
        Target { data: self.data.add(i * self.stride + j), ..self }
    }

    /// A place of the same form, `by` numbers further on.
    ///
    /// # Safety
    ///
    /// There must be one.
    pub unsafe fn moved(self, by: usize) -> Self {
        Target { data: self.data.add(by), ..self }
    }

    /// Makes the first `n` numbers 0.
    ///
    /// # Safety
    ///
    /// There must be so many.
    pub unsafe fn clear(self, n: usize) {
        self.data.write_bytes(0, n);
    }

    /// Writes the first `columns` sums of row `i`.
    #[inline(always)]
    unsafe fn put<const N: usize>(
        self,
        i: usize,
        row: [Lanes; N],
        columns: usize,
    ) {
        for (v, sums) in row.into_iter().enumerate() {
            let n = columns.saturating_sub(v * LANES).min(LANES);
            let to = self.data.add(i * self.stride + v * LANES);
            if self.add {
                let old = Lanes::load(to, 0, n, 0.0);
                (old + sums).store(to, 0, n);
            } else {
                sums.store(to, 0, n);
            }
        }
    }

    /// Writes `rows` of the R rows, and of each `columns` numbers.
    #[inline(always)]
    unsafe fn write<const R: usize, const N: usize>(
        self,
        sums: Sums<R, N>,
        rows: usize,
        columns: usize,
    ) {
        if rows >= R && columns >= N * LANES {
            for (i, row) in sums.into_iter().enumerate() {
                self.put(i, row, N * LANES);
            }
        } else {
            for (i, row) in sums.into_iter().enumerate().take(rows) {
                self.put(i, row, columns);
            }
        }
    }
}

/// At most `ROWS` rows of A (m, k), times one panel of B, into C.
///
/// # Safety
///
/// `b` must be a panel of k rows of N vectors; `c` must have room for
/// m rows of `columns` numbers, no more than N vectors hold.
#[inline(always)]
pub unsafe fn strip<const N: usize>(
    [m, columns, k]: [usize; 3],
    a: Matrix,
    b: *const f32,
    c: Target,
) {
    if m == ROWS {
        let sums = multiply::<ROWS, N>(k, a, m, b);
        return c.write(sums, m, columns);
    }
    for i in (0..m).step_by(FEW) {
        let rows = FEW.min(m - i);
        let sums = multiply::<FEW, N>(k, a.from(i, 0), rows, b);
        c.from(i, 0).write(sums, rows, columns);
    }
}
