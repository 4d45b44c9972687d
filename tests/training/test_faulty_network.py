"""Two hosts whose network is late, cut, truncates or falls silent: a late run equals a quiet one, any other ends soon.

Each process reaches the other through a proxy, `FaultyLink`, both on this machine.
"""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time

import pytest
from faulty_link import FaultyLink
from forked_commands import REPOSITORY

from tfbert.runs.logs.history_file import read_history

pytestmark = pytest.mark.slow

_BOUND = 150  # seconds until both have ended; TensorFlow's heartbeats take 10 to 30, our questions 45 to 90
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "2"}


@pytest.fixture(scope="module")
def two_hosts(tiny_checkpoint, tmp_path_factory):
    """Starts `tfbert finetune` on two hosts: a context that yields their processes and the links, to host 0 and to 1."""
    folder = tmp_path_factory.mktemp("hosts")
    for name, rows in (("train", 225), ("dev", 60)):
        lines = (REPOSITORY / f"samples/shop/{name}.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{name}.tsv").write_text("".join(lines[: rows + 1]), encoding="utf-8")

    @contextlib.contextmanager
    def start(out, delay=(0.0, 0.0), more=(), silent=False):
        with contextlib.ExitStack() as stack:
            free = [stack.enter_context(socket.socket()) for _ in range(2)]
            for one in free:
                one.bind(("127.0.0.1", 0))
            ports = [one.getsockname()[1] for one in free]
            for one in free:
                one.close()
            links = [stack.enter_context(FaultyLink(port, seed=port)) for port in ports]
            processes = []
            for link in links:
                link.delay = delay
                if silent:
                    link.fall_silent()
            for number in range(2):
                seen = [ports[host] if host == number else links[host].port for host in range(2)]
                command = [sys.executable, "-m", "tfbert.launch.main", "finetune", "--task=classification"]
                command += [f"--checkpoint={tiny_checkpoint}", f"--train={folder}/train.tsv", f"--dev={folder}/dev.tsv"]
                command += [f"--out={out}", "--config.epochs=3", "--config.max_length=32", "--config.save_every=3"]
                command += [f"--worker_index={number}", "--workers=" + ",".join(f"127.0.0.1:{port}" for port in seen)]
                with open(f"{out}_{number}.log", "ab") as log:
                    processes.append(
                        subprocess.Popen([*command, *more], stdout=log, stderr=log, env=_ENVIRONMENT, cwd=REPOSITORY)
                    )
            try:
                yield processes, links
            finally:
                for process in processes:
                    process.kill()
                    process.wait()

    return start


@pytest.fixture(scope="module")
def quiet(two_hosts, tmp_path_factory):
    """What a run without faults makes."""
    return finished(two_hosts, tmp_path_factory.mktemp("quiet") / "run")


def finished(two_hosts, out, **settings):
    """Metrics and model of a run that comes to its end."""
    with two_hosts(out, **settings) as (processes, _):
        assert [process.wait(timeout=600) for process in processes] == [0, 0], said(out)
    metrics = [row | {"tokens_per_second": 0} for row in read_history(out / "metrics.jsonl")]
    return metrics, (out / "model/model.safetensors").read_bytes()


def said(out):
    return [out.with_name(f"{out.name}_{number}.log").read_text(errors="replace")[-3000:] for number in range(2)]


def wait_for_step(out, step, processes):
    while all(process.poll() is None for process in processes):
        steps = [int(path.stem.rpartition("-")[2]) for path in (out / "checkpoints").glob("ckpt-*.sha256")]
        if max(steps, default=0) >= step:
            return
        time.sleep(0.02)


def test_a_late_network_changes_nothing(two_hosts, quiet, tmp_path):
    assert finished(two_hosts, tmp_path / "run", delay=(0.05, 0.2)) == quiet


FAULTS = {
    "drop": ("drop", (0, 1)),
    "truncate": ("truncate", (0, 1)),
    "black hole": ("fall_silent", (0, 1)),
    "black hole to the first": ("fall_silent", (0,)),
    "black hole to the second": ("fall_silent", (1,)),  # heartbeats go the other way
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_network_ends_both_and_the_run_resumes(name, two_hosts, quiet, tmp_path):
    (fault, which), moment, out = FAULTS[name], random.Random(name), tmp_path / "run"
    with two_hosts(out) as (processes, links):
        wait_for_step(out, moment.randint(4, 15), processes)
        time.sleep(moment.random() / 5)
        for number in which:
            getattr(links[number], fault)()
        began = time.monotonic()
        codes = [process.wait(timeout=_BOUND) for process in processes]
        assert codes == [2, 2], said(out)
    print(f"{name}: both ended after {time.monotonic() - began:.0f} s")
    for text in said(out):
        (line,) = (line for line in text.splitlines() if line.startswith("tfbert finetune: "))
        assert "another host has ended or cannot be reached; the checkpoint of step" in line
        assert "started again on all hosts, resume from there" in line
        assert "TensorFlow says: Graph execution error" not in line
    assert finished(two_hosts, out) == quiet


def test_hosts_that_do_not_find_each_other(two_hosts, tmp_path):
    out = tmp_path / "run"
    with two_hosts(out, more=["--host_timeout=30"], silent=True) as (processes, _):
        codes = [process.wait(timeout=_BOUND) for process in processes]
        assert codes == [2, 2], said(out)
    for text in said(out):
        (line,) = (line for line in text.splitlines() if line.startswith("tfbert finetune: "))
        assert "the hosts did not find each other in 30 seconds: check that all of --workers" in line
    assert not out.exists()
