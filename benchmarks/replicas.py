"""Tokens a second of fine-tuning in one process of one thread, and in two that train together, one thread each.

python benchmarks/replicas.py --checkpoint=$CHECKPOINT --train=train.tsv --text_column=sentence
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from absl import app, flags

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Hugging Face folder.", required=True)
_TRAIN = flags.DEFINE_string("train", None, "A labelled file.", required=True)
_TEXT_COLUMN = flags.DEFINE_string("text_column", "text", "Its column of texts.")
_STEPS = flags.DEFINE_integer("steps", 60, "Steps between two measurements; the first of a run is not counted.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Runs of each, in turn.")
_PORT = 28371
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


def main(argv):
    repository = pathlib.Path(__file__).resolve().parents[1]
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(repository), "TF_CPP_MIN_LOG_LEVEL": "2"}
    rates = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        head = (
            pathlib.Path(_TRAIN.value)
            .read_text(encoding="utf-8")
            .splitlines(keepends=True)[: _STEPS.value * 32 * 3 + 1]
        )
        pathlib.Path(folder, "train.tsv").write_text("".join(head), encoding="utf-8")
        pathlib.Path(folder, "dev.tsv").write_text("".join(head[:33]), encoding="utf-8")
        for number in range(_ROUNDS.value):
            for workers in rates:
                out = pathlib.Path(folder, f"{workers}_{number}")
                command = [sys.executable, "-m", "tfbert.launch.main", "finetune", f"--checkpoint={_CHECKPOINT.value}"]
                command += [f"--train={folder}/train.tsv", f"--dev={folder}/dev.tsv", f"--out={out}"]
                command += [
                    f"--text_column={_TEXT_COLUMN.value}",
                    "--config.epochs=1",
                    f"--config.log_every={_STEPS.value}",
                ]
                if workers > 1:
                    command += ["--workers=" + ",".join(f"127.0.0.1:{_PORT + i}" for i in range(workers))]
                index = [[f"--worker_index={i}"] if workers > 1 else [] for i in range(workers)]
                running = [
                    subprocess.Popen(
                        [*command, *own], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                    )
                    for own in index
                ]
                for process in running:
                    said = process.communicate()[1]
                    if process.returncode:
                        raise SystemExit(said.decode(errors="replace")[-2000:])
                lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
                rates[workers].append(
                    statistics.median([line["tokens_per_second"] for line in lines if "loss" in line][1:])
                )
                print(f"{workers} of one thread: {rates[workers][-1]:,.0f} tokens/s", flush=True)
    ratios = [two / one for one, two in zip(*rates.values(), strict=True)]
    print(f"two are {statistics.median(ratios):.2f} x one ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    app.run(main)
