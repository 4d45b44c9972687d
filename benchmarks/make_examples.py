"""`tfbert make-examples` against google-research/bert's create_pretraining_data.py: speed, and memory by size.

python benchmarks/make_examples.py --texts='novels/*.txt.gz' --vocab=vocab.txt --original=bert --rounds=3

`--original` is a checkout of google-research/bert; its script runs under tf.compat.v1, in a copy. Both make pairs of
128 tokens of the text as it stands, with whole-word masks, once over (dupe_factor 1); documents end at empty lines. The
original, which has one process and holds all in memory, gets the text once, tfbert ten times as much. Memory is the
peak of the largest process, and that of all processes together (proportional set sizes, looked at every two seconds).
"other jobs" is how many processors others kept busy at the same time.
"""

import glob
import gzip
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from absl import app, flags

_TEXTS = flags.DEFINE_string("texts", None, "Text files, .gz.", required=True)
_VOCAB = flags.DEFINE_string("vocab", None, "A vocab.txt of lower-case words.", required=True)
_ORIGINAL = flags.DEFINE_string("original", None, "Folder of google-research/bert; without it tfbert alone.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds in turn.")
_WORKERS = flags.DEFINE_integer("workers", 2, "Processes of tfbert.")
_TIMES = 10
_DYNAMIC, _ONCE = "tfbert, masks in training", "tfbert, the text once"
_MAKE = [sys.executable, "-m", "tfbert.launch.main", "make-examples", "--words=wordpiece"]


def main(argv):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        text = b"\n\n".join(gzip.open(path).read() for path in sorted(glob.glob(_TEXTS.value)))
        (folder / "once.txt").write_bytes(text)
        with open(folder / "times.txt", "wb") as file:
            for _ in range(_TIMES):
                file.write(text + b"\n\n")
        size = len(text) / 1e6
        jobs = {
            _DYNAMIC: lambda: _tfbert(folder, "times.txt"),
            "tfbert, static masks": lambda: _tfbert(folder, "times.txt", "--masking=static", "--duplicates=1"),
            _ONCE: lambda: _tfbert(folder, "once.txt"),
        }
        if _ORIGINAL.value:
            script = _patched(pathlib.Path(_ORIGINAL.value), folder)
            jobs["original"] = lambda: _measured(
                [sys.executable, script, f"--input_file={folder}/once.txt", f"--output_file={folder}/original.tfrecord"]
                + [f"--vocab_file={_VOCAB.value}", "--do_whole_word_mask=True", "--dupe_factor=1"]
            )
        results, times = {name: [] for name in jobs}, {name: [] for name in jobs}
        for number in range(_ROUNDS.value):
            for name, job in jobs.items():
                busy = _busy()
                seconds, cpu, largest, together = job()
                others = (_busy() - busy - cpu) / seconds
                megabytes = size * (1 if name in ("original", _ONCE) else _TIMES)
                results[name].append((megabytes / seconds, megabytes / cpu, largest, together))
                times[name].append(seconds)
                print(
                    f"round {number + 1}, {name}: {megabytes:.0f} MB in {seconds:.1f} s (other jobs: {others:.1f})",
                    flush=True,
                )
        for name, rounds in results.items():
            rate, cpu_rate, largest, together = map(statistics.median, zip(*rounds, strict=True))
            print(
                f"{name}: {rate:.2f} MB/s, {cpu_rate:.2f} MB a second of processor; "
                f"largest process {largest:.0f} MB, together {together:.0f} MB"
            )
            if _ORIGINAL.value and name != "original":
                ratios = [mine[0] / other[0] for mine, other in zip(rounds, results["original"], strict=True)]
                print(f"    {statistics.median(ratios):.1f} x the original ({min(ratios):.1f} to {max(ratios):.1f})")
        more = (_TIMES - 1) * size
        rates = [more / (long - short) for long, short in zip(times[_DYNAMIC], times[_ONCE], strict=True)]
        print(f"tfbert, from the text once to {_TIMES} times: {statistics.median(rates):.2f} MB/s")


def _tfbert(folder, name, *arguments):
    out = folder / "examples"
    subprocess.run(["rm", "-rf", out], check=True)
    vocab = f"--vocab={_VOCAB.value}"
    return _measured(
        [*_MAKE, f"--input={folder / name}", vocab, f"--out={out}", f"--workers={_WORKERS.value}", *arguments]
    )


def _patched(original, folder):
    """The original's script in a copy that TensorFlow 2 runs."""
    for name in ("create_pretraining_data.py", "tokenization.py"):
        text = (original / name).read_text(encoding="utf-8")
        text = re.sub(r"^import tensorflow as tf$", "import tensorflow.compat.v1 as tf", text, flags=re.M)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "create_pretraining_data.py"


def _measured(command):
    """Seconds and processor seconds of a command, and the peak in MB of its largest process and of all together."""
    begin, cpu, largest, together, looks = time.perf_counter(), _cpu(), 0, 0, 0
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, **quiet)
    while process.poll() is None:
        pids = _with_children(process.pid)
        largest = max([largest, *(_kilobytes(pid, "status", "VmHWM") for pid in pids)])
        if looks % 20 == 0:
            together = max(together, sum(_kilobytes(pid, "smaps_rollup", "Pss") for pid in pids))
        looks += 1
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - begin, _cpu() - cpu, largest / 1e3, together / 1e3


def _busy():
    """Processor seconds of all that ran on this machine."""
    user, nice, system, *_ = map(int, pathlib.Path("/proc/stat").read_text().split()[1:5])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _cpu():
    """Processor seconds of all processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _with_children(pid):
    found = [pid]
    for parent in found:
        try:
            for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended
            continue
    return found


def _kilobytes(pid, file, name):
    try:
        return int(re.search(rf"^{name}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/{file}").read_text(), re.M)[1])
    except (OSError, TypeError):
        return 0


if __name__ == "__main__":
    app.run(main)
