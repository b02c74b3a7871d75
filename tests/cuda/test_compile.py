"""The kernels pass NVIDIA's own compiler, which needs no GPU."""

from __future__ import annotations

import ctypes
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from .card import ROOT, SOURCE

NEEDED = {"nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12"}


def libraries() -> list[Path]:
    """NVRTC's shared objects: of the environment, or of build/nvrtc."""
    return [
        Path(str(found.locate_file(file)))
        for found in distributions(path=[*sys.path, str(ROOT / "build/nvrtc")])
        if found.metadata["Name"] in NEEDED
        for file in found.files or []
        if re.match(r"libnvrtc\.so\.|nvrtc64_\d+_\d+\.dll", file.name)
    ]


@pytest.fixture(scope="module")
def nvrtc() -> ctypes.CDLL:
    found = libraries()
    if not found:
        pytest.skip(
            "CUDA kernels not compiled: no NVRTC (142 MB); "
            "uv pip install --target build/nvrtc --group gpu-check"
        )
    return ctypes.CDLL(str(found[0]))


def compiled(nvrtc: ctypes.CDLL, source: str, chip: str) -> tuple[bytes, str]:
    """The machine code (empty if it failed), and what was said."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    made = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None
    )
    assert made == 0
    options = (ctypes.c_char_p * 2)(f"-arch={chip}".encode(), b"--std=c++17")
    failed = nvrtc.nvrtcCompileProgram(program, 2, options)
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    if failed:
        return b"", log.value.decode()
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    code = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetCUBIN(program, code)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return code.raw, log.value.decode()


@pytest.mark.parametrize("chip", ["sm_80", "sm_90a"])
def test_kernels_compile(nvrtc: ctypes.CDLL, chip: str) -> None:
    source = SOURCE.read_text()
    code, log = compiled(nvrtc, source, chip)
    assert code[:4] == b"\x7fELF", log
    assert not log, log  # nor is there a warning
    names = re.findall(r"__global__ void (\w+)\(", source)
    assert len(names) == 13
    assert all(f".text.{name}\0".encode() in code for name in names)


def test_the_compiler_refuses_what_is_wrong(nvrtc: ctypes.CDLL) -> None:
    source = SOURCE.read_text().replace("__shfl_xor_sync", "__shfl_xor_synk")
    code, log = compiled(nvrtc, source, "sm_80")
    assert not code
    assert "__shfl_xor_synk" in log
