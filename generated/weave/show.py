# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. 57f3cc93c9a1
"""What the blocks of a chapter may use to show things."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
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


def svg(figure: Any) -> str:
    """A figure of matplotlib as SVG, the same bytes in every build."""
    out = io.StringIO()
    figure.savefig(
        out,
        format="svg",
        bbox_inches="tight",
        transparent=True,
        metadata={"Date": None, "Creator": None},
    )
    return out.getvalue()


SEEN = {"\n": "↵", "\t": "⇥"}
GROUNDS = ("#f1d9c9", "#d5dfee", "#dbe6d3", "#efe6bf")


def legible(token: bytes) -> str:
    """A token's characters, or its bytes if they are none."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return token.hex(" ").upper()
    return "".join(SEEN.get(c, c) for c in text)


@dataclass
class Playground:
    """A tokenizer to be tried, drawn as what it makes of `samples`."""

    tokenizer: Any
    pattern: re.Pattern[str]
    stand_ins: str
    samples: Mapping[str, str]

    def _repr_widget_(self) -> dict[str, Any]:
        runs = re.findall(r"((.)\2*)", self.stand_ins, re.DOTALL)
        pattern = self.pattern.pattern
        ours = self.tokenizer
        return {
            "kind": "playground",
            "pattern": pattern.replace("(?i:", "(?:"),
            "flags": "gi" if "(?i:" in pattern else "g",
            "alike": "".join(character for _, character in runs),
            "runs": [len(run) for run, _ in runs],
            "merges": [token for pair in ours.merges for token in pair],
            "specials": ours.specials,
            "samples": dict(self.samples),
        }

    def _repr_svg_(self) -> str:
        from matplotlib import pyplot as plt

        fig, ax = plt.subplots(figsize=(5.6, 1))
        columns, y = 66.0, 0.0
        for name, text in self.samples.items():
            ax.text(0, y, name, color=GREY, fontsize=7.5, va="center")
            x, y = 0.0, y + 1.5
            for at, token in enumerate(self.tokenizer.encode(text)):
                label = legible(self.tokenizer.tokens[token])
                width = max(len(label), 0.62 * len(str(token))) + 0.3
                if x + width > columns:
                    x, y = 0.0, y + 2.4
                ground = GROUNDS[at % len(GROUNDS)]
                spot = (x, y - 0.62), width, 1.24
                ax.add_patch(plt.Rectangle(*spot, lw=0, fc=ground))
                for what, below, size, color in (
                    (label, 0, 8.2, INK),
                    (str(token), 1.2, 5.2, GREY),
                ):
                    ax.text(
                        x + width / 2,
                        y + below,
                        what,
                        ha="center",
                        va="center_baseline",
                        family="monospace",
                        fontsize=size,
                        color=color,
                        parse_math=False,
                    )
                x += width + 0.15
            y += 2.7
        ax.set(xlim=(0, columns), ylim=(y - 1.2, -1))
        ax.axis("off")
        fig.set_size_inches(5.6, 0.098 * y)
        fig.subplots_adjust(0, 0, 1, 1)
        drawn = svg(fig)
        plt.close(fig)
        return drawn


def playground(
    tokenizer: Any,
    pattern: re.Pattern[str],
    stand_ins: str,
    samples: Mapping[str, str],
) -> Playground:
    """A byte-level BPE for the reader to try.

    `stand_ins` has for each code point the ASCII character that stands
    for it when `pattern` cuts a text. `samples` are texts by names.
    Raises ValueError unless the first 256 tokens are the bytes.
    """
    if tokenizer.tokens[:256] != [bytes([i]) for i in range(256)]:
        raise ValueError("token i must be byte i, for i below 256")
    return Playground(tokenizer, pattern, stand_ins, samples)


@dataclass
class Attention:
    """Where tokens look, in all heads; drawn for the first text.

    Each of `texts`, by names, is its tokens and their weights
    (L, H, T, T), in steps of 1/255.
    """

    texts: dict[str, tuple[list[str], Any]]
    first: tuple[int, int]

    def _repr_widget_(self) -> dict[str, Any]:
        import numpy as np

        told = {}
        for name, (tokens, steps) in self.texts.items():
            rows, columns = np.tril_indices(len(tokens))
            kept = base64.b64encode(steps[..., rows, columns].tobytes())
            told[name] = {"tokens": tokens, "weights": kept.decode()}
        return {
            "kind": "attention",
            "heads": steps.shape[:2],
            "first": self.first,
            "texts": told,
        }

    def _repr_svg_(self) -> str:
        from matplotlib import pyplot as plt
        from matplotlib.colors import LinearSegmentedColormap, PowerNorm

        tokens, steps = next(iter(self.texts.values()))
        layers, heads, n, _ = steps.shape
        colors = LinearSegmentedColormap.from_list("", ["white", ACCENT])
        look: Any = {"cmap": colors, "norm": PowerNorm(0.5, 0, 255)}
        fig = plt.figure(figsize=(5.6, 2.9))
        large = fig.add_axes((0.13, 0, 0.87 * 2.9 / 5.6, 0.84))
        large.imshow(steps[self.first], aspect="auto", **look)
        small = {"fontsize": min(7.5, 130 / n), "parse_math": False}
        shown = ["".join(SEEN.get(c, c) for c in t) for t in tokens]
        large.set_yticks(range(n), shown, **small)
        large.set_xticks(range(n), shown, rotation=90, **small)
        large.tick_params(length=0, pad=2, labeltop=True, labelbottom=False)
        large.spines[:].set_visible(True)
        large.spines[:].set_color(GREY)
        side = min(2.0 / heads, 2.44 / layers)  # of a small one, in inches
        width, height = side / 5.6, side / 2.9
        for layer in range(layers):
            for head in range(heads):
                x, y = 0.64 + head * width, (layers - 1 - layer) * height
                ax = fig.add_axes((x, y, 0.86 * width, 0.86 * height))
                ax.imshow(steps[layer, head], aspect="auto", **look)
                ax.set(xticks=[], yticks=[])
                chosen = (layer, head) == self.first
                ax.spines[:].set_visible(True)
                ax.spines[:].set_color(INK if chosen else "#cfc9bd")
                ax.spines[:].set_linewidth(1.4 if chosen else 0.6)
                ax.set_title(f"head {head + 1}" * (not layer), fontsize=7)
                name = f"layer {layer + 1}" * (not head)
                ax.set_ylabel(name, fontsize=7, labelpad=2)
        drawn = svg(fig)
        plt.close(fig)
        return drawn


def attention(
    texts: Mapping[str, tuple[Sequence[str], Any]],
    first: tuple[int, int] = (0, 0),
) -> Attention:
    """Where the tokens of some texts look, for the reader to explore.

    A text has a name, its T tokens, as they are to be read, and weights
    of shape (layers, heads, T, T); each row is a distribution over the
    tokens up to its own. `first` is the layer and the head that are
    shown first, from 0. ValueError for weights of any other kind.
    """
    import numpy as np

    kept: dict[str, tuple[list[str], Any]] = {}
    heads = None
    for name, (tokens, weights) in texts.items():
        w, n = np.asarray(weights), len(tokens)
        heads = heads or w.shape[:2]
        if w.ndim != 4 or w.shape != (*heads, n, n):
            raise ValueError(
                f"{name}: {n} tokens have weights {w.shape}; "
                f"they should be {(*heads, n, n)}"
            )
        if np.triu(w, 1).any() or abs(w.sum(-1) - 1).max() > 1e-3:
            raise ValueError(
                f"{name}: a row of weights must sum to 1 up to its "
                "own token"
            )
        kept[name] = [*tokens], np.rint(255 * w).astype(np.uint8)
    if heads is None:
        raise ValueError("there is no text to look at")
    layer, head = map(int, first)
    if not (0 <= layer < heads[0] and 0 <= head < heads[1]):
        raise ValueError(f"head {first} is none of {tuple(heads)}")
    return Attention(kept, (layer, head))
