# Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 78d4ae9eb0a3
"""The native kernels, for NumPy's float32 arrays.

Importing this module loads the library in the best build for this
processor; NativeError if there is none. All functions write to arrays
that they are given, and refuse (ValueError) what does not fit.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nand2llm import native
from nand2llm.native import NativeError

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

FLOAT = np.dtype(np.float32)
INTEGER = np.dtype(np.int64)
LEVELS = {1: "baseline", 3: "v3", 4: "v4"}


def _choose() -> tuple[str, Path]:
    """The level and the path of the library to load."""
    baseline = native.find()
    library = native.load()
    if not hasattr(library, "nand2llm_level"):
        raise NativeError(
            f"{baseline} has no kernels: run `make native`"
        )
    best = library.nand2llm_level()
    wanted = os.environ.get("NAND2LLM_NATIVE_LEVEL", "")
    if wanted not in ("", *LEVELS.values()):
        raise NativeError(
            f"NAND2LLM_NATIVE_LEVEL is {wanted!r}; "
            f"it would be one of {', '.join(LEVELS.values())}"
        )
    for level, name in sorted(LEVELS.items(), reverse=True):
        path = _beside(baseline, name)
        if wanted in ("", name) and level <= best and path.is_file():
            return name, path
    raise NativeError(
        f"no native library of level {wanted} for this processor, "
        f"which is {LEVELS[best]}: run `make native`, or unset "
        "NAND2LLM_NATIVE_LEVEL"
    )


def _beside(baseline: Path, name: str) -> Path:
    """Where the build for a level is, given that of the baseline."""
    folder = baseline.parent
    if name == "baseline":
        return baseline
    if folder.name == "release":
        return folder.parent / name / "release" / baseline.name
    return folder / name / baseline.name


LEVEL, PATH = _choose()
_library = ctypes.CDLL(str(PATH))
if _library.nand2llm_abi() != native.ABI:
    raise NativeError(f"{PATH} is out of date: run `make native`")


def _reason() -> str:
    text = ctypes.create_string_buffer(1000)
    n = _library.nand2llm_last_error(text, ctypes.c_size_t(1000))
    return text.raw[:n].decode(errors="replace")


def set_threads(threads: int) -> None:
    """Let so many threads work; 0 for NAND2LLM_THREADS or all."""
    if _library.nand2llm_set_threads(ctypes.c_size_t(threads)):
        raise ValueError(_reason())


def threads() -> int:
    """How many threads work."""
    return int(_library.nand2llm_threads())


set_threads(0)


def _kernel(name: str, layout: str) -> Callable[..., None]:
    """A function that packs its arguments into a kernel's struct.

    One pointer to bytes costs a quarter of sixteen arguments.
    `layout` is as for the struct module: P a pointer, N a size, d a
    double. All take 8 bytes, so that there is no padding.
    """
    pack = struct.Struct(layout.replace(" ", "")).pack
    function = getattr(_library, f"nand2llm_{name}")
    function.argtypes = [ctypes.c_char_p]

    def call(*values: float) -> None:
        if function(pack(*values)):
            raise ValueError(_reason())

    return call


_word = ctypes.c_size_t.from_address
# The address of an array's data is the first field after the object's
# header (numpy's PyArrayObject). Reading it there takes 0.1 µs, and
# asking `__array_interface__` more than 1.
_HEADER = object.__basicsize__
_PROBE = np.zeros(1)
if (
    _word(id(_PROBE) + _HEADER).value
    != _PROBE.__array_interface__["data"][0]
):
    raise NativeError("numpy's arrays do not look as expected")


def _refuse(name: str, array: object, want: str) -> ValueError:
    if not isinstance(array, np.ndarray):
        return ValueError(f"{name} is {array!r}; {want} would do")
    order = "" if array.flags.c_contiguous else ", not contiguous"
    order += "" if array.flags.writeable else ", not writable"
    return ValueError(
        f"{name} is {array.dtype} {array.shape}{order}; "
        f"{want} would do"
    )


def _dense(
    name: str, array: Floats, shape: tuple[int, ...] | None = None
) -> int:
    """The address of a contiguous float32 array."""
    if (
        array.dtype is not FLOAT
        or not array.flags.c_contiguous
        or (shape is not None and array.shape != shape)
    ):
        raise _refuse(name, array, f"contiguous float32 {shape or ''}")
    return _word(id(array) + _HEADER).value


def _output(
    name: str, array: Floats, shape: tuple[int, ...] | None = None
) -> int:
    """The address of a contiguous float32 array to write to."""
    if not array.flags.writeable:
        raise _refuse(name, array, "a writable array")
    return _dense(name, array, shape)


def _optional(
    name: str, array: Floats | None, shape: tuple[int, ...]
) -> int:
    """The address of a contiguous array, or null for None."""
    return 0 if array is None else _dense(name, array, shape)


def _count(name: str, array: Floats, n: int) -> int:
    """The address of a contiguous array of n elements to write to."""
    if array.size != n:
        raise _refuse(name, array, f"float32 with {n} elements")
    return _output(name, array)


def _indices(name: str, array: Integers, n: int) -> int:
    """The address of n contiguous 64-bit integers."""
    if (
        array.dtype is not INTEGER
        or not array.flags.c_contiguous
        or array.size != n
    ):
        raise _refuse(name, array, f"contiguous int64, {n} elements")
    return _word(id(array) + _HEADER).value


def _rows(name: str, array: Floats) -> tuple[int, int]:
    """How many rows the last axis makes, and their length."""
    if not array.ndim:
        raise _refuse(name, array, "an array with an axis")
    c = array.shape[-1]
    return array.size // c if c else 0, c


def _matrices(name: str, array: Floats) -> tuple[int, int, int, int]:
    """The address and strides of a matrix, or a stack of them."""
    if array.dtype is not FLOAT or not 2 <= array.ndim <= 3:
        raise _refuse(name, array, "float32 with 2 or 3 axes")
    address = _word(id(array) + _HEADER).value
    step, row, column = (0, *array.strides)[-3:]
    if (step | row | column) < 0 or (step | row | column) & 3:
        raise _refuse(name, array, "an array with strides ≥ 0")
    return address, step >> 2, row >> 2, column >> 2


_gemm = _kernel("gemm", "4N P3N P3N P2N N")


def gemm(
    a: Floats, b: Floats, out: Floats, accumulate: bool = False
) -> None:
    """Write a @ b to `out`, or add it to what is there.

    a is (m, k), b (k, n), `out` (m, n); each may be a stack of such
    matrices, of the same number or 1, but `out` of no fewer. a and b
    may have any strides; the columns of `out` must lie side by side.
    """
    (m, k), n = a.shape[-2:], b.shape[-1]
    batch = 1 if out.ndim == 2 else out.shape[0]
    if (
        b.shape[-2] != k
        or out.shape[-2:] != (m, n)
        or (a.ndim == 3 and a.shape[0] not in (1, batch))
        or (b.ndim == 3 and b.shape[0] not in (1, batch))
    ):
        raise ValueError(
            f"cannot write {a.shape} @ {b.shape} to {out.shape}"
        )
    if not out.size:
        return
    c, c_step, c_row, column = _matrices("out", out)
    if (column != 1 and n > 1) or not out.flags.writeable:
        raise _refuse("out", out, "writable, with columns side by side")
    a_place, a_step, a_row, a_column = _matrices("a", a)
    b_place, b_step, b_row, b_column = _matrices("b", b)
    if batch > 1:  # a stack of one serves them all
        a_step = 0 if a.shape[0] == 1 and a.ndim == 3 else a_step
        b_step = 0 if b.shape[0] == 1 and b.ndim == 3 else b_step
    _gemm(
        *(batch, m, n, k),
        *(a_place, a_step, a_row, a_column),
        *(b_place, b_step, b_row, b_column),
        *(c, c_step, c_row, accumulate),
    )


_add = _kernel("add", "N3P")
_add_scaled = _kernel("add_scaled", "Nd2P")
_activation = _kernel("activation", "2N2P")
_activation_backward = _kernel("activation_backward", "2N3PN")
ACTIVATIONS = ("relu", "relu_squared", "gelu", "silu", "tanh")


def add(x: Floats, y: Floats, out: Floats) -> None:
    """Write x + y, of one shape, to `out`, which may be x or y."""
    shape = x.shape
    _add(
        x.size,
        _dense("x", x),
        _dense("y", y, shape),
        _output("out", out, shape),
    )


def add_scaled(scale: float, x: Floats, y: Floats) -> None:
    """Add scale · x to y, of the same shape."""
    there = _dense("x", x)
    _add_scaled(x.size, scale, there, _output("y", y, x.shape))


def activation(name: str, x: Floats, out: Floats) -> None:
    """Write one of the ACTIVATIONS of x to `out`, which may be x."""
    f = ACTIVATIONS.index(name)
    there = _dense("x", x)
    _activation(f, x.size, there, _output("out", out, x.shape))


def activation_backward(
    name: str,
    x: Floats,
    dy: Floats,
    dx: Floats,
    accumulate: bool = False,
) -> None:
    """Write dy times the slope at x to dx, or add it there."""
    _activation_backward(
        ACTIVATIONS.index(name),
        x.size,
        _dense("x", x),
        _dense("dy", dy, x.shape),
        _output("dx", dx, x.shape),
        accumulate,
    )


_norm = _kernel("norm", "3Nd6P")
_norm_backward = _kernel("norm_backward", "3N8P2N")


def norm(
    x: Floats,
    weight: Floats | None,
    bias: Floats | None,
    out: Floats,
    mean: Floats | None,
    rstd: Floats,
    eps: float = 1e-5,
) -> None:
    """Layer norm of the rows of x (…, C); RMS norm if `mean` is None.

    `out` is like x, and may be x; weight and bias are (C,); `mean` and
    `rstd`, which are written for the backward pass, have x.size/C
    elements.
    """
    n, c = _rows("x", x)
    _norm(
        *(n, c, mean is not None, eps),
        _dense("x", x),
        _optional("weight", weight, (c,)),
        _optional("bias", bias, (c,)),
        _output("out", out, x.shape),
        0 if mean is None else _count("mean", mean, n),
        _count("rstd", rstd, n),
    )


def norm_backward(
    dy: Floats,
    x: Floats,
    weight: Floats | None,
    mean: Floats | None,
    rstd: Floats,
    dx: Floats,
    dweight: Floats | None = None,
    dbias: Floats | None = None,
    accumulate: bool = False,
    accumulate_weight: bool = False,
) -> None:
    """Write, or add, the gradients of `norm` to dx, dweight, dbias.

    dx may be dy. `accumulate` is for dx, `accumulate_weight` for
    dweight and dbias.
    """
    n, c = _rows("x", x)
    _norm_backward(
        *(n, c, mean is not None),
        _dense("x", x),
        _optional("weight", weight, (c,)),
        0 if mean is None else _count("mean", mean, n),
        _count("rstd", rstd, n),
        _dense("dy", dy, x.shape),
        _output("dx", dx, x.shape),
        _optional("dweight", dweight, (c,)),
        _optional("dbias", dbias, (c,)),
        *(accumulate, accumulate_weight),
    )


_softmax = _kernel("softmax", "3N2P")
_softmax_backward = _kernel("softmax_backward", "3N3P")


def softmax(x: Floats, out: Floats, log: bool = False) -> None:
    """Write the softmax of x along its last axis, or its logarithm.

    `out` may be x.
    """
    there = _dense("x", x)
    _softmax(*_rows("x", x), log, there, _output("out", out, x.shape))


def softmax_backward(
    y: Floats, dy: Floats, dx: Floats, log: bool = False
) -> None:
    """Write the gradient of `softmax`, whose result is y.

    dx may be dy.
    """
    _softmax_backward(
        *_rows("y", y),
        log,
        _dense("y", y),
        _dense("dy", dy, y.shape),
        _output("dx", dx, y.shape),
    )


_cross_entropy = _kernel("cross_entropy", "2N4P")
_cross_entropy_backward = _kernel("cross_entropy_backward", "2N3PdP")
_cross_entropy_in_place = _kernel("cross_entropy_in_place", "2N2Pd2P")


def cross_entropy(
    logits: Floats, targets: Integers, loss: Floats, lse: Floats
) -> None:
    """Write the losses, and ln Σ eˣ for the backward pass.

    Logits are (…, V); the others have an element for each row. Where
    a target is −1, the loss is 0.
    """
    n, v = _rows("logits", logits)
    _cross_entropy(
        *(n, v),
        _dense("logits", logits),
        _indices("targets", targets, n),
        _count("loss", loss, n),
        _count("lse", lse, n),
    )


def cross_entropy_backward(
    logits: Floats,
    targets: Integers,
    lse: Floats,
    scale: float,
    dlogits: Floats,
) -> None:
    """Write (softmax − 1 at the target) · scale; 0 where it is −1.

    dlogits may be the logits.
    """
    n, v = _rows("logits", logits)
    _cross_entropy_backward(
        *(n, v),
        _dense("logits", logits),
        _indices("targets", targets, n),
        _count("lse", lse, n),
        scale,
        _output("dlogits", dlogits, logits.shape),
    )


def cross_entropy_in_place(
    logits: Floats, targets: Integers, loss: Floats, scale: float = 1.0
) -> float:
    """Turn logits into the gradient of the mean loss; return that.

    The losses are written as by `cross_entropy`. Rows whose target is
    −1 do not count for the mean; if none counts, it is NaN.
    """
    n, v = _rows("logits", logits)
    mean = ctypes.c_double()
    _cross_entropy_in_place(
        *(n, v),
        _output("logits", logits),
        _indices("targets", targets, n),
        scale,
        _count("loss", loss, n),
        ctypes.addressof(mean),
    )
    return mean.value


_HEADS = "P3N"
_ATTENTION = f"8Nd {4 * _HEADS} P"
_attention = _kernel("attention", _ATTENTION)
_attention_backward = _kernel(
    "attention_backward", f"{_ATTENTION} {4 * _HEADS}"
)


def _heads(
    name: str, array: Floats, shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """The address and strides of (B, T, H, D)."""
    if array.dtype is not FLOAT or array.shape != shape:
        raise _refuse(name, array, f"float32 {shape}")
    if not array.size:
        return 0, 0, 0, 0
    address = _word(id(array) + _HEADER).value
    batch, token, head, number = array.strides
    if (batch | token | head) & 3 or (number != 4 and shape[3] > 1):
        raise _refuse(name, array, "an array with a dense last axis")
    if (batch | token | head) < 0:
        raise _refuse(name, array, "an array with strides ≥ 0")
    return address, batch >> 2, token >> 2, head >> 2


def _attention_call(
    q: Floats,
    k: Floats,
    v: Floats,
    out: Floats,
    lse: Floats,
    causal: bool,
    window: int | None,
    scale: float | None,
) -> tuple[float, ...]:
    """The arguments that both passes share."""
    if q.ndim != 4 or k.ndim != 4:
        raise ValueError(f"q is {q.shape}, k {k.shape}; want 4 axes")
    (b, t, h, d), (_, s, h_kv, _) = q.shape, k.shape
    if not h_kv or h % h_kv:
        raise ValueError(f"{h} heads of q cannot share {h_kv} of k, v")
    if window is not None and (window < 1 or not causal):
        raise ValueError(
            f"window is {window}, causal {causal}; "
            "a window is at least 1 wide, and causal"
        )
    scale = max(1, d) ** -0.5 if scale is None else scale
    if not scale > 0:
        raise ValueError(f"scale is {scale}; it would be more than 0")
    return (
        *(b, t, s, h, h_kv, d, causal, window or 0, scale),
        *_heads("q", q, q.shape),
        *_heads("k", k, (b, s, h_kv, d)),
        *_heads("v", v, (b, s, h_kv, d)),
        *_heads("out", out, q.shape),
        _output("lse", lse, (b, h, t)),
    )


def attention(
    q: Floats,
    k: Floats,
    v: Floats,
    out: Floats,
    lse: Floats,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
) -> None:
    """Write softmax(scale · q·kᵀ)·v of each head to `out`.

    q and `out` are (B, T, H, D), k and v (B, S, H_kv, D), where H is a
    multiple of H_kv; `lse`, for the backward pass, is (B, H, T). All
    but `lse` may have strides, so that parts of a packed qkv will do.
    If `causal`, query i sees the keys up to i + S − T, the last
    `window` of them; one that sees none gets zeros. `scale` is 1/√D
    unless given.
    """
    call = _attention_call(q, k, v, out, lse, causal, window, scale)
    if not out.flags.writeable:
        raise _refuse("out", out, "a writable array")
    _attention(*call)


def attention_backward(
    dout: Floats,
    q: Floats,
    k: Floats,
    v: Floats,
    out: Floats,
    lse: Floats,
    dq: Floats,
    dk: Floats,
    dv: Floats,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
) -> None:
    """Write the gradients of `attention` over dq, dk and dv.

    dout, dq, dk and dv may have strides as q, k and v may.
    """
    call = _attention_call(q, k, v, out, lse, causal, window, scale)
    for name, array in (("dq", dq), ("dk", dk), ("dv", dv)):
        if not array.flags.writeable:
            raise _refuse(name, array, "a writable array")
    _attention_backward(
        *call,
        *_heads("dout", dout, q.shape),
        *_heads("dq", dq, q.shape),
        *_heads("dk", dk, k.shape),
        *_heads("dv", dv, k.shape),
    )


_gather = _kernel("gather", "3N3P")
_scatter_add = _kernel("scatter_add", "3N3P")


def gather(table: Floats, indices: Integers, out: Floats) -> None:
    """Write table[indices] to `out`; the table is (V, C)."""
    _gather(*_rows_of(table, indices, "out", out), _output("out", out))


def scatter_add(
    rows: Floats, indices: Integers, table: Floats
) -> None:
    """Add each of the rows to table[index], one after the other."""
    call = _rows_of(table, indices, "rows", rows)
    _output("table", table)
    _scatter_add(*call, _dense("rows", rows))


def _rows_of(
    table: Floats, indices: Integers, name: str, rows: Floats
) -> tuple[int, ...]:
    if table.ndim != 2:
        raise _refuse("table", table, "float32 with 2 axes")
    size, c = table.shape
    if rows.size != indices.size * c:
        raise _refuse(name, rows, f"{indices.size} rows of {c}")
    places = _indices("indices", indices, indices.size)
    return indices.size, c, size, places, _dense("table", table)


_sum_squares = _kernel("sum_squares", "N2P")
_adamw = _kernel("adamw", "3N6d4P")
_sgd = _kernel("sgd", "2N4dN3P")


def sum_squares(x: Floats) -> float:
    """The sum of the squares of a vector, in float64."""
    total = ctypes.c_double()
    _sum_squares(x.size, _dense("x", x), ctypes.addressof(total))
    return total.value


def adamw(
    parameters: Floats,
    gradients: Floats,
    mean: Floats,
    square: Floats,
    step: int,
    rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    decay: float = 0.0,
    decaying: int | None = None,
    scale: float = 1.0,
) -> None:
    """Step `step`, from 1 on, of AdamW; `mean`, `square` are its state.

    The first `decaying` parameters decay, all unless given. The
    gradients are multiplied with `scale`, for clipping.
    """
    shape = parameters.shape
    n = parameters.size
    _adamw(
        *(n, n if decaying is None else decaying, step),
        *(rate, beta1, beta2, eps, decay, scale),
        _output("parameters", parameters),
        _dense("gradients", gradients, shape),
        _output("mean", mean, shape),
        _output("square", square, shape),
    )


def sgd(
    parameters: Floats,
    gradients: Floats,
    velocity: Floats | None,
    rate: float,
    momentum: float = 0.0,
    decay: float = 0.0,
    decaying: int | None = None,
    scale: float = 1.0,
    nesterov: bool = False,
) -> None:
    """A step of gradient descent; `velocity` is momentum's state.

    The first `decaying` parameters have `decay` times themselves added
    to their gradients, all unless given.
    """
    if velocity is None and (momentum or nesterov):
        raise ValueError("velocity is None; momentum needs an array")
    n = parameters.size
    _sgd(
        *(n, n if decaying is None else decaying),
        *(rate, momentum, decay, scale, nesterov),
        _output("parameters", parameters),
        _dense("gradients", gradients, parameters.shape),
        _optional("velocity", velocity, parameters.shape),
    )


_softcap = _kernel("softcap", "Nd2P")
_softcap_backward = _kernel("softcap_backward", "Nd3P")
_rotary = _kernel("rotary", "5NP3N3P")


def softcap(x: Floats, cap: float, out: Floats) -> None:
    """Write cap · tanh(x / cap) to `out`, which may be x."""
    there = _dense("x", x)
    _softcap(x.size, cap, there, _output("out", out, x.shape))


def softcap_backward(
    y: Floats, cap: float, dy: Floats, dx: Floats
) -> None:
    """Write the gradient of `softcap`, whose result is y.

    dx may be dy.
    """
    _softcap_backward(
        *(y.size, cap),
        _dense("y", y),
        _dense("dy", dy, y.shape),
        _output("dx", dx, y.shape),
    )


def rotary(
    x: Floats,
    cos: Floats,
    sin: Floats,
    out: Floats,
    back: bool = False,
) -> None:
    """Write the heads x (B, T, H, D), turned by angles, to `out`.

    The angles (T, D/2) turn number i and number i + D/2 of a head;
    the other way if `back`. x may have strides, and be `out`.
    """
    if x.ndim != 4 or x.shape[3] % 2:
        raise _refuse("x", x, "float32 (B, T, H, D), with an even D")
    batch, length, heads, width = x.shape
    angles = (length, width // 2)
    _rotary(
        *(batch, length, heads, width // 2, back),
        *_heads("x", x, x.shape),
        _dense("cos", cos, angles),
        _dense("sin", sin, angles),
        _output("out", out, x.shape),
    )


_decode = _library.nand2llm_decode
_decode.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]
_LAYER = struct.Struct("14PN")
_MODEL = struct.Struct("12N2dP8P")
FEEDS = ("gelu", "relu2", "swiglu")
Shapes = tuple[tuple[int, ...], ...]


def decoder(
    c: Any,
    tables: Sequence[Floats | None],
    blocks: Sequence[Sequence[Floats | None]],
    windows: Sequence[int],
) -> Callable[[int, int], None]:
    """What reads a token of a model at a place.

    c: the configuration, a GPTConfig. tables: tokens (V, C); places
    (T, C); cos and sin of rotations (T, D/2); the last norm's weight
    and bias; the head (V, C); and room for logits (V). blocks: of each
    the weights and biases of its norm, qkv, out, norm, up and down,
    and its keys and values (1, T, G, D), which are written to. None is
    what a model doesn't have. windows: how many tokens a block sees.
    """
    width, groups = c.width, c.n_kv_head or c.n_head
    head, hidden = width // c.n_head, c.hidden or 4 * width
    qkv = width + 2 * groups * head
    up = hidden * (2 if c.feed == "swiglu" else 1)
    table, turns = (c.vocab_size, width), (c.context, head // 2)
    kept = (1, c.context, groups, head)
    row, last = (width,), (width, hidden)
    inner: Shapes = (
        *(row, row, (qkv, width), (qkv,), (width, width), row),
        *(row, row, (up, width), (up,), last, row, kept, kept),
    )
    layers = b"".join(
        _LAYER.pack(*_addresses(block, inner), window)
        for block, window in zip(blocks, windows, strict=True)
    )
    places, logits = (c.context, width), (c.vocab_size,)
    outer = table, places, turns, turns, row, row, table, logits
    model = _MODEL.pack(
        *(len(blocks), width, c.n_head, groups, hidden),
        *(c.vocab_size, c.context, c.norm == "layer", c.post_norm),
        *(c.norm_embedding, c.qk_norm, FEEDS.index(c.feed)),
        *(c.eps, c.softcap or 0.0, _start(layers)),
        *_addresses(tables, outer),
    )

    def read(token: int, place: int) -> None:
        if _decode(model, token, place):
            raise ValueError(_reason())

    read.needs = layers, tables, blocks  # type: ignore[attr-defined]
    return read


def _addresses(
    arrays: Sequence[Floats | None], shapes: Shapes
) -> list[int]:
    return [
        _optional(f"array {i} of the model", array, shape)
        for i, (array, shape) in enumerate(
            zip(arrays, shapes, strict=True)
        )
    ]


def _start(text: bytes) -> int:
    """The address of the first byte."""
    place = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p)
    return place.value or 0
