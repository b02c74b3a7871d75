# Made from book/part1/04-measuring-wrongness.md by tangle.py; edit there, or here and stitch. 83e04b4c66e3
"""Send a page that no model has read, in as many bits as the loss."""

import math

from nand2llm.bigram import Bigram, neighbors
from nand2llm.coding import decode, encode, recall
from nand2llm.information import surprise
from nand2llm.letters import SYMBOLS, letters
from nand2llm.loop import learn
from nand2llm.losses import SURPRISE
from nand2llm.lovelace import NOTE_A, NOTE_G

read, message = letters(NOTE_G), letters(NOTE_A)
bigram = Bigram()
learn(bigram, neighbors(read), 40.0, steps=30, measure=SURPRISE)


def no_opinion(past: str) -> list[float]:
    """Believe in all symbols alike."""
    return [1 / len(SYMBOLS)] * len(SYMBOLS)


def table(past: str) -> list[float]:
    """Bet by the last letter alone, as learned from note G."""
    return bigram.beliefs(past[-1:] or " ")


def reread(past: str) -> list[float]:
    """Bet by what followed in note G and in the message so far."""
    return recall(read + " " + past, order=3)


MODELS = {"none": no_opinion, "bigram": table, "recall": reread}

print("model   promised   sent  bytes  bits a letter")
for name, predict in MODELS.items():
    promised = 0.0
    for i, symbol in enumerate(message):
        belief = predict(message[:i])[SYMBOLS.index(symbol)]
        promised += surprise(belief)
    telegram = encode(message, predict)
    sent = len(telegram)
    counts = f"{promised:9.1f} {sent:6} {math.ceil(sent / 8):6}"
    print(f"{name:6} {counts} {sent / len(message):9.3f}")

print("\nthe last telegram begins:")
for row in range(0, 256, 64):
    print("  " + telegram[row : row + 64])
received = decode(telegram, len(message), MODELS["recall"])
print("received:", received[:43], "...")
print("letter for letter:", received == message)
