// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 2d2308cdf952
//! Rows of a table by number, and gradients added to them.

use crate::lanes::{walk, Lanes};
use crate::pool::{run, threads};
use crate::share::{rows, Shared};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_there_and_back() {
        for c in [1, 5, 32, 70] {
            let mut table: Vec<f32> =
                (0..3 * c).map(|i| i as f32).collect();
            let (before, numbers) = (table.clone(), [2, 0, 2, 2]);
            let mut out = vec![0.0; 4 * c];
            let call = Rows {
                n: 4,
                c,
                size: 3,
                numbers: numbers.as_ptr(),
                table: table.as_mut_ptr(),
                rows: out.as_mut_ptr(),
            };
            assert_eq!(unsafe { nand2llm_gather(&call) }, 0);
            for (row, number) in out.chunks(c).zip(numbers) {
                assert_eq!(row, &before[number as usize * c..][..c]);
            }
            assert_eq!(unsafe { nand2llm_scatter_add(&call) }, 0);
            for (i, (new, old)) in table.iter().zip(before).enumerate()
            {
                let times = [2.0, 1.0, 4.0][i / c];
                assert_eq!(*new, old * times);
            }
        }
    }

    #[test]
    fn numbers_outside_are_refused() {
        for wrong in [3, -1] {
            let mut data = vec![1.0; 12];
            let numbers = [0, wrong];
            let call = Rows {
                n: 2,
                c: 2,
                size: 3,
                numbers: numbers.as_ptr(),
                table: data.as_mut_ptr(),
                rows: data.as_mut_ptr().wrapping_add(8),
            };
            assert_eq!(unsafe { nand2llm_scatter_add(&call) }, 1);
            assert_eq!(data, [1.0; 12]);
        }
    }
}
