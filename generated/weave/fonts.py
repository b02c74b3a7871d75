# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 88919299b908
"""Fonts for print and for figures, beside those Typst brings itself.

The sans serif of headings and the narrow font of the code come from
the npm packages that serve the site, as WOFF files, which Typst does
not read; so does the serif that Matplotlib needs. Signs that no other
font has, 🙂 for one, come from DejaVu Sans, which Matplotlib carries.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTFont

from weave.assets import package

HERE = Path(__file__).resolve().parent
CUTS = {
    "iosevka": ("400-normal", "400-italic", "600-normal"),
    "libertinus-sans": ("400-normal", "400-italic", "700-normal"),
    "libertinus-serif": ("400-normal", "400-italic", "700-normal"),
}


def unpack(root: Path) -> Path:
    """Put the fonts into build/fonts, unless they are there.

    Returns that folder. Raises ManuscriptError where the npm packages
    are missing.
    """
    folder = root / "build" / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    for family, cuts in CUTS.items():
        files = package(HERE.parents[1], f"@fontsource/{family}")
        for cut in cuts:
            source = files / "files" / f"{family}-latin-{cut}.woff"
            target = folder / f"{family}-{cut}.ttf"
            if not target.exists():
                font = TTFont(source, recalcTimestamp=False)
                font.flavor = None
                font.save(target)
    matplotlib = find_spec("matplotlib")
    assert matplotlib and matplotlib.origin
    data = Path(matplotlib.origin).parent / "mpl-data"
    shutil.copy(data / "fonts" / "ttf" / "DejaVuSans.ttf", folder)
    return folder
