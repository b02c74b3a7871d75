# Made from book/part4/14-attention.md by tangle.py; edit there, or here and stitch. 64967a62e3f9
"""A model that looks things up: where it looks, as bars."""

import numpy as np

from nand2llm.recall import Lookup, fit, lists

PAIRS, LONGER = 8, 20
rng = np.random.default_rng(0)
model = Lookup(rng)
for steps in (10, 90, 300):
    fit(model, steps, PAIRS, rng)
    exam = lists(2000, LONGER, np.random.default_rng(1))
    hit = model(exam).numpy().argmax(axis=1) == exam.answers
    print(f"+{steps} steps, lists of {LONGER}: {hit.mean():.0%} right")

one = lists(1, LONGER, np.random.default_rng(2))
digit = int(model(one).numpy().argmax())
print(f"\n{chr(97 + one.asked[0])}? The model says {digit}.")
for letter, number, weight in zip(
    one.letters[0], one.digits[0], model.weights[0], strict=True
):
    print(f"  {chr(97 + letter)}{number} " + "#" * round(60 * weight))
