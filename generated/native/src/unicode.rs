//! The class of every character.

use std::sync::OnceLock;

/// What the patterns ask of a character.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub enum Class {
    Other,
    Letter,
    Number,
    Space,
}

/// The classes of the first 128 characters.
pub static ASCII: [Class; 128] = ascii();

const fn ascii() -> [Class; 128] {
    let mut table = [Class::Other; 128];
    let mut code = 0;
    while code < 128 {
        table[code] = match code as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b'\t'..=b'\r' | b' ' => Class::Space,
            _ => Class::Other,
        };
        code += 1;
    }
    table
}

static TABLE: OnceLock<Vec<Class>> = OnceLock::new();

pub fn class_of(code: u32) -> Class {
    let table = TABLE.get_or_init(|| {
        (0..0x110000)
            .map(|c| match char::from_u32(c) {
                Some(c) if c.is_alphabetic() => Class::Letter,
                Some(c) if c.is_numeric() => Class::Number,
                Some(c) if c.is_whitespace() => Class::Space,
                _ => Class::Other,
            })
            .collect()
    });
    table.get(code as usize).copied().unwrap_or(Class::Other)
}
