# Made from book/part4/15-multi-head-self-attention.md by tangle.py; edit there, or here and stitch. 45f54562b832
"""One layer, then two: learning to go on with what was seen."""

import numpy as np

from nand2llm.induction import Heads, fit, right, rows

for layers in (1, 2):
    rng = np.random.default_rng(0)
    model = Heads(layers, 1, rng)
    print(f"{layers} layer{'s' * (layers > 1)}:")
    for step in range(0, 250, 50):
        fit(model, 50, rng)
        share = right(model)
        print(
            f"  {step + 50:4} steps {share:5.0%} "
            + "#" * int(40 * share)
        )

row, _ = rows(1, np.random.default_rng(3))
said = model(row[:, :-1]).numpy().argmax(axis=-1)
print("the row      ", *(f"{t:2}" for t in row[0, 9:29]))
print("two layers'  ", *(f"{t:2}" for t in said[0, 8:28]))
