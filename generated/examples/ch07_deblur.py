# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 4933600223bc
"""Undo a blur that nobody told the program how to undo."""

from collections.abc import Iterator

import numpy as np

from nand2llm.tensor import Tensor

LETTERS = {
    "N": "#...# ##..# #.#.# #..## #...# #...# #...#",
    "A": ".###. #...# #...# ##### #...# #...# #...#",
    "D": "####. #...# #...# #...# #...# #...# ####.",
}


def picture(word: str) -> np.ndarray:
    """Letters of 7 by 5 points, with a margin around them."""
    rows = [
        ".".join(LETTERS[c].split()[i] for c in word) for i in range(7)
    ]
    dots = np.array([[c == "#" for c in row] for row in rows], float)
    return np.pad(dots, ((2, 2), (3, 3)))


def blur(n: int, width: float) -> np.ndarray:
    """An (n, n) matrix whose rows spread a point over neighbors."""
    distance = np.arange(n)[:, None] - np.arange(n)
    weights = np.exp(-((distance / width) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def photograph(
    sharp: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The picture (n, m) in 256 grays, and the lens: B and C."""
    B, C = (blur(n, width) for n in sharp.shape)
    return np.round(255 * (B @ sharp @ C.T)) / 255, B, C.T


def sharpen(
    photo: np.ndarray,
    B: np.ndarray,
    C: np.ndarray,
    steps: int,
    grays: tuple[float, float] = (0, 1),
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield loss and picture, before the first step and after each."""
    P, down, across = Tensor(photo), Tensor(B), Tensor(C)
    guess = Tensor(photo, requires_grad=True)
    for _ in range(steps + 1):
        guess.grad = None
        loss = ((down @ guess @ across - P) ** 2).sum()
        loss.backward()
        assert guess.grad is not None
        yield loss.item(), guess.numpy()
        moved = guess.detach() - 0.9 * guess.grad
        guess.assign(moved.clip(*grays))


SHADES = " .:-=+*#%@"


def show(title: str, image: np.ndarray) -> None:
    """Print an image in ten shades."""
    print(title)
    low, high = image.min(), image.max()
    shades = ((image - low) / (high - low) * 9.99).astype(int)
    for row in shades:
        print("  " + "".join(SHADES[shade] for shade in row))


def main() -> None:
    """Show a photograph, and what the gradient makes of it."""
    photo, B, C = photograph(picture("NAND"), 1.2)
    show("The photograph:", photo)
    for step, (loss, guess) in enumerate(sharpen(photo, B, C, 4000)):
        if step in (20, 400, 4000):
            show(f"After {step} steps, loss {loss:.0e}:", guess)


if __name__ == "__main__":
    main()
