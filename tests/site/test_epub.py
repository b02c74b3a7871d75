"""The e-book's structure, as strictly as readers take it."""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.site.pages import Seen, dead_links

BOOK = Path(__file__).resolve().parents[2] / "build" / "nand2llm.epub"
OPF = "{http://www.idpf.org/2007/opf}"
DC = "{http://purl.org/dc/elements/1.1/}"
XHTML = "{http://www.w3.org/1999/xhtml}"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["small", "book"])
def epub(request: pytest.FixtureRequest) -> Path:
    """An e-book."""
    if request.param == "small":
        return (
            request.getfixturevalue("small") / "build" / "nand2llm.epub"
        )
    if not BOOK.exists():
        pytest.skip("the e-book is not built; run make epub")
    return BOOK


@pytest.fixture(scope="module")
def files(epub: Path) -> dict[str, bytes]:
    """Its files."""
    with zipfile.ZipFile(epub) as book:
        return {name: book.read(name) for name in book.namelist()}


@pytest.fixture(scope="module")
def package(files: dict[str, bytes]) -> ElementTree.Element:
    """The package file."""
    return ElementTree.fromstring(files["content.opf"])


def items(
    package: ElementTree.Element,
) -> dict[str, ElementTree.Element]:
    """The manifest by ids."""
    return {i.attrib["id"]: i for i in package.iter(f"{OPF}item")}


def test_container(epub: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(epub) as book:
        first = book.infolist()[0]
    assert first.filename == "mimetype"
    assert first.compress_type == zipfile.ZIP_STORED and not first.extra
    assert files["mimetype"] == b"application/epub+zip"
    container = ElementTree.fromstring(files["META-INF/container.xml"])
    (rootfile,) = (
        e for e in container.iter() if e.tag.endswith("rootfile")
    )
    assert rootfile.attrib["full-path"] == "content.opf"


def test_metadata(package: ElementTree.Element) -> None:
    said = {
        e.tag.removeprefix(DC): e.text
        for e in package[0]
        if DC in e.tag
    }
    assert all(
        said[k] for k in ("title", "creator", "language", "identifier")
    )
    modified = [
        e.text
        for e in package.iter(f"{OPF}meta")
        if e.attrib.get("property") == "dcterms:modified"
    ]
    (date,) = modified
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", date or "")


def test_manifest_is_complete(
    files: dict[str, bytes], package: ElementTree.Element
) -> None:
    listed = [item.attrib["href"] for item in items(package).values()]
    assert len(listed) == len(set(listed))
    rest = {"mimetype", "META-INF/container.xml", "content.opf"}
    assert {*listed} | rest == {*files}


def test_spine_has_every_page(package: ElementTree.Element) -> None:
    manifest = items(package)
    spine = [r.attrib["idref"] for r in package.iter(f"{OPF}itemref")]
    pages = [
        name
        for name, item in manifest.items()
        if item.attrib["media-type"] == "application/xhtml+xml"
        and item.attrib.get("properties") != "nav"
    ]
    assert sorted(spine) == sorted(pages)
    assert manifest[spine[0]].attrib["href"] == "epub-cover.xhtml"
    assert manifest[spine[1]].attrib["href"] == "index.xhtml"


def test_properties_say_what_is_in(
    files: dict[str, bytes], package: ElementTree.Element
) -> None:
    for item in items(package).values():
        said = item.attrib.get("properties", "").split()
        text = files[item.attrib["href"]].decode("utf-8", "replace")
        if item.attrib["href"].endswith(".xhtml"):
            assert ("mathml" in said) == ("<math" in text)
        assert ("cover-image" in said) == (
            "cover.svg" in item.attrib["href"]
        )


def test_pages_are_xml_without_what_readers_refuse(
    files: dict[str, bytes],
) -> None:
    for name, data in files.items():
        if not name.endswith((".xhtml", ".svg", ".ncx")):
            continue
        page = ElementTree.fromstring(data)
        tags = {e.tag.removeprefix(XHTML) for e in page.iter()}
        assert not tags & {"script", "input", "button", "form"}, name
        for element in page.iter():
            source = element.attrib.get("src", "")
            assert "//" not in source, f"{name} loads {source}"
        if name.endswith(".xhtml"):
            assert page.attrib["lang"] == "en", name
            assert page.find(f".//{XHTML}title") is not None, name


def test_links_lead_somewhere(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    pages = {
        name: Seen(data.decode())
        for name, data in files.items()
        if name.endswith(".xhtml")
    }
    assert dead_links(tmp_path, pages) == []
    for name, seen in pages.items():
        assert len(seen.anchors) == len(set(seen.anchors)), name


def test_both_tables_of_contents_agree(files: dict[str, bytes]) -> None:
    nav = re.findall(rb'<a href="([^"]+)"', files["nav.xhtml"])
    ncx = re.findall(rb'<content src="([^"]+)"', files["toc.ncx"])
    assert nav == ncx
    chapters = [
        n
        for n in files
        if posixpath.dirname(n) and n.endswith(".xhtml")
    ]
    assert {n.encode() for n in chapters} <= set(nav)


def test_tabs_are_unrolled(small: Path) -> None:
    with zipfile.ZipFile(small / "build" / "nand2llm.epub") as book:
        page = book.read("part1/01-introduction.xhtml").decode()
    assert page.count('<p class="backend-name">') == 4
    assert "<math" in page and "katex" not in page


def test_what_a_chapter_changed_is_a_table(files: dict[str, bytes]) -> None:
    """Patches and panels are for the site."""
    pages = [t.decode() for n, t in files.items() if n.endswith(".xhtml")]
    ends = [t.split("What this chapter changed")[-1] for t in pages]
    assert any("<table" in end and "0</p>" not in end for end in ends)
    assert not any("<details" in p or "data-sheet=" in p for p in ends)
