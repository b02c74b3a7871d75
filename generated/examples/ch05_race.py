# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 6b1923490826
"""Six learning rates race down one bowl: the price list's."""

import math

from nand2llm.descent import descend, steepest
from nand2llm.objective import Objective, Standard, best
from nand2llm.timings import SUMS

STEPS = 40
RAW = [[rows, rows * columns] for rows, columns, _ in SUMS]

y = [microseconds for *_, microseconds in SUMS]
bowl = Objective(Standard.of(RAW).apply(RAW), y)
start = [0.0, 0.0, 0.0]
edge = 2 / steepest(bowl.gradient, start)[0]
floor = bowl.loss(best(bowl))

print(f"largest rate {edge:.3f}; loss above the lowest at the right")
for share in (0.01, 0.05, 0.2, 0.6, 0.95, 1.02):
    path = descend(bowl.gradient, start, share * edge, STEPS)
    gains = [bowl.loss(w) - floor for w in path]
    digits = math.log10(gains[0] / gains[-1])
    lane = "-" * round(4 * digits) + ">" if digits > 0 else "<- out"
    print(f"{share:5.2f} of it  {lane:42} {gains[-1]:9.2e}")
