// Made from book/appendices/f-tokenizer.md by tangle.py; edit there, or here and stitch. 109e338040d6
//! What kind of character each one is.

use std::sync::OnceLock;

use Class::*;

/// What the patterns ask of a character.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    Letter,
    Number,
    Space,
    Other,
}

/// The Python module whose tables these are.
const TABLES: &str = include_str!("../../nand2llm/unicode_classes.py");

static CLASSES: OnceLock<Vec<Class>> = OnceLock::new();

/// The class of a code point.
pub fn class_of(code: usize) -> Class {
    let classes = CLASSES.get_or_init(all);
    classes.get(code).copied().unwrap_or(Other)
}

fn all() -> Vec<Class> {
    let mut classes = vec![Other; 0x110000];
    enter("LETTERS", Letter, &mut classes);
    enter("NUMBERS", Number, &mut classes);
    for (code, class) in classes.iter_mut().enumerate() {
        if char::from_u32(code as u32).is_some_and(white) {
            *class = Space;
        }
    }
    classes
}

fn white(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}'
        | '\u{2000}'..='\u{200A}' | '\u{2028}' | '\u{2029}'
        | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// Enters a class wherever the table of that name has it.
fn enter(name: &str, class: Class, classes: &mut [Class]) {
    let opening = format!("\n{name} = (");
    let table = TABLES.split(&opening).nth(1).expect("a table");
    let table = table.split(')').next().expect("a table's end");
    let (mut at, mut number, mut scale) = (0, 0, 1);
    let mut inside = false;
    for digit in table.bytes().filter_map(digit) {
        number += digit % 32 * scale;
        scale *= 32;
        if digit < 32 {
            if inside {
                classes[at..at + number].fill(class);
            }
            (at, number, scale) = (at + number, 0, 1);
            inside = !inside;
        }
    }
}

/// The value of a base-64 digit; None for quotes and line ends.
fn digit(byte: u8) -> Option<usize> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    } as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_say_what_is_known() {
        for c in '\0'..='\u{10FFFF}' {
            let class = class_of(c as usize);
            assert_eq!(class == Space, c.is_whitespace(), "{c:?}");
            if c.is_ascii() {
                assert_eq!(class == Letter, c.is_alphabetic());
                assert_eq!(class == Number, c.is_numeric());
            }
        }
        assert_eq!(
            "é\u{4e2d}\u{1d538}"
                .chars()
                .map(|c| class_of(c as usize))
                .filter(|&c| c == Letter)
                .count(),
            3
        );
        assert_eq!(class_of('½' as usize), Number);
        assert_eq!(class_of('\u{301}' as usize), Other);
        assert_eq!(class_of(0x110000), Other);
    }
}
