# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. e62c9ada6ad0
"""Learn what code looks like; then find some that sleeps."""

import sys

from nand2llm.descent import descend
from nand2llm.lines import FEATURES, features, read
from nand2llm.losses import LOSSES
from nand2llm.objective import Objective, Standard, scores
from nand2llm.softmax import sigmoid

MODULES = ("bits", "floats", "array", "tables", "letters", "line")
SHORTCUTS = ("capital first", "stop at end", "length")
COMMENTS = [
    "parameters[name] -= learning_rate * slope",
    "the update works in place",
    "raise ValueError(shape)",
    "if it is nan, give up",
    "if nan in losses: return",
    "(27, 27), one row a letter",
    "x = max(0, x)",
]

study = read(*MODULES)
rows = [features(line, SHORTCUTS) for line, _ in study]
scale = Standard.of(rows)
X, y = scale.apply(rows), [label for _, label in study]
objective = Objective(X, y, LOSSES["logistic"])
start = [0.0] * len(X[0])
w = descend(objective.gradient, start, rate=1.0, steps=400)[-1]

names = [name for name in FEATURES if name not in SHORTCUTS]
for name, weight in zip(names, w[1:], strict=True):
    print(f"{name:12} {weight:z6.2f} ", "#" * round(6 * abs(weight)))
print()
for line in sys.argv[1:] or COMMENTS:
    row = scale.apply([features(line, SHORTCUTS)])
    p = sigmoid(scores(row, w)[0])
    verdict = "code " if p > 0.5 else "prose"
    print(f"{verdict} {p:4.2f} {'#' * round(10 * p):10}  # {line}")
