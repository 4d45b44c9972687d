"""A command that reads a file of texts and writes a file of vectors: seconds, and the peak memory of its process.

Settings: command, a list with {data} and {out} where their paths stand; environment. Each call runs it twice, on one
text and on all of them: "start" is the time of the first, and "seconds" that of the others without it.
"""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import protocol


def open_(settings):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **settings["environment"]}

    def run(texts):
        with tempfile.TemporaryDirectory() as folder:
            data, out = pathlib.Path(folder, "texts.txt"), pathlib.Path(folder, "vectors.jsonl")
            data.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
            command = [part.format(data=data, out=out) for part in settings["command"]]
            began = time.perf_counter()
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"{command} ended with {process.returncode}")
            with out.open(encoding="utf-8") as file:
                vectors = [json.loads(line)["embedding"] for line in file]
            if len(vectors) != len(texts):
                raise SystemExit(f"{command} wrote {len(vectors)} vectors of {len(texts)} texts")
            return seconds, usage.ru_maxrss / 1024, vectors  # ru_maxrss is in KiB

    def begin(task):
        def call():
            start, *_ = run(task["texts"][:1])
            seconds, peak, vectors = run(task["texts"])
            return {"start": start, "seconds": seconds - start, "peak": peak, "vector": vectors[0]}

        def similarity():
            """Spearman's correlation of the cosines of pairs, one text after the other, with their scores."""
            from scipy import stats

            *_, vectors = run(task["pairs"])
            cosines = [_cosine(*vectors[at : at + 2]) for at in range(0, len(vectors), 2)]
            return {"spearman": float(stats.spearmanr(cosines, task["scores"]).statistic)}

        return similarity if "pairs" in task else call

    return begin


def _cosine(one, other):
    return sum(map(float.__mul__, one, other)) / math.hypot(*one) / math.hypot(*other)


if __name__ == "__main__":
    protocol.run(open_)
