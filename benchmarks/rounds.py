"""Measurements in turn, each in a process of its own, and the ratios of each round."""

import json
import statistics
import subprocess
import sys


def compare(names, *, rounds, figure, unit):
    """Runs this very program with --only=NAME for each name, `rounds` times in turn; prints what the first is to each.

    The program then ends its output with a JSON object that holds `figure`, of which more is better.
    """
    figures = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, *sys.argv, f"--only={name}"]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            figures[name].append(json.loads(out.splitlines()[-1])[figure])
            print(f"{name:13} {figures[name][-1]:7.1f} {unit}", flush=True)
    for name in names:
        ratios = [ours / theirs for ours, theirs in zip(figures[names[0]], figures[name], strict=True)]
        print(
            f"{name:13} median {statistics.median(figures[name]):7.1f} {unit}; {names[0]} is "
            f"{statistics.median(ratios):.2f} x it ({min(ratios):.2f} to {max(ratios):.2f})"
        )
