"""A graphics card made of an ordinary processor, for tests."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = ROOT / "generated/nand2llm/backends/kernels.cu"
COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
GUARD = 64  # elements before and after each array
EDGE = np.uint32(0x7FA5A5A5)  # a NaN that arithmetic doesn't produce
NUMBERS = {"f": np.float32, "i": np.int32, "l": np.int64}
POINTERS = {"F": np.float32, "L": np.int64}


class Card:
    """Launches the kernels of a source, as CuPy's functions would.

    What a real card would not say is an error here: an argument of
    the wrong size, an array with gaps, a write beside an array.
    """

    def __init__(self, source: str, folder: Path) -> None:
        (folder / "kernels.cu").write_text(source)
        self.names = re.findall(r"__global__ void (\w+)\(", source)
        lines = ['#include "shim.h"', '#include "kernels.cu"']
        lines += [f"KERNEL({name})" for name in self.names]
        (folder / "card.cpp").write_text("\n".join(lines) + "\n")
        library = folder / "card.so"
        how = f"{COMPILER} -std=c++17 -O1 -shared -fPIC -I".split()
        made = [str(HERE), str(folder / "card.cpp"), "-o", str(library)]
        subprocess.run([*how, *made], check=True)
        self.library = ctypes.CDLL(str(library))
        self.launched: set[str] = set()

    def schedule(self, seed: int) -> None:
        """Threads in order (0), backwards (1), or shuffled."""
        self.library.schedule(seed)

    def launch(
        self,
        name: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        *arguments: Any,
    ) -> None:
        self.launched.add(name)
        wanted = getattr(self.library, f"kinds_{name}")
        wanted.restype = ctypes.c_char_p
        kinds = wanted().decode()
        if len(arguments) != len(kinds):
            raise TypeError(f"{name} takes {len(kinds)} arguments, not {len(arguments)}")
        held, arrays = [], []
        for at, (kind, x) in enumerate(zip(kinds, arguments, strict=True)):
            held.append(self.held(f"argument {at} of {name}", kind, x))
            if isinstance(x, np.ndarray):
                arrays.append((at, x))
        cells = [h.ctypes.data if h.ndim == 0 else None for h in held]
        pointers = [np.uintp(h.ctypes.data + GUARD * h.itemsize) for h in held]
        places = [np.asarray(p) for p in pointers]
        for at, place in enumerate(places):
            if cells[at] is None:
                cells[at] = place.ctypes.data
        shape = [*grid, 1, 1][:3] + [*block, 1, 1][:3]
        run = getattr(self.library, f"launch_{name}")
        run.restype = ctypes.c_char_p
        failure = run((ctypes.c_uint * 6)(*shape), (ctypes.c_void_p * len(cells))(*cells))
        if failure:
            raise RuntimeError(f"{name}: {failure.decode()}")
        for at, x in arrays:
            inside = held[at][GUARD : GUARD + x.size]
            edges = np.concatenate([held[at][:GUARD], held[at][GUARD + x.size :]])
            if (edges.view(np.uint32) != EDGE).any():
                raise RuntimeError(f"{name} wrote beside argument {at}")
            if x.flags.writeable:
                x[...] = inside.reshape(x.shape)

    def held(self, where: str, kind: str, x: Any) -> Any:
        """What lies in memory for an argument: 0-d, or guarded."""
        if kind in NUMBERS or not isinstance(x, np.ndarray):
            dtype = NUMBERS.get(kind, np.uintp)
            if type(x) is not dtype:
                raise TypeError(f"{where} is {type(x).__name__}; {dtype.__name__} would do")
            if dtype is np.uintp and x:
                raise TypeError(f"{where} is an address that isn't 0")
            return np.asarray(x)
        if x.dtype != POINTERS[kind] or not x.flags.c_contiguous:
            raise TypeError(f"{where} is {x.dtype}, strides {x.strides}; dense {POINTERS[kind].__name__} would do")
        held = np.empty(x.size + 2 * GUARD, x.dtype)
        held.view(np.uint32)[...] = EDGE
        held[GUARD : GUARD + x.size] = x.reshape(-1)
        return held
