# Made from book/part1/05-learning-by-descent.md by tangle.py; edit there, or here and stitch. 10f6a86b4f57
"""Recorded running times; examples/ch05_measure.py made them."""

# Array.sum(axis=1): (rows, columns, microseconds)
SUMS = [
    (1, 2, 9), (1, 5, 9), (1, 20, 11), (2, 1, 9),
    (3, 2, 10), (3, 26, 16), (4, 8, 12), (4, 24, 19),
    (4, 28, 20), (6, 2, 11), (10, 2, 13), (14, 7, 19),
    (14, 10, 25), (20, 2, 17), (21, 13, 37), (29, 28, 91),
    (36, 24, 101), (41, 2, 26), (47, 26, 135), (48, 2, 28),
    (76, 3, 45), (79, 1, 37), (97, 9, 118), (118, 21, 284),
]
