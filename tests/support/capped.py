"""Readers of damaged files in a process of its own, which may crash, hang or take all memory without harm."""

import os
import subprocess
import sys

_RUN = """
import importlib, resource, sys
from tfbert.errors import TfbertError
module, _, name = sys.argv[1].partition(":")
read = getattr(importlib.import_module(module), name)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[2]) << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[3]),) * 2)
for path in sys.argv[4:]:
    try:
        read(path)
        print("read", flush=True)
    except TfbertError as error:
        print(type(error).__name__, str(error).replace(chr(10), " "), flush=True)
"""


def answers(reader, paths, megabytes=1000, seconds=60):
    """What a reader, "module:name", says of each file: "read", or the error's class and text in one line.

    The process may take so much memory besides that of its libraries, and so much time of a processor.
    """
    command = [sys.executable, "-c", _RUN, reader, str(megabytes), str(seconds), *map(str, paths)]
    paths_of_modules = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(command, capture_output=True, text=True, timeout=10 * seconds, env=paths_of_modules)
    found = run.stdout.splitlines()
    where = f"{paths[len(found)]}" if len(found) < len(paths) else "the end"
    assert len(found) == len(paths), f"stopped at {where} with {run.returncode}: {run.stderr[-2000:]}"
    return found
