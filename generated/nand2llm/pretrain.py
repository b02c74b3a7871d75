# Made from book/part4/17-tinygpt.md by tangle.py; edit there, or here and stitch. bbfca355533d
"""From a recipe to a trained model, on the text of this book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from nand2llm import bpe, layouts
from nand2llm import functional as F
from nand2llm.batches import Batches
from nand2llm.checkout import find
from nand2llm.evaluate import bits_per_byte, held_out
from nand2llm.gpt import GPT, GPTConfig, generate, gpt2, modern
from nand2llm.optim import AdamW, Muon, Optimizer, warmup_linear
from nand2llm.splitting import part_of
from nand2llm.tensor import Tensor
from nand2llm.thebook import frozen
from nand2llm.tokenfile import TokenFile, write_tokens
from nand2llm.tokenizer import Tokenizer, load_tokenizer

SHARES = {"learn": 0.9, "judge": 0.1}


def texts(part: str) -> list[str]:
    """The documents of the frozen book in "learn" or in "judge"."""
    return [
        document.text
        for document in frozen()
        if part_of(document.source, SHARES) == part
    ]


def token_file(
    path: Path, documents: Iterable[str], tokenizer: Tokenizer
) -> TokenFile:
    """Documents as a file of tokens, to be read as an array."""
    rows = tokenizer.encode_batch(documents)
    write_tokens(path, rows, tokenizer.vocab_size)
    return TokenFile(path)


@dataclass(frozen=True)
class Recipe:
    """All that decides what a run will come to.

    The tokenizer has config.vocab_size tokens, learned from the part
    to learn from; 256 are the bytes. A step reads `batch` rows of
    `length` tokens. optimizer: "adamw" moves everything, "muon" the
    matrices of the blocks, and leaves the rest to AdamW. lr is the
    rate of AdamW, table_lr that of the embeddings, matrix_lr that of
    Muon. They rise in the first `warmup` steps and fall to 0 in the
    last share of `warmdown`.
    """

    config: GPTConfig
    steps: int
    batch: int = 16
    length: int = 128
    optimizer: Literal["adamw", "muon"] = "adamw"
    lr: float = 3e-3
    table_lr: float = 3e-3
    matrix_lr: float = 0.02
    decay: float = 0.1
    warmup: int = 20
    warmdown: float = 0.5
    clip: float = 1.0
    seed: int = 17

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "length"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be 1 or more"
                )
        if self.length > self.config.context:
            raise ValueError(
                f"rows of {self.length} tokens, and a context of "
                f"{self.config.context}"
            )
        if self.optimizer not in ("adamw", "muon"):
            raise ValueError(
                f"optimizer {self.optimizer!r}; there are adamw and muon"
            )

    @property
    def tokens(self) -> int:
        """How many tokens the whole run reads."""
        return self.steps * self.batch * self.length

    @property
    def multiplications(self) -> int:
        """How many the run needs, about, in products of tables.

        A way back costs two ways there. A token meets each matrix, and
        half a row of keys and values. Muon's rounds are counted.
        """
        c = self.config
        width, feed = c.width, c.hidden or 4 * c.width
        shapes = [
            (3 * width, width),
            (width, width),
            (feed, width),
            (width, feed),
        ]
        each = sum(m * n for m, n in shapes) + self.length * width
        each = c.n_layer * each + c.vocab_size * width
        total = 3 * each * self.tokens
        if self.optimizer == "muon":
            for m, n in shapes:
                low, high = min(m, n), max(m, n)
                once = 2 * low * low * high + low**3
                total += 5 * once * c.n_layer * self.steps
        return total


def kinds(model: GPT) -> dict[str, list[Tensor]]:
    """Its parameters, sorted by how they must be moved.

    "tables" of embeddings, "matrices" of the blocks, the "head" if it
    isn't the table, and "vectors": scales, shifts and biases.
    """
    found: dict[str, list[Tensor]] = {
        "tables": [],
        "matrices": [],
        "head": [],
        "vectors": [],
    }
    for name, p in model.named_parameters():
        if p.ndim < 2:
            kind = "vectors"
        elif name.startswith("blocks."):
            kind = "matrices"
        else:
            kind = "head" if name.startswith("head.") else "tables"
        found[kind].append(p)
    return {kind: params for kind, params in found.items() if params}


def optimizers(model: GPT, recipe: Recipe) -> list[Optimizer]:
    """What moves the model; each parameter is in one of them."""
    groups = {
        kind: {"params": params, "weight_decay": 0.0}
        for kind, params in kinds(model).items()
    }
    groups["tables"]["lr"] = recipe.table_lr
    for kind in ("matrices", "head"):
        if kind in groups:
            groups[kind]["weight_decay"] = recipe.decay
    made: list[Optimizer] = []
    if recipe.optimizer == "muon":
        made = [Muon([groups.pop("matrices")], recipe.matrix_lr)]
    rest = AdamW(groups.values(), recipe.lr, betas=(0.9, 0.95))
    return [*made, rest]


class Run:
    """A model in training, with all that it's trained by.

    files: tokens to learn from and to judge by, in a folder that's
    gone with the run. done: how many steps have been made.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.done = recipe, 0
        self.tokenizer = bpe.train(
            texts("learn"), recipe.config.vocab_size
        )
        self.folder = TemporaryDirectory()
        self.files = {
            part: token_file(
                Path(self.folder.name, part), texts(part), self.tokenizer
            )
            for part in SHARES
        }
        rng = np.random.default_rng(recipe.seed)
        self.model = GPT(recipe.config, rng)
        self.optimizers = optimizers(self.model, recipe)
        self.batches = Batches(
            self.files["learn"], recipe.batch, recipe.length, recipe.seed
        )
        warmdown = round(recipe.warmdown * recipe.steps)
        self.schedule = warmup_linear(
            recipe.warmup, recipe.steps, warmdown
        )

    def step(self) -> float:
        """Read a batch and learn; the loss before, nats for a token."""
        inputs, targets = next(self.batches)
        loss = F.cross_entropy(self.model(inputs), targets)
        loss.backward()
        scale = self.schedule(self.done)
        for optimizer in self.optimizers:
            optimizer.clip(self.recipe.clip)
            optimizer.step(scale)
            optimizer.zero_grad()
        self.done += 1
        return float(loss.item())

    def bits(self) -> float:
        """Bits for each byte of the text to judge by."""
        return bits(self.model, self.tokenizer, self.files["judge"])


def bits(model: GPT, tokenizer: Tokenizer, file: TokenFile) -> float:
    """Bits for each byte of a file, but for its first token."""
    sizes = np.array([len(token) for token in tokenizer.tokens])
    nats = held_out(model, file, 16, model.config.context)
    return bits_per_byte(nats, int(sizes[file.tokens[1:]].sum()))


def written(
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str,
    n: int = 100,
    seed: int = 0,
    temperature: float = 0.8,
    top_k: int | None = 40,
) -> str:
    """The prompt, and n tokens more."""
    rng, ids = np.random.default_rng(seed), tokenizer.encode(prompt)
    was = model.training
    new = list(generate(model, ids, n, rng, temperature, top_k))
    model.train(was)
    return tokenizer.decode([*ids, *new])


def train(
    recipe: Recipe, told: Callable[[Run, float], object] | None = None
) -> Run:
    """Follow a recipe to its end; `told` hears each step's loss."""
    run = Run(recipe)
    while run.done < recipe.steps:
        loss = run.step()
        if told is not None:
            told(run, loss)
    return run


def recipes() -> dict[str, Recipe]:
    """The ladder of this chapter, and the model that comes with it."""
    sizes: dict[str, Any] = {"context": 128}
    old = Recipe(gpt2(2048, **sizes), 1000)
    new = replace(
        old, config=modern(2048, **sizes), lr=0.01, table_lr=0.1
    )
    muon = replace(new, optimizer="muon")
    return {
        "bytes": replace(old, config=gpt2(256, **sizes)),
        "gpt2": old,
        "modern": new,
        "muon": muon,
        "tinygpt": replace(
            muon, config=modern(2048, dropout=0.1, **sizes)
        ),
    }


def save(model: GPT, tokenizer: bpe.BPE, folder: str | Path) -> None:
    """Write a folder that `load`, and `transformers`, can read.

    tokens.json is the tokenizer for us, tokenizer.json for them.
    """
    layouts.save(model, folder)
    tokenizer.save(Path(folder, "tokens.json"))
    tokenizer.to_tokenizer_json(Path(folder, "tokenizer.json"))


def load(folder: str | Path) -> tuple[GPT, Tokenizer]:
    """The model of a folder, and its tokenizer."""
    model = layouts.load(folder)
    model.eval()
    return model, load_tokenizer(Path(folder, "tokens.json"))


def tinygpt() -> tuple[GPT, Tokenizer]:
    """The model that comes with the book, and its tokenizer."""
    return load(find("book/data/tinygpt/config.json").parent)
