# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 3360e14e43d0
"""The files that the pages load: fonts, style sheets, scripts."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from weave.assets import package

HERE = Path(__file__).parent / "site"
PAGE_FILES = (
    "book.*",
    "told.css",
    "about.js",
    "run*.*",
    "widgets.*",
    "playground.js",
    "attention.js",
)
FAMILIES = {
    "libertinus-serif": ("latin", "latin-ext", "greek"),
    "libertinus-sans": ("latin", "latin-ext", "greek"),
    "iosevka": ("latin",),
}
FACES = ("400", "400-italic", "700", "700-italic")
FACE = re.compile(r"@font-face \{.*?\}", re.S)
WOFF2 = re.compile(r"url\(\.?/?(?:files|fonts)/([\w-]+\.woff2)\)")
OTHER = re.compile(
    r',\s*url\([^)]*\.(?:woff|ttf)\) format\(["\']\w+["\']\)'
)
# Iosevka comes in one piece, a megabyte a style; the book needs a
# twentieth of it: Latin, Greek, punctuation, arrows, mathematics,
# box drawing, brackets and stars.
CODE_CHARACTERS = (
    "U+20-17F,U+370-3FF,U+2000-206F,U+2070-209F,U+20AC,U+2100-22FF,"
    "U+2308-230B,U+2500-25FF,U+2605,U+2713,U+2717,U+27E8,U+27E9"
)


def copy(source: Path, target: Path) -> None:
    """Copy a file unless the copy is newer."""
    new = source.stat().st_mtime_ns
    if not target.exists() or target.stat().st_mtime_ns < new:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def for_site(root: Path, out: Path) -> Path:
    """Put into `out` all that the pages of the site load; return it."""
    for pattern in PAGE_FILES:
        for file in HERE.glob(pattern):
            copy(file, out / file.name)
    katex(root, out / "katex")
    text_fonts(root, out / "fonts")
    return out


def katex(root: Path, out: Path) -> None:
    """KaTeX's style sheet, and its fonts in the one format needed."""
    source = package(root, "katex")
    sheet = (source / "dist" / "katex.min.css").read_text("utf-8")
    for name in sorted(set(WOFF2.findall(sheet))):
        copy(source / "dist" / "fonts" / name, out / "fonts" / name)
    (out / "katex.css").write_text(OTHER.sub("", sheet), "utf-8")
    copy(source / "LICENSE", out / "LICENSE")


def text_fonts(root: Path, out: Path) -> None:
    """The fonts of text and code, and the sheet that declares them."""
    declared = []
    for family, scripts in FAMILIES.items():
        source = package(root, f"@fontsource/{family}")
        copy(source / "LICENSE", out / f"LICENSE-{family}")
        for face in faces(source, family, scripts):
            found = WOFF2.search(face)
            assert found, face
            font = source / "files" / found[1]
            if family == "iosevka":
                name = Path(found[1]).with_suffix(".woff").name
                subset(font.with_suffix(".woff"), out / name)
                face = face.replace("'woff2'", "'woff'")
            else:
                name = found[1]
                copy(font, out / name)
            face = WOFF2.sub(f"url({name})", OTHER.sub("", face))
            declared.append(face)
    (out / "fonts.css").write_text("\n".join(declared) + "\n", "utf-8")


def faces(
    source: Path, family: str, scripts: Iterable[str]
) -> list[str]:
    """The font-face rules of a family for these scripts."""
    found = []
    for name in FACES:
        sheet = source / f"{name}.css"
        if not sheet.exists():
            continue
        for face in FACE.findall(sheet.read_text("utf-8")):
            if any(f"{family}-{s}-{name[:3]}" in face for s in scripts):
                found.append(face)
    return found


def subset(source: Path, target: Path) -> None:
    """Keep of a font what code needs; made once."""
    if target.exists():
        return
    from fontTools import subset as cut

    options = cut.Options(
        flavor="woff", layout_features=[], hinting=False
    )
    font = cut.load_font(str(source), options)
    cutter = cut.Subsetter(options)
    cutter.populate(unicodes=cut.parse_unicodes(CODE_CHARACTERS))
    cutter.subset(font)
    target.parent.mkdir(parents=True, exist_ok=True)
    cut.save_font(font, str(target), options)


def for_epub(conf: dict[str, Any], out: Path) -> Path:
    """Put into `out` all that the e-book's pages load; return it."""
    copy(HERE / "epub.css", out / "epub.css")
    cover = (HERE / "cover.svg").read_text("utf-8")
    for key in ("title", "subtitle", "authors"):
        text = conf[key] if key != "authors" else ", ".join(conf[key])
        cover = cover.replace(f"@{key}@", html.escape(text))
    (out / "cover.svg").write_text(cover, "utf-8")
    return out
