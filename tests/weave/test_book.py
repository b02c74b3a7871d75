"""What the weaver makes of a manuscript, before anything is typeset."""

from pathlib import Path

import panflute as pf
import pytest

import tangle
from weave import ManuscriptError
from weave.book import Manuscript, digest, load
from weave.pandoc import walk

from .conftest import Weave, write_book


def fence(info: str, *body: str) -> str:
    return "\n".join(["``` {" + info + "}", *body, "```", ""])


def divs(ms: Manuscript, kind: str, page: int = 0) -> list[pf.Div]:
    """The Divs of one class, in reading order."""
    found = walk(ms.pages[page].body)
    return [e for e in found if isinstance(e, pf.Div) and kind in e.classes]


def text(ms: Manuscript, page: int = 0) -> str:
    return pf.stringify(ms.pages[page].body).replace("\u00a0", " ")


def outputs(ms: Manuscript) -> list[str]:
    return [d.content[0].text for d in divs(ms, "output")]


def test_numbers_follow_the_reading_order(weave: Weave) -> None:
    ms = weave(
        "# One {#ch:one}\n\nSee @sec:b, @eq:late and @ch:two.\n\n"
        "## A\n\n### Deep\n\n## B {#sec:b}\n\n$$ a $$ {#eq:early}\n\n"
        "$$ b $$\n\nText $$ c $$ {#eq:late} more.\n",
        "# Two {#ch:two}\n\n$$ d $$ {#eq:other}\n",
    )
    assert "See Section 1.2, Equation (1.2) and Chapter 2." in text(ms)
    numbers = [d.attributes.get("number") for d in divs(ms, "equation")]
    assert numbers == ["1.1", None, "1.2"]
    assert ms.xref["eq:other"].number == "2.1"
    heads = [e for e in walk(ms.pages[0].body) if isinstance(e, pf.Header)]
    shown = [h.attributes.get("number") for h in heads]
    assert shown == ["1", "1.1", "1.1.1", "1.2"]


def test_a_bare_reference_gives_the_number_alone(weave: Weave) -> None:
    ms = weave("# One {#ch:one}\n\nin [-@eq:x]\n\n$$ a $$ {#eq:x}\n")
    assert "in (1.1)" in text(ms)


def test_chunks_know_their_parts_and_users(weave: Weave) -> None:
    ms = weave(
        "# One {#ch:one}\n\n"
        + fence(".python #top file=generated/a.py", "<<part/x>>")
        + fence(".python #part/x", "a = 1")
        + fence(".python #part/x", "", "b = 2", ""),
        "# Two {#ch:two}\n\n" + fence(".python #part/x .replace", "c = 3"),
    )
    first, second, third = divs(ms, "chunk")
    assert first.attributes["file"] == "generated/a.py"
    assert second.attributes["used-in"] == "top"
    assert second.attributes["next"] == f"part1/01-one#{third.identifier}"
    assert third.attributes["first"] == f"part1/01-one#{second.identifier}"
    assert (second.attributes["part"], third.attributes["part"]) == ("0", "1")
    assert third.content[0].text == "b = 2"
    (new,) = divs(ms, "chunk", page=1)
    assert new.attributes["part"] == "0"
    assert new.attributes["replaces"] == f"part1/01-one#{second.identifier}"
    assert third.attributes["replaced"] == f"part1/02-two#{new.identifier}"


def test_blocks_share_a_session_and_show_what_they_do(weave: Weave) -> None:
    ms = weave(
        "# One {#ch:one}\n\n"
        + fence(".python .run", "x = 20", "print('hi')", "x + 1")
        + "\nTwice `{python} 2 * x`.\n\n"
        + fence(".python .run", "x += 1", "x")
        + fence(".python .run .raises", "print(1)", "1 / 0")
        + fence(".bash .run", "echo $((1 + 2))")
    )
    assert outputs(ms) == [
        "hi",
        "21",
        "21",
        "1",
        "ZeroDivisionError: division by zero",
        "3",
    ]
    assert "Twice 40." in text(ms)


def test_a_block_sees_its_own_chapters_snapshot(weave: Weave) -> None:
    ask = fence(".python .run", "from pkg.m import VALUE", "VALUE")
    ms = weave(
        "# One {#ch:one}\n\n"
        + fence(".python #m file=generated/pkg/m.py", "VALUE = 1")
        + ask,
        "# Two {#ch:two}\n\n"
        + fence(".python #m .replace file=generated/pkg/m.py", "VALUE = 2")
        + ask,
    )
    shown = [divs(ms, "output", page=p)[0].content[0].text for p in (0, 1)]
    assert shown == ["1", "2"]


def test_results_are_cached_until_code_changes(
    weave: Weave, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    chapter = "# One {#ch:one}\n\n" + fence(
        ".python .run", f"with open({str(log)!r}, 'a') as f:", "    f.write('x')"
    )
    weave(chapter)
    weave(chapter + "\nMore prose.\n")
    assert log.read_text() == "x"
    weave(chapter + fence(".python .run", "1"))
    assert log.read_text() == "xx"


def test_figures_and_tables_made_by_code(weave: Weave) -> None:
    ms = weave(
        '# One {#ch:one}\n\n:::: {#fig:f alt="A square" width=30%}\n'
        + fence(".python .run .hidden", "'<svg xmlns=\"a\"/>'")
        + "\nThe *caption*.\n::::\n\n::: {#tbl:t}\n"
        + fence(
            ".python .run",
            "show.table([(1, 'a|b')], ['n', 'text'], 'rl')",
        )
        + "\nCells.\n:::\n\nIn @fig:f and @tbl:t.\n"
    )
    (figure,) = divs(ms, "figure")
    assert figure.attributes["alt"] == "A square"
    assert (ms.root / figure.attributes["src"]).read_text().startswith("<svg")
    assert pf.stringify(figure).strip() == "The caption."
    (table,) = divs(ms, "table")
    assert table.attributes["number"] == "1.1"
    found = [e for e in walk(table) if isinstance(e, pf.Table)]
    assert "a|b" in pf.stringify(found[0])
    assert "In Figure 1.1 and Table 1.1." in text(ms)


def test_matplotlib_figures_are_the_same_bytes_twice(
    weave: Weave, tmp_path: Path
) -> None:
    chapter = (
        '# One {#ch:one}\n\n:::: {#fig:f alt="A line"}\n'
        + fence(
            ".python .run .hidden",
            "import matplotlib.pyplot as plt",
            "plt.plot([1, 2, 3])",
        )
        + "\nCaption.\n::::\n"
    )
    path = tmp_path / divs(weave(chapter), "figure")[0].attributes["src"]
    before = path.read_bytes()
    weave(chapter.replace("A line", "The line") + fence(".python .run", "1"))
    assert path.read_bytes() == before


def test_solutions_stand_with_the_answers_only(weave: Weave) -> None:
    ms = weave(
        "# One {#ch:one}\n\n::::: {.exercise #ex:e level=2 title=T}\nDo.\n\n"
        + fence(".python .stub", "def e(): ...")
        + fence(".python .test", "assert e() == 1")
        + fence(".python .solution", "def e(): return 1")
        + fence(".python .mutant", "def e(): return 2")
        + "\n::: {.solution}\nBecause of [luck]{.idx}.\n:::\n:::::\n"
    )
    chapter = "\n".join(
        e.text for e in walk(ms.pages[0].body) if isinstance(e, pf.CodeBlock)
    )
    assert "def e(): ..." in chapter and "return" not in chapter
    answers = ms.page("answers")
    code = [e.text for e in walk(answers.body) if isinstance(e, pf.CodeBlock)]
    assert code == ["def e(): return 1"]
    assert "Because of luck." in pf.stringify(answers.body)
    assert [docname for docname, _ in ms.terms["luck"]] == ["answers"]


def test_terms_and_identifiers_are_indexed(weave: Weave) -> None:
    ms = weave(
        "# One {#ch:one}\n\nA [slope]{.idx} and [runs]{.idx term=run}.\n\n"
        + fence(".python #m file=generated/pkg/m.py", "<<f>>", "", "", "<<g>>")
        + fence(".python #f", "def f():", "    return 1")
        + fence(".python #g", "def g():", "    return f()")
    )
    assert set(ms.terms) == {"slope", "run"}
    f, g = ms.identifiers
    assert (f.name, f.module, f.defined.chunk) == ("f", "pkg.m", "f")
    assert [place.chunk for place in f.used] == ["g"]
    assert g.used == []


def test_citations_name_author_and_year(weave: Weave, tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book/references.bib").write_text(
        "@book{k, author={Donald E. Knuth}, title={T}, year=1984}\n"
        "@book{w, author={Stefan van der Walt}, title={W}, year=2011}\n"
        "@book{u, author={Un Cited}, title={U}, year=1999}\n"
    )
    ms = weave("# One {#ch:one}\n\n@k says so [@k; @w].\n")
    assert (
        "Knuth (1984) says so (Knuth 1984; van der Walt 2011)." in text(ms)
    )
    listed = pf.stringify(ms.page("bibliography").body)
    assert "Knuth" in listed and "Cited" not in listed


def test_unchanged_pages_are_taken_over(weave: Weave) -> None:
    one, two = "# One {#ch:one}\n\nSee @ch:two.\n", "# Two {#ch:two}\n\nHi.\n"
    old = weave(one, two)
    before = [digest(page) for page in old.pages]
    write_book(old.root, one, two.replace("Hi", "Hello"))
    new = load(old.root, old)
    assert new.pages[0] is old.pages[0]
    after = [digest(page) for page in new.pages]
    assert after[0] == before[0] and after[1] != before[1]


WRONG = {
    "label": ("See @fig:nome.\n", 3, "nothing is labelled fig:nome"),
    "citation": ("As [@nobody2000].\n", 3, "no entry nobody2000"),
    "chunk": ("In [](#nothing).\n", 3, "no chunk is named nothing"),
    "failing": (fence(".python .run", "x = 1", "x.y"), 5, "AttributeError"),
    "syntax": (fence(".python .run", "x = (1"), 4, "SyntaxError"),
    "inline": ("\nIt is `{python} 1 / 0`.\n", 4, "ZeroDivisionError"),
    "calm": (fence(".python .run .raises", "1"), 3, "raised nothing"),
    "shell": (fence(".bash .run", "exit 3"), 3, "exit status 3"),
    "alt": (
        "::: {#fig:f}\n"
        + fence(".python .run .hidden", "'<svg/>'")
        + "\nCaption.\n:::\n",
        3,
        "no alt text",
    ),
    "no picture": (
        '::: {#fig:f alt="x"}\n' + fence(".python .run", "1") + "\nC.\n:::\n",
        3,
        "draws no picture",
    ),
    "no file": ('![Cap](no.svg){#fig:f alt="x"}\n', 3, "does not exist"),
    "twice": ("$$ a $$ {#eq:a}\n\n$$ b $$ {#eq:a}\n", 3, "stands here twice"),
    "hidden fence": (
        "<pre>\n" + fence(".python #a file=generated/a.py", "1") + "</pre>\n",
        4,
        "pandoc does not",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_line(weave: Weave, name: str) -> None:
    body, line, message = WRONG[name]
    with pytest.raises((ManuscriptError, tangle.TangleError)) as caught:
        weave("# One {#ch:one}\n\n" + body)
    said = str(caught.value)
    assert said.startswith(f"book/part1/01-one.md:{line}: "), said
    assert message in said
    assert "\n" not in said


def test_an_error_inside_the_package_names_the_line_that_wrote_it(
    weave: Weave,
) -> None:
    code = fence(".python #m file=generated/pkg/m.py", "def f():", "    return 1 / 0")
    with pytest.raises(ManuscriptError) as caught:
        weave(
            "# One {#ch:one}\n\n" + code,
            "# Two {#ch:two}\n\n"
            + fence(".python .run", "from pkg.m import f", "f()"),
        )
    assert str(caught.value) == (
        "book/part1/02-two.md:5: ZeroDivisionError: division by zero"
        " (from book/part1/01-one.md:5)"
    )


def test_quotation_marks_and_dashes_are_typographic(weave: Weave) -> None:
    ms = weave("# One {#ch:one}\n\nIt's \"so\" -- *\"chapter 1's\"* end.\n")
    assert "It’s “so” – “chapter 1’s” end." in text(ms)


def test_a_word_counts_as_a_use_only_where_it_is_in_scope(
    weave: Weave,
) -> None:
    ms = weave(
        "# One {#ch:one}\n\n"
        + fence(".python #a file=generated/pkg/a.py", "def f():", "    return 1")
        + fence(
            ".python #b file=generated/pkg/b.py",
            "from pkg.a import f as g",
            "f = 2",
            "print(f, g())",
        )
        + fence(".python #c file=generated/pkg/c.py", "f = 3", "print(f)")
        + fence(".python #d file=generated/pkg/d.py", "from pkg import a", "a.f()")
    )
    (f,) = [i for i in ms.identifiers if i.name == "f"]
    assert [place.chunk for place in f.used] == ["b", "d"]


@pytest.mark.parametrize(("lines", "at"), [
    (["Text.", "", ":::", "", "More."], 5),
    (["Text", ":::", "more."], 4),
    (["::: aside", "Text.", ":::", "", "``` text", ":::", "```", "", "::::"], 11),
    (["::: {.aside title=1", "Text.", ":::"], 3),
    (["::: {.aside}", "", "::: two words", "", ":::"], 5),
])
def test_a_stray_fence_is_told_at_its_line(weave: Weave, lines: list[str], at: int) -> None:
    with pytest.raises(ManuscriptError, match=rf"01-one\.md:{at}: .* remove it"):
        weave("\n".join(["# One", "", *lines, ""]))


def test_colons_in_code_are_no_fence(weave: Weave) -> None:
    ms = weave("# One\n\nIt ends with `:::`.\n\n``` text\n:::\n```\n\n    :::\n")
    assert "It ends with" in text(ms)
