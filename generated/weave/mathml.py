# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 20a2cc497c6f
"""MathML, as KaTeX writes it, to Typst's mathematical markup.

KaTeX uses a small part of Presentation MathML. Each element has its
function here, which names the attributes it knows; an element or an
attribute that none knows is an error, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
ROUNDHAND = "scr:"  # the address by which katex.mjs marks \mathscr
APPLY = "\u2061"  # between a named operator and its argument
ALPHABETS = {
    "normal": "upright",
    "bold": "upright(bold",
    "italic": "italic",
    "bold-italic": "bold(italic",
    "double-struck": "bb",
    "script": "cal",
    "roundhand": "scr",
    "fraktur": "frak",
    "sans-serif": "upright(sans",
    "monospace": "mono",
}
# KaTeX writes TeX's spaces as characters; U+2063 makes one negative.
SPACES = {
    "\u200a": 0.0556,
    "\u2009": 0.1667,
    "\u2005": 0.2222,
    "\u205f": 0.2222,
    "\u00a0": 0.25,
    "\u2005\u200a": 0.2778,
    "\u200a\u2063": -0.0556,
    "\u2009\u2063": -0.1667,
    "\u205f\u2063": -0.2222,
    "\u2005\u2063": -0.2778,
}
ACCENTS = {
    "^": "hat",
    "~": "tilde",
    "ˉ": "macron",
    "⃗": "arrow",
    "→": "arrow",
    "←": "arrow.l",
    "˙": "dot",
    "¨": "dot.double",
    "ˇ": "caron",
    "˘": "breve",
    "´": "acute",
    "ˋ": "grave",
    "˚": "circle",
}
BRACES = {
    "⏟": "underbrace",
    "⏞": "overbrace",
    "⏠": "overparen",
    "⏡": "underparen",
}
STRIKES = {
    "updiagonalstrike": "cancel({})",
    "downdiagonalstrike": "cancel(inverted: #true, {})",
    "updiagonalstrike downdiagonalstrike": "cancel(cross: #true, {})",
    "horizontalstrike": "cancel(angle: #90deg, {})",
    "box": "#box(stroke: 0.5pt, inset: 3pt, baseline: 3pt, ${}$)",
}
ROW_GAP = "0.25em"  # what KaTeX gets from a minimal line height
CELL_ENDS = {"left": "&{}", "right": "{}&", "center": "{}"}


class UnknownMarkup(ValueError):
    """Markup this module has no rule for; says which."""


def to_typst(mathml: str) -> str:
    """Convert a math element; the result goes between two `$`."""
    root = ElementTree.fromstring(mathml)
    for element in root.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
    for element in root.iter():
        if element.get("href") == ROUNDHAND:
            del element.attrib["href"]
            for letter in element.iter("mi"):
                letter.set("mathvariant", "roundhand")
    return convert(root[0][0])


def convert(element: Element) -> str:
    """Convert one element by the rule for its tag."""
    rule, known = RULES.get(element.tag, (None, ""))
    if rule is None:
        raise UnknownMarkup(f"rule for <{element.tag}>")
    for name in element.attrib.keys() - known.split():
        raise UnknownMarkup(f"{name}= of <{element.tag}>")
    return rule(element)


# --- rows and the spaces between their pieces


def row(children: Iterable[Element]) -> str:
    """Convert elements that follow each other.

    A comment parts the pieces: Typst would show a blank beside text.
    """
    pieces: list[str] = []
    elements = list(children)
    for at, here in enumerate(elements):
        after = elements[at + 1 : at + 2]
        if after and after[0].text == APPLY:
            pieces.append(f'op("{text(here)}")')
        elif here.text != APPLY:
            pieces.append(convert(here))
    return "/**/".join(filter(None, pieces)) or '""'


def mrow(element: Element) -> str:
    """`\\left … \\right`, if a child is a fence; or just a row."""
    fenced = any(map(is_fence, element))
    body = row(element)
    return f"lr({body})" if fenced else body


def is_fence(element: Element) -> bool:
    """Is this a delimiter that grows with what it encloses?"""
    return "fence" in element.attrib and "minsize" not in element.attrib


# --- atoms


def text(element: Element) -> str:
    """Return an element's characters, as inside a Typst string."""
    found = "".join(element.itertext())
    return found.replace("\\", "\\\\").replace('"', '\\"')


def escape(char: str) -> str:
    """Make a character stand for itself in Typst's math."""
    alone = len(char) == 1 and char.isascii() and not char.isalnum()
    return "\\" + char if alone else char


def styled(element: Element, body: str) -> str:
    """Put `body` into the alphabet that the element names."""
    variant = element.get("mathvariant")
    if variant is None:
        return body
    if variant not in ALPHABETS:
        raise UnknownMarkup(f"alphabet {variant}")
    opening = ALPHABETS[variant] + "("
    return opening + body + ")" * opening.count("(")


def mi(element: Element) -> str:
    """An identifier, a name, or a sign that stands for itself."""
    name = "".join(element.itertext())
    if len(element):
        return f'class("normal", {row(element)})'
    if len(name) > 1:
        return styled(element, f'"{text(element)}"')
    if name.isalpha():
        return styled(element, name)
    return f'class("normal", {bar(name)})'


def bar(char: str) -> str:
    """KaTeX writes bars as relations; here they are delimiters."""
    return {"∣": "|", "∥": "‖"}.get(char, escape(char))


def mn(element: Element) -> str:
    """A number."""
    number = element.text or ""
    plain = re.fullmatch(r"\d+(\.\d+)?", number)
    return styled(element, number if plain else f'"{text(element)}"')


def mtext(element: Element) -> str:
    """Words, or one of TeX's spaces."""
    words = element.text or ""
    if words in SPACES:
        return space(f"{SPACES[words]}em")
    return styled(element, f'"{text(element)}"')


def mspace(element: Element) -> str:
    """A space, or a place where the line may break."""
    width = element.get("width")
    return space(width) if width else ""


def space(width: str) -> str:
    """An empty box; next to h(), `=` would lose its own space."""
    return f"#box(width: {width})"


def mo(element: Element) -> str:
    """An operator, with the class that its spacing tells."""
    if len(element):
        return built_operator(element)
    sign = element.text or ""
    if is_fence(element):
        inside = "lspace" in element.attrib
        return f"mid({bar(sign)})" if inside else bar(sign)
    if "fence" in element.attrib:
        grown = f"lr(size: #{element.get('minsize')}, {bar(sign)})"
        straight = bar(sign) in ("|", "‖", "\\/")
        return f'class("normal", {grown})' if straight else grown
    if element.get("stretchy") == "false" and bar(sign) in "|‖":
        return f'class("normal", {bar(sign)})'
    return spaced(element, escape(sign)) if sign else ""


def spaced(element: Element, body: str, usual: str = "{}") -> str:
    """Give `body` the class of its spaces, `usual` if it has none."""
    match element.get("lspace"), element.get("rspace"):
        case None, None:
            return usual.format(body)
        case "0.22em", "0.22em":
            return f'class("binary", {body})'
        case "0em", "0em":
            return f'class("normal", {body})'
        case "0em", "0.17em":
            return f'class("punctuation", {body})'
        case sides:
            raise UnknownMarkup(f"spaces {sides} round {body}")


def built_operator(element: Element) -> str:
    """`\\mathop` of letters, or a relation made of other things."""
    body = row(element)
    name = "".join(element.itertext()).rstrip(APPLY)
    usual = "op({})" if name.isalpha() else 'class("relation", {})'
    return spaced(element, body, usual)


# --- scripts, limits, accents


def msub(element: Element) -> str:
    """`x_i`, `x^i` or both, always to the right of the base."""
    base = element[0]
    fixed = {"fence", "stretchy"} & base.attrib.keys()
    moves = is_operator(base) and not fixed
    body = convert(base)
    return attach(f"scripts({body})" if moves else body, element)


def is_operator(element: Element) -> bool:
    """Would Typst set limits over and under this, left alone?"""
    last = element[-1].text if len(element) else None
    return element.tag == "mo" or last == APPLY


def attach(base: str, element: Element) -> str:
    """Join the scripts of `element` to the converted base."""
    keys = {"msub": "b", "munder": "b", "msup": "t", "mover": "t"}
    places = keys.get(element.tag, "bt")
    # After an operator's name KaTeX leaves the sign of application.
    given = [e for e in element[1:] if e.text != "\u2061"]
    scripts = (
        f"{place}: {convert(child)}"
        for place, child in zip(places, given, strict=True)
    )
    return f"attach({base}, {', '.join(scripts)})"


def munder(element: Element) -> str:
    """Something above or below: accent, brace, arrow or limits."""
    base, *others = element
    sign = others[0].text or ""
    if sign in BRACES:
        return f"{BRACES[sign]}({convert(base)})"
    if {"accent", "accentunder"} & element.attrib.keys():
        return accent(convert(base), others[0], element.tag)
    if len(base) > 1 and base[1].text in BRACES:
        return f"{convert(base)[:-1]}, {convert(others[0])})"
    body = convert(base)
    if base.tag == "mo" and "minsize" in base.attrib:
        body = f"stretch({body}, size: #(100% + 1em))"
    return attach(f"limits({body})", element)


def accent(body: str, sign: Element, tag: str) -> str:
    """An accent, which grows if TeX's does."""
    mark = sign.text or ""
    if mark == "‾":
        return f"{tag[1:]}line({body})"
    if mark not in ACCENTS or tag == "munder":
        raise UnknownMarkup(f"accent {mark}")
    grows = sign.get("stretchy") == "true"
    size = "" if grows else ", size: #0pt"
    return f"accent({body}, {ACCENTS[mark]}{size})"


# --- fractions, roots, tables


def mfrac(element: Element) -> str:
    """A fraction, or two lines one above the other."""
    over, under = map(convert, element)
    if element.get("linethickness") == "0px":
        return f"mat(delim: #none, {over}; {under})"
    return f"frac({over}, {under})"


def msqrt(element: Element) -> str:
    """A square root."""
    return f"sqrt({row(element)})"


def mroot(element: Element) -> str:
    """A root with its index."""
    return f"root({convert(element[1])}, {convert(element[0])})"


def mtable(element: Element) -> str:
    """A matrix, the cases of a function, or aligned lines."""
    aligns = element.get("columnalign", "").split()
    gaps = element.get("columnspacing", "1em").split()
    rules = ", ".join(
        f"{key}: ({', '.join(map(str, places))},)"
        for key, places in (
            ("hline", solid(element.get("rowlines", ""))),
            ("vline", solid(element.get("columnlines", ""))),
        )
        if places
    )
    arguments = [
        "delim: #none",
        f"row-gap: #({element.get('rowspacing')} + {ROW_GAP})",
        f"column-gap: #{max(gaps)}",
        f"augment: #({rules})" if rules else "",
    ]
    lines = (", ".join(cells(line, aligns, gaps)) for line in element)
    arguments.append("; ".join(lines))
    return f"mat({', '.join(filter(None, arguments))})"


def solid(lines: str) -> list[int]:
    """Return the places that have a rule, counted as Typst does."""
    kinds = lines.split()
    if set(kinds) - {"none", "solid"}:
        raise UnknownMarkup(f"rules {lines}")
    return [i for i, kind in enumerate(kinds, 1) if kind == "solid"]


def cells(
    line: Element, aligns: Sequence[str], gaps: Sequence[str]
) -> list[str]:
    """Convert a table's line; columns without a gap share a cell."""
    joined: list[str] = []
    for i, cell in enumerate(line):
        align = aligns[i] if i < len(aligns) else "center"
        gap = gaps[min(i, len(gaps)) - 1]
        if i and gap == "0em":
            joined[-1] += row(cell)
            continue
        joined.append(CELL_ENDS[align].format(row(cell)))
    return joined


# --- styles and boxes


def mstyle(element: Element) -> str:
    """A size, as for displays, in text, in scripts; or a color."""
    body = row(element)
    color = element.get("mathcolor")
    if color is not None:
        paint = f'rgb("{color}")' if color[0] == "#" else color
        body = f"#text(fill: {paint}, ${body}$)"
    level = element.get("scriptlevel")
    if element.get("displaystyle") == "true":
        return f"display({body})"
    if level is not None:
        size = ("inline", "script", "sscript")[int(level)]
        return f"{size}({body})"
    return body


def mpadded(element: Element) -> str:
    """An arrow's label with space round it; or a strut, left out."""
    inner = element[0]
    if inner.tag == "mspace" and inner.get("width") == "0em":
        return ""
    if not element.get("width", "").startswith("+"):
        raise UnknownMarkup("rule for boxes that overlap")
    return row(element)


def mphantom(element: Element) -> str:
    """The space of something, without it."""
    return f"#hide(${row(element)}$)"


def menclose(element: Element) -> str:
    """A box round something, or a stroke through it."""
    kind = element.get("notation", "")
    if kind not in STRIKES:
        raise UnknownMarkup(f"enclosure {kind}")
    return STRIKES[kind].format(row(element))


RULES: dict[str, tuple[Callable[[Element], str], str]] = {
    "mrow": (mrow, ""),
    "mi": (mi, "mathvariant"),
    "mn": (mn, "mathvariant"),
    "mtext": (mtext, "mathvariant"),
    "mspace": (mspace, "width"),
    "mo": (
        mo,
        "fence lspace mathvariant maxsize minsize rspace separator"
        " stretchy",
    ),
    "msub": (msub, ""),
    "msup": (msub, ""),
    "msubsup": (msub, ""),
    "munder": (munder, "accentunder"),
    "mover": (munder, "accent"),
    "munderover": (munder, ""),
    "mfrac": (mfrac, "linethickness"),
    "msqrt": (msqrt, ""),
    "mroot": (mroot, ""),
    "mtable": (
        mtable,
        "columnalign columnlines columnspacing rowlines rowspacing",
    ),
    "mstyle": (mstyle, "displaystyle mathcolor scriptlevel"),
    "mpadded": (mpadded, "height lspace voffset width"),
    "mphantom": (mphantom, ""),
    "menclose": (menclose, "notation"),
}
