# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 2de0c2bd664b
"""The e-book: the site's pages, as an EPUB 3 publication."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders import epub3

from weave import conf, static
from weave.book import Manuscript
from weave.site import Site

EPOCH = (1980, 1, 1, 0, 0, 0)
COVER = "_static/cover.svg"
ITEM = re.compile(r'<item id="epub-\d+" href="([^"]+)"')


class BookEpub(epub3.Epub3Builder):
    """Sphinx's builder, made exact and repeatable."""

    html_tag = (
        f'{epub3.HTML_TAG[:-1]} lang="{conf.LANGUAGE}"'
        f' xml:lang="{conf.LANGUAGE}">'
    )

    def content_metadata(self) -> dict[str, Any]:
        """The metadata; the date is the edition's, not the build's."""
        return super().content_metadata() | {"date": self.config.today}

    def build_content(self) -> None:
        """The package file; it must say which pages have formulas."""
        super().build_content()
        path = self.outdir / "content.opf"
        text = path.read_text("utf-8")
        path.write_text(ITEM.sub(self.declared, text), "utf-8")

    def declared(self, item: re.Match[str]) -> str:
        """An item of the package with the properties it must have."""
        name, mark = item[1], ""
        if name == COVER:
            mark = ' properties="cover-image"'
        elif name.endswith(".xhtml"):
            page = (self.outdir / name).read_text("utf-8")
            mark = ' properties="mathml"' * ("<math" in page)
        return item[0] + mark

    def toc_metadata(self, *args: Any) -> dict[str, Any]:
        """What the contents for old readers say of the book."""
        uid = self.config.epub_identifier
        return super().toc_metadata(*args) | {"uid": uid}

    def build_epub(self) -> None:
        """Pack the book: the same pages give the same bytes."""
        names = ["META-INF/container.xml", "content.opf", "toc.ncx"]
        out = self.outdir / f"{self.config.epub_basename}.epub"
        with zipfile.ZipFile(out, "w") as book:
            for name in ["mimetype", *names, *sorted(self.files)]:
                entry = zipfile.ZipInfo(name, EPOCH)
                if name != "mimetype":
                    entry.compress_type = zipfile.ZIP_DEFLATED
                book.writestr(entry, (self.outdir / name).read_bytes())


class Epub(Site):
    """The e-book of a manuscript."""

    builder = "epub"
    api = False

    def __init__(self, ms: Manuscript) -> None:
        super().__init__(ms)
        self.out = self.work / "book"

    def settings(self) -> dict[str, Any]:
        """The settings of the e-book."""
        files = static.for_epub(self.ms.conf, self.work / "static")
        return conf.for_epub(self.ms, files)

    def downloads(self) -> dict[str, Path]:
        """None: the reader has the book."""
        return {}


def build(ms: Manuscript, out: Path) -> None:
    """Write the e-book to `out`."""
    epub = Epub(ms)
    shutil.rmtree(epub.out, ignore_errors=True)
    epub.build()
    made = epub.out / f"{ms.conf['title'].lower()}.epub"
    out.write_bytes(made.read_bytes())


def setup(app: Sphinx) -> dict[str, Any]:
    """Put our builder in the place of Sphinx's own."""
    app.add_builder(BookEpub, override=True)
    return {"version": "1"}
