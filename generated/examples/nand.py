# Made from book/front/preface.md by tangle.py; edit there, or here and stitch. 64bff6466d54
"""One gate, and two others that it can be talked into."""


def nand(a: int, b: int) -> int:
    return 1 - a * b


def not_(a: int) -> int:
    return nand(a, a)


def xor(a: int, b: int) -> int:
    c = nand(a, b)
    return nand(nand(a, c), nand(b, c))


print("a b   a xor b")
for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
    print(a, b, "    ", xor(a, b))
