"""A reader of files, given thousands of damaged files: it may refuse them with a `TfbertError` and do nothing else.

One process reads all inputs of a reader, one after another, with little memory to spare. An input that ends it, takes
over five seconds of a processor, takes much memory or raises another error is a fault; its bytes are kept, and
`python tests/fuzz/fuzzing.py replay fuzz_data:csv FILE` reads them once more.

An input follows from the reader's name and the input's number alone.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import gc
import importlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

TESTS = pathlib.Path(__file__).resolve().parent.parent
_PATHS = [TESTS.parent, *(TESTS / name for name in ("fuzz", "support"))]
COUNT = 10_000
_SECONDS = 5  # of a processor, for an input
_WALL = 300  # seconds for an input that waits for something, on a machine that has other work
_ROOM = 1000 << 20  # bytes of address space besides those of the libraries
_MOST_MEMORY = 100 << 20  # bytes that one input may add to what the process took at most before
_LONGEST_ERROR = 20_000  # characters
_MOST_FAULTS = 10


@dataclasses.dataclass(frozen=True)
class Reader:
    """What is attacked.

    Args:
        file: the name of the file that is damaged.
        seeds: (folder, in which it may write the files that stand beside the damaged one) -> sound contents of it.
        read: (path of the damaged file) reads it whole.
        mutate: (random, seeds) -> the bytes of an input.
        refusals: the errors that it may raise besides `TfbertError`; the reader of a request's body has its own.
        count: how many inputs `make test-slow` gives it.
    """

    file: str
    seeds: Callable[[pathlib.Path], list[bytes]]
    read: Callable[[pathlib.Path], Any]
    mutate: Callable[[random.Random, list[bytes]], bytes]
    refusals: tuple[type[Exception], ...] = ()
    count: int = COUNT


@dataclasses.dataclass
class Report:
    """What became of the inputs: how many were read, how many refused, and what is wrong with the others."""

    read: int = 0
    refused: int = 0
    faults: list[str] = dataclasses.field(default_factory=list)


def reader_of(name: str) -> Reader:
    """A reader of a module's table, such as "fuzz_data:csv"."""
    module, _, key = name.partition(":")
    return importlib.import_module(module).READERS[key]


def fuzz(name: str, folder: pathlib.Path, count: int | None = None, first: int = 0, seconds: int = _SECONDS) -> Report:
    """Gives a reader `count` inputs, of which the bytes that show a fault are kept in a folder."""
    report, end = Report(), first + (count or reader_of(name).count)
    paths = os.pathsep.join(map(str, _PATHS))
    environment = {**os.environ, "PYTHONPATH": paths, "MALLOC_ARENA_MAX": "2", "CUDA_VISIBLE_DEVICES": ""}
    while first < end and len(report.faults) < _MOST_FAULTS:
        errors, memory = folder / "stderr", "/dev/shm"  # where a file is written 10,000 times in no time
        work = pathlib.Path(tempfile.mkdtemp(prefix="fuzz", dir=memory if os.access(memory, os.W_OK) else folder))
        command = [sys.executable, __file__, "work", name, str(work), str(folder), *map(str, (first, end, seconds))]
        with open(errors, "wb") as stream, open(folder / "stdout", "wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=stream, env=environment)
            waited = _wait(process, work / "number")
        said = [json.loads(line) for line in (folder / "stdout").read_text().splitlines() if line.endswith("}")]
        for line in said:
            report.read += line.get("read", 0)
            report.refused += line.get("refused", 0)
            if "fault" in line:
                report.faults.append(line["fault"])
        if process.returncode == 0:
            shutil.rmtree(work)
            break
        tail = errors.read_text(errors="replace")[-3000:]
        if process.returncode == 1:  # a fault of the tests themselves
            raise RuntimeError(f"{name}: {tail}")
        number = int((work / "number").read_text().split()[0])
        kind = (
            "does not end" if process.returncode == -signal.SIGPROF or not waited else f"ends with {process.returncode}"
        )
        report.faults.append(_fault(name, work / reader_of(name).file, folder, number, f"{kind}: {tail}"))
        shutil.rmtree(work)
        first = number + 1
    return report


def _wait(process: subprocess.Popen, number: pathlib.Path) -> bool:
    """Waits for the end, and returns False of a process that stands still and was killed."""
    last, since = "", time.monotonic()
    while True:
        try:
            process.wait(0.2)
            return True
        except subprocess.TimeoutExpired:
            now = number.read_text() if number.exists() else ""
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > _WALL:
                process.kill()
                process.wait()
                return False


def _fault(name: str, path: pathlib.Path, folder: pathlib.Path, number: int, what: str) -> str:
    kept = folder / f"{re.sub('[^a-z_]', '-', name)}-{number}{path.suffix}"
    shutil.copyfile(path, kept)
    return f"{name} {number}: {what}\nreplay with: python {__file__} replay {name} {kept}"


def work(name: str, folder: pathlib.Path, kept: pathlib.Path, first: int, end: int, seconds: int) -> None:
    """Reads inputs in a folder; prints faults, whose inputs are kept in another one, and counts as lines of JSON."""
    from absl import logging

    from tfbert.errors import TfbertError

    logging.set_verbosity(logging.FATAL)
    reader = reader_of(name)
    seeds = reader.seeds(folder)
    path = folder / reader.file
    for seed in seeds:
        path.write_bytes(seed)
        reader.read(path)  # what is sound is read
    _limit()
    counts, kinds = {"read": 0, "refused": 0}, {}
    with open(folder / "number", "w") as progress:
        for number in range(first, end):
            data = reader.mutate(random.Random(f"{name}/{number}"), seeds)
            with open(path, "wb") as file:
                file.write(data)
            progress.seek(0)
            progress.write(f"{number}\n")
            progress.flush()
            before = _most_memory()
            signal.setitimer(signal.ITIMER_PROF, seconds)
            kind = wrong = None
            try:
                reader.read(path)
                counts["read"] += 1
            except (TfbertError, *reader.refusals) as error:
                counts["refused"] += 1
                if len(str(error).encode()) > _LONGEST_ERROR:  # an error that cannot be written is a fault, too
                    kind = wrong = f"a long error: {str(error)[:500]}"
            except BaseException as error:
                kind, wrong = _shown(error)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if (grown := _most_memory() - before) > _MOST_MEMORY:
                kind, wrong = "memory", f"{grown >> 20} MB of memory for {len(data):,} bytes; {wrong or ''}"
            if kind is not None and kind not in kinds:  # of each kind the first
                print(json.dumps({"fault": _fault(name, path, kept, number, wrong)}), flush=True)
            if kind is not None:
                kinds[kind] = kinds.get(kind, 0) + 1
            if number % 500 == 0:
                gc.collect()
    print(json.dumps(counts), flush=True)


def _limit() -> None:
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # shows where it was, and ends the process


def _shown(error: BaseException) -> tuple[str, str]:
    """What the kind of an error is, and its last frames with short lines."""
    last = traceback.extract_tb(error.__traceback__)[-6:]
    lines = [f"{pathlib.Path(frame.filename).name}:{frame.lineno} {frame.line}" for frame in last]
    shown = " < ".join(reversed(lines))
    return f"{type(error).__name__} at {lines[-1]}", f"{type(error).__name__}: {str(error)[:300]!a} at {shown}"


def _most_memory() -> int:
    """Bytes that the process took at most; getrusage's number starts with those of the process that started it."""
    with open("/proc/self/status", "rb") as file:
        status = file.read()
    return int(status[status.index(b"VmHWM:") + 6 :].split(None, 1)[0]) << 10


def replay(name: str, kept: pathlib.Path) -> None:
    """Reads a file that showed a fault, without limits, so that a debugger shows more."""
    reader = reader_of(name)
    with tempfile.TemporaryDirectory() as folder:
        reader.seeds(pathlib.Path(folder))
        shutil.copyfile(kept, pathlib.Path(folder) / reader.file)
        print(reader.read(pathlib.Path(folder) / reader.file))


if __name__ == "__main__":
    sys.path[:0] = [str(path) for path in _PATHS if str(path) not in sys.path]
    if sys.argv[1] == "work":
        work(sys.argv[2], *map(pathlib.Path, sys.argv[3:5]), *map(int, sys.argv[5:]))
    elif sys.argv[1] == "replay":
        replay(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        began = time.monotonic()
        found = fuzz(sys.argv[2], pathlib.Path(tempfile.mkdtemp()), *map(int, sys.argv[3:]))
        print(
            f"{sys.argv[2]}: {found.read} read, {found.refused} refused, {time.monotonic() - began:.0f} s",
            *found.faults,
            sep="\n",
        )
