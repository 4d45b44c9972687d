"""Several replicas train as one device does: two logical CPUs of a process, two processes, and what may happen there.

A process has one strategy in its life, so each runs a program of its own; tests/training/on_replicas.py is it.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from examples import write_examples

import tfbert
from tfbert.errors import ConfigError
from tfbert.runs.logs.history_file import read_history
from tfbert.training.strategy import is_chief, strategy_of

PROGRAM = pathlib.Path(__file__).with_name("on_replicas.py")
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "2"}
STEPS = 114  # of the command below: 3 epochs of 38


def free_ports():
    """Two neighbouring ports that nobody listens to."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue


FEW = "adamw"
MANY = "sgd,pretrain,words,windows,cached,keras,lamb,negatives,dataset,pretrain_xla,replaced_tokens,replaced_tokens_xla"


@pytest.mark.parametrize("cases", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_replicas_equal_one_device(cases, tiny_checkpoint, shop, tmp_path):
    """One test, as the programs take longest: it trains them all and compares."""
    runs = trained(cases, tiny_checkpoint, shop, tmp_path)
    for name in ("mirrored", "worker 0"):
        equals_one_device(runs["one"], runs[name])
    for key, value in runs["worker 0"][0].items():
        if key != "masks":
            np.testing.assert_array_equal(value, runs["worker 1"][0][key], err_msg=key)
    assert runs["worker 0"][1] == runs["worker 1"][1]  # metrics too, of an evaluation that each did a part of
    drops_out_on_its_own(runs)
    seeds = runs["mirrored"][0][
        "seeds"
    ]  # after a batch that left a replica without a row; a checkpoint has one of them
    assert seeds.shape[1] == 2
    np.testing.assert_array_equal(seeds[:, 0], seeds[:, 1])


def trained(cases, checkpoint, shop, folder):
    """Name of the run -> weights, and metrics of each case."""
    port = free_ports()
    texts = tfbert.data.read(shop / "train.tsv").column("text")[:200]
    examples = write_examples(folder / "examples", tfbert.Tokenizer.from_folder(checkpoint), texts)
    programs = {"one": ("one_device", 0), "mirrored": ("mirrored", 0)}
    programs.update({"worker 0": ("multi_worker", 0), "worker 1": ("multi_worker", 1)})
    found = {}
    for together in (("one", "mirrored"), ("worker 0", "worker 1")):  # two at a time, as cores of a small machine
        processes = {}
        for name in together:
            command = [sys.executable, PROGRAM, programs[name][0], str(port), str(programs[name][1])]
            command += [checkpoint, examples, folder / f"{name}.npz", cases]
            with open(folder / f"{name}.log", "wb") as log:
                processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
        for name, process in processes.items():
            code, said = process.wait(timeout=600), (folder / f"{name}.log").read_text(errors="replace")
            assert code == 0, said[-3000:]
            history = next(line for line in said.splitlines() if line.startswith("{"))
            found[name] = dict(np.load(folder / f"{name}.npz")), json.loads(history)
    return found


def equals_one_device(one, other):
    """Weights after 51 and 12 steps, losses of each epoch, all metrics of an evaluation; batches are uneven."""
    (wanted, metrics), (found, of_replicas) = one, other
    for key in wanted:
        if key not in ("masks", "seeds"):
            np.testing.assert_allclose(found[key], wanted[key], atol=1e-6, err_msg=key)
    assert metrics.keys() == of_replicas.keys()
    for case, values in metrics.items():
        np.testing.assert_allclose(
            of_replicas[case], values, rtol=1e-5, atol=1e-5, err_msg=case
        )  # a perplexity is large
        assert abs(values[0] - values[3]) > 1e-4  # it has learned something


def drops_out_on_its_own(runs):
    """Each replica; under a strategy Keras' own Dropout gives all of them one mask."""
    masks = [*runs["mirrored"][0]["masks"], *(runs[f"worker {i}"][0]["masks"][0] for i in (0, 1))]
    assert len(masks) == 4
    assert (masks[0] != masks[1]).mean() > 0.2 and (masks[2] != masks[3]).mean() > 0.2
    assert all(set(np.unique(mask)) == {0.0, 2.0} for mask in masks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "many"}, "strategy 'many' is not one of auto, one_device"),
        ({"name": "multi_worker"}, "needs --workers=HOST:PORT"),
        ({"workers": ["a:1", "b:1"], "worker_index": 2}, "worker_index 2 is not the number of one of 2 workers"),
        ({"name": "tpu", "tpu": "local"}, "no TPU 'local' is to be found"),
    ],
)
def test_what_there_is_no_strategy_for(arguments, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match=message):
        strategy_of(**arguments)


def test_a_broken_tf_config(monkeypatch):
    for text in ("{", "[1]"):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(ConfigError, match="TF_CONFIG is no JSON object with a cluster and a task"):
            strategy_of("auto")


def test_one_device_is_the_default(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert strategy_of().num_replicas_in_sync == 1
    assert is_chief(strategy_of("one_device"))


@pytest.fixture
def finetune(tiny_checkpoint, tmp_path):
    """Starts `tfbert finetune` on some workers; gives their processes."""

    def start(out, workers=1, port=None, chief=False):
        command = [sys.executable, "-m", "tfbert.launch.main", "finetune", "--task=classification"]
        command += [f"--checkpoint={tiny_checkpoint}", "--train=samples/shop/train.tsv", "--dev=samples/shop/dev.tsv"]
        command += [f"--out={tmp_path / out}", "--config.epochs=3", "--config.max_length=32", "--config.save_every=7"]
        command += ["--config.learning_rate=3e-3"]
        if workers > 1 and not chief:
            command += ["--workers=" + ",".join(f"127.0.0.1:{port + i}" for i in range(workers))]
        processes = []
        for i in range(workers):
            with open(tmp_path / f"{out}_{i}.log", "ab") as log:
                own, environment = [f"--worker_index={i}"] if workers > 1 else [], dict(ENVIRONMENT)
                if chief:  # as Kubernetes' training operator tells it
                    cluster = {job: [f"127.0.0.1:{port + k}"] for k, job in enumerate(("chief", "worker"))}
                    task = {"type": ("chief", "worker")[i], "index": 0}
                    environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
                processes.append(
                    subprocess.Popen([*command, *own], stdout=log, stderr=log, env=environment, cwd=REPOSITORY)
                )
        return processes

    return start


def wait_for_step(folder, step, processes):
    """Until the run has written a checkpoint of a step at least this one, or has ended."""
    while True:
        steps = [int(path.stem.rpartition("-")[2]) for path in (folder / "checkpoints").glob("ckpt-*.sha256")]
        if max(steps, default=0) >= step or all(process.poll() is not None for process in processes):
            return
        time.sleep(0.02)


def evaluations(folder):
    return [row for row in read_history(folder / "metrics.jsonl") if "val_loss" in row]


@pytest.mark.slow
def test_a_run_killed_many_times_equals_an_uninterrupted_one(finetune, tmp_path):
    """kill -9 at 20 random moments between two checkpoints and while one is written."""
    assert finetune("whole")[0].wait(timeout=300) == 0
    seed = random.Random(0)
    for step in sorted(seed.sample(range(1, STEPS - 10), 20)):
        (process,) = finetune("killed")
        wait_for_step(tmp_path / "killed", step, [process])
        time.sleep(seed.random() / 10)
        process.kill()
        process.wait()
    assert finetune("killed")[0].wait(timeout=300) == 0
    histories = [read_history(tmp_path / name / "metrics.jsonl") for name in ("whole", "killed")]
    whole, killed = ([row | {"tokens_per_second": 0} for row in history] for history in histories)
    assert whole == killed
    whole, killed = (sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("whole", "killed"))
    assert whole == killed  # nothing of what was being written is left
    whole, killed = (tmp_path / name / "model/model.safetensors" for name in ("whole", "killed"))
    assert whole.read_bytes() == killed.read_bytes()


@pytest.mark.slow
def test_signals_and_a_killed_worker(finetune, tmp_path):
    """SIGTERM to one worker saves and ends both with 42; of a killed one the other tells; each time the run goes on."""
    port = free_ports()
    assert [process.wait(timeout=300) for process in finetune("whole", 2, port, chief=True)] == [0, 0]

    processes = finetune("run", 2, port)
    wait_for_step(tmp_path / "run", 20, processes)
    processes[1].send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert [process.wait(timeout=60) for process in processes] == [42, 42]
    assert time.monotonic() - began < 30
    shutil.copytree(tmp_path / "run", tmp_path / "alone")
    saved = max(int(path.stem.rpartition("-")[2]) for path in (tmp_path / "run/checkpoints").glob("*.sha256"))

    processes = finetune("run", 2, port)
    wait_for_step(tmp_path / "run", max(50, saved + 7), processes)
    processes[1].kill()
    assert processes[0].wait(timeout=60) == 2
    said = (tmp_path / "run_0.log").read_text(errors="replace")
    assert "another host has ended or cannot be reached; the checkpoint of step" in said
    assert "tfbert finetune: another host" in said

    assert [process.wait(timeout=300) for process in finetune("run", 2, port)] == [0, 0]
    assert evaluations(tmp_path / "run") == evaluations(tmp_path / "whole")
    whole, run = (tmp_path / name / "model/model.safetensors" for name in ("whole", "run"))
    assert whole.read_bytes() == run.read_bytes()

    assert finetune("alone")[0].wait(timeout=300) == 0  # one process goes on from what two have saved
    rows = [evaluations(tmp_path / name) for name in ("alone", "whole")]
    assert [row["step"] for row in rows[0]] == [row["step"] for row in rows[1]]
    assert abs(rows[0][-1]["val_loss"] - rows[1][-1]["val_loss"]) < 0.3  # dropout is another
