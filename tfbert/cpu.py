"""What the processor is that figures were measured on."""

from __future__ import annotations

import os
import pathlib
import platform

# Those that decide how fast products of matrices are, as /proc/cpuinfo names them: x86's, then Arm's.
_SETS = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimddp", "i8mm", "bf16", "sve"),
)


def processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def instruction_sets(file: str | os.PathLike = "/proc/cpuinfo") -> tuple[str, ...]:
    """Those of `_SETS` that the processor has; none where there is no such file, as outside Linux.

    >>> set(instruction_sets()) <= set(_SETS)
    True
    """
    found = set(_values(file, "flags", "Features").split())
    return tuple(name for name in _SETS if name in found)


def has_bfloat16(file: str | os.PathLike = "/proc/cpuinfo") -> bool:
    """Whether the processor computes in bfloat16; without that, it takes longer than float32.

    >>> isinstance(has_bfloat16(), bool)
    True
    """
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(instruction_sets(file))


def description(file: str | os.PathLike = "/proc/cpuinfo") -> str:
    """The processor's name, with its instruction sets: "Intel(R) Xeon(R) Processor (avx2, avx512f)".

    >>> description() != ""
    True
    """
    name = _values(file, "model name") or platform.processor() or platform.machine()
    sets = instruction_sets(file)
    return f"{name} ({', '.join(sets)})" if sets else name


def _values(file, *keys):
    """The value of the first line that has one of the keys; "" where there is none."""
    try:
        lines = pathlib.Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() in keys), "")
