# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. ac9a897b44ac
"""The web site, built by Sphinx in this process."""

from __future__ import annotations

import contextlib
import hashlib
import html
import importlib
import io
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import panflute as pf
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.parsers import Parser

from weave import (
    ManuscriptError,
    book,
    changed,
    conf,
    live,
    static,
    told,
)
from weave.book import Manuscript, Page
from weave.changed import patch_name
from weave.contents import Contents, Place, eyebrow
from weave.docut import Converter, Nodes
from weave.links import Links, shown_name

HERE = Path(__file__).parent
COLOR = re.compile(r"\x1b\[[\d;]*m")
API_INDEX = """\
Reference of the package
========================

Every public name of the package that the chapters build. Each entry
leads to the code in the chapter that says why it is as it is.

.. toctree::
   :maxdepth: 1

"""
API_MODULE = """\
.. {digest}

{module}
{rule}

.. automodule:: {module}
   :members:
   :undoc-members:
"""


@cache
def tools() -> str:
    """A hash of the weaver: with it, every page is made anew."""
    texts = (file.read_bytes() for file in sorted(HERE.glob("*.py")))
    return hashlib.sha256(b"".join(texts)).hexdigest()


def write(path: Path, text: str) -> None:
    """Write a file unless it says this already."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@contextlib.contextmanager
def package_of(root: Path) -> Iterator[None]:
    """Let Sphinx import the package anew, from below `root`."""

    def take() -> dict[str, ModuleType]:
        names = [n for n in sys.modules if n.startswith("nand2llm")]
        return {name: sys.modules.pop(name) for name in names}

    sys.path.insert(0, str(root / "generated"))
    kept = take()
    try:
        yield
    finally:
        sys.path.pop(0)
        take()
        sys.modules.update(kept)


def without_library(
    root: Path, modules: Iterable[str]
) -> dict[str, str]:
    """Those that need the native library, where it's missing: why."""
    wanting: dict[str, str] = {}
    with package_of(root):
        try:
            native = importlib.import_module("nand2llm.native")
        except ImportError:  # a book without it
            return wanting
        reason = native.why_not()
        for module in modules if reason else ():
            try:
                importlib.import_module(module)
            except (ImportError, RuntimeError) as error:
                if reason in str(error):
                    wanting[module] = reason
    return wanting


class Site:
    """The site of a manuscript; it keeps what it can between builds.

    Sphinx asks one thing of a page's source: has it changed? So the
    source that it gets is a hash of all that the page shows, and the
    page itself comes straight from the manuscript.
    """

    builder = "html"
    api = True

    def __init__(self, ms: Manuscript) -> None:
        self.out = ms.root / "build" / "site"
        self.work = ms.root / "build" / "sphinx" / self.builder
        self.source = self.work / "pages"
        self.app: Sphinx | None = None
        self.kept: dict[str, dict[str, Place]] = {}
        self.benches = live.Benches()
        self.left_out: dict[str, str] = {}
        self.warnings = io.StringIO()
        self.read(ms)

    def read(self, ms: Manuscript) -> None:
        """Turn to this state of the book."""
        self.ms = ms
        self.links = Links(ms, self.source, self.api)
        if self.api:
            self.links.marks = self.benches.read(ms)
            self.left_out = without_library(ms.root, self.links.modules)
            for name in self.left_out:
                del self.links.modules[name]
        self.contents = Contents(
            self.links, self.downloads(), self.kept
        )

    def downloads(self) -> dict[str, Path]:
        """The other forms of the book, as far as they are made."""
        name = self.ms.conf["title"].lower()
        made = {
            form.upper(): self.ms.root / "build" / f"{name}.{form}"
            for form in ("pdf", "epub")
        }
        return {
            form: path for form, path in made.items() if path.exists()
        }

    def build(self) -> None:
        """Bring the site up to date.

        Raises ManuscriptError for whatever Sphinx warns of.
        """
        self.sources()
        if self.app is None:
            self.app = self.start()
        # Sphinx expects to build once; from then on these are stale.
        self.app.env._pickled_doctree_cache.clear()
        vars(self.app.env).pop("master_doctree", None)
        with package_of(self.ms.root):
            self.app.build()
        if sessions := self.benches.sessions():
            static_files = self.out / "_static"
            live.for_site(self.ms.root, static_files)
            for name, text in sessions.items():
                write(static_files / name, text)
        for path in self.downloads().values():
            static.copy(path, self.out / path.name)
        self.companions()
        problems = COLOR.sub("", self.warnings.getvalue()).splitlines()
        self.warnings.seek(0)
        self.warnings.truncate()
        if problems:
            shutil.rmtree(self.work / "doctrees")
            self.app = None
            raise ManuscriptError(*problems)

    def rebuild(self, ms: Manuscript) -> None:
        """Make anew the pages that read differently in `ms`."""
        self.read(ms)
        self.build()

    def companions(self) -> None:
        """Write what the pages load or offer; remove what is stale."""
        texts = dict(told.sheets(self.links))
        for page in self.ms.pages:
            if patch := changed.whole(page):
                texts["patches/" + patch_name(page.number)] = patch
            for name, data in page.widgets.items():
                text = json.dumps(data, separators=(",", ":"))
                text = f'(self.widgets ??= {{}})["{name}"] = {text};\n'
                texts[f"widgets/{name}.js"] = text
        for name, text in texts.items():
            write(self.out / name, text)
        for folder in ("sheets", "patches", "widgets"):
            for path in (self.out / folder).rglob("*.*"):
                if path.relative_to(self.out).as_posix() not in texts:
                    path.unlink()

    def start(self) -> Sphinx:
        """Sphinx, set up for this book."""
        app = Sphinx(
            self.source,
            None,
            self.out,
            self.work / "doctrees",
            self.builder,
            confoverrides=self.settings(),
            status=None,
            warning=self.warnings,
        )
        app.add_source_parser(reader(self))
        app.connect("html-page-context", self.page_context)
        if self.api:
            app.connect("autodoc-process-docstring", self.origin)
        return app

    def settings(self) -> dict[str, Any]:
        """What other projects write into their conf.py."""
        files = static.for_site(self.ms.root, self.work / "static")
        return conf.for_site(self.ms, files)

    # what Sphinx reads

    def sources(self) -> None:
        """Write a source for each page; remove those of pages gone."""
        texts = {
            f"{p.docname}.page": self.fingerprint(p)
            for p in self.ms.pages
        }
        basis = digest(tools(), self.contents.basis())
        texts |= dict.fromkeys(
            (f"{name}.page" for name in self.contents.made), basis
        )
        if self.api:
            texts |= self.api_sources()
        for name, text in texts.items():
            write(self.source / name, text)
        for path in self.source.rglob("*.*"):
            stale = path.relative_to(self.source)
            if stale.as_posix() not in texts:
                path.unlink()
                page = self.out / stale.with_suffix(".html")
                page.unlink(missing_ok=True)

    def fingerprint(self, page: Page) -> str:
        """A hash of what a page shows."""
        seen: list[object] = [tools(), page.key or book.digest(page)]
        seen += [(p.docname, p.number, p.title) for p in self.ms.pages]
        seen += [(pf.stringify(e), e.attributes) for e in page.links]
        seen.append(self.ms.conf.get("macros"))
        for chunk in page.chunks:
            seen += [
                chunk.attributes,
                self.links.inside(page.docname, chunk),
                self.links.around(page.docname, chunk),
                self.links.home(chunk),
                self.links.marks.get(
                    (page.path, int(chunk.attributes["line"]))
                ),
            ]
        return digest(*map(repr, seen))

    def api_sources(self) -> dict[str, str]:
        """The pages of the reference: one for each module."""
        modules = self.links.modules
        names = "".join(f"   {module}\n" for module in modules)
        texts = {"api/index.rst": API_INDEX + names}
        for module, reason in self.left_out.items():
            line = f"\nNot here: ``{module}``; {reason}.\n"
            texts["api/index.rst"] += line
        for module, target in modules.items():
            lines = self.ms.tangled.expand(
                self.ms.tangled.targets[target]
            )
            code = "\n".join(line.text for line in lines)
            texts[f"api/{module}.rst"] = API_MODULE.format(
                digest=digest(tools(), code),
                module=module,
                rule="=" * len(module),
            )
        return texts if modules else {}

    def page_nodes(self, docname: str) -> Nodes:
        """A page as Sphinx wants it."""
        if docname in self.contents.made:
            return self.contents.made[docname]()
        page = self.ms.page(docname)
        return Converter(self.links, docname).page(page.body)

    # what Sphinx asks for

    def page_context(
        self,
        app: Sphinx,
        docname: str,
        template: str,
        context: dict[str, Any],
        doctree: nodes.document | None,
    ) -> None:
        """Set above a page's title which part and chapter it is, and
        give the headings of the book's contents their level."""
        tree = context.get("furo_navigation_tree", "")
        context["furo_navigation_tree"] = tree.replace(
            'role="heading"', 'role="heading" aria-level="2"'
        )
        if docname in {page.docname for page in self.ms.pages}:
            line = html.escape(eyebrow(self.ms, self.ms.page(docname)))
            mark = f'<p class="eyebrow">{line}</p>\n' if line else ""
            context["body"] = mark + context["body"]

    def origin(
        self,
        app: Sphinx,
        what: str,
        name: str,
        item: object,
        options: object,
        lines: list[str],
    ) -> None:
        """End an entry of the reference with its place in the book."""
        if found := self.links.origins.get(name):
            there, chunk = found
            address = f"{there.docname}#{there.anchor}"
            text = shown_name(chunk)
            lines += [
                "",
                f"Written in :book:place:`{text} <{address}>`.",
                "",
            ]


def digest(*texts: str) -> str:
    """A hash of several texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def reader(site: Site) -> type[Parser]:
    """The parser that takes a page from the manuscript."""

    class PageReader(Parser):
        """Leaves the text of the source alone."""

        supported = ("page",)

        def parse(
            self, inputstring: str, document: nodes.document
        ) -> None:
            env = document.settings.env
            docname = env.current_document.docname
            document.extend(site.page_nodes(docname))
            domain = env.domains["book"]
            for kind, title, anchor in site.links.objects(docname):
                domain.note(docname, kind, title, anchor)

    return PageReader
