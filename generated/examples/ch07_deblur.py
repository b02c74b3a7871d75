# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. ef752cf15ec2
"""Undo a blur that nobody told the program how to undo."""

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


SHADES = " .:-=+*#%@"


def show(title: str, image: np.ndarray) -> None:
    """Print an image in ten shades."""
    print(title)
    low, high = image.min(), image.max()
    shades = ((image - low) / (high - low) * 9.99).astype(int)
    for row in shades:
        print("  " + "".join(SHADES[shade] for shade in row))


def main() -> None:
    sharp = picture("NAND")
    down = Tensor(blur(sharp.shape[0], 1.2))
    across = Tensor(blur(sharp.shape[1], 1.2).T)
    photo = Tensor(down.numpy() @ sharp @ across.numpy())
    show("The photograph:", photo.numpy())
    guess = Tensor(photo.numpy(), requires_grad=True)
    for step in range(4001):
        guess.grad = None
        loss = ((down @ guess @ across - photo) ** 2).sum()
        loss.backward()
        assert guess.grad is not None
        if step in (20, 400, 4000):
            title = f"After {step} steps, loss {loss.item():.0e}:"
            show(title, guess.numpy())
        moved = guess.detach() - 0.9 * guess.grad
        guess.assign(moved.clip(0, 1))


if __name__ == "__main__":
    main()
