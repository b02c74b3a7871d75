// Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 21f0a755dbd1
//! What other languages may call: the strided view in C's terms.
//!
//! Every function that can fail returns 0, or 1 with the reason kept
//! for `nand2llm_last_error`. None keeps a pointer after it returns.

use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice;

pub mod view;

use view::{Error, View};

/// A strided view in C's terms. Strides and offset count elements.
#[repr(C)]
pub struct RawView {
    pub data: *const f32,
    pub len: usize,
    pub shape: *const usize,
    pub strides: *const isize,
    pub ndim: usize,
    pub offset: usize,
}

impl RawView {
    /// # Safety
    ///
    /// `data` must point to `len` numbers, `shape` and `strides` to
    /// `ndim` each, and stay so as long as the view lives.
    unsafe fn borrow(&self) -> Result<View<'_>, Error> {
        View::new(
            borrow(self.data, self.len),
            borrow(self.shape, self.ndim),
            borrow(self.strides, self.ndim),
            self.offset,
        )
    }
}

/// Copies the elements of `view` to `out`, in row-major order.
///
/// # Safety
///
/// `view` must be as `RawView` says, and `out` point to `len` numbers
/// that nobody else reads or writes meanwhile.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_contiguous(
    view: &RawView,
    out: *mut f32,
    len: usize,
) -> i32 {
    status(|| view.borrow()?.contiguous(borrow_mut(out, len)))
}

/// Sums `view` along `axis` into `out`.
///
/// # Safety
///
/// As for `nand2llm_contiguous`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_sum(
    view: &RawView,
    axis: usize,
    out: *mut f32,
    len: usize,
) -> i32 {
    status(|| view.borrow()?.sum(axis, borrow_mut(out, len)))
}

/// A slice of `len` elements, for which C may give null if it is 0.
unsafe fn borrow<'a, T>(start: *const T, len: usize) -> &'a [T] {
    if len == 0 {
        return &[];
    }
    slice::from_raw_parts(start, len)
}

unsafe fn borrow_mut<'a, T>(start: *mut T, len: usize) -> &'a mut [T] {
    if len == 0 {
        return &mut [];
    }
    slice::from_raw_parts_mut(start, len)
}

thread_local! {
    static LAST_ERROR: RefCell<String> = RefCell::default();
}

/// Runs `work` and turns its outcome, even a panic, into a status.
fn status<E: ToString>(work: impl FnOnce() -> Result<(), E>) -> i32 {
    let reason = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "panic in the native library".to_string(),
    };
    LAST_ERROR.set(reason);
    1
}

/// Copies this thread's last error to `out` as UTF-8, cut at `len`
/// bytes, and returns how many bytes were written.
///
/// # Safety
///
/// `out` must point to `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_last_error(
    out: *mut u8,
    len: usize,
) -> usize {
    LAST_ERROR.with_borrow(|reason| {
        let n = reason.len().min(len);
        borrow_mut(out, n).copy_from_slice(&reason.as_bytes()[..n]);
        n
    })
}

/// The version of this interface; both sides must agree on it.
#[no_mangle]
pub extern "C" fn nand2llm_abi() -> u32 {
    4
}

pub mod dot;
pub mod matmul;

use matmul::Order;

/// Multiplies two tables into `out`; `order` is 0 for columns, 1 for
/// rows, anything else for tiles.
///
/// # Safety
///
/// As for `nand2llm_contiguous`; `right` is a view like the other.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_matmul(
    left: &RawView,
    right: &RawView,
    order: usize,
    out: *mut f32,
    len: usize,
) -> i32 {
    let orders = [Order::Columns, Order::Rows, Order::Tiles];
    status(|| {
        let (a, b) = (left.borrow()?, right.borrow()?);
        let out = borrow_mut(out, len);
        matmul::matmul(&a, &b, orders[order.min(2)], out)
    })
}

/// Multiplies two vectors into the one number of `out`: in lanes, or
/// one product after the other if `lanes` is 0.
///
/// # Safety
///
/// As for `nand2llm_matmul`.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_dot(
    left: &RawView,
    right: &RawView,
    lanes: usize,
    out: *mut f32,
    len: usize,
) -> i32 {
    status(|| {
        let (x, y) = (left.borrow()?, right.borrow()?);
        if x.shape().len() != 1 || x.shape() != y.shape() {
            return Err(matmul::mismatch(&x, &y));
        }
        if len != 1 {
            return Err(Error::Output { want: 1, got: len });
        }
        let (x, y) = (x.dense()?, y.dense()?);
        let dot =
            if lanes == 0 { dot::one_by_one } else { dot::in_lanes };
        borrow_mut(out, len)[0] = dot(&x, &y);
        Ok(())
    })
}

pub mod attention;
pub mod attention_backward;
pub mod cross_entropy;
pub mod elementwise;
pub mod embedding;
pub mod functions;
pub mod gemm;
pub mod lanes;
pub mod level;
pub mod norm;
pub mod optim;
pub mod pack;
pub mod panels;
pub mod pool;
pub mod register;
pub mod rotary;
pub mod scratch;
pub mod seen;
pub mod share;
pub mod softmax;
pub mod tile;
pub mod vector;

/// Runs `work`, which only a panic can stop; gives its status.
fn run(work: impl FnOnce()) -> i32 {
    status(|| -> Result<(), Error> {
        work();
        Ok(())
    })
}

pub mod block;
pub mod bpe;
pub mod count;
pub mod encode;
pub mod merges;
pub mod parts;
pub mod split;
pub mod table;
pub mod train;
pub mod unicode;
pub mod words;

pub mod decode;
