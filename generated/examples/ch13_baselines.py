# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. 793bcb72c797
"""Judge the baselines by the held-out bytes; print JSON.

Written to book/data/baselines.json, where later chapters find it.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from nand2llm import functional as F
from nand2llm.batches import Batches
from nand2llm.evaluate import bits_per_byte, held_out
from nand2llm.neural_ngram import NeuralNGram
from nand2llm.ngram import NGram
from nand2llm.optim import AdamW, warmup_cosine
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


def taught() -> NeuralNGram:
    """A neural 8-gram after STEPS steps of 1,024 bytes."""
    model = NeuralNGram(8, 256, 16, 192, np.random.default_rng(13))
    adam = AdamW(model.parameters(), 0.01, weight_decay=0.0)
    schedule = warmup_cosine(20, STEPS, 0.05)
    batches = Batches(files["learn"], 16, 64, 13)
    for step in range(STEPS):
        inputs, targets = next(batches)
        loss = F.cross_entropy(model(inputs), targets)
        adam.zero_grad()
        loss.backward()
        adam.clip(1.0)
        adam.step(schedule(step))
    return model


judged, rows = files["judge"], []
n_bytes = len(judged.tokens) - 1
for order in (1, 2, 3, 5, 7):
    model = NGram(order, 256).fit(files["learn"].tokens)
    nats = model.surprises(judged.tokens)[1:].sum()
    numbers = sum(len(level.counts) for level in model.levels)
    rows.append([f"{order}-gram, Kneser–Ney", numbers, nats])
network = taught()
numbers = sum(p.size for p in network.parameters())
rows.append(["neural 8-gram", numbers, held_out(network, judged)])
table = [
    {
        "model": name,
        "numbers": numbers,
        "bits_per_byte": round(bits_per_byte(nats, n_bytes), 3),
    }
    for name, numbers, nats in rows
]
print(json.dumps(table, indent=2, ensure_ascii=False))
