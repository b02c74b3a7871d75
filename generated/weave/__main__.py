# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. fd3084662d8b
"""The weaver's commands: `python -m weave VERB`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import tangle
from weave import ManuscriptError
from weave.progress import complaints, step

if TYPE_CHECKING:
    from weave.book import Manuscript

VERBS = {
    "run": "run what the chapters run",
    "pdf": "set the book, or the chapters that are named",
    "site": "make the web site",
    "epub": "make the e-book",
    "book": "make all three",
    "watch": "at each save: tangle, test, weave, reload",
    "check": "look for what no reader should find",
}
MADE = ("pdf", "epub", "site")  # the site offers the other two


def make(ms: Manuscript, form: str, chapters: Sequence[str]) -> None:
    """Make the book in one form; chapters only as PDF."""
    build = ms.root / "build"
    if form == "site":
        from weave.site import Site

        with step("build/site"):
            Site(ms).build()
    elif form == "epub":
        from weave import epub

        with step("build/nand2llm.epub"):
            epub.build(ms, build / "nand2llm.epub")
    else:
        from weave import pdf

        for name in chapters:
            with step(f"build/pdf/{name}.pdf"):
                out = build / "pdf" / f"{name}.pdf"
                pdf.build_chapter(ms, name, out)
        if not chapters:
            with step("build/nand2llm.pdf"):
                pdf.build_book(ms, build / "nand2llm.pdf")


def obey(args: argparse.Namespace) -> int:
    """Do what the command line says; the exit status."""
    root = args.root.resolve()
    if args.verb == "watch":
        from weave import watch

        return watch.main(root, args.port)
    if args.verb == "check":
        from weave import check

        return check.main(root)
    from weave import book, tested

    with step("the chapters, read and run"):
        ms = book.load(root, lanes=os.cpu_count() or 1)
    forms = {"book": MADE, "run": ()}.get(args.verb, (args.verb,))
    with ThreadPoolExecutor(1) as aside:
        if "site" in forms:  # which comes last
            tracing = aside.submit(tested.record, ms.tangled)
        for form in forms:
            if form == "site":
                with step("what the tests run"):
                    failed = tracing.result()
                for problem in failed:
                    print(problem, file=sys.stderr)
            make(ms, form, args.chapters)
    return 0


def options() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    parser = argparse.ArgumentParser("weave", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path())
    parser.set_defaults(chapters=[])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, words in VERBS.items():
        verb = verbs.add_parser(name, help=words, description=words)
        if name == "pdf":
            verb.add_argument(
                "chapters",
                nargs="*",
                metavar="CHAPTER",
                help="part1/01-introduction, for example",
            )
        if name == "watch":
            verb.add_argument("--port", type=int, default=8000)
    return parser


def main() -> int:
    """Run the command; what is wrong with the book is one line each."""
    try:
        return obey(options().parse_args())
    except (tangle.TangleError, ManuscriptError) as problem:
        print(*complaints(problem), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
