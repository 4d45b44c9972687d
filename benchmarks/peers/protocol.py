"""A peer's end of `side_by_side.py`: a process that loads something once, and then does what it is told and times it.

    python PEER.py '{"model": "DIR", "threads": 2}'

Its first line says {"ready": true}, or {"missing": "a module"}. Each line of standard input is then a task, a JSON
object with what the peer needs, how often it is done first ("warm") and how often it is timed ("calls"); a line answers
with figures.
"""

import json
import os
import statistics
import sys
import time


def run(open_):
    """The whole program: `open_(settings)` returns `begin`, `begin(task)` a call without arguments.

    A call that returns a dict gives figures of its own, of which "seconds" takes the place of the time of the call.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        begin = open_(json.loads(sys.argv[1]))
    except ModuleNotFoundError as error:
        return say({"missing": error.name})
    say({"ready": True})
    for line in sys.stdin:
        task = json.loads(line)
        call = begin(task)
        for _ in range(task.get("warm", 0)):
            call()
        say(timed(call, task.get("calls", 1), task.get("shows_vector", False)))


def timed(call, calls, shows_vector):
    """Figures of the calls: the median of each, and the first row that the last one returned where it is asked for."""
    found = []
    for _ in range(calls):
        began = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - began
        found.append({"seconds": seconds, **(result if isinstance(result, dict) else {})})
    figures = {name: statistics.median(each[name] for each in found) for name in found[0] if name != "vector"}
    if shows_vector:
        row = result["vector"] if isinstance(result, dict) else result[0]
        figures["vector"] = [float(value) for value in row]
    return figures
