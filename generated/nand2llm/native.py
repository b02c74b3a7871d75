# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 9ec233bc6f2d
"""The native library: the same walks in Rust, called with ctypes.

Nothing needs it. Where there is no library, `available()` is False
and `why_not()` says what to do about it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

from nand2llm.array import Array, full

ABI = 4
LIBRARY = {
    "darwin": "libnand2llm_native.dylib",
    "win32": "nand2llm_native.dll",
}.get(sys.platform, "libnand2llm_native.so")


class NativeError(RuntimeError):
    """The native library is missing or will not load."""


def find() -> Path:
    """Where the library is; NativeError, with advice, if nowhere."""
    if named := os.environ.get("NAND2LLM_NATIVE"):
        if not Path(named).is_file():
            raise NativeError(f"no native library at {named}")
        return Path(named)
    package = Path(__file__).resolve().parent
    built = [up / "build/native/release" for up in package.parents[:4]]
    for folder in [package, *built]:
        if (folder / LIBRARY).is_file():
            return folder / LIBRARY
    raise NativeError(
        "no native library: run `make native` (needs cargo)"
    )


@cache
def load() -> ctypes.CDLL:
    """The library, loaded once and checked to fit this module."""
    path = find()
    try:
        library = ctypes.CDLL(str(path))
        version = library.nand2llm_abi()
    except (OSError, AttributeError) as error:
        raise NativeError(f"cannot load {path}: {error}") from error
    if version != ABI:
        raise NativeError(
            f"{path} has interface {version}, this package {ABI}: "
            "run `make native`"
        )
    return library


def why_not() -> str:
    """Why there is no native library; empty if there is one."""
    try:
        load()
    except NativeError as error:
        return str(error)
    return ""


def available() -> bool:
    """Whether the native library can be called."""
    return not why_not()


class RawView(ctypes.Structure):
    """A strided view in C's terms, as the crate declares it."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("len", ctypes.c_size_t),
        ("shape", ctypes.POINTER(ctypes.c_size_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("ndim", ctypes.c_size_t),
        ("offset", ctypes.c_size_t),
    )


def _raw(source: Array) -> RawView:
    address, length = source.buffer.buffer_info()
    return RawView(
        address,
        length,
        (ctypes.c_size_t * source.ndim)(*source.shape),
        (ctypes.c_ssize_t * source.ndim)(*source.strides),
        source.ndim,
        source.offset,
    )


def _call(
    name: str, source: Array, out: Array, *more: ctypes.c_size_t
) -> None:
    if source.dtype != "float32":
        raise TypeError(
            f"native code reads float32, not {source.dtype}: "
            'use astype("float32")'
        )
    library = load()
    address, length = map(ctypes.c_size_t, out.buffer.buffer_info())
    view = ctypes.byref(_raw(source))
    if getattr(library, name)(view, *more, address, length):
        text = ctypes.create_string_buffer(1000)
        n = library.nand2llm_last_error(text, ctypes.c_size_t(1000))
        raise ValueError(text.raw[:n].decode(errors="replace"))


def contiguous(source: Array) -> Array:
    """A dense copy of a float32 array."""
    out = full(source.shape, 0.0, "float32")
    _call("nand2llm_contiguous", source, out)
    return out


def sum(source: Array, axis: int) -> Array:
    """Add up a float32 array along an axis, counted from 0."""
    if axis < 0:  # to Rust it would be a very large one
        raise ValueError(f"no axis {axis} in shape {source.shape}")
    shape = source.shape[:axis] + source.shape[axis + 1 :]
    out = full(shape, 0.0, "float32")
    _call("nand2llm_sum", source, out, ctypes.c_size_t(axis))
    return out


def _two(
    name: str, left: Array, right: Array, out: Array, choice: int
) -> Array:
    if right.dtype != "float32":
        left, right = right, left  # so that _call sees and refuses it
    other = _raw(right)  # must live until the call is over
    address = ctypes.c_size_t(ctypes.addressof(other))
    _call(name, left, out, address, ctypes.c_size_t(choice))
    return out


def dot(x: Array, y: Array, lanes: bool = True) -> float:
    """The dot product of two float32 vectors, summed in float32."""
    out = full((1,), 0.0, "float32")
    return _two("nand2llm_dot", x, y, out, int(lanes))[0].item()


ORDERS = ("columns", "rows", "tiles")


def matmul(a: Array, b: Array, order: str = "tiles") -> Array:
    """The product of two float32 tables, in one of the ORDERS."""
    out = full(a.shape[:1] + b.shape[1:], 0.0, "float32")
    return _two("nand2llm_matmul", a, b, out, ORDERS.index(order))
