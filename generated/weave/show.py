# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. fd482213bcc9
"""What the blocks of a chapter may use to show things."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCENT, INK, BLUE = "#8a2b1d", "#1c1c1c", "#1f3f77"
GREEN, GREY, PAPER = "#3f6b3a", "#6d6a64", "#f6f1e7"
RULES = {"l": ":--", "r": "--:", "c": ":-:"}


@dataclass
class Table:
    """Rows that are set as a table where they are shown."""

    rows: Sequence[Sequence[object]]
    header: Sequence[str]
    align: str

    def _repr_markdown_(self) -> str:
        lines = [
            self.line(self.header),
            self.line(RULES[a] for a in self.align),
            *(self.line(row) for row in self.rows),
        ]
        return "\n".join(lines) + "\n"

    @staticmethod
    def line(cells: Iterable[object]) -> str:
        """One row in the notation of a pipe table."""
        texts = (str(cell).replace("|", "\\|") for cell in cells)
        return "| " + " | ".join(texts) + " |"


def table(
    rows: Iterable[Sequence[object]],
    header: Sequence[str],
    align: str = "",
) -> Table:
    """A table of `rows`; `align` has one of l, r, c for each column.

    Cells are Markdown. Raises ValueError for a row of another length
    than the header.
    """
    kept = [tuple(row) for row in rows]
    for row in kept:
        if len(row) != len(header):
            raise ValueError(
                f"row {row} has {len(row)} cells;"
                f" the header {tuple(header)} has {len(header)}"
            )
    return Table(kept, header, align or "l" * len(header))


def measured(name: str) -> dict[str, Any]:
    """The figures of book/measurements/NAME.json, machine and date."""
    root = Path(os.environ.get("NAND2LLM_ROOT", "."))
    path = root / "book" / "measurements" / f"{name}.json"
    record = json.loads(path.read_text("utf-8"))
    figures = dict(record.pop("figures"))
    return figures | {k: record[k] for k in ("what", "machine", "date")}


def house_style(fonts: Path) -> None:
    """Give matplotlib the book's fonts, size and colours."""
    import matplotlib
    from cycler import cycler
    from matplotlib import font_manager

    matplotlib.use("svg")
    serif, mono = ["DejaVu Serif"], ["DejaVu Sans Mono"]
    for font in sorted(fonts.glob("*.ttf")):
        font_manager.fontManager.addfont(font)
        name = font_manager.FontProperties(fname=font).get_name()
        known = mono if name.startswith("Iosevka") else serif
        if name not in known and "Sans" not in name:
            known.insert(0, name)
    cycle = cycler(color=[BLUE, ACCENT, GREEN, GREY])
    matplotlib.rcParams.update(
        {
            "svg.fonttype": "path",
            "svg.hashsalt": "nand2llm",
            "figure.figsize": (5.2, 2.6),
            "font.family": serif,
            "font.monospace": mono,
            "mathtext.fontset": "stix",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "axes.linewidth": 0.8,
            "axes.prop_cycle": cycle,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
        }
    )
