//! Scaled dot-product attention, a block of queries at a time.
//!
//! out = softmax(scale · q·kᵀ)·v, for each head. Of the weights, only
//! the logarithm of each row's sum outlives a block; the backward pass
//! makes them anew (Dao et al., *FlashAttention*, 2022).

use std::ops::Range;

use crate::lanes::{exp, greater, mul_add, walk, Lanes, LANES};
use crate::pack::pack;
use crate::pool;
use crate::run;
use crate::scratch::Scratch;
use crate::tile::{product, Matrix, Panels, Target, WIDE};
use crate::vector::dot;

/// Queries whose weights are worked on together.
const BLOCK: usize = 48;

/// Keys of a panel.
const PANEL: usize = WIDE * LANES;

/// Vectors of `width` numbers for each token of each head of a batch.
/// The strides count numbers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Heads {
    data: *mut f32,
    batch: usize,
    token: usize,
    head: usize,
}

impl Heads {
    /// The vectors of one head: a row for each token.
    unsafe fn of(&self, batch: usize, head: usize) -> Matrix {
        let start = batch * self.batch + head * self.head;
        Matrix {
            data: self.data.add(start),
            row: self.token,
            column: 1,
        }
    }

    /// The same, to write to.
    unsafe fn to(
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
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    /// Heads of k and v; each serves heads/kv_heads heads of q.
    kv_heads: usize,
    width: usize,
    /// 1 if query i sees no key after i + keys − queries.
    causal: usize,
    /// How many keys up to that one it sees; 0 for all.
    window: usize,
    /// More than 0.
    scale: f64,
    q: Heads,
    k: Heads,
    v: Heads,
    out: Heads,
    /// (batch, heads, queries): ln Σ exp(scale · q·k); −∞ of no keys.
    lse: *mut f32,
}

unsafe impl Sync for Attention {}

/// Copies of a matrix, in panels of columns as wide as fits.
unsafe fn columns(from: Matrix, [n, depth]: [usize; 2], to: *mut f32) {
    if n > LANES {
        pack::<PANEL>(from.transposed(), n, depth, to);
    } else {
        pack::<LANES>(from.transposed(), n, depth, to);
    }
}

/// `product` with what `columns` packed, from row `first` on.
unsafe fn times(
    sizes: [usize; 3],
    a: Matrix,
    b: Panels,
    first: usize,
    c: Target,
) {
    let from =
        |width: usize| Panels { data: b.data.add(first * width), ..b };
    if sizes[1] > LANES {
        product::<WIDE>(sizes, a, from(PANEL), c);
    } else {
        product::<1>(sizes, a, from(LANES), c);
    }
}

/// A block of queries and the keys that at least one of them sees,
/// from the start of a panel on.
struct Block {
    queries: Range<usize>,
    keys: Range<usize>,
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
    fn seen_in(&self, block: &Block, i: usize) -> Range<usize> {
        let (seen, start) = (self.seen(i), block.keys.start);
        seen.start - start..seen.end - start
    }

    fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        (0..self.queries).step_by(BLOCK).map(|first| {
            let end = self.queries.min(first + BLOCK);
            let start = self.seen(first).start / PANEL * PANEL;
            let keys = start..self.seen(end - 1).end;
            Block { queries: first..end, keys }
        })
    }

    /// The length of a row of weights. Not a power of 2, for rows that
    /// lie 4 kB apart would contend for the same places in the cache.
    fn stride(&self) -> usize {
        self.keys.next_multiple_of(PANEL) + LANES
    }

    /// Room for a matrix (keys, width), packed in either direction.
    fn room(&self) -> usize {
        let width = self.width.next_multiple_of(PANEL);
        width * self.keys.next_multiple_of(PANEL)
    }

    /// to (queries, keys) = q or dout times the packed k or v.
    unsafe fn scores(
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
            let e = x.map(|x| exp(mul_add(x, scale, -shift)));
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

/// What belongs to the keys from `j` on, with `other` in the place of
/// what belongs to those that are not seen.
#[inline(always)]
fn where_seen(
    x: Lanes,
    j: usize,
    seen: &Range<usize>,
    other: f32,
) -> Lanes {
    let inside = seen.start <= j && j + LANES <= seen.end;
    if inside {
        x
    } else {
        replace_unseen(x, j, seen, other)
    }
}

/// Not inlined, so that the code for all other vectors stays straight.
#[inline(never)]
fn replace_unseen(
    x: Lanes,
    j: usize,
    seen: &Range<usize>,
    other: f32,
) -> Lanes {
    let start = seen.start.saturating_sub(j) as u32;
    let end = seen.end.saturating_sub(j).min(LANES) as u32;
    let (x, n) = (x.numbers(), end.saturating_sub(start));
    Lanes::each(|l| {
        let in_order = (l as u32).wrapping_sub(start);
        if in_order < n {
            x[l]
        } else {
            other
        }
    })
}

/// The greatest score that is seen, −∞ of none.
unsafe fn greatest_seen(
    row: *const f32,
    n: usize,
    seen: &Range<usize>,
) -> f32 {
    let mut most = Lanes::all(f32::NEG_INFINITY);
    walk!(n.next_multiple_of(LANES), |j, count| {
        let x = Lanes::load(row, j, count, 0.0);
        let x = where_seen(x, j, seen, f32::NEG_INFINITY);
        most = most.zip(x, greater);
    });
    most.max()
}

/// x *= share, for n numbers.
unsafe fn scale(n: usize, x: *mut f32, share: f32) {
    walk!(n, |j, count| {
        let old = Lanes::load(x, j, count, 0.0);
        old.map(|x| x * share).store(x, j, count);
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

/// The gradient of attention; dq, dk and dv are written over.
#[repr(C)]
pub struct AttentionBackward {
    forward: Attention,
    dout: Heads,
    dq: Heads,
    dk: Heads,
    dv: Heads,
}

unsafe impl Sync for AttentionBackward {}

/// The packed operands of a head of keys and values, and room for the
/// weights of a block of queries and their gradients.
struct Room {
    k_rows: *mut f32,
    k_columns: *mut f32,
    v_rows: *mut f32,
    queries: *mut f32,
    weights: *mut f32,
    dweights: *mut f32,
}

impl AttentionBackward {
    /// One head of keys, with all heads of queries that it serves.
    unsafe fn head(&self, batch: usize, kv: usize) {
        let a = &self.forward;
        let (n, width) = (a.keys, a.width);
        let block = BLOCK * a.stride();
        let few = BLOCK * width.next_multiple_of(PANEL);
        let mut all = Scratch::new(3 * a.room() + few + 2 * block);
        let room = Room {
            k_rows: all.start(),
            k_columns: all.start().add(a.room()),
            v_rows: all.start().add(2 * a.room()),
            queries: all.start().add(3 * a.room()),
            weights: all.start().add(3 * a.room() + few),
            dweights: all.start().add(3 * a.room() + few + block),
        };
        let (k, v) = (a.k.of(batch, kv), a.v.of(batch, kv));
        pack::<PANEL>(k, n, width, room.k_rows);
        pack::<PANEL>(v, n, width, room.v_rows);
        columns(k, [width, n], room.k_columns);
        for i in 0..n {
            self.dk.to(batch, kv, false).from(i, 0).clear(width);
            self.dv.to(batch, kv, false).from(i, 0).clear(width);
        }
        let group = a.heads / a.kv_heads;
        for head in kv * group..(kv + 1) * group {
            for block in a.blocks() {
                self.block(&room, &block, [batch, head, kv]);
            }
        }
    }

    /// The share of one block of queries in all gradients.
    unsafe fn block(
        &self,
        room: &Room,
        block: &Block,
        [batch, head, kv]: [usize; 3],
    ) {
        let (a, first) = (&self.forward, block.queries.start);
        let (m, n) = (block.queries.len(), block.keys.len());
        let (width, stride) = (a.width, a.stride());
        let q = a.q.of(batch, head);
        let dout = self.dout.of(batch, head);
        a.scores(block, q, room.k_rows, room.weights);
        a.scores(block, dout, room.v_rows, room.dweights);
        for i in block.queries.clone() {
            self.dscores(room, block, [batch, head, i]);
        }
        let dscores =
            Matrix { data: room.dweights, row: stride, column: 1 };
        let weights = Matrix { data: room.weights, ..dscores };
        let k = Panels { data: room.k_columns, depth: a.keys };
        let dq = self.dq.to(batch, head, false).from(first, 0);
        times([m, width, n], dscores, k, block.keys.start, dq);
        let queries = Panels { data: room.queries, depth: m };
        let to = block.keys.start;
        let dk = self.dk.to(batch, kv, true).from(to, 0);
        columns(q.from(first, 0), [width, m], room.queries);
        times([n, width, m], dscores.transposed(), queries, 0, dk);
        let dv = self.dv.to(batch, kv, true).from(to, 0);
        columns(dout.from(first, 0), [width, m], room.queries);
        times([n, width, m], weights.transposed(), queries, 0, dv);
    }

    /// For query i: the weights from its scores, and in the place of
    /// their gradients those of the scores,
    /// weight · (dweight − out·dout) · scale.
    unsafe fn dscores(
        &self,
        room: &Room,
        block: &Block,
        [batch, head, i]: [usize; 3],
    ) {
        let a = &self.forward;
        let at = (i - block.queries.start) * a.stride();
        let (row, drow) = (room.weights.add(at), room.dweights.add(at));
        let lse = *a.lse.add((batch * a.heads + head) * a.queries + i);
        let (n, seen) = (block.keys.len(), a.seen_in(block, i));
        let out = a.out.of(batch, head).from(i, 0).data;
        let dout = self.dout.of(batch, head).from(i, 0).data;
        let mean = dot(a.width, out, dout);
        let scale = a.scale as f32;
        let slope = |w: f32, dw: f32| w * ((dw - mean) * scale);
        walk!(n.next_multiple_of(LANES), |j, count| {
            let weight = Lanes::load(row, j, count, 0.0)
                .map(|x| exp(mul_add(x, scale, -lse)));
            let weight = where_seen(weight, j, &seen, 0.0);
            let dweight = Lanes::load(drow, j, count, 0.0);
            let dweight = where_seen(dweight, j, &seen, 0.0);
            weight.store(row, j, count);
            weight.zip(dweight, slope).store(drow, j, count);
        });
    }
}

/// # Safety
///
/// As for `nand2llm_attention`; dq, dk and dv must overlap nothing.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_attention_backward(
    a: &AttentionBackward,
) -> i32 {
    let (batch, heads) = (a.forward.batch, a.forward.kv_heads);
    run(|| pool::run(batch * heads, |t| a.head(t / heads, t % heads)))
}
