// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 600057fbbbf3
//! The gradient of attention. The weights are made anew from what the
//! forward pass kept of them, a block of queries at a time.

use crate::attention::{Attention, Block, Heads, BLOCK};
use crate::functions::exp;
use crate::lanes::{walk, Lanes, LANES};
use crate::pack::pack;
use crate::panels::{columns, times, Panels, PANEL};
use crate::pool;
use crate::run;
use crate::scratch::Scratch;
use crate::seen::where_seen;
use crate::tile::Matrix;
use crate::vector::dot;

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
        walk!(n.next_multiple_of(LANES), |j, count| {
            let x = Lanes::load(row, j, count, 0.0);
            let weight = exp(x * scale - lse);
            let weight = where_seen(weight, j, &seen, 0.0);
            let dweight = Lanes::load(drow, j, count, 0.0);
            let dweight = where_seen(dweight, j, &seen, 0.0);
            weight.store(row, j, count);
            let dscore = weight * ((dweight - mean) * scale);
            dscore.store(drow, j, count);
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

#[cfg(test)]
mod tests {
    use super::*;

    const D: usize = 5;

    /// q, k, v, out, dout, dq, dk and dv of one head.
    struct Case {
        sizes: [usize; 2],
        causal: usize,
        window: usize,
        data: [Vec<f32>; 8],
        lse: Vec<f32>,
    }

    impl Case {
        fn new(
            sizes: [usize; 2],
            causal: usize,
            window: usize,
        ) -> Self {
            let [t, s] = sizes.map(|n| n * D);
            let data = [t, s, s, t, t, t, s, s].map(|n| {
                let number =
                    |i| ((i * 37 + n) % 101) as f32 / 50.0 - 1.0;
                (0..n).map(number).collect()
            });
            Case {
                sizes,
                causal,
                window,
                data,
                lse: vec![9.0; sizes[0]],
            }
        }

        fn call(&mut self) -> AttentionBackward {
            let heads = self.data.each_mut().map(|x| Heads {
                data: x.as_mut_ptr(),
                batch: 0,
                token: D,
                head: 0,
            });
            let [q, k, v, out, dout, dq, dk, dv] = heads;
            let forward = Attention {
                batch: 1,
                queries: self.sizes[0],
                keys: self.sizes[1],
                heads: 1,
                kv_heads: 1,
                width: D,
                causal: self.causal,
                window: self.window,
                scale: 0.5,
                q,
                k,
                v,
                out,
                lse: self.lse.as_mut_ptr(),
            };
            AttentionBackward { forward, dout, dq, dk, dv }
        }

        /// Σ dout·out, with all in double precision.
        fn plain(&self) -> f64 {
            let [t, s] = self.sizes;
            let row = |x: usize, i: usize| {
                let row = self.data[x][i * D..][..D].iter();
                row.map(|&x| f64::from(x)).collect::<Vec<_>>()
            };
            let dot = |a: &[f64], b: &[f64]| -> f64 {
                a.iter().zip(b).map(|(a, b)| a * b).sum()
            };
            let of_query = |i: usize| {
                let end =
                    if self.causal == 1 { s + i + 1 - t } else { s };
                let from = match self.window {
                    0 => 0,
                    window => end.saturating_sub(window),
                };
                let e = |j| (0.5 * dot(&row(0, i), &row(1, j))).exp();
                let part = |j| e(j) * dot(&row(2, j), &row(4, i));
                let total: f64 = (from..end).map(e).sum();
                (from..end).map(part).sum::<f64>() / total
            };
            (0..t).map(of_query).sum()
        }
    }

    #[test]
    fn slopes_are_those_of_the_plain_way() {
        for (sizes, causal, window) in
            [([1, 1], 0, 0), ([3, 40], 1, 0), ([50, 50], 1, 20)]
        {
            let mut case = Case::new(sizes, causal, window);
            let call = case.call();
            let status = unsafe {
                let there = crate::attention::nand2llm_attention;
                let back = nand2llm_attention_backward;
                (there(&call.forward), back(&call))
            };
            assert_eq!(status, (0, 0));
            let sum = case.data[3].iter().zip(&case.data[4]);
            let sum: f32 = sum.map(|(a, b)| a * b).sum();
            assert!((f64::from(sum) - case.plain()).abs() < 1e-4);
            for x in 0..3 {
                for i in (0..case.data[x].len()).step_by(7) {
                    let old = case.data[x][i];
                    let mut side = |h| {
                        case.data[x][i] = old + h;
                        case.plain()
                    };
                    let h = 1.0 / 256.0;
                    let want = (side(h) - side(-h)) * 128.0;
                    case.data[x][i] = old;
                    let got = f64::from(case.data[5 + x][i]);
                    assert!((got - want).abs() < 1e-3, "{got} {want}");
                }
            }
        }
    }
}
