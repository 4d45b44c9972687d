"""`benchmarks/serving_load.py` and `serving_attack.py`: many clients, new versions, attackers; no answer wrong or lost."""

import json
import os
import subprocess
import sys

import pytest
from served import REPOSITORY


def load(checkpoint, *flags, program="serving_load"):
    command = [sys.executable, f"benchmarks/{program}.py", f"--checkpoint={checkpoint}", *flags]
    texts = "--texts=samples/shop/test.tsv"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(
        [*command, texts], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.slow
def test_no_answer_is_wrong_or_lost_while_versions_come_and_go(tiny_checkpoint):
    found = load(tiny_checkpoint, "--requests=400", "--clients=8", "--distinct=40", "--rounds=0")
    assert found["wrong"] == found["lost"] == 0 and found["answered"] >= 400
    assert set(found["versions"]) == {"1", "2", "3", "4"}


@pytest.mark.slow
def test_real_weights_and_batching_pays(minilm):
    found = load(minilm, "--requests=3000", "--distinct=100", "--rounds=2", "--compared=500")
    assert found["wrong"] == found["lost"] == 0 and set(found["versions"]) == {"1", "2", "3", "4"}
    rates = [
        on["rate"] / off["rate"] for on, off in zip(found["compared"]["on"], found["compared"]["off"], strict=True)
    ]
    assert max(rates) > 1
    # New models and buffers for new shapes take memory for a while, requests do not.
    assert found["memory"][-1] < 1.5 * found["memory"][0]


@pytest.mark.slow
def test_an_attack_makes_no_answer_wrong_or_lost(minilm):
    """A minute of it; how much slower good clients become depends on the machine, which others use as well."""
    found = load(minilm, "--seconds=60", "--quiet_seconds=10", "--max_slowdown=50", program="serving_attack")
    assert not found["faults"] and found["answered"] > 1000
