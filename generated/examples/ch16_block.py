# Made from book/part4/16-the-transformer-block.md by tangle.py; edit there, or here and stitch. 59f2444c6df1
"""Look up a digit and add to it: attention alone, then a block."""

import numpy as np

from nand2llm.adding import Adder, Alone, fit, right, sums
from nand2llm.block import Block, FeedForward, make_norm
from nand2llm.heads import SelfAttention

rng = np.random.default_rng(0)
alone = Alone(SelfAttention(32, 1, rng))
block = Block(
    SelfAttention(32, 1, rng),
    FeedForward(32, 128, rng, "relu2"),
    lambda: make_norm("rms", 32),
    rng,
)
models = {"attention alone": alone, "a block": block}
for name, layer in models.items():
    model = Adder([layer], rng)
    print(f"{name}:")
    for step in range(100, 500, 100):
        fit(model, 100, rng)
        share = right(model)
        bar = "#" * int(40 * share)
        print(f"  {step:4} steps {share:5.0%} {bar}")

batch = sums(4, np.random.default_rng(1))
said = model(batch).numpy().argmax(axis=1)
print("\nthe block does sums:")
letters, digits, asked, *_ = batch.lists
for i, answer in enumerate(said):
    pairs = zip(letters[i], digits[i], strict=True)
    told = " ".join(f"{chr(97 + x)}{d}" for x, d in pairs)
    question = f"{chr(97 + asked[i])} + {batch.plus[i]}"
    print(f"  {told}   {question} ends in {answer}")
