# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. 5cfb1d9670c4
"""Train the book's tokenizer: book/data/book-2048.json."""

from pathlib import Path

from nand2llm.bpe import train
from nand2llm.thebook import frozen

SPECIALS = ["<|bos|>"]
for who in ("user", "assistant", "python", "output"):
    SPECIALS += [f"<|{who}_start|>", f"<|{who}_end|>"]
DATA = Path(__file__).parents[2] / "book" / "data"

if __name__ == "__main__":
    texts = [document.text for document in frozen()]
    tokenizer = train(texts, 2048, specials=SPECIALS)
    tokenizer.save(DATA / "book-2048.json")
    ids = tokenizer.encode_batch(texts)
    n_bytes = sum(len(text.encode()) for text in texts)
    n_tokens = sum(map(len, ids))
    print(f"{n_bytes:,} bytes are {n_tokens:,} tokens,", end=" ")
    print(f"{n_bytes / n_tokens:.2f} bytes each")
