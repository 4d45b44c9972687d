"""Texts and vocabularies that were made to do harm: no crash in tensorflow_text's kernels, and the ids that are right."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent


@pytest.mark.parametrize(("count", "vocabularies", "seed"), [(500, 5, 1), pytest.param(10_000, 300, 2, marks=pytest.mark.slow)])  # fmt: skip
def test_hostile_bytes_neither_crash_nor_change_what_is_read(count, vocabularies, seed):
    command = [sys.executable, str(FOLDER / "hostile_texts.py"), *map(str, (count, vocabularies, seed))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), *sys.path])}
    run = subprocess.run(command, capture_output=True, text=True, timeout=3000, env=environment)
    assert run.returncode == 0, f"{run.returncode}: {run.stdout[-500:]} has the last ones; {run.stderr[-3000:]}"
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["texts"] == count and found["compared"] > 0.9 * count
    assert 0.2 * vocabularies <= found["taken"] < vocabularies
