# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. 73d791375b10
"""Judge the baselines by the held-out bytes; print JSON.

Written to book/measurements/ch13-baselines.json, where later
chapters find it.
"""

import tempfile
from pathlib import Path

import numpy as np
from stopwatch import record

from nand2llm.batches import Batches
from nand2llm.evaluate import bits_per_byte, held_out
from nand2llm.neural_ngram import NeuralNGram, learn
from nand2llm.ngram import NGram
from nand2llm.splitting import part_of
from nand2llm.thebook import frozen
from nand2llm.tokenfile import TokenFile, write_tokens

SHARES, STEPS = {"learn": 0.9, "judge": 0.1}, 2500

files = {}
scratch = Path(tempfile.mkdtemp())
for part in SHARES:
    chosen = (
        np.frombuffer(document.text.encode(), np.uint8)
        for document in frozen()
        if part_of(document.source, SHARES) == part
    )
    write_tokens(scratch / part, chosen, 256)
    files[part] = TokenFile(scratch / part)


judged, figures = files["judge"], {}


def enter(name: str, numbers: int, nats: float) -> None:
    bits = bits_per_byte(nats, len(judged.tokens) - 1)
    figures[name] = {"numbers": numbers, "bits": round(bits, 3)}


for order in (1, 2, 3, 5, 7):
    model = NGram(order, 256).fit(files["learn"].tokens)
    nats = model.surprises(judged.tokens)[1:].sum()
    numbers = sum(len(level.counts) for level in model.levels)
    enter(f"{order}-gram, Kneser–Ney", numbers, nats)
network = NeuralNGram(8, 256, 16, 192, np.random.default_rng(13))
learn(network, Batches(files["learn"], 16, 64, 13), STEPS, 0.01)
numbers = sum(p.size for p in network.parameters())
enter("neural 8-gram", numbers, held_out(network, judged))
what = "ch13_baselines.py: numbers kept, held-out bits per byte"
print(record(what, figures))
