"""Readers of files under ten thousand damaged files each; see fuzzing.py."""

import random

import fuzz_configs
import fuzz_data
import fuzz_itself
import fuzz_keras
import fuzz_runs
import fuzz_served
import fuzz_tensors
import fuzz_text
import pytest
from fuzzing import fuzz

MODULES = (fuzz_tensors, fuzz_text, fuzz_configs, fuzz_data, fuzz_served, fuzz_runs, fuzz_keras)
READERS = {f"{module.__name__}:{key}": reader for module in MODULES for key, reader in module.READERS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused(name, tmp_path):
    report = fuzz(name, tmp_path)
    assert report.faults == [], "\n".join(report.faults)
    assert report.read + report.refused == READERS[name].count
    assert report.read and report.refused, report  # damage reaches what is behind the first check


def test_the_fuzzer_finds_every_fault(tmp_path):
    count = 16
    asked = [random.Random(f"fuzz_itself:all/{number}").choice(fuzz_itself.INPUTS) for number in range(count)]
    assert set(asked) == set(fuzz_itself.INPUTS)
    report = fuzz("fuzz_itself:all", tmp_path, count=count, seconds=1)
    found = {int(fault.split()[1].rstrip(":")): fault for fault in report.faults}
    signs = {b"uncaught": "KeyError: ", b"crash": "ends with -6", b"hang": "does not end", b"memory": "MB of memory for 6 bytes",
             b"much memory": "MemoryError"}  # fmt: skip
    for number, fault in found.items():
        assert signs[asked[number]] in fault and "replay with" in fault
    assert {asked[number] for number in found} == set(signs)
    assert all(number in found for number in range(count) if asked[number] in (b"crash", b"hang"))
    kept = {path.read_bytes() for path in tmp_path.glob("fuzz_itself*")}
    assert kept == set(signs)
