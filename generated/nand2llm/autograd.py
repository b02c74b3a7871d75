# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. b8d0224b73b5
"""What was computed from what, and the walk back through it.

A `Node` stands for one computed value. It knows the nodes of the
operation's inputs, and the rules that turn the value's gradient into
theirs. It keeps neither the value nor its inputs, except what a rule
needs: that is what is freed when the walk has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any

Array = Any  # of whichever backend
Rule = Callable[[Array], Array]
Rules = tuple[Rule, ...] | Callable[[Array], Sequence[Array | None]]
Hook = Callable[[Array], Array | None]

clock = count(1).__next__
recording: ContextVar[bool] = ContextVar("recording", default=True)


class GraphError(RuntimeError):
    """A gradient was asked for that the graph cannot give."""


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: what is made needs no gradient."""
    token = recording.set(False)
    try:
        yield
    finally:
        recording.reset(token)


class Node:
    """One value in the graph: born at `number`, made by `name`."""

    __slots__ = (
        "hooks",
        "name",
        "number",
        "parents",
        "rules",
        "shape",
        "where",
    )

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        parents: tuple[Node | None, ...],
        rules: Rules,
    ) -> None:
        self.number = clock()
        self.name = name
        self.shape = shape
        self.parents = parents
        self.rules: Rules | None = rules
        self.hooks: list[Hook] | None = None
        self.where = ""  # FILE:LINE, known in anomaly mode

    def gradients(self, g: Array) -> Sequence[Array | None]:
        """The gradients of the inputs, where they are wanted."""
        if self.rules is None:
            raise GraphError(
                f"backward() went through {self.name} {self.shape} "
                "before, and what it needs is freed; the first time, "
                "call backward(retain_graph=True)"
            )
        if callable(self.rules):
            return self.rules(g)
        return [
            None if parent is None else rule(g)
            for rule, parent in zip(
                self.rules, self.parents, strict=True
            )
        ]

    def release(self) -> None:
        """Forget all that only the walk back needed."""
        self.rules = None
        self.parents = ()


class Leaf(Node):
    """Where gradients arrive: a tensor that nobody computed."""

    __slots__ = ("changed", "receive")

    def __init__(
        self,
        shape: tuple[int, ...],
        receive: Callable[[Array], None],
    ) -> None:
        super().__init__("leaf", shape, (), ())
        self.receive = receive
        self.changed = self.number  # when it was last written to


def ancestors(root: Node) -> list[Node]:
    """All nodes that `root` was computed from, youngest first.

    A value is born after its inputs, so the order of birth, reversed,
    is a topological order. No recursion: depth is no limit.
    """
    seen = {root}
    waiting = [root]
    while waiting:
        for parent in waiting.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(seen, key=lambda node: node.number, reverse=True)


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum `g` over the axes along which `shape` was repeated."""
    extra = len(g.shape) - len(shape)
    if extra:
        g = g.sum(axis=tuple(range(extra)))
    repeated = tuple(
        axis for axis, n in enumerate(shape) if n == 1 != g.shape[axis]
    )
    return g.sum(axis=repeated, keepdims=True) if repeated else g


Inspector = Callable[[Node, Array, Sequence[Array | None]], None]


def walk_back(
    root: Node,
    gradient: Array,
    add: Callable[[Array, Array], Array],
    retain: bool = False,
    inspect: Inspector | None = None,
) -> None:
    """Carry `gradient` from the root to every leaf below it.

    add: puts two gradients together, in a third array. inspect: is
    shown each node, its gradient, and what it made of it.
    """
    pending = {root: gradient}
    for node in ancestors(root):
        g = pending.pop(node, None)
        if g is None:
            continue
        for hook in node.hooks or ():
            changed = hook(g)
            g = g if changed is None else changed
        if isinstance(node, Leaf):
            node.receive(g)
            continue
        arrived = node.gradients(g)
        if inspect is not None:
            inspect(node, g, arrived)
        for parent, part in zip(node.parents, arrived, strict=True):
            if parent is None or part is None:
                continue
            _check_unchanged(node, parent)
            if part.shape != parent.shape:
                part = unbroadcast(part, parent.shape)
            known = pending.get(parent)
            pending[parent] = part if known is None else add(known, part)
        if not retain:
            node.release()


def _check_unchanged(node: Node, parent: Node) -> None:
    if isinstance(parent, Leaf) and parent.changed > node.number:
        raise GraphError(
            f"a tensor {parent.shape} was changed in place after "
            f"{node.name} had used it; change it after backward()"
        )
