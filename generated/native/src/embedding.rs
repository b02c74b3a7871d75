//! Rows of a table by number, and gradients added to them.

use crate::lanes::{walk, Lanes};
use crate::pool::{rows, run, threads, Shared};
use crate::status;

/// n numbers of rows of a table (size, c).
#[repr(C)]
pub struct Rows {
    n: usize,
    c: usize,
    size: usize,
    /// n numbers from 0 to size − 1.
    numbers: *const i64,
    /// What `gather` reads and `scatter_add` adds to.
    table: *mut f32,
    /// (n, c): what `gather` writes and `scatter_add` reads.
    rows: *mut f32,
}

unsafe impl Sync for Rows {}

impl Rows {
    /// An error that names the first number that is not in the table.
    unsafe fn check(&self) -> Result<(), String> {
        for i in 0..self.n {
            let number = *self.numbers.add(i);
            if !usize::try_from(number).is_ok_and(|r| r < self.size) {
                return Err(format!(
                    "index {i} is {number}; the table has rows 0 to {}",
                    self.size as i64 - 1
                ));
            }
        }
        Ok(())
    }

    /// The row of the table with the i-th number.
    unsafe fn entry(&self, i: usize) -> *mut f32 {
        self.table.add(*self.numbers.add(i) as usize * self.c)
    }

    /// Adds `count` columns from `first` on. One row comes after the
    /// other, so that the threads do not change the result.
    unsafe fn add_columns(&self, first: usize, count: usize) {
        for i in 0..self.n {
            let from = self.rows.add(i * self.c + first);
            let to = self.entry(i).add(first);
            walk!(count, |j, count| {
                let more = Lanes::load(from, j, count, 0.0);
                let sum = Lanes::load(to, j, count, 0.0) + more;
                sum.store(to, j, count);
            });
        }
    }
}

/// rows[i] = table[numbers[i]]
///
/// # Safety
///
/// The pointers must be as `Rows` says, and nothing overlap.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_gather(r: &Rows) -> i32 {
    status(|| {
        r.check()?;
        rows(r.n, r.c, |part| {
            for i in part {
                let to = Shared(r.rows).at(i * r.c);
                to.copy_from_nonoverlapping(r.entry(i), r.c);
            }
        });
        Ok::<(), String>(())
    })
}

/// Columns of a table that are worth a task: two cache lines.
const STRIPE: usize = 32;

/// table[numbers[i]] += rows[i]
///
/// # Safety
///
/// As for `nand2llm_gather`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_scatter_add(r: &Rows) -> i32 {
    status(|| {
        r.check()?;
        let stripe =
            r.c.div_ceil(threads())
                .next_multiple_of(STRIPE)
                .max(STRIPE);
        run(r.c.div_ceil(stripe), |t| {
            let first = t * stripe;
            r.add_columns(first, stripe.min(r.c - first));
        });
        Ok::<(), String>(())
    })
}
