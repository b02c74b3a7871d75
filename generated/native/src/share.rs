// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. e916d33dce10
//! Rows of an array, shared out among the threads.

use std::ops::Range;

use crate::pool::{run, threads};

/// How many elements make a chunk worth handing to a thread.
const CHUNK: usize = 16 * 1024;

/// Does `task` for ranges that cover the rows 0 to n − 1, on all
/// threads. A row costs as much as `width` elements.
pub fn rows(
    n: usize,
    width: usize,
    task: impl Fn(Range<usize>) + Sync,
) {
    let worth = (CHUNK / width.max(1)).max(1);
    let size = worth.max(n.div_ceil(8 * threads()));
    run(n.div_ceil(size), |i| task(i * size..((i + 1) * size).min(n)));
}

/// A pointer that tasks may share. Each keeps to its own elements.
#[derive(Clone, Copy)]
pub struct Shared<T>(pub *mut T);

unsafe impl<T> Send for Shared<T> {}
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// For elements that are only read.
    pub fn of(data: *const T) -> Self {
        Shared(data.cast_mut())
    }

    /// The address of element `i`.
    ///
    /// # Safety
    ///
    /// There must be an element `i`.
    #[inline(always)]
    pub unsafe fn at(&self, i: usize) -> *mut T {
        self.0.add(i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn rows_are_covered_without_overlap() {
        let covered = Mutex::new(vec![0; 1003]);
        rows(1003, 100, |range| {
            let mut covered = covered.lock().unwrap();
            range.for_each(|i| covered[i] += 1);
        });
        assert_eq!(*covered.lock().unwrap(), [1; 1003]);
    }
}
