# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 4d40dd3672e2
"""Recorded running times; examples/ch05_measure.py made them."""

# Array.sum(axis=1): (rows, columns, microseconds)
SUMS = [
    (1, 2, 12), (1, 5, 11), (1, 20, 13), (2, 1, 11),
    (3, 2, 11), (3, 26, 19), (4, 8, 13), (4, 24, 21),
    (4, 28, 23), (6, 2, 13), (10, 2, 14), (14, 7, 21),
    (14, 10, 27), (20, 2, 19), (21, 13, 41), (29, 28, 96),
    (36, 24, 108), (41, 2, 29), (47, 26, 142), (48, 2, 31),
    (76, 3, 49), (79, 1, 40), (97, 9, 127), (118, 21, 328),
]
