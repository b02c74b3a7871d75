// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 529ecd61e07b
//! Where pieces begin, for 64 bytes at once.
//!
//! Bit i of a word says something about byte i: what class it is of,
//! or that a piece begins there. Shifting the word left by one asks
//! every byte about its left neighbor.

use crate::split::contraction;

/// The classes of 64 bytes, where a piece begins with the first.
pub struct Block<'a> {
    bytes: &'a [u8; 64],
    letter: u64,
    number: u64,
    /// White space, of which `blank` is U+0020, `line` \r and \n.
    space: u64,
    blank: u64,
    line: u64,
    other: u64,
    quote: u64,
    /// How many of the bytes, from the first on, are ASCII.
    len: u32,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// The high bit of each byte that lies from `low` to `high`, for eight
/// bytes that are all less than 128.
#[inline(always)]
fn within(eight: u64, low: u8, high: u8) -> u64 {
    let reach = eight + (0x80 - low as u64) * ONES;
    let pass = eight + (0x7F - high as u64) * ONES;
    reach & !pass & HIGH
}

/// The eight high bits, moved together.
#[inline(always)]
fn gather(bits: u64) -> u64 {
    (bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl<'a> Block<'a> {
    /// Looks at 64 bytes; None if there are fewer, or if characters of
    /// several bytes begin right away.
    #[inline(always)]
    pub fn read(text: &'a [u8], start: usize) -> Option<Self> {
        let bytes = text.get(start..start + 64)?;
        let bytes: &[u8; 64] = bytes.try_into().expect("64 bytes");
        if bytes[0] | bytes[1] > 127 {
            return None;
        }
        let mut bits = [0; 7];
        for (i, eight) in bytes.chunks_exact(8).enumerate() {
            let eight = eight.try_into().expect("eight bytes");
            let found = classes(u64::from_le_bytes(eight));
            for (all, found) in bits.iter_mut().zip(found) {
                *all |= gather(found) << (8 * i);
            }
        }
        let [letter, number, space, blank, line, quote, wide] = bits;
        let other = !(letter | number | space);
        let len = wide.trailing_zeros();
        Some(Block {
            bytes,
            letter,
            number,
            space,
            blank,
            line,
            other,
            quote,
            len,
        })
    }

    /// Where pieces of GPT-4's pattern end, as far as that is certain.
    #[inline(always)]
    pub fn ends(&self) -> u64 {
        // a mark that begins a piece, so that it can lead a word
        let lead = self.other & !((self.other | self.blank) << 1);
        let glue = self.letter | self.space & !self.line | lead;
        let words = self.letter & !(glue << 1);
        let begins = words | lead | self.digits() | self.gaps();
        let (tails, doubt) = self.contractions(lead);
        let certain = self.certain().min(doubt);
        (begins | tails) & !1 & u64::MAX >> (63 - certain)
    }

    /// Where pieces of digits begin: at every third of a run.
    #[inline(always)]
    fn digits(&self) -> u64 {
        let two = self.number & self.number << 1;
        let four = two & two << 2;
        let mut begins = self.number & !(self.number << 1);
        let mut third = begins << 3 & four;
        while third != 0 {
            begins |= third;
            third = third << 3 & four;
        }
        begins
    }

    /// Where pieces of white space begin, a word's blank included.
    #[inline(always)]
    fn gaps(&self) -> u64 {
        // line ends right behind a mark belong to its piece
        let behind = self.line & self.other << 1;
        let taken = self.line & !self.line.wrapping_add(behind);
        let free = self.space & !taken;
        // what has a line end in its run, at it or after it
        let mut lines = self.line & free;
        let mut reach = free;
        for step in [1, 2, 4, 8, 16, 32] {
            lines |= lines >> step & reach;
            reach &= reach >> step;
        }
        let rest = free & !lines;
        let first = |run: u64| run & !(run << 1);
        first(lines) | first(rest) | rest & !(rest >> 1)
    }

    /// Where a letter follows a contraction; and the place of one that
    /// the block's end cuts off, or 63.
    #[inline(always)]
    fn contractions(&self, lead: u64) -> (u64, u32) {
        let mut begins = 0;
        let mut left = self.quote & lead;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            if at > 60 {
                return (begins, at as u32);
            }
            let tail = contraction(self.bytes, at + 1, true);
            if tail > 0 {
                begins |= self.letter & 1 << (at + 1 + tail);
            }
        }
        (begins, 63)
    }

    /// The last place where a beginning is certain: what comes after
    /// white space at the end, say, is not known here.
    #[inline(always)]
    fn certain(&self) -> u32 {
        let inside = u64::MAX >> (64 - self.len);
        let firm = inside & !self.space;
        (64 - firm.leading_zeros()).min(self.len - 1)
    }
}

/// Of which classes eight bytes are, in their high bits: letter,
/// number, space, blank, line end, quote, and not ASCII.
#[inline(always)]
fn classes(eight: u64) -> [u64; 7] {
    let x = eight & !HIGH;
    let blank = within(x, b' ', b' ');
    [
        within(x | (0x20 * ONES), b'a', b'z'),
        within(x, b'0', b'9'),
        blank | within(x, b'\t', b'\r'),
        blank,
        within(x, b'\n', b'\n') | within(x, b'\r', b'\r'),
        within(x, b'\'', b'\''),
        eight & HIGH,
    ]
}
