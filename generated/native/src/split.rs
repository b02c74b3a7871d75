// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 245bf24417b6
//! Cutting text into the pieces that no token crosses.
//!
//! What GPT-2's and GPT-4's regular expressions do, written by hand. A
//! byte that belongs to no character counts as one of class `Other`.

use crate::block::Block;
use crate::unicode::{class_of, Class};
use Class::*;

/// Which of the two ways to cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    Gpt2,
    Gpt4,
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
            start = many(text, start, &mut visit);
        }
        if start < text.len() {
            let end = next(text, start, split);
            visit(start, end);
            start = end;
        }
    }
}

/// Visits pieces as long as whole blocks of text tell where they end;
/// returns the start of the first one that was not visited.
#[inline(always)]
fn many(
    text: &[u8],
    mut start: usize,
    visit: &mut impl FnMut(usize, usize),
) -> usize {
    while let Some(block) = Block::read(text, start) {
        let at = start;
        let mut ends = block.ends();
        if ends == 0 {
            break; // a long piece
        }
        while ends != 0 {
            let end = at + ends.trailing_zeros() as usize;
            visit(start, end);
            start = end;
            ends &= ends - 1; // without its lowest bit
        }
    }
    start
}

/// Where the piece that starts at `at` ends.
pub fn next(text: &[u8], at: usize, split: Split) -> usize {
    let (class, n) = class_at(text, at);
    let second = at + n;
    if text[at] == b'\'' {
        let any_case = split == Split::Gpt4;
        let tail = contraction(text, second, any_case);
        if tail > 0 {
            return second + tail;
        }
    }
    match split {
        Split::Gpt2 => gpt2(text, at, second, class),
        Split::Gpt4 => gpt4(text, at, second, class),
    }
}

/// ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
fn gpt2(text: &[u8], at: usize, second: usize, class: Class) -> usize {
    let after = class_after(text, second);
    match (text[at], after) {
        (b' ', Some(after)) if after != Space => {
            run(text, second, after)
        }
        _ if class == Space => spaces(text, at, false),
        _ => run(text, second, class),
    }
}

/// `[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*`
/// `|\s*[\r\n]+|\s+(?!\S)|\s+`
fn gpt4(text: &[u8], at: usize, second: usize, class: Class) -> usize {
    let after = class_after(text, second);
    match (class, text[at], after) {
        (Letter, ..) => run(text, second, Letter),
        (Number, ..) => numbers(text, second),
        (_, b'\r' | b'\n', _) => spaces(text, at, true),
        (_, _, Some(Letter)) => run(text, second, Letter),
        (Other, ..) | (_, b' ', Some(Other)) => {
            line_ends(text, run(text, second, Other))
        }
        _ => spaces(text, at, true),
    }
}

/// The length of a contraction's tail, as in `'s` and `'ll`, or 0.
pub fn contraction(text: &[u8], at: usize, any_case: bool) -> usize {
    let letter = |i: usize| match text.get(i) {
        Some(b) if any_case => b.to_ascii_lowercase(),
        Some(&b) => b,
        None => 0,
    };
    match (letter(at), letter(at + 1)) {
        (b's' | b'd' | b'm' | b't', _) => 1,
        (b'l', b'l') | (b'v' | b'r', b'e') => 2,
        (0xC5, 0xBF) if any_case => 2, // ſ is an s, long ago
        _ => 0,
    }
}

/// Where the run of one class ends that goes through `at`.
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

/// Where a number's piece ends: three digits at most.
fn numbers(text: &[u8], mut at: usize) -> usize {
    for _ in 0..2 {
        if class_after(text, at) == Some(Number) {
            at += class_at(text, at).1;
        }
    }
    at
}

fn line_ends(text: &[u8], mut at: usize) -> usize {
    while let Some(b'\r' | b'\n') = text.get(at) {
        at += 1;
    }
    at
}

/// Where a piece of white space ends: after its last line end, if that
/// is asked for; else before its last character, if more follows.
fn spaces(text: &[u8], start: usize, by_line: bool) -> usize {
    let (mut at, mut last, mut line) = (start, start, start);
    while class_after(text, at) == Some(Space) {
        last = at;
        at += class_at(text, at).1;
        if matches!(text[last], b'\r' | b'\n') {
            line = at;
        }
    }
    if by_line && line > start {
        line
    } else if at < text.len() && last > start {
        last
    } else {
        at
    }
}

/// The class of the character at `at`, and its length.
#[inline(always)]
fn class_at(text: &[u8], at: usize) -> (Class, usize) {
    match text[at] {
        b'a'..=b'z' | b'A'..=b'Z' => (Letter, 1),
        b'0'..=b'9' => (Number, 1),
        b'\t'..=b'\r' | b' ' => (Space, 1),
        0..=127 => (Other, 1),
        _ => wide(text, at),
    }
}

/// The same; None if nothing is there.
#[inline(always)]
fn class_after(text: &[u8], at: usize) -> Option<Class> {
    (at < text.len()).then(|| class_at(text, at).0)
}

/// The same for a character of several bytes.
fn wide(text: &[u8], at: usize) -> (Class, usize) {
    let lead = text[at];
    let (n, least) = match lead {
        0xC0..=0xDF => (2, 0x80),
        0xE0..=0xEF => (3, 0x800),
        0xF0..=0xF7 => (4, 0x10000),
        _ => return (Other, 1),
    };
    let Some(rest) = text.get(at + 1..at + n) else {
        return (Other, 1);
    };
    let start = lead as usize & (0x7F >> n);
    let code =
        rest.iter().fold(start, |c, b| c << 6 | *b as usize & 0x3F);
    let valid = rest.iter().all(|b| b & 0xC0 == 0x80)
        && (least..0x110000).contains(&code)
        && !(0xD800..0xE000).contains(&code);
    if valid {
        (class_of(code), n)
    } else {
        (Other, 1)
    }
}

/// The first place from `at` on where a cut goes through no piece:
/// after a letter that no letter follows.
pub fn safe_cut(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] & 0xC0 == 0x80 {
        at += 1; // out of the middle of a character
    }
    let mut in_word = false;
    while at < text.len() {
        let (class, n) = class_at(text, at);
        if in_word && class != Letter {
            break;
        }
        in_word = class == Letter;
        at += n;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, split: Split) -> Vec<&str> {
        let mut found = Vec::new();
        pieces(text.as_bytes(), split, |start, end| {
            found.push(&text[start..end]);
        });
        found
    }

    #[test]
    fn pieces_are_those_of_the_patterns() {
        let text = "It's 12345 o'clock,\n\n  SHE'LL say";
        let two = cut(text, Split::Gpt2);
        assert_eq!(
            two.join("|"),
            "It|'s| 12345| o|'|clock|,|\n\n |  |SHE|'|LL| say"
                .replace("|\n\n |  |", "|\n\n | |")
                .replace("| |SHE", "| SHE")
        );
        let four = cut(text, Split::Gpt4);
        assert_eq!(
            four.join("|"),
            "It|'s| |123|45| o|'clock|,\n\n| | SHE|'LL| say"
        );
    }

    /// Bytes that look random, from an alphabet.
    fn noise(alphabet: &[u8], n: usize, seed: u64) -> Vec<u8> {
        let mut x = seed | 1;
        let mut byte = |_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            alphabet[(x >> 20) as usize % alphabet.len()]
        };
        (0..n).map(&mut byte).collect()
    }

    const ALPHABETS: [&[u8]; 5] = [
        b"aB's ll\n",
        b"a 1.\n\r\t'",
        b"xyZ019 .,'\n veRE",
        "é a1 .\n\u{4e2d}'".as_bytes(),
        &[b'a', b' ', b'\'', b'.', 0xC5, 0xBF, 0xED, 0xA0, 0xF0, 0x80],
    ];

    #[test]
    fn blocks_find_what_single_steps_find() {
        for round in 0..20_000 {
            let alphabet = ALPHABETS[round % ALPHABETS.len()];
            let text = noise(alphabet, 70 + round % 90, round as u64);
            let (mut at, mut steps) = (0, Vec::new());
            while at < text.len() {
                at = next(&text, at, Split::Gpt4);
                steps.push(at);
            }
            let mut blocks = Vec::new();
            pieces(&text, Split::Gpt4, |_, end| blocks.push(end));
            assert_eq!(blocks, steps, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_safe_cut_changes_no_piece() {
        for round in 0..5_000 {
            let alphabet = ALPHABETS[round % ALPHABETS.len()];
            let text = noise(alphabet, 100, round as u64);
            let cut = safe_cut(&text, round % 100);
            for split in [Split::Gpt2, Split::Gpt4] {
                let (mut whole, mut parts) = (Vec::new(), Vec::new());
                pieces(&text, split, |_, end| whole.push(end));
                pieces(&text[..cut], split, |_, end| parts.push(end));
                pieces(&text[cut..], split, |_, end| {
                    parts.push(cut + end)
                });
                assert_eq!(parts, whole, "{}", text.escape_ascii());
            }
        }
    }
}
