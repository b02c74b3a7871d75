"""What the tools know of the code: patches, sheets, and what tests ran."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import panflute as pf
import pytest

import tangle
from weave import changed, tested, told
from weave.book import Manuscript, load
from weave.links import Links
from weave.typst import Writer

from .conftest import Weave, write_book

ROOT = Path(__file__).resolve().parents[2]
BOOK = tangle.load(ROOT)
NUMBERS = [c.number for c in BOOK.chapters if c.kind == "chapter"]


def fence(info: str, *body: str) -> str:
    """A code block."""
    return "\n".join(["", "``` {" + info + "}", *body, "```", ""])


ONE = "# One {#ch:one}\n" + "".join(
    [
        fence(".python file=generated/nand2llm/__init__.py", '"""It."""'),
        fence(
            ".python #mod file=generated/nand2llm/mod.py",
            '"""A module."""',
            "",
            "<<mod/half>>",
            "",
            "class Box:",
            "    <<mod/open>>",
            "",
            "    <<mod/open>>",
        ),
        fence(".python #mod/half", "def half(x: int) -> int:", "    <<mod/check>>"),
        fence(".python #mod/half", "", "    return x // 2", ""),
        fence(
            ".python #mod/check",
            "if x % 2:",
            '    raise ValueError("odd")  # -- not reached',
        ),
        fence(".python #mod/open", "def open(self) -> str:", '    return """a', '    b"""'),
        fence(
            ".python .test",
            "from nand2llm.mod import half",
            "",
            "",
            "def test_half() -> None:",
            "    assert half(4) == 2",
        ),
    ]
)
TWO = "# Two {#ch:two}\n" + fence(
    ".python #mod/check .replace", "if x % 2:", "    x -= 1  # so it is even"
)


def contents(tree: Path) -> dict[str, bytes]:
    """Every file of a tree."""
    files = (path for path in tree.rglob("*") if path.is_file())
    return {str(f.relative_to(tree)): f.read_bytes() for f in files}


def links(ms: Manuscript) -> Links:
    """The manuscript as the site asks it."""
    return Links(ms, ms.root / "build/sphinx/pages", True)


# -- what a chapter changed


@pytest.mark.parametrize("number", NUMBERS)
def test_the_patch_of_a_page_makes_its_snapshot(number: str, tmp_path: Path) -> None:
    """`git apply` on the snapshot before gives this one, byte for byte."""
    section = changed.section(BOOK, number, ROOT / "build/cache/pandoc")
    assert pf.stringify(section[0]) == changed.TITLE
    page = changed.Page("x", "chapter", number, body=pf.Doc(*section))
    (tmp_path / "it.patch").write_text(changed.whole(page), "utf-8")
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    if number != "1":
        tangle.snapshot(BOOK, int(number) - 1, old)
    tangle.snapshot(BOOK, number, new)
    assert contents(old) != contents(new)
    command = ["git", "apply", "--whitespace=nowarn", "../it.patch"]
    subprocess.run(command, cwd=old, check=True, capture_output=True)
    assert contents(old) == contents(new)


def test_a_page_ends_with_what_its_chapter_changed(weave: Weave) -> None:
    ms = weave(ONE, TWO + "\n## Further reading\n")
    page = ms.pages[1]
    assert changed.whole(page) == "".join(tangle.diff(ms.tangled, "1", "2"))
    heading, changes = page.body.content[-2:]
    assert heading.attributes["number"] == "2.2"
    (file,) = (e.attributes for e in changes.content if isinstance(e, pf.Div))
    assert file["file"] == "nand2llm/mod.py"
    assert (file["added"], file["removed"]) == ("2", "2")  # the header, a line
    source = Writer(ms, page).source()
    assert "in one file, 2 lines were added and 2 removed" in source
    assert "nand2llm/mod.py" in source and "x -= 1" not in source.split(changed.TITLE)[1]


def test_a_page_follows_the_chapter_before_it(weave: Weave, tmp_path: Path) -> None:
    """A line that this chapter replaces was changed in the last one."""
    before = weave(ONE, TWO)
    write_book(tmp_path, ONE.replace("odd", "uneven"), TWO)
    after = load(tmp_path, before)
    assert '-        raise ValueError("uneven")' in changed.whole(after.pages[1])


def test_a_chapter_without_code_changes_nothing(weave: Weave) -> None:
    ms = weave(ONE, "# Two {#ch:two}\n\nWords.\n")
    assert changed.whole(ms.pages[1]) == ""
    assert changed.TITLE not in pf.stringify(ms.pages[1].body)


def test_dashes_in_the_code_are_no_heads_of_files() -> None:
    patch = (
        "diff --git a/a b.sql b/a b.sql\n--- a/a b.sql\t\n+++ b/a b.sql\t\n"
        "@@ -1,2 +1,2 @@\n--- gone\n+++ come\n stays\n"
    )
    assert list(changed.steps(patch)) == [
        ("@", "@@ -1,2 +1,2 @@", 1, 1),
        ("-", "-- gone", 1, 1),
        ("+", "++ come", 2, 1),
        (" ", "stays", 2, 2),
    ]
    given = changed.change(patch, "1", "2").attributes
    assert given == given | {"file": "a b.sql", "added": "1", "removed": "1"}


def test_the_lines_of_a_patch_know_their_chunks(weave: Weave) -> None:
    ms = weave(ONE, TWO)
    change = ms.pages[1].body.content[-1].content[-1]
    rows = list(told.patched(links(ms), change))
    plain = "".join(f"{r.sign}{text_of(r.html)}\n".replace("@@@", "@@") for r in rows)
    assert plain in changed.whole(ms.pages[1])
    names = [row.chunk.chunk for row in rows if row.chunk]  # each once in a row
    assert names == ["mod", "mod/half", "mod/check", "mod/half"]


# -- sheets


def text_of(line: str) -> str:
    """A highlighted line without its colors."""
    return html.unescape(re.sub("<[^>]*>", "", line))


def sheets(ms: Manuscript) -> dict[str, dict]:
    """All sheets of a book by their paths."""
    found = {}
    for path, script in told.sheets(links(ms)):
        found[path] = json.loads(script.partition(" = ")[2].rstrip(";\n"))
    return found


def test_a_sheet_says_what_the_tangler_expands(weave: Weave) -> None:
    """At each chapter's end; also what is continued, or used twice."""
    ms = weave(ONE, TWO)
    found = sheets(ms)
    assert len(found) == 3
    for path, sheet in found.items():
        docname, _, target = path.removeprefix("sheets/").partition("/gen")
        page = ms.page(docname)
        book = ms.tangled.until(page.number)
        lines = [text_of(line) for line, _ in sheet["lines"]]
        assert lines == [x.text for x in tangle.render(book, f"gen{target}"[:-3])]
        names = {c.identifier: c.attributes["name"] for c in page.chunks}
        assert sheet["chunks"]
        for anchor, chunk in sheet["chunks"].items():
            first, last, indent = chunk["at"]
            shown = [line[indent:] for line in lines[first : last + 1]]
            assert shown == [x.text for x in book.expand(names[anchor])]


def test_a_sheet_tells_the_lines_of_each_chunk(weave: Weave) -> None:
    ms = weave(ONE, TWO)
    sheet = sheets(ms)["sheets/part1/02-two/generated/nand2llm/mod.py.js"]
    owners = {
        text_of(line): sheet["links"][link] for line, link in sheet["lines"] if link >= 0
    }
    assert owners["        x -= 1  # so it is even"] == ["#chunk-mod-check-2", "⟨mod/check⟩"]
    one = "01-one.html#chunk-mod-half-2"
    assert owners["    return x // 2"] == [one, "⟨mod/half⟩ in Chapter\u00a01"]
    assert sheet["lines"][0][1] == -1  # the tangler's own line


def test_a_sheet_names_what_is_defined_and_used(weave: Weave) -> None:
    more = fence(
        ".python #use file=generated/nand2llm/use.py",
        "from nand2llm.mod import half",
        "",
        "",
        "def quarter(x: int) -> int:",
        "    return half(half(x))",
    )
    found = sheets(weave(ONE + more))
    mod = found["sheets/part1/01-one/generated/nand2llm/mod.py.js"]
    ((name, used),) = mod["chunks"]["chunk-mod-half"]["defines"]
    assert (name, [mod["links"][n] for n in used]) == ("half", [["#chunk-use", "⟨use⟩"]])
    use = found["sheets/part1/01-one/generated/nand2llm/use.py.js"]
    (there,) = use["chunks"]["chunk-use"]["uses"]
    assert use["links"][there] == ["#chunk-mod-half", "half"]


# -- what the tests run


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tangle.Book:
    """The book of two chapters, its tests traced."""
    root = tmp_path_factory.mktemp("traced")
    write_book(root, ONE, TWO)
    book = tangle.load(root)
    assert tested.recorded(book) is None
    assert tested.record(book) == []
    return book


def verdicts(book: tangle.Book) -> dict[str, list[str] | None]:
    """What is known of each statement of the module, by its text."""
    ran = tested.recorded(book)
    assert ran is not None
    lines = {
        number: book.texts[path].split("\n")[number - 1].strip()
        for target, path, number in ran
        if target.endswith("mod.py") and path.endswith("one.md")
    }
    return {lines[n]: ran[t, p, n] for t, p, n in ran if n in lines and "mod.py" in t}


def test_lines_that_no_test_runs_are_known(traced: tangle.Book) -> None:
    found = verdicts(traced)
    assert found["return x // 2"] == ["test_01_one.test_half"]
    assert found["def half(x: int) -> int:"] == []  # on import
    assert found['return """a'] is None


def test_what_was_replaced_is_tried_in_its_own_snapshot(traced: tangle.Book) -> None:
    assert [t.chapter.number for t in tested.traces(traced)] == ["2", "1"]
    assert verdicts(traced)['raise ValueError("odd")  # -- not reached'] is None


def test_nothing_is_traced_twice(traced: tangle.Book) -> None:
    times = [t.store().stat().st_mtime_ns for t in tested.traces(traced)]
    assert tested.record(tangle.load(traced.root)) == []
    assert times == [t.store().stat().st_mtime_ns for t in tested.traces(traced)]


def test_of_changed_code_nothing_is_known(traced: tangle.Book, tmp_path: Path) -> None:
    ms = write_and_load(tmp_path, ONE, TWO)
    (sheet,) = [s for p, s in sheets(ms).items() if "02-two" in p]
    assert "tests" not in sheet and sheet["unknown"] == told.UNKNOWN
    assert tested.record(ms.tangled) == []
    (sheet,) = [s for p, s in sheets(ms).items() if "02-two" in p]
    line = next(n for n, (t, _) in enumerate(sheet["lines"]) if "so it is even" in t)
    assert sheet["tests"][str(line)] is None and "unknown" not in sheet
    ms = write_and_load(tmp_path, ONE, TWO.replace("-= 1", "+= 1"))
    (sheet,) = [s for p, s in sheets(ms).items() if "02-two" in p]
    assert "tests" not in sheet and sheet["unknown"] == told.UNKNOWN


def write_and_load(root: Path, *chapters: str) -> Manuscript:
    """A book on disk, as a manuscript."""
    write_book(root, *chapters)
    return load(root)


def test_failing_tests_leave_no_record(tmp_path: Path) -> None:
    write_book(tmp_path, ONE.replace("== 2", "== 3"))
    book = tangle.load(tmp_path)
    (problem,) = tested.record(book)
    assert problem.startswith("build/snapshots/01/tests:1: 1 failed")
    assert tested.recorded(book) is None


def test_only_the_package_is_traced(weave: Weave) -> None:
    tool = fence(".python #tool file=generated/tool.py", "A = 1")
    sheet = sheets(weave(ONE + tool))["sheets/part1/01-one/generated/tool.py.js"]
    assert sheet["unknown"] == told.ELSEWHERE
