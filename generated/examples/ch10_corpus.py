# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 1d43151df23c
"""A corpus, from files to batches: this book, or files you name."""

import sys
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


def collected(paths: list[str]) -> list[Document]:
    """Clean documents, each once; says what became of the others."""
    faults = Faults()
    found = list(read(*paths, bad="skip", report=faults))
    found = found if paths else frozen()
    cleaned = [replace(one, text=clean(one.text)) for one in found]
    kept = list(unique(cleaned))
    for fault in faults.first:
        print(f"  {fault}")
    print(f"{faults}; {len(found)} documents, {len(kept)} kept")
    return kept


def write(documents: list[Document], out: Path) -> None:
    """Token files for the parts; families stay together."""
    heads = families(document.text for document in documents)
    alike = sum(head != i for i, head in enumerate(heads))
    print(f"{alike} are much like an earlier one")
    for part in SHARES:
        chosen = (
            [BEGIN, *document.text.encode()]
            for document, head in zip(documents, heads, strict=True)
            if part_of(documents[head].source, SHARES) == part
        )
        write_tokens(out / f"{part}.tokens", chosen, BEGIN + 1)


def main(paths: list[str], out: Path) -> None:
    write(collected(paths), out)
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
