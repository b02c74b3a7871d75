# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. 34eb42bcf4ce
"""Let TinyGPT write on: that of build/gpt, or else the book's own."""

import sys
from pathlib import Path

from nand2llm.pretrain import load, tinygpt, written

folder = Path("build/gpt")
mine = (folder / "config.json").exists()
model, tokenizer = load(folder) if mine else tinygpt()
prompt = " ".join(sys.argv[1:]) or "The gradient of a "
print(written(model, tokenizer, prompt, 150))
