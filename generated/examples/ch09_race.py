# Made from book/part2/09-optimization.md by tangle.py; edit there, or here and stitch. ac20d460c83d
"""A race down two ravines: the same one, straight and turned."""

from functools import partial

import numpy as np

from nand2llm.optim import SGD, AdamW, RMSProp
from nand2llm.surfaces import ravine, turned, walk
from nand2llm.tensor import Tensor

STEPS, START = 80, (-4.0, 1.0)
RULES = {
    "plain": SGD,
    "momentum": partial(SGD, momentum=0.8),
    "Nesterov": partial(SGD, momentum=0.8, nesterov=True),
    "RMSProp": RMSProp,
    "Adam": partial(AdamW, weight_decay=0),
}
RATES = [c * 10.0**k for k in (-3, -2, -1) for c in (1, 2, 5)]

np.seterr(all="ignore")  # those that are too fast leave the road
for name, surface in {
    "straight": ravine(300),
    "turned": turned(ravine(300)),
}.items():
    print(f"{name}: decimal digits gained in {STEPS} steps")
    for rule, make in RULES.items():
        ends = []
        for rate in RATES:
            built = partial(make, lr=rate)
            path = walk(built, surface, START, STEPS)
            first, last = (
                surface(Tensor(p)).item() for p in path[[0, -1]]
            )
            if np.isfinite(last) and last > 0:
                ends.append((min(np.log10(first / last), 12), rate))
        digits, rate = max(ends)
        road = "-" * round(4 * digits) + ">"
        print(f"{rule:9}{rate:6} {road} {digits:.1f}")
