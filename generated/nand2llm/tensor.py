# Made from book/part2/07-tensor-autograd.md by tangle.py; edit there, or here and stitch. 909276b4c764
"""An array that remembers how it was computed.

`Tensor` wraps an array of one of the backends. Every operation on
tensors is looked up in the table of `nand2llm.ops`, computed on the
arrays, and, if a gradient may be wanted, recorded in the graph.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

from nand2llm import backends, ops
from nand2llm.autograd import (
    Array,
    GraphError,
    Hook,
    Leaf,
    Node,
    clock,
    no_grad,
    recording,
    walk_back,
)

Axis = ops.Axis
Shape = tuple[int, ...]

anomaly: ContextVar[bool] = ContextVar("anomaly", default=False)


class NotFinite(ArithmeticError):
    """An operation made a NaN or an infinity out of finite numbers."""


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Check every value and gradient, and name the first bad one."""
    token = anomaly.set(True)
    try:
        yield
    finally:
        anomaly.reset(token)


class Tensor:
    """An n-dimensional array of numbers of one type.

    data: numbers, nested lists of them, or an array of any backend.
    dtype: "float32" unless the data has another; whole numbers are
    "int64". requires_grad: whether backward() shall leave `grad` here.
    """

    __slots__ = ("__weakref__", "backend", "data", "grad", "node")
    __array_priority__ = 100  # NumPy leaves ndarray + Tensor to us

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: str | None = None,
        backend: str | backends.Backend | None = None,
    ) -> None:
        self.backend = backends.get(backend)
        if isinstance(data, Tensor):
            data = data.numpy()
        self.data: Array = self.backend.array(data, dtype)
        self.grad: Tensor | None = None
        self.node: Node | None = None
        if requires_grad:
            self.requires_grad = True

    @staticmethod
    def of(data: Array, backend: backends.Backend) -> Tensor:
        """A tensor around an array of the backend, without a copy."""
        return _wrap(data, backend)

    # What it is

    @property
    def shape(self) -> Shape:
        """The length of every axis."""
        return tuple(self.data.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.data.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.data.shape)

    @property
    def dtype(self) -> str:
        """The name of the number format, such as "float32"."""
        return self.backend.dtype(self.data)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this tensor."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if not wanted:
            self.node = None
        elif self.node is None:
            if not self.dtype.startswith(("float", "bfloat")):
                raise TypeError(
                    f"{self.dtype} has no gradient; make the tensor "
                    'with dtype="float32"'
                )
            self.node = Leaf(self.shape, _receiver(self))

    @property
    def is_leaf(self) -> bool:
        """Whether nobody computed it from something with gradient."""
        return self.node is None or isinstance(self.node, Leaf)

    # The way back

    def backward(
        self, gradient: Array | None = None, retain_graph: bool = False
    ) -> None:
        """Add to every leaf's `grad` its share of this tensor's.

        gradient: that of this tensor, (shape of this tensor); may be
        left out for a single number, and is 1 then. retain_graph:
        keep what a second backward() needs.
        """
        if self.node is None:
            raise GraphError(
                "backward() of a tensor that nothing with "
                "requires_grad went into"
            )
        if gradient is None:
            if self.size != 1:
                raise GraphError(
                    f"backward() of a tensor {self.shape} needs the "
                    "gradient of its elements; or sum() it first"
                )
            gradient = self.backend.ones_like(self.data)
        elif isinstance(gradient, Tensor):
            gradient = gradient.data
        if tuple(gradient.shape) != self.shape:
            raise ValueError(
                f"a gradient {tuple(gradient.shape)} for a tensor "
                f"{self.shape}"
            )
        inspect = self._inspect if anomaly.get() else None
        add = self.backend.add
        walk_back(self.node, gradient, add, retain_graph, inspect)

    def _inspect(
        self, node: Node, g: Array, made: Sequence[Array | None]
    ) -> None:
        finite = self.backend.all_finite
        for part in made:
            if part is not None and not finite(part) and finite(g):
                raise NotFinite(
                    f"{node.where or 'somewhere'}: the gradient of "
                    f"{node.name} {node.shape} is the first that is "
                    "not finite"
                )

    def register_hook(self, hook: Hook) -> Hook:
        """Call `hook` with the gradient array that arrives here.

        What it returns, unless None, takes the gradient's place.
        """
        if self.node is None:
            raise GraphError("no requires_grad: no gradient will come")
        self.node.hooks = [*(self.node.hooks or ()), hook]
        return hook

    def retain_grad(self) -> Tensor:
        """Keep `grad` here too, though it is not a leaf."""
        if not self.is_leaf:
            self.register_hook(_receiver(self))
        return self

    def assign(self, data: Any) -> None:
        """Give a leaf other numbers; in place, if it has gradients."""
        if not self.is_leaf:
            made = self.node and self.node.name
            raise GraphError(
                f"assign() to a computed tensor ({made}); only leaves "
                "can be written to"
            )
        if isinstance(data, Tensor):
            data = data.data
        elif not hasattr(data, "shape"):
            data = self.backend.array(data, self.dtype)
        if tuple(data.shape) != self.shape:
            raise ValueError(
                f"assign() of {tuple(data.shape)} to a tensor {self.shape}"
            )
        if isinstance(self.node, Leaf):
            self.data = self.backend.write(self.data, data)
            self.node.changed = clock()
        else:  # no walk would notice, so the old array stays as it is
            self.data = self.backend.array(data, self.dtype)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "tensors are not changed element by element: use where(), "
            "scatter() or concatenate(), or assign() to a leaf"
        )

    # Arithmetic

    def __add__(self, other: Any) -> Tensor:
        return apply(ops.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply(ops.add, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return apply(ops.subtract, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return apply(ops.subtract, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return apply(ops.multiply, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return apply(ops.multiply, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return apply(ops.divide, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply(ops.divide, other, self)

    def __pow__(self, other: Any) -> Tensor:
        return apply(ops.power, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return apply(ops.power, other, self)

    def __neg__(self) -> Tensor:
        return apply(ops.negative, self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return matmul(self, other)

    # Comparison: tensors of booleans, outside of the graph

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return self._compare(other, "equal")

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return self._compare(other, "not_equal")

    def __lt__(self, other: Any) -> Tensor:
        return self._compare(other, "less")

    def __le__(self, other: Any) -> Tensor:
        return self._compare(other, "less_equal")

    def __gt__(self, other: Any) -> Tensor:
        return self._compare(other, "greater")

    def __ge__(self, other: Any) -> Tensor:
        return self._compare(other, "greater_equal")

    __hash__ = object.__hash__

    def _compare(self, other: Any, how: str) -> Tensor:
        other = other.data if isinstance(other, Tensor) else other
        compare = getattr(self.backend, how)
        return _wrap(compare(self.data, other), self.backend)

    def __bool__(self) -> bool:
        return bool(self.item())

    # One number at a time

    def exp(self) -> Tensor:
        """e to the power of every element."""
        return apply(ops.exp, self)

    def log(self) -> Tensor:
        """The natural logarithm of every element."""
        return apply(ops.log, self)

    def sqrt(self) -> Tensor:
        """The square root of every element."""
        return apply(ops.sqrt, self)

    def sin(self) -> Tensor:
        """The sine of every element, in radians."""
        return apply(ops.sin, self)

    def cos(self) -> Tensor:
        """The cosine of every element, in radians."""
        return apply(ops.cos, self)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent of every element."""
        return apply(ops.tanh, self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e to the −x) of every element x."""
        return apply(ops.sigmoid, self)

    def relu(self) -> Tensor:
        """Every element, or 0 if that is larger."""
        return apply(ops.relu, self)

    def __abs__(self) -> Tensor:
        return apply(ops.absolute, self)

    def clip(
        self, low: float | None = None, high: float | None = None
    ) -> Tensor:
        """Every element, kept within the limits."""
        return apply(ops.clip, self, low=low, high=high)

    def astype(self, dtype: str) -> Tensor:
        """The same numbers in another format."""
        return apply(ops.astype, self, dtype=dtype)

    # Reductions; axis: one, several, or None for all

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Add up along the axes."""
        return apply(ops.sum, self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The average along the axes."""
        return apply(ops.mean, self, axis=axis, keepdims=keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The largest along the axes."""
        return apply(ops.max, self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The smallest along the axes."""
        return -(-self).max(axis, keepdims)

    def var(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """The mean squared distance from the mean (divided by n)."""
        off = self - self.mean(axis, keepdims=True)
        return (off * off).mean(axis, keepdims)

    def argmax(self, axis: int | None = None) -> Tensor:
        """Where the largest is; outside of the graph."""
        found = self.backend.argmax(self.data, axis=axis)
        return _wrap(found, self.backend)

    def logsumexp(self, axis: int = -1, keepdims: bool = False) -> Tensor:
        """The log of the sum of exponentials along an axis."""
        return apply(ops.logsumexp, self, axis=axis, keepdims=keepdims)

    def softmax(self, axis: int = -1) -> Tensor:
        """Shares of 1 in proportion to the exponentials."""
        return apply(ops.softmax, self, axis=axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        """The logarithm of `softmax`."""
        return apply(ops.log_softmax, self, axis=axis)

    # Shapes

    def reshape(self, *shape: Any) -> Tensor:
        """The same numbers, in the same order, in another shape."""
        return apply(ops.reshape, self, shape=_one(shape))

    def permute(self, *axes: Any) -> Tensor:
        """The axes in the order given."""
        return apply(ops.permute, self, axes=_one(axes))

    def transpose(self, first: int = -1, second: int = -2) -> Tensor:
        """Two axes exchanged; the last two, if none are named."""
        axes = list(range(self.ndim))
        axes[first], axes[second] = axes[second], axes[first]
        return self.permute(*axes)

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    def broadcast_to(self, *shape: Any) -> Tensor:
        """Repeat along new axes and axes of length 1."""
        return apply(ops.broadcast_to, self, shape=_one(shape))

    # Numbers out, and other tensors with the same ones

    def numpy(self) -> Any:
        """The numbers as a NumPy array, sharing memory if possible."""
        return self.backend.to_numpy(self.data)

    def item(self) -> float:
        """The only element as a Python number."""
        if self.size != 1:
            raise ValueError(f"item() of a tensor {self.shape}")
        return self.data.item()

    __float__ = item

    def tolist(self) -> Any:
        """The numbers in nested lists."""
        return self.data.tolist()

    def to(self, backend: str | backends.Backend) -> Tensor:
        """A copy on another backend, outside of the graph."""
        return Tensor(self.numpy(), backend=backend)

    def detach(self) -> Tensor:
        """The same numbers, seen from outside of the graph."""
        return _wrap(self.data, self.backend)

    def __len__(self) -> int:
        if not self.data.shape:
            raise TypeError("a tensor of shape () has no length")
        return int(self.data.shape[0])

    def __repr__(self) -> str:
        numbers = repr(self.numpy()) if self.shape else str(self.data)
        numbers = numbers.removeprefix("array(")
        numbers = numbers.removesuffix(")").replace("\n ", "\n  ")
        made = "" if self.node is None else f", {self.node.name}"
        return f"Tensor({numbers}{made})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A leaf of its own, with the same numbers and no gradient."""
        if not self.is_leaf:
            raise GraphError("only leaves are copied; detach() first")
        twin = _wrap(self.backend.copy(self.data), self.backend)
        twin.requires_grad = self.requires_grad
        memo[id(self)] = twin
        return twin

    def __getitem__(self, index: Any) -> Tensor:
        return apply(ops.getitem, self, index=_raw(index))

    def gather(self, index: Any, axis: int) -> Tensor:
        """For each place of `index`, the element it names on axis."""
        return apply(ops.gather, self, index=_raw(index), axis=axis)

    def scatter(self, index: Any, values: Tensor, axis: int) -> Tensor:
        """This, with `values` added where `index` says on axis."""
        index = _raw(index)
        return apply(ops.scatter, self, values, index=index, axis=axis)

    def split(
        self, sizes: Sequence[int], axis: int = -1
    ) -> list[Tensor]:
        """Neighboring parts of an axis, of the sizes given."""
        return split(self, sizes, axis)


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product; vectors and batches as in NumPy."""
    if x.ndim == 1 and y.ndim == 1:
        return (x * y).sum()
    if x.ndim == 1:
        return matmul(x.reshape(1, -1), y)[..., 0, :]
    if y.ndim == 1:
        return matmul(x, y.reshape(-1, 1))[..., 0]
    return apply(ops.matmul, x, y)


def maximum(x: Tensor, y: Any) -> Tensor:
    """The larger of two, element by element."""
    return apply(ops.maximum, x, y)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where the condition holds, y elsewhere."""
    return apply(ops.where, x, y, condition=_raw(condition))


def concatenate(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The parts one after the other along an existing axis."""
    return apply(ops.concatenate, *parts, axis=axis)


def stack(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The parts side by side along a new axis."""
    shape = list(parts[0].shape)
    shape.insert(axis % (len(shape) + 1), 1)
    return concatenate([part.reshape(*shape) for part in parts], axis)


# From an operation of the table to a tensor in the graph


def apply(
    operation: Callable[..., ops.Result], *inputs: Any, **settings: Any
) -> Tensor:
    """Compute an operation of the table, and record it if need be.

    inputs: tensors, or Python numbers, which take the others' dtype.
    Errors name the operation and what it was given.
    """
    backend = dtype = None
    arrays: list[Array] = []
    parents: list[Node | None] = []
    wanted = False
    for x in inputs:
        if x.__class__ is not Tensor:
            arrays.append(x)
            parents.append(None)
            continue
        data, node = x.data, x.node
        if backend is None:
            backend, dtype = x.backend, data.dtype
        elif x.backend is not backend or data.dtype != dtype:
            raise TypeError(_mixed(operation.__name__, inputs))
        arrays.append(data)
        parents.append(node)
        if node is not None:
            wanted = True
    if backend is None:
        raise TypeError(f"{operation.__name__} of no tensor")
    compute = backend.own.get(operation.__name__, operation)
    try:
        value, rules = compute(backend, *arrays, **settings)
    except (ValueError, IndexError, TypeError) as error:
        raise _explained(operation, inputs, settings, error) from error
    result = _wrap(value, backend)
    if wanted and recording.get():
        result.node = Node(
            operation.__name__, result.data.shape, tuple(parents), rules
        )
    if anomaly.get():
        _inspect(operation.__name__, result, inputs)
    return result


def _wrap(data: Array, backend: Any) -> Tensor:
    result: Tensor = object.__new__(Tensor)
    result.data, result.backend = data, backend
    result.grad = result.node = None
    return result


def _receiver(tensor: Tensor) -> Callable[[Array], None]:
    """What adds arriving gradients to `grad`, if the tensor lives."""
    known = weakref.ref(tensor)

    def receive(g: Array) -> None:
        tensor = known()
        if tensor is None:
            return
        if tensor.grad is None:
            g = tensor.backend.copy(g)
            tensor.grad = _wrap(g, tensor.backend)
        else:
            grad = tensor.grad
            grad.data = tensor.backend.accumulate(grad.data, g)

    return receive


def _one(sizes: tuple[Any, ...]) -> Shape:
    """Let f(2, 3) and f((2, 3)) mean the same."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        return tuple(sizes[0])
    return sizes


def _raw(index: Any) -> Any:
    """Arrays in place of the tensors in an index."""
    if isinstance(index, Tensor):
        return index.data
    if isinstance(index, tuple):
        return tuple(_raw(part) for part in index)
    return index


def checkpoint(
    function: Callable[..., Tensor], *inputs: Tensor
) -> Tensor:
    """The function of the inputs; nothing inside of it is kept.

    On the way back it is computed a second time: time for memory. So
    it must give the same result whenever it is called.
    """
    with no_grad():
        result = function(*inputs)

    def again(g: Array) -> list[Array | None]:
        fresh = [x.detach() for x in inputs]
        for x, old in zip(fresh, inputs, strict=True):
            x.requires_grad = old.requires_grad
        token = recording.set(True)
        try:
            function(*fresh).backward(g)
        finally:
            recording.reset(token)
        return [None if x.grad is None else x.grad.data for x in fresh]

    if recording.get():
        parents = tuple(x.node for x in inputs)
        result.node = Node("checkpoint", result.shape, parents, again)
    return result


# What went wrong, in words


def _seen(inputs: Sequence[Any]) -> str:
    return " and ".join(
        f"{x.dtype} {x.shape}" if isinstance(x, Tensor) else repr(x)
        for x in inputs
    )


def _mixed(name: str, inputs: Sequence[Any]) -> str:
    tensors = [x for x in inputs if isinstance(x, Tensor)]
    places = [x.backend.name for x in tensors]
    if len(set(places)) > 1:
        return (
            f"{name}: tensors on {' and '.join(places)}; move one "
            f'with .to("{places[0]}")'
        )
    return (
        f"{name}: {_seen(inputs)}; convert one with "
        f'.astype("{tensors[0].dtype}")'
    )


def _explained(
    operation: Callable[..., ops.Result],
    inputs: Sequence[Any],
    settings: dict[str, Any],
    error: Exception,
) -> Exception:
    known = "".join(
        f", {name}={value!r}"
        for name, value in settings.items()
        if isinstance(value, int | tuple | str)
    )
    return type(error)(
        f"{operation.__name__}: {_seen(inputs)}{known}: {error}"
    )


def _inspect(name: str, result: Tensor, inputs: Sequence[Any]) -> None:
    """In anomaly mode: is the value finite, and will gradients be?"""
    xp, where = result.backend, _caller()
    if not xp.all_finite(result.data) and all(
        xp.all_finite(x.data) for x in inputs if isinstance(x, Tensor)
    ):
        raise NotFinite(
            f"{where}: {name} of {_seen(inputs)} made a NaN or an "
            "infinity out of finite numbers"
        )
    if result.node is not None:
        result.node.where = where


def _caller() -> str:
    """FILE:LINE of the innermost line that is not in this module."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def split(
    x: Tensor, sizes: Sequence[int], axis: int = -1
) -> list[Tensor]:
    """Neighboring parts of an axis, of the sizes given.

    The parts' gradients are written side by side into one buffer; the
    first part to be reached brings it to the node between x and them,
    which wipes the places of those that never were.
    """
    n, backend = x.shape[axis], x.backend
    if sum(sizes) != n:
        raise ValueError(
            f"split: axis {axis} of {x.shape} into {tuple(sizes)}, "
            f"which add up to {sum(sizes)}"
        )
    before = (slice(None),) * (axis % x.ndim)
    stops = [0, *accumulate(sizes)]
    places = [
        (*before, slice(start, stop)) for start, stop in pairwise(stops)
    ]
    parts = [_wrap(x.data[place], backend) for place in places]
    if x.node is not None and recording.get():
        fill, pass_on = _joined(backend, x.shape, places)
        joint = Node("split", x.shape, (x.node,), (pass_on,))
        for i, part in enumerate(parts):
            rule = partial(fill, i)
            part.node = Node("split", part.shape, (joint,), (rule,))
    return parts


def _joined(
    backend: Any, shape: Shape, places: list[Any]
) -> tuple[Callable[..., Array | None], Callable[[Array], Array]]:
    """The rules of the parts, and of the node that joins them."""
    whole: list[Array] = []
    missing: set[int] = set()

    def fill(i: int, g: Array) -> Array | None:
        first = not whole
        if first:
            whole.append(backend.empty(shape, g.dtype))
            missing.update(range(len(places)))
        missing.discard(i)
        whole[0][places[i]] = g
        return whole[0] if first else None

    def pass_on(g: Array) -> Array:
        for i in missing:
            g[places[i]] = 0
        whole.clear()  # a second walk back starts anew
        return g

    return fill, pass_on
