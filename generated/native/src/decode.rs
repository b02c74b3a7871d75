// Made from book/appendices/g-decoder.md by tangle.py; edit there, or here and stitch. 6c79b3776bc7
//! One token through a whole model, in one call.

use crate::elementwise::{gelu, relu, silu};
use crate::functions::tanh;
use crate::lanes::{walk, Lanes};
use crate::norm::Norm;
use crate::pool;
use crate::rotary::turn;
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::softmax::{exponentials, greatest, map};
use crate::status;
use crate::vector::dot;

/// A weight and a bias; null for ones, and for zeros.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Pair {
    weight: *const f32,
    bias: *const f32,
}

/// A block, and what it keeps of the tokens before.
#[repr(C)]
pub struct Block {
    norm1: Pair,
    qkv: Pair,
    out: Pair,
    norm2: Pair,
    up: Pair,
    down: Pair,
    /// A row for each place: `groups` heads.
    keys: *mut f32,
    values: *mut f32,
    /// How many tokens one sees, itself among them.
    window: usize,
}

/// A model, and room for its answer.
#[repr(C)]
pub struct Model {
    n_block: usize,
    width: usize,
    heads: usize,
    /// Heads of keys and values; they divide the heads.
    groups: usize,
    hidden: usize,
    vocab: usize,
    context: usize,
    /// 1 for layer norm, 0 for RMS norm.
    center: usize,
    /// 1 to norm the sums, 0 to norm what goes into a layer.
    post_norm: usize,
    /// 1 to norm what the tables say of a token.
    norm_embedding: usize,
    /// 1 to norm queries and keys.
    qk_norm: usize,
    /// 0 GELU, 1 ReLU squared, 2 SwiGLU.
    feed: usize,
    eps: f64,
    /// What logits are kept below, 0 for nothing.
    softcap: f64,
    blocks: *const Block,
    tokens: *const f32,
    /// Null, if not learned.
    places: *const f32,
    /// A row for each place: half a head. Null, if nothing turns.
    cos: *const f32,
    sin: *const f32,
    norm: Pair,
    head: *const f32,
    logits: *mut f32,
}

unsafe impl Sync for Model {}

/// Products that are worth a second thread.
const WORTH: usize = 32 * 1024;

/// y (n) = W (n, k) · x + b; or y += that.
unsafe fn product(
    [n, k]: [usize; 2],
    layer: Pair,
    x: *const f32,
    y: *mut f32,
    add: bool,
) {
    let (weight, bias) =
        (Shared::of(layer.weight), Shared::of(layer.bias));
    let (x, y) = (Shared::of(x), Shared(y));
    share(n, k, |first, n| {
        for i in first..first + n {
            let dot = dot(k, weight.at(i * k), x.at(0));
            let b = if bias.0.is_null() { 0.0 } else { *bias.at(i) };
            let old = if add { *y.at(i) } else { 0.0 };
            *y.at(i) = old + (dot + b);
        }
    });
}

/// Does `task(first, count)` for n things that cost k each: at once,
/// or in parts for all threads if it's worth it.
fn share(n: usize, k: usize, task: impl Fn(usize, usize) + Sync) {
    let threads = pool::threads();
    if threads == 1 || n * k < WORTH {
        return task(0, n);
    }
    let part = n.div_ceil(threads).next_multiple_of(8);
    pool::run(n.div_ceil(part), |t| {
        task(t * part, part.min(n - t * part));
    });
}

impl Model {
    /// y = the norm of a row; y may be x.
    unsafe fn norm(
        &self,
        c: usize,
        center: usize,
        layer: Pair,
        x: *const f32,
        y: *mut f32,
    ) {
        let (mut mean, mut rstd) = (0.0, 0.0);
        let norm = Norm {
            n: 1,
            c,
            center,
            eps: self.eps,
            x,
            weight: layer.weight,
            bias: layer.bias,
            y,
            mean: &mut mean,
            rstd: &mut rstd,
        };
        norm.row(0);
    }

    fn head_size(&self) -> usize {
        self.width / self.heads
    }
}

/// A norm that neither scales nor shifts.
const PLAIN: Pair =
    Pair { weight: std::ptr::null(), bias: std::ptr::null() };

impl Model {
    /// Turns and norms the queries and keys of a token.
    unsafe fn place_heads(&self, heads: *mut f32, place: usize) {
        let d = self.head_size();
        let at = place * (d / 2);
        let angles =
            [self.cos.wrapping_add(at), self.sin.wrapping_add(at)];
        for i in 0..self.heads + self.groups {
            let head = heads.add(i * d);
            if !self.cos.is_null() {
                turn(d / 2, angles, 1.0, head, head);
            }
            if self.qk_norm != 0 {
                self.norm(d, 0, PLAIN, head, head);
            }
        }
    }
}

impl Model {
    /// What the heads of a token at `place` find: y (width), of its
    /// queries, keys and values in a row. `scores` has room for a
    /// context for each head.
    unsafe fn attend(
        &self,
        block: &Block,
        place: usize,
        qkv: *mut f32,
        scores: *mut f32,
        y: *mut f32,
    ) {
        let (d, width) = (self.head_size(), self.width);
        let row = self.groups * d;
        let k = qkv.add(width);
        let at = place * row;
        block.keys.add(at).copy_from_nonoverlapping(k, row);
        block.values.add(at).copy_from_nonoverlapping(k.add(row), row);
        let n = block.window.min(place + 1);
        let first = (place + 1 - n) * row;
        let keys = Shared(block.keys.add(first));
        let values = Shared(block.values.add(first));
        let (q, scores, y) = (Shared(qkv), Shared(scores), Shared(y));
        share(self.heads, 2 * n * d, |first, count| {
            for h in first..first + count {
                let group = h / (self.heads / self.groups) * d;
                let scores = scores.at(h * self.context);
                let keys = keys.at(group);
                softmax([n, d], keys, row, q.at(h * d), scores);
                let values = values.at(group);
                mean([n, d], values, row, scores, y.at(h * d));
            }
        });
    }
}

/// Scores: what share each of n keys has in the answer to q.
unsafe fn softmax(
    [n, d]: [usize; 2],
    keys: *const f32,
    step: usize,
    q: *const f32,
    scores: *mut f32,
) {
    let scale = 1.0 / (d as f32).sqrt();
    for j in 0..n {
        *scores.add(j) = dot(d, keys.add(j * step), q) * scale;
    }
    let most = greatest(n, scores);
    let sum = exponentials(n, scores, most, scores);
    map(n, scores, scores, |e| e * (1.0 / sum));
}

/// y = the sum of shares[j] · row j of n rows.
unsafe fn mean(
    [n, d]: [usize; 2],
    rows: *const f32,
    step: usize,
    shares: *const f32,
    y: *mut f32,
) {
    const R: usize = 4;
    let whole = n - n % R;
    walk!(d, |i, count| {
        let mut sums = [Lanes::all(0.0); R];
        for j in (0..whole).step_by(R) {
            for (r, sum) in sums.iter_mut().enumerate() {
                let row = rows.add((j + r) * step);
                let row = Lanes::load(row, i, count, 0.0);
                let share = Lanes::all(*shares.add(j + r));
                *sum = sum.add_product(share, row);
            }
        }
        for j in whole..n {
            let row = Lanes::load(rows.add(j * step), i, count, 0.0);
            let share = Lanes::all(*shares.add(j));
            sums[0] = sums[0].add_product(share, row);
        }
        let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        sum.store(y, i, count);
    });
}

impl Model {
    /// The activation of a feed-forward layer, in place.
    unsafe fn bend(&self, h: *mut f32) {
        let n = self.hidden;
        match self.feed {
            0 => map(n, h, h, gelu),
            1 => map(n, h, h, |x| relu(x) * relu(x)),
            _ => walk!(n, |i, count| {
                let gate = Lanes::load(h, i, count, 0.0);
                let x = Lanes::load(h.add(n), i, count, 0.0);
                (silu(gate) * x).store(h, i, count);
            }),
        }
    }
}

/// Where a token's numbers are on their way through the blocks.
struct Rooms {
    x: *mut f32,
    y: *mut f32,
    wide: *mut f32,
    scores: *mut f32,
}

impl Model {
    unsafe fn block(&self, block: &Block, place: usize, at: &Rooms) {
        let (c, up) = (self.width, self.up());
        let Rooms { x, y, wide, scores } = *at;
        let post = self.post_norm != 0;
        let mut from = x;
        if !post {
            self.norm(c, self.center, block.norm1, x, y);
            from = y;
        }
        product([self.qkv(), c], block.qkv, from, wide, false);
        self.place_heads(wide, place);
        self.attend(block, place, wide, scores, y);
        product([c, c], block.out, y, x, true);
        if post {
            self.norm(c, self.center, block.norm1, x, x);
        } else {
            self.norm(c, self.center, block.norm2, x, y);
        }
        product([up, c], block.up, from, wide, false);
        self.bend(wide);
        product([c, self.hidden], block.down, wide, x, true);
        if post {
            self.norm(c, self.center, block.norm2, x, x);
        }
    }

    /// The length of a token's queries, keys and values.
    fn qkv(&self) -> usize {
        self.width + 2 * self.groups * self.head_size()
    }

    /// The length of a feed-forward layer before it's bent.
    fn up(&self) -> usize {
        self.hidden * if self.feed == 2 { 2 } else { 1 }
    }
}

impl Model {
    unsafe fn read(&self, token: usize, place: usize) {
        let c = self.width;
        let wide = self.qkv().max(self.up());
        let scores = self.heads * self.context;
        let mut room = Scratch::new(2 * c + wide + scores);
        let x = room.start();
        let at = Rooms {
            x,
            y: x.add(c),
            wide: x.add(2 * c),
            scores: x.add(2 * c + wide),
        };
        x.copy_from_nonoverlapping(self.tokens.add(token * c), c);
        if !self.places.is_null() {
            let place = self.places.add(place * c);
            for i in 0..c {
                *x.add(i) += *place.add(i);
            }
        }
        if self.norm_embedding != 0 {
            self.norm(c, 0, PLAIN, x, x);
        }
        for b in 0..self.n_block {
            self.block(&*self.blocks.add(b), place, &at);
        }
        self.norm(c, self.center, self.norm, x, x);
        let (n, y) = (self.vocab, self.logits);
        let head = Pair { weight: self.head, ..PLAIN };
        product([n, c], head, x, y, false);
        let cap = self.softcap as f32;
        if cap != 0.0 {
            map(n, y, y, |y| tanh(y * (1.0 / cap)) * cap);
        }
    }
}

/// The logits after a token at `place`; its keys and values are kept.
///
/// # Safety
///
/// All must be as `Model` and `Block` say.
#[no_mangle]
pub unsafe extern "C" fn nand2llm_decode(
    model: &Model,
    token: usize,
    place: usize,
) -> i32 {
    status(|| {
        if token >= model.vocab || place >= model.context {
            return Err(format!("token {token} at place {place}"));
        }
        model.read(token, place);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        let number = |i| ((i * 37 + seed) % 11) as f32 - 5.0;
        (0..n).map(number).collect()
    }

    /// Whole numbers: sums in any order are exact.
    #[test]
    fn products_of_all_sizes_by_any_number_of_threads() {
        for [n, k] in [[1, 1], [9, 3], [16, 16], [21, 37], [300, 130]] {
            let (w, b) = (numbers(n * k, 1), numbers(n, 2));
            let (x, old) = (numbers(k, 3), numbers(n, 4));
            let layer = Pair { weight: w.as_ptr(), bias: b.as_ptr() };
            for threads in [1, 3] {
                pool::nand2llm_set_threads(threads);
                let mut y = old.clone();
                let out = y.as_mut_ptr();
                unsafe {
                    product([n, k], layer, x.as_ptr(), out, true)
                };
                for i in 0..n {
                    let row = w[i * k..].iter().zip(&x);
                    let dot: f32 = row.map(|(w, x)| w * x).sum();
                    assert_eq!(y[i], old[i] + dot + b[i]);
                }
            }
        }
    }

    #[test]
    fn equal_keys_share_equally() {
        for [n, d] in [[1, 2], [5, 6], [18, 16], [33, 20]] {
            let keys = [1.0, 2.0].repeat(n * d);
            let (values, step) = (numbers(n * 2 * d, 1), 2 * d);
            let (mut scores, mut y) = (vec![9.0; n], vec![9.0; d]);
            let (q, s) = (numbers(d, 5), scores.as_mut_ptr());
            let out = y.as_mut_ptr();
            unsafe {
                softmax([n, d], keys.as_ptr(), step, q.as_ptr(), s);
                mean([n, d], values.as_ptr(), step, s, out);
            }
            for (i, y) in y.into_iter().enumerate() {
                let column = values[i..].iter().step_by(step);
                let want = column.sum::<f32>() / n as f32;
                assert!((y - want).abs() < 1e-5, "{y} {want}");
            }
        }
    }
}
