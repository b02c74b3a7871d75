# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 3f10a2408432
"""A corpus, from files to batches: this book, or files you name."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nand2llm.batches import Batches, sequential
from nand2llm.cleaning import clean
from nand2llm.corpus import Document, Faults, read
from nand2llm.duplicates import families, unique
from nand2llm.splitting import part_of
from nand2llm.thebook import frozen
from nand2llm.tokenfile import TokenFile, write_tokens

SHARES = {"learn": 0.9, "judge": 0.1}
BEGIN = 256  # after the 256 bytes: the token that begins a document


def cleaned(documents: Iterable[Document]) -> Iterator[Document]:
    """Documents as they ought to be; says how many weren't."""
    count = changed = 0
    for document in documents:
        text = clean(document.text)
        count += 1
        changed += text != document.text.strip("\n")
        yield replace(document, text=text)
    print(f"{count} documents, {changed} in need of cleaning")


def write(documents: list[Document], out: Path) -> None:
    """Token files for the parts; families stay together."""
    heads = families(document.text for document in documents)
    alike = sum(head != i for i, head in enumerate(heads))
    print(f"{len(documents)} texts, {alike} much like an earlier one")
    for part in SHARES:
        chosen = (
            [BEGIN, *document.text.encode()]
            for document, head in zip(documents, heads, strict=True)
            if part_of(documents[head].source, SHARES) == part
        )
        write_tokens(out / f"{part}.tokens", chosen, BEGIN + 1)


def main(paths: list[str], out: Path) -> None:
    faults = Faults()
    found = read(*paths, bad="skip", report=faults)
    documents = list(unique(cleaned(found if paths else frozen())))
    for fault in faults.first:
        print(f"  {fault}")
    print(faults)
    write(documents, out)
    for part in SHARES:
        file = TokenFile(out / f"{part}.tokens")
        batches = sum(1 for _ in sequential(file, 16, 64))
        print(f"{part}: {len(file)} documents, ", end="")
        print(f"{len(file.tokens):,} tokens, {batches:,} batches")
    file = TokenFile(out / "learn.tokens")
    inputs, _ = next(Batches(file, batch=3, length=64, seed=0))
    for row in np.where(inputs == BEGIN, ord("|"), inputs):
        text = bytes(row.tolist()).decode("utf-8", "replace")
        print(f"  {text!r}")


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        main(sys.argv[1:], Path(place))
