// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. d4bc10c32eda
//! Memory for a kernel's own use, kept by each thread for the next
//! one: fresh pages would cost more than most kernels do.

use std::cell::RefCell;

type Rooms = RefCell<Vec<Vec<f32>>>;

thread_local! {
    static FREE: Rooms = const { RefCell::new(vec![]) };
}

/// Room for numbers, given back to its thread when dropped. What it
/// holds at first is whatever the last user left there.
pub struct Scratch {
    room: Vec<f32>,
    start: usize,
}

impl Scratch {
    /// Room for `len` numbers, the first at the start of a cache line.
    pub fn new(len: usize) -> Self {
        let mut room =
            FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
        if room.len() < len + 16 {
            room = vec![0.0; len + 16];
        }
        let start = room.as_ptr().align_offset(64).min(16);
        Scratch { room, start }
    }

    /// The address of the first number.
    pub fn start(&mut self) -> *mut f32 {
        self.room[self.start..].as_mut_ptr()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.room);
        FREE.with_borrow_mut(|free| free.push(room));
    }
}
