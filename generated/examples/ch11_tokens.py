# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. 965139ffb260
"""Show text in the tokens of the book, in color.

usage: ch11_tokens.py [TEXT]
"""

import sys
from pathlib import Path

from nand2llm.tokenizer import load_tokenizer

FILE = Path(__file__).parents[2] / "book" / "data" / "book-2048.json"
GROUNDS = (224, 153, 194, 229)  # of the 256 colors of a terminal
TEXT = """\
The Analytical Engine has no pretensions whatever to originate anything.
    for token in stream:
        print(token, end="")
Naïve café, 12345 × 🙂
"""

if __name__ == "__main__":
    text = " ".join(sys.argv[1:]) or TEXT
    tokenizer = load_tokenizer(FILE)
    ids = tokenizer.encode(text)
    for i, token in enumerate(ids):
        color = f"\x1b[38;5;16;48;5;{GROUNDS[i % len(GROUNDS)]}m"
        shown = tokenizer.decode([token])
        shown = shown.replace("\n", f"⏎\x1b[0m\n{color}")
        print(f"{color}{shown}\x1b[0m", end="")
    print()
    n_bytes = len(text.encode("utf-8", "surrogateescape"))
    print(f"{n_bytes} bytes, {len(ids)} tokens:", *ids)
