//! Cutting text into the pieces that no token crosses.
//!
//! What GPT-2's and GPT-4's regular expressions do, by hand. A byte
//! that belongs to no character is taken for one of class `Other`.

use crate::unicode::{class_of, Class, ASCII};
use crate::block::Block;
use Class::*;

/// Which of the two ways to cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    Gpt2,
    Gpt4,
}

/// The class of the character that starts at `at`, and its length.
#[inline(always)]
fn class_at(text: &[u8], at: usize) -> (Class, usize) {
    let byte = text[at];
    if byte < 128 {
        return (ASCII[byte as usize], 1);
    }
    wide_class_at(text, at)
}

/// The same where more than one byte makes the character.
fn wide_class_at(text: &[u8], at: usize) -> (Class, usize) {
    let lead = text[at];
    let n = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return (Other, 1),
    };
    let Some(rest) = text.get(at + 1..at + n) else {
        return (Other, 1);
    };
    let mut code = lead as u32 & (0x7F >> n);
    for byte in rest {
        if byte & 0xC0 != 0x80 {
            return (Other, 1);
        }
        code = code << 6 | (byte & 0x3F) as u32;
    }
    (class_of(code), n)
}

/// The class of the character at `at`; None behind the last one.
#[inline(always)]
fn class_next(text: &[u8], at: usize) -> Option<Class> {
    (at < text.len()).then(|| class_at(text, at).0)
}

/// Where the run of characters of a class ends that goes through `at`.
#[inline(always)]
fn run(text: &[u8], mut at: usize, class: Class) -> usize {
    while at < text.len() {
        let (found, n) = class_at(text, at);
        if found != class {
            break;
        }
        at += n;
    }
    at
}

/// Where a run of letters ends: the commonest run, eight at a time.
#[inline(always)]
fn letters(text: &[u8], mut at: usize) -> usize {
    while let Some(eight) = text.get(at..at + 8) {
        let n = ascii_letters(u64::from_le_bytes(
            eight.try_into().expect("eight bytes"),
        ));
        at += n;
        if n < 8 {
            break;
        }
    }
    run(text, at, Letter)
}

/// How many of eight bytes, from the lowest on, are ASCII letters.
#[inline(always)]
fn ascii_letters(eight: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let small = (eight & !HIGH) | 0x20 * ONES;
    let from_a = small + (0x80 - b'a' as u64) * ONES;
    let past_z = small + (0x7F - b'z' as u64) * ONES;
    let letters = from_a & !past_z & !eight & HIGH;
    ((letters ^ HIGH).trailing_zeros() / 8) as usize
}

/// The length of a contraction's tail, as in `'s` and `'ll`, or 0.
pub fn contraction(text: &[u8], at: usize, any_case: bool) -> usize {
    let fold = |byte: &u8| {
        if any_case { byte.to_ascii_lowercase() } else { *byte }
    };
    let first = text.get(at).map(fold);
    match (first, text.get(at + 1).map(fold)) {
        (Some(b's' | b'd' | b'm' | b't'), _) => 1,
        (Some(b'l'), Some(b'l')) => 2,
        (Some(b'v' | b'r'), Some(b'e')) => 2,
        (Some(0xC5), Some(0xBF)) if any_case => 2, // ſ, an old s
        _ => 0,
    }
}

/// Where the piece of GPT-4's pattern that starts at `at` ends.
#[inline(always)]
pub fn gpt4(text: &[u8], at: usize) -> usize {
    let (class, n) = class_at(text, at);
    let next = at + n;
    if class == Letter {
        return letters(text, next);
    }
    if class == Number {
        return numbers(text, next);
    }
    let byte = text[at];
    if byte == b'\'' {
        let tail = contraction(text, next, true);
        if tail > 0 {
            return next + tail;
        }
    }
    let after = class_next(text, next);
    if after == Some(Letter) && byte != b'\r' && byte != b'\n' {
        return letters(text, next);
    }
    if class == Other || (byte == b' ' && after == Some(Other)) {
        return newlines(text, run(text, next, Other));
    }
    spaces(text, at, true)
}

/// Where a number's piece ends: three digits at the most.
#[inline(always)]
fn numbers(text: &[u8], mut at: usize) -> usize {
    for _ in 0..2 {
        if at < text.len() {
            let (class, n) = class_at(text, at);
            at += if class == Number { n } else { 0 };
        }
    }
    at
}

/// Where the line ends end that follow `at`.
#[inline(always)]
fn newlines(text: &[u8], mut at: usize) -> usize {
    while let Some(b'\r' | b'\n') = text.get(at) {
        at += 1;
    }
    at
}

/// Where a piece of white space ends. If something follows, its last
/// character is left for that; but a piece may end with line ends.
#[inline(always)]
fn spaces(text: &[u8], start: usize, by_line: bool) -> usize {
    let (mut at, mut last, mut line) = (start, start, None);
    while at < text.len() {
        let (class, n) = class_at(text, at);
        if class != Space {
            break;
        }
        last = at;
        at += n;
        if let b'\r' | b'\n' = text[last] {
            line = Some(at);
        }
    }
    match line {
        Some(end) if by_line => end,
        _ if at < text.len() && last > start => last,
        _ => at,
    }
}

/// Where the piece of GPT-2's pattern that starts at `at` ends.
#[inline(always)]
pub fn gpt2(text: &[u8], at: usize) -> usize {
    let (mut class, n) = class_at(text, at);
    let mut next = at + n;
    if text[at] == b'\'' {
        let tail = contraction(text, next, false);
        if tail > 0 {
            return next + tail;
        }
    }
    if text[at] == b' ' && next < text.len() {
        let (after, n) = class_at(text, next);
        if after != Space {
            class = after;
            next += n;
        }
    }
    match class {
        Letter => letters(text, next),
        Space => spaces(text, at, false),
        _ => run(text, next, class),
    }
}

/// The first place from `at` on where text may be cut without any
/// piece being cut: behind a letter that no letter follows.
pub fn safe_cut(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] & 0xC0 == 0x80 {
        at += 1; // not inside of a character
    }
    let mut inside = false;
    while at < text.len() {
        let (class, n) = class_at(text, at);
        if inside && class != Letter {
            break;
        }
        inside = class == Letter;
        at += n;
    }
    at
}

/// Calls `visit` with the start and the end of every piece.
#[inline(always)]
pub fn pieces(
    text: &[u8],
    split: Split,
    mut visit: impl FnMut(usize, usize),
) {
    let mut start = 0;
    while start < text.len() {
        if split == Split::Gpt4 {
            start = in_blocks(text, start, &mut visit);
        }
        if start >= text.len() { break; }
        let end = match split {
            Split::Gpt2 => gpt2(text, start),
            Split::Gpt4 => gpt4(text, start),
        };
        visit(start, end);
        start = end;
    }
}

#[inline(always)]
fn in_blocks(
    text: &[u8],
    mut start: usize,
    visit: &mut impl FnMut(usize, usize),
) -> usize {
    while let Some(bytes) = text.get(start..start + 64) {
        if bytes[0] | bytes[1] > 127 {
            break;
        }
        let bytes = bytes.try_into().unwrap();
        let block = Block::read(bytes);
        let mut ends = block.gpt4(bytes) & !1;
        if ends == 0 {
            break;
        }
        let base = start;
        while ends != 0 {
            let end = base + ends.trailing_zeros() as usize;
            visit(start, end);
            start = end;
            ends &= ends - 1;
        }
    }
    start
}
