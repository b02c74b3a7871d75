# Made from book/part1/03-the-dot-product-machine.md by tangle.py; edit there, or here and stitch. f078d41fcfb8
"""What chapter 3 claims, tried."""

import itertools
import math
import random

import numpy as np
import pytest

from nand2llm import native
from nand2llm.array import Array, array, dense, full
from nand2llm.dot import cosine, dot, norm
from nand2llm.linear import Linear
from nand2llm.loop import gradient, nudged_gradient
from nand2llm.similar import Shelf, words


def noise(rng: random.Random, *shape: int) -> Array:
    """Random float32 numbers, in a view that is not dense."""
    backwards = tuple(reversed(shape))
    numbers = [rng.gauss(0, 1) for _ in range(math.prod(shape))]
    return dense(numbers, backwards, "float32").T


SIZES = [0, 1, 2, 5, 17]
SHAPES = list(itertools.product(SIZES, repeat=3))


@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_matmul_is_its_definition(m: int, k: int, n: int) -> None:
    rng = random.Random(1)
    a = noise(rng, m, k).astype("float64")
    b = noise(rng, k, n).astype("float64")
    product = a @ b
    assert product.shape == (m, n)
    for i, j in itertools.product(range(m), range(n)):
        exact = math.fsum(
            a[i, p].item() * b[p, j].item() for p in range(k)
        )
        assert product[i, j].item() == pytest.approx(exact, abs=1e-12)


def test_the_laws_of_the_product() -> None:
    a = array([[1, 2, 3], [4, 5, 6]])
    b = array([[1, 0], [2, -1], [0, 3]])
    x = array([7, -2])
    assert (a @ (b @ x)).tolist() == ((a @ b) @ x).tolist()
    assert (a @ b).T.tolist() == (b.T @ a.T).tolist()
    assert (x @ a).tolist() == (a.T @ x).tolist()
    assert (x @ x).item() == dot(x, x) == norm(x) ** 2 == 53
    for wrong in (a, array([1, 2]), array(1)):
        with pytest.raises(ValueError, match=r"multiply \(2, 3\)"):
            a @ wrong


def test_angles() -> None:
    x, y = array([3, 4]), array([-4, 3])
    assert cosine(x, y) == 0
    assert cosine(x, 10 * x) == pytest.approx(1)
    assert cosine(x, -x) == pytest.approx(-1)
    with pytest.raises(ValueError, match="no direction"):
        cosine(x, 0 * x)
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        dot(x, array([1, 2, 3]))


def test_the_linear_model_has_the_right_slopes() -> None:
    model = Linear(2)
    model.parameters.update(w0=1.0, w1=-2.0, b=0.5)
    examples = [([1.0, 2.0], 3.0), ([4.0, -1.0], 0.0)]
    nudged = nudged_gradient(model, examples)
    assert gradient(model, examples) == pytest.approx(nudged, rel=1e-4)
    with pytest.raises(ValueError):
        model.predict([1.0])


def test_a_shelf_finds_what_is_on_it() -> None:
    texts = ["the cat sat", "the dog ran", "the the the end"]
    shelf = Shelf(texts)
    for text in texts:
        score, found = shelf.nearest(text, 1)[0]
        assert found == text and score == pytest.approx(1)
    assert shelf.nearest("a zebra", 1)[0][0] == 0
    asked = "the the cat"
    assert Shelf(texts, rare=False).nearest(asked, 1)[0][1] == texts[2]
    assert shelf.nearest(asked, 1)[0][1] == texts[0]
    assert words("from_bits: A") == ["from", "bits", "a"]


def allowed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far apart two float32 products of a and b may be."""
    a, b = abs(a).astype(np.float64), abs(b).astype(np.float64)
    return 2 * (len(b) + 1) * 2.0**-24 * (a @ b) + 1e-30


needs_native = pytest.mark.skipif(
    not native.available(), reason=native.why_not()
)


@pytest.mark.parametrize(("m", "k", "n"), [*SHAPES, (33, 300, 9)])
def test_numpy_agrees(m: int, k: int, n: int) -> None:
    rng = random.Random(2)
    a, b = noise(rng, m, k), noise(rng, k, n)
    x, y = np.asarray(a), np.asarray(b)
    ours = np.asarray(a @ b)
    assert ours.shape == (m, n) and ours.dtype == np.float32
    assert (abs(ours - x @ y) <= allowed(x, y)).all()


@needs_native
@pytest.mark.parametrize("order", native.ORDERS)
@pytest.mark.parametrize(("m", "k", "n"), [*SHAPES, (33, 300, 9)])
def test_rust_agrees(m: int, k: int, n: int, order: str) -> None:
    rng = random.Random(3)
    a, b = noise(rng, m, k), noise(rng, k, n)
    x, y = np.asarray(a), np.asarray(b)
    product = np.asarray(native.matmul(a, b, order))
    assert product.shape == (m, n)
    assert (abs(product - x @ y) <= allowed(x, y)).all()


@needs_native
@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 1000])
def test_rust_dots(n: int) -> None:
    rng = random.Random(4)
    x, y = noise(rng, n)[::-1], noise(rng, n)
    for lanes in (False, True):
        gap = abs(native.dot(x, y, lanes) - dot(x, y))
        assert gap <= allowed(np.asarray(x), np.asarray(y))


@needs_native
def test_rust_refuses_what_python_refuses() -> None:
    a, x = full((2, 3), 1.0, "float32"), full((3,), 1.0, "float32")
    with pytest.raises(ValueError, match=r"\[2, 3\] by \[2, 3\]"):
        native.matmul(a, a)
    with pytest.raises(ValueError, match=r"multiply \[2, 3\] by \[3\]"):
        native.dot(a, x)
    with pytest.raises(TypeError, match="float32, not float64"):
        native.dot(x, x.astype("float64"))


def test_numpy_walks_our_views() -> None:
    table = dense(range(12), (3, 4))
    for view in (table, table.T, table[::-1, 1::2], table[:, None, 0]):
        theirs = np.asarray(view)
        assert theirs.tolist() == view.tolist()
        theirs[...] += 1
        assert theirs.tolist() == view.tolist()
