# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. cc6f59286f65
"""How Sphinx is set up for the site and the e-book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weave import live
from weave.book import Manuscript

HERE = Path(__file__).parent
LANGUAGE = "en"
# Of a second Sphinx in one process, such as the e-book's.
AGAIN = ["app.add_node", "app.add_directive", "app.add_role"]
# What Sphinx puts beside every e-book.
UNUSED = ("basic.css", "file.png", "minus.png", "plus.png")


def common(ms: Manuscript) -> dict[str, Any]:
    """What both have in common."""
    conf = ms.conf
    authors = ", ".join(conf["authors"])
    return {
        "project": conf["title"],
        "author": authors,
        "project_copyright": authors,
        "language": LANGUAGE,
        "extensions": ["weave.sphinxext"],
        "source_suffix": {".page": "page", ".rst": "restructuredtext"},
        "default_role": "literal",
        "smartquotes": False,
        "html_math_renderer": "katex",
        "html_scaled_image_link": False,
        "pygments_style": "none",
        "suppress_warnings": AGAIN,
    }


def for_site(ms: Manuscript, static: Path) -> dict[str, Any]:
    """The settings of the site."""
    return common(ms) | {
        "extensions": ["weave.sphinxext", "sphinx.ext.autodoc"],
        "html_theme": "furo",
        "html_title": ms.conf["title"],
        "html_static_path": [str(static)],
        "html_css_files": [
            "fonts/fonts.css",
            "katex/katex.css",
            "book.css",
            "told.css",
            "run.css",
            "widgets.css",
        ],
        "html_js_files": [
            ("book.js", {"defer": "defer"}),
            ("about.js", {"defer": "defer"}),
            (
                "run.js",
                {"defer": "defer", "data-size": live.size(ms.root)},
            ),
            ("widgets.js", {"defer": "defer"}),
        ],
        "html_favicon": str(HERE / "site" / "favicon.svg"),
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_sphinx": False,
        "html_use_index": False,
        "html_domain_indices": False,
        "autodoc_member_order": "bysource",
        "add_module_names": False,
        "toc_object_entries_show_parents": "hide",
    }


def for_epub(ms: Manuscript, static: Path) -> dict[str, Any]:
    """The settings of the e-book."""
    conf = ms.conf
    authors = ", ".join(conf["authors"])
    return common(ms) | {
        "extensions": ["weave.sphinxext", "weave.epub"],
        "version": "1",
        "today": f"{conf.get('date', '2026-01-01')}T00:00:00Z",
        "epub_title": f"{conf['title']}: {conf['subtitle']}",
        "epub_author": authors,
        "epub_contributor": authors,
        "epub_publisher": authors,
        "epub_copyright": authors,
        "epub_description": conf["subtitle"],
        "epub_language": LANGUAGE,
        "epub_identifier": "urn:book:" + conf["title"].lower(),
        "epub_uid": "book-id",
        "epub_basename": conf["title"].lower(),
        "epub_show_urls": "no",
        "epub_use_index": False,
        "epub_tocscope": "includehidden",
        "epub_tocdepth": 2,
        "epub_tocdup": False,
        "epub_cover": ("_static/cover.svg", "epub-cover.html"),
        "epub_exclude_files": [f"_static/{name}" for name in UNUSED],
        "html_static_path": [str(static)],
    }
