"""How much memory reading a file takes at most, in a process of its own that has read a small one before."""

import gc
import os
import pathlib
import subprocess
import sys


def values(path):
    """All variables of a checkpoint, one at a time, as a model's are loaded."""
    from tfbert import memory
    from tfbert.checkpoints import open_checkpoint

    source = open_checkpoint(path)
    for variable in source.shapes:
        source.value(variable)
        memory.give_back()


def encoder(path):
    """A model with the weights of a checkpoint."""
    import tfbert

    return tfbert.Encoder.from_checkpoint(path)


def table(path):
    """The table of a data file."""
    from tfbert.data import read

    return read(path)


def tables(path):
    """All tables of a data file, of 1,000 rows each."""
    from tfbert.data import stream

    for part in stream(path, most_rows=1000):
        list(part)


def growth(reader, small, path):
    """Bytes that a function of this module takes for a file at most, with what it returns, besides those before it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, __file__, reader, str(small), str(path)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr[-3000:]
    return int(run.stdout.split()[-1])


def _of_status(name):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) << 10


if __name__ == "__main__":
    read = globals()[sys.argv[1]]
    read(sys.argv[2])
    gc.collect()
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the highest level is the one of now
    before = _of_status("VmRSS")
    held = read(sys.argv[3])
    print(_of_status("VmHWM") - before)
