# Made from book/part3/10-text-corpora-and-datasets.md by tangle.py; edit there, or here and stitch. 37eac05fbc07
"""Compare the frozen corpus with Parts I and II; --write it anew."""

import gzip
import json
import sys

from nand2llm.checkout import find
from nand2llm.thebook import FROZEN, frozen, sections

PARTS = ("book/part1/", "book/part2/")

today = [one for one in sections() if one.source.startswith(PARTS)]
if "--write" in sys.argv[1:]:
    path = find("book/book.toml").parent.parent / FROZEN
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as file,
    ):
        for one in today:
            line = json.dumps(one.__dict__, ensure_ascii=False) + "\n"
            file.write(line.encode())
kept = {one.text for one in frozen()}
same = sum(one.text in kept for one in today)
print(f"{len(kept)} documents are frozen; {same} of today's")
print(f"{len(today)} read as they did")
