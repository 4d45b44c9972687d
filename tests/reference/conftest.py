"""PyTorch in a process of its own, which stays for all tests of a worker: its start takes longer than most of them."""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

import tfbert

_SCRIPT = pathlib.Path(__file__).with_name("torch_reference.py")


@pytest.fixture(scope="session")
def torch_process(tmp_path_factory):
    python = os.environ.get("TFBERT_REFERENCE_PYTHON")
    if not python:
        pytest.skip("needs TFBERT_REFERENCE_PYTHON, a Python with torch and transformers; `make test-reference`")
    with open(tmp_path_factory.mktemp("torch") / "log", "w+") as log:
        process = subprocess.Popen(
            [python, _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )

        def run(*arguments):
            try:
                process.stdin.write(json.dumps([str(argument) for argument in arguments]) + "\n")
                process.stdin.flush()
                said = process.stdout.readline()
            except BrokenPipeError:
                said = ""
            if not said:
                log.seek(0)
                pytest.fail(f"the process of PyTorch has ended: {log.read()[-3000:]}")
            return json.loads(said)

        yield run
        process.communicate(timeout=60)


@pytest.fixture
def torch_reference(torch_process, tmp_path):
    """run(command of torch_reference.py, folder, **arrays): what it computes, {name: array}."""

    def run(command, folder, **arrays):
        np.savez(tmp_path / "in.npz", **arrays)
        failed = torch_process(command, folder, tmp_path / "in.npz", tmp_path / "out.npz")
        assert not failed, failed
        return dict(np.load(tmp_path / "out.npz", allow_pickle=True))

    return run


@pytest.fixture
def sentences(data_dir):
    """200 real sentences, from one word to fifty."""
    texts = tfbert.data.read(data_dir("classification/sst2_glue/dev.tsv")).column("sentence")
    return sorted(texts, key=len)[:: len(texts) // 200][:200]
