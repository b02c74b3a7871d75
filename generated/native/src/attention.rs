// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. cfb909ec73b3
//! Scaled dot-product attention, a block of queries at a time.
//!
//! out = softmax(scale · q·kᵀ)·v, for each head. Of the weights, only
//! the logarithm of each row's sum outlives a block; the backward pass
//! makes them anew (Dao et al., *FlashAttention*, 2022).

use std::ops::Range;

use crate::functions::exp;
use crate::lanes::{walk, Lanes, LANES};
use crate::pack::pack;
use crate::panels::{columns, product, times, Panels, PANEL};
use crate::pool;
use crate::run;
use crate::scratch::Scratch;
use crate::seen::{greatest_seen, where_seen};
use crate::tile::{Matrix, Target, WIDE};

/// Queries whose weights are worked on together.
pub(crate) const BLOCK: usize = 48;

/// Vectors of `width` numbers for each token of each head of a batch.
/// The strides count numbers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Heads {
    pub(crate) data: *mut f32,
    pub(crate) batch: usize,
    pub(crate) token: usize,
    pub(crate) head: usize,
}

impl Heads {
    /// The vectors of one head: a row for each token.
    pub(crate) unsafe fn of(
        &self,
        batch: usize,
        head: usize,
    ) -> Matrix {
        let start = batch * self.batch + head * self.head;
        Matrix {
            data: self.data.add(start),
            row: self.token,
            column: 1,
        }
    }

    /// The same, to write to.
    pub(crate) unsafe fn to(
        &self,
        batch: usize,
        head: usize,
        add: bool,
    ) -> Target {
        let data = self.of(batch, head).data.cast_mut();
        Target { data, stride: self.token, add }
    }
}

/// What attention reads and writes.
#[repr(C)]
pub struct Attention {
    pub(crate) batch: usize,
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) heads: usize,
    /// Heads of k and v; each serves heads/kv_heads heads of q.
    pub(crate) kv_heads: usize,
    pub(crate) width: usize,
    /// 1 if query i sees no key after i + keys − queries.
    pub(crate) causal: usize,
    /// How many keys up to that one it sees; 0 for all.
    pub(crate) window: usize,
    /// More than 0.
    pub(crate) scale: f64,
    pub(crate) q: Heads,
    pub(crate) k: Heads,
    pub(crate) v: Heads,
    pub(crate) out: Heads,
    /// (batch, heads, queries): ln Σ exp(scale · q·k); −∞ of no keys.
    pub(crate) lse: *mut f32,
}

unsafe impl Sync for Attention {}

/// A block of queries and the keys that at least one of them sees,
/// from the start of a panel on.
pub(crate) struct Block {
    pub queries: Range<usize>,
    pub keys: Range<usize>,
}

impl Attention {
    /// The keys that query i sees.
    fn seen(&self, i: usize) -> Range<usize> {
        let (all, from_end) = (self.keys, self.queries - i - 1);
        let end = match self.causal {
            0 => all,
            _ => all.saturating_sub(from_end),
        };
        let start = match self.window {
            0 => 0,
            most => end.saturating_sub(most),
        };
        start..end
    }

    /// The same, counted from the first key of a block.
    pub(crate) fn seen_in(
        &self,
        block: &Block,
        i: usize,
    ) -> Range<usize> {
        let (seen, start) = (self.seen(i), block.keys.start);
        seen.start - start..seen.end - start
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        (0..self.queries).step_by(BLOCK).map(|first| {
            let end = self.queries.min(first + BLOCK);
            let start = self.seen(first).start / PANEL * PANEL;
            let keys = start..self.seen(end - 1).end;
            Block { queries: first..end, keys }
        })
    }

    /// The length of a row of weights. Not a power of 2, for rows that
    /// lie 4 kB apart would contend for the same places in the cache.
    pub(crate) fn stride(&self) -> usize {
        self.keys.next_multiple_of(PANEL) + LANES
    }

    /// Room for a matrix (keys, width), packed in either direction.
    pub(crate) fn room(&self) -> usize {
        let width = self.width.next_multiple_of(PANEL);
        width * self.keys.next_multiple_of(PANEL)
    }

    /// to (queries, keys) = q or dout times the packed k or v.
    pub(crate) unsafe fn scores(
        &self,
        block: &Block,
        left: Matrix,
        right: *const f32,
        to: *mut f32,
    ) {
        let (queries, keys) = (&block.queries, &block.keys);
        let whole = keys.len().next_multiple_of(PANEL);
        let sizes = [queries.len(), whole, self.width];
        let data = right.add(keys.start * self.width);
        let panels = Panels { data, depth: self.width };
        let to = Target { data: to, stride: self.stride(), add: false };
        let left = left.from(queries.start, 0);
        product::<WIDE>(sizes, left, panels, to);
    }

    /// Turns a row of scores into exp(scale · score − shift), and 0
    /// for keys that are not seen; gives their sum.
    unsafe fn weights(
        &self,
        row: *mut f32,
        n: usize,
        seen: &Range<usize>,
        shift: f32,
    ) -> f32 {
        let scale = self.scale as f32;
        let mut sum = Lanes::all(0.0);
        walk!(n.next_multiple_of(LANES), |j, count| {
            let x = Lanes::load(row, j, count, 0.0);
            let e = exp(x * scale - shift);
            let e = where_seen(e, j, seen, 0.0);
            e.store(row, j, count);
            sum = sum + e;
        });
        sum.sum()
    }

    /// One head of one of the batch.
    unsafe fn forward(&self, batch: usize, head: usize) {
        let kv = head / (self.heads / self.kv_heads);
        let (width, stride) = (self.width, self.stride());
        let mut room = Scratch::new(2 * self.room() + BLOCK * stride);
        let k = room.start();
        let v = k.add(self.room());
        let weights = v.add(self.room());
        pack::<PANEL>(self.k.of(batch, kv), self.keys, width, k);
        columns(self.v.of(batch, kv), [width, self.keys], v);
        let lse =
            self.lse.add((batch * self.heads + head) * self.queries);
        let (q, out) =
            (self.q.of(batch, head), self.out.to(batch, head, false));
        for block in self.blocks() {
            let (queries, keys) = (&block.queries, &block.keys);
            self.scores(&block, q, k, weights);
            let mut shares = [0.0; BLOCK];
            for (i, share) in queries.clone().zip(&mut shares) {
                let row = weights.add((i - queries.start) * stride);
                let (n, seen) = (keys.len(), self.seen_in(&block, i));
                let most = greatest_seen(row, n, &seen);
                let shift = most * self.scale as f32;
                let sum = self.weights(row, n, &seen, shift);
                *lse.add(i) = shift + sum.ln();
                *share = if sum == 0.0 { 0.0 } else { 1.0 / sum };
            }
            let left = Matrix { data: weights, row: stride, column: 1 };
            let right = Panels { data: v, depth: self.keys };
            let out = out.from(queries.start, 0);
            let sizes = [queries.len(), width, keys.len()];
            times(sizes, left, right, keys.start, out);
            for (i, share) in
                shares.iter().take(queries.len()).enumerate()
            {
                scale(width, out.from(i, 0).data, *share);
            }
        }
    }
}

/// x *= share, for n numbers.
unsafe fn scale(n: usize, x: *mut f32, share: f32) {
    walk!(n, |j, count| {
        let old = Lanes::load(x, j, count, 0.0);
        (old * share).store(x, j, count);
    });
}

/// # Safety
///
/// All vectors that `Attention` speaks of must exist; `out` and `lse`
/// must overlap nothing.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_attention(a: &Attention) -> i32 {
    run(|| {
        pool::run(a.batch * a.heads, |t| {
            a.forward(t / a.heads, t % a.heads);
        });
    })
}
