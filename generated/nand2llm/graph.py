# Made from book/part2/06-scalar-autograd.md by tangle.py; edit there, or here and stitch. 220d20a2e0ce
"""Computational graphs as pictures: rows, places, then SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from nand2llm.scalar import Value, topological

STEP, GAP = 68, 12  # from row to row, and between neighbors
SIGNS = {"*": "×", "/": "÷", "-": "−", "neg": "±"}


@dataclass(eq=False)
class Spot:
    """A place in a row, for a value or for a line passing through."""

    value: Value | None = None
    x: float = 0.0
    y: float = 0.0
    above: list[Spot] = field(default_factory=list)
    below: list[Spot] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The lines in the box."""
        if self.value is None:
            return []
        name = f"{self.value.label} = " if self.value.label else ""
        number, grad = (
            f"{x:.4g}".replace("-", "−")
            for x in (self.value.data, self.value.grad)
        )
        constant = not (self.value.inputs or name)
        return [number] if constant else [name + number, grad]

    @property
    def width(self) -> float:
        """How much room it takes in its row."""
        longest = max(map(len, self.texts), default=0)
        return 12 + 6 * longest if longest else 6.0


def rows_of(order: Sequence[Value]) -> dict[Value, int]:
    """Return the row of each value: the result has 0, inputs more."""
    rows = {order[0]: 0}
    for value in order:
        for source in value.inputs:
            least = rows[value] + 1
            rows[source] = max(rows.get(source, 0), least)
    return rows


def lay_out(root: Value) -> list[list[Spot]]:
    """Return the rows of the picture, joined, top row first."""
    order = topological(root)
    heights = rows_of(order)
    top = max(heights.values())
    rows: list[list[Spot]] = [[] for _ in range(top + 1)]
    spots = {v: Spot(v, y=top - heights[v]) for v in order}
    for value in reversed(order):
        rows[top - heights[value]].append(spots[value])
    for value in order:
        for source in value.inputs:
            join(spots[source], spots[value], rows)
    return rows


def join(upper: Spot, lower: Spot, rows: list[list[Spot]]) -> None:
    """Lead a line from spot to spot, through all rows in between."""
    for y in range(int(upper.y) + 1, int(lower.y)):
        passing = Spot(y=y)
        rows[y].append(passing)
        join(upper, passing, rows)
        upper = passing
    upper.below.append(lower)
    lower.above.append(upper)


def spread(row: list[Spot], wishes: Sequence[float]) -> None:
    """Move spots near their wishes, in order and not overlapping."""
    edge, starts = 0.0, []
    groups: list[list[float]] = []  # sum of the wishes, members
    for spot, wish in zip(row, wishes, strict=True):
        starts.append(edge + spot.width / 2)
        edge += spot.width + GAP
        groups.append([wish - starts[-1], 1])
        while len(groups) > 1 and shift(groups[-2]) > shift(groups[-1]):
            total, members = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += members
    shifts = [shift(g) for g in groups for _ in range(int(g[1]))]
    for spot, start, by in zip(row, starts, shifts, strict=True):
        spot.x = start + by


def shift(group: Sequence[float]) -> float:
    """Return by how much a group agrees to move."""
    return group[0] / group[1]


def settle(rows: list[list[Spot]], sweeps: int = 24) -> None:
    """Find a place in its row for each spot."""
    for sweep in range(sweeps):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wishes = {id(spot): wish(spot, sweep) for spot in row}
            row.sort(key=lambda spot: wishes[id(spot)])
            spread(row, [wishes[id(spot)] for spot in row])


def wish(spot: Spot, sweep: int) -> float:
    """Return where a spot's neighbors are: above, below, or both."""
    near = spot.above if sweep % 2 == 0 else spot.below
    if sweep > 15 or not near:
        near = spot.above + spot.below
    return sum(n.x for n in near) / len(near) if near else spot.x


def line_to(spot: Spot) -> str:
    """Return the lines that come into a spot from above."""
    paths = []
    top, middle = STEP * spot.y - 15, (len(spot.above) - 1) / 2
    for k, upper in enumerate(sorted(spot.above, key=lambda s: s.x)):
        start = STEP * upper.y + (30 if len(upper.texts) == 1 else 37)
        half, x = (start + top) / 2, spot.x + 8 * (k - middle)
        path = f"M{upper.x:.1f} {start:.1f}C{upper.x:.1f} {half:.1f} "
        path += f"{x:.1f} {half:.1f} {x:.1f} {top:.1f}"
        if spot.value is None:
            path += f"V{STEP * spot.y + 37:.1f}"
        paths.append(f'<path d="{path}" fill="none" stroke="#6d6a64"/>')
    return "".join(paths)


def frame(
    x: float, y: float, width: float, height: float, fill: str
) -> str:
    """Return a box around a middle; if it's low, an oval."""
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" '
        f'width="{width:.1f}" height="{height}" '
        f'rx="{9 if height < 20 else 4}" '
        f'fill="{fill}" stroke="#6d6a64"/>'
    )


def write(text: str, x: float, y: float, color: str) -> str:
    """Return a text with its middle at x."""
    where = f'x="{x:.1f}" y="{y:.1f}" fill="{color}"'
    return f"<text {where}>{escape(text)}</text>"


def box(spot: Spot) -> str:
    """Return what a value looks like, its operation on top of it."""
    if spot.value is None:
        return ""
    x, y, texts = spot.x, STEP * spot.y + 20, spot.texts
    fill = "#f6f1e7" if spot.value.inputs else "#fff"
    height, first = (34, y - 3) if len(texts) == 2 else (20, y + 4)
    parts = [frame(x, y, spot.width, height, fill)]
    parts.append(write(texts[0], x, first, "#1f3f77"))
    parts += [write(text, x, y + 12, "#8a2b1d") for text in texts[1:]]
    if op := spot.value.op:
        sign = SIGNS.get(op, op)
        parts.append(frame(x, y - 26, 12 + 6 * len(sign), 18, "#fff"))
        parts.append(write(sign, x, y - 22, "#1c1c1c"))
    return "".join(parts)


def draw(root: Value) -> str:
    """Return the graph below root as an SVG picture."""
    rows = lay_out(root)
    settle(rows)
    spots = [spot for row in rows for spot in row]
    left = min(s.x - s.width / 2 for s in spots) - 2
    width = max(s.x + s.width / 2 for s in spots) + 2 - left
    height = STEP * len(rows) - 26
    ink = "".join([*map(line_to, spots), *map(box, spots)])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" text-anchor="middle" '
        'font-family="Libertinus Sans, sans-serif" font-size="11" '
        f'width="{width:.0f}" height="{height}" '
        f'viewBox="{left:.1f} 0 {width:.1f} {height}">{ink}</svg>'
    )
