# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. dc6b944c3c70
"""Fonts for print and for figures, beside those Typst brings itself.

The sans serif of headings and the narrow font of the code come from
the npm packages that serve the site, as WOFF files, which Typst does
not read; so does the serif that Matplotlib needs. Signs that no other
font has, 🙂 for one, come from DejaVu Sans, which Matplotlib carries.
"""

from __future__ import annotations

import shutil
import threading
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
SIGNS = "DejaVuSans.ttf"
ONE_AT_A_TIME = threading.Lock()


def unpack(root: Path) -> Path:
    """Put the fonts into build/fonts, unless they are there.

    Returns that folder. Raises ManuscriptError where the npm packages
    are missing.
    """
    folder = root / "build" / "fonts"
    matplotlib = find_spec("matplotlib")
    assert matplotlib and matplotlib.origin
    data = Path(matplotlib.origin).parent / "mpl-data"
    with ONE_AT_A_TIME:
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
        if not (folder / SIGNS).exists():
            shutil.copy(data / "fonts" / "ttf" / SIGNS, folder)
    return folder
