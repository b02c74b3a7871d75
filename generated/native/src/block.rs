//! Where pieces begin, for 64 bytes at once.
//!
//! Bit i of a word says something of byte i: its class, or that a
//! piece begins there. Shifting a word left by one asks every byte for
//! its left neighbour.

/// The classes of 64 bytes, a bit for each. ASCII only.
pub struct Block {
    letter: u64,
    number: u64,
    blank: u64,
    space: u64,
    line: u64,
    quote: u64,
    /// So many of the bytes, from the first on, are ASCII.
    len: u32,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// The high bit of every byte that lies from `low` to `high`, given
/// eight of them that are less than 128.
#[inline(always)]
fn within(eight: u64, low: u8, high: u8) -> u64 {
    let reach = eight + (0x80 - low as u64) * ONES;
    let pass = eight + (0x7F - high as u64) * ONES;
    reach & !pass & HIGH
}

/// The eight high bits, side by side.
#[inline(always)]
fn gather(bits: u64) -> u64 {
    (bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl Block {
    /// Looks at each byte once.
    #[inline(always)]
    pub fn read(bytes: &[u8; 64]) -> Block {
        let mut found = [0; 6];
        let mut wide = 0;
        for i in 0..8 {
            let eight = &bytes[8 * i..8 * i + 8];
            let raw = u64::from_le_bytes(eight.try_into().unwrap());
            let x = raw & !HIGH;
            let line = within(x, b'\n', b'\n') | within(x, b'\r', b'\r');
            let blank = within(x, b' ', b' ');
            let classes = [
                within(x | 0x20 * ONES, b'a', b'z'),
                within(x, b'0', b'9'),
                blank,
                blank | within(x, b'\t', b'\r'),
                line,
                within(x, b'\'', b'\''),
            ];
            for (all, bits) in found.iter_mut().zip(classes) {
                *all |= gather(bits) << (8 * i);
            }
            wide |= gather(raw & HIGH) << (8 * i);
        }
        let [letter, number, blank, space, line, quote] = found;
        let len = wide.trailing_zeros();
        Block { letter, number, blank, space, line, quote, len }
    }

    /// Where pieces of GPT-4's pattern begin, up to the last beginning
    /// that is certain; there is one at 0, where the block starts.
    #[inline(always)]
    pub fn gpt4(&self, bytes: &[u8; 64]) -> u64 {
        let Block { letter, number, blank, space, line, .. } = *self;
        let other = !(letter | number | space);
        // a mark that begins a piece, and can lead a word
        let lead = other & !((other | blank) << 1);
        let glue = letter | (space & !line) | lead;
        let mut starts = letter & !(glue << 1) | lead;
        starts |= digits(number);
        starts |= gaps(space, line, other);
        let mut end = self.certain();
        let mut quotes = self.quote & lead;
        while quotes != 0 {
            let at = quotes.trailing_zeros();
            quotes &= quotes - 1;
            if at > 60 {
                end = end.min(at);
                break;
            }
            let at = at as usize;
            let tail = crate::split::contraction(bytes, at + 1, true);
            if tail > 0 {
                starts |= letter & 1 << (at + 1 + tail);
            }
        }
        (starts | 1) & (u64::MAX >> (63 - end))
    }

    /// The last place where a beginning is certain. Of what comes
    /// later, something outside of the block might decide.
    #[inline(always)]
    fn certain(&self) -> u32 {
        let inside = u64::MAX >> (64 - self.len);
        let firm = inside & !self.space; // not white space at the end
        (64 - firm.leading_zeros()).min(self.len - 1)
    }
}

/// Where pieces of digits begin: at every third of a run.
#[inline(always)]
fn digits(number: u64) -> u64 {
    let mut starts = number & !(number << 1);
    let pairs = number & number << 1;
    let four = pairs & pairs << 2;
    let mut more = starts << 3 & four;
    while more != 0 {
        starts |= more;
        more = more << 3 & four;
    }
    starts
}

/// Where pieces of white space begin.
#[inline(always)]
fn gaps(space: u64, line: u64, other: u64) -> u64 {
    // line ends behind a mark belong to its piece
    let taken = line & other << 1;
    let taken = line & !line.wrapping_add(taken);
    let free = space & !taken;
    // what has a line end of its run at it or after it
    let mut lines = line & free;
    let mut reach = free;
    for shift in [1, 2, 4, 8, 16, 32] {
        lines |= lines >> shift & reach;
        reach &= reach >> shift;
    }
    let blanks = free & !lines;
    let first = |run: u64| run & !(run << 1);
    first(lines) | first(blanks) | blanks & !(blanks >> 1)
}
