# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. ccb350a0dccd
"""Let a machine that has only counted write on."""

import sys

import numpy as np

from nand2llm.ngram import NGram
from nand2llm.sampling import continued
from nand2llm.thebook import frozen

text = "".join(document.text for document in frozen()).encode()
model = NGram(7, 256).fit(np.frombuffer(text, np.uint8))
prompt = (" ".join(sys.argv[1:]) or "What is a ").encode()
rng = np.random.default_rng(13)
new = continued(
    lambda tokens: np.log(model.probabilities(tokens)),
    prompt,
    500,
    rng,
    temperature=0.7,
)
print((prompt + bytes(new)).decode(errors="replace"))
