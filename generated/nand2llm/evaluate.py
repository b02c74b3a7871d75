# Made from book/part4/13-next-token-prediction.md by tangle.py; edit there, or here and stitch. 428770a94b1f
"""How well does a model predict text that it hasn't read?"""

from __future__ import annotations

import json
import math

from nand2llm import functional as F
from nand2llm.batches import sequential
from nand2llm.checkout import find
from nand2llm.information import bits_per_byte
from nand2llm.nn import Module
from nand2llm.tensor import no_grad
from nand2llm.tokenfile import TokenFile

__all__ = ["baselines", "bits_per_byte", "held_out"]


def held_out(
    model: Module, file: TokenFile, batch: int = 16, length: int = 256
) -> float:
    """The nats that a model needs for a file, but for its first token.

    forward(tokens (B, T)) must give logits (B, T, V) of what comes
    next. Contexts begin anew every `length` tokens.
    """
    was, total = model.training, []
    model.eval()
    with no_grad():
        for inputs, targets in sequential(file, batch, length):
            loss = F.cross_entropy(model(inputs), targets)
            total.append(loss.item() * targets.size)
    model.train(was)
    return math.fsum(total)


def baselines() -> dict[str, dict[str, float]]:
    """What every later model must beat, by name.

    Each has "numbers", how many it keeps, and "bits" for each byte
    of the held-out tenth of the frozen book.
    """
    path = find("book/measurements/ch13-baselines.json")
    record = json.loads(path.read_text("utf-8"))
    figures: dict[str, dict[str, float]] = record["figures"]
    return figures
