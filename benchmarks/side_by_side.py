"""Peers side by side: processes that all live while rounds alternate among them, of which one works at a time.

What a round measured is kept in a file as soon as it is whole, so that an interrupted comparison goes on where it was.
"""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import subprocess
import time

PEERS = pathlib.Path(__file__).with_name("peers")
REPOSITORY = PEERS.parent.parent
QUIET = 0.3  # seconds after a peer's answer, until its threads have stopped waiting for more
ALIKE = 0.8  # the cosine that all vectors of a text have with the first row's at least; int8 of one word has 0.9


@dataclasses.dataclass(frozen=True)
class Row:
    """A peer of a table: its file in peers/, its settings, and in which environment it runs."""

    name: str
    file: str
    settings: dict
    reference: bool = False  # in the environment that has PyTorch
    environment: dict = dataclasses.field(default_factory=dict)
    missing: str = ""  # why it cannot be measured


@dataclasses.dataclass(frozen=True)
class Figure:
    """A column of a work: a key of the peers' answers, what it is called, and how it is written."""

    key: str
    title: str
    form: str = ".0f"
    times: float = 1.0
    per_second: bool = False  # as many a second of the answer's "seconds"; `key` is a number or a key of the answer


@dataclasses.dataclass(frozen=True)
class Work:
    """What all rows of a table do in each round."""

    name: str
    task: dict
    figures: tuple[Figure, ...]
    once: bool = False  # in the first round alone
    only: tuple[str, ...] = ()  # rows, if not all
    warms: bool = True  # a peer does it once for nothing before its first time


@dataclasses.dataclass(frozen=True)
class Table:
    name: str
    title: str
    rows: tuple[Row, ...]
    works: tuple[Work, ...]
    most_rounds: int | None = None

    def key(self):
        """What the rounds of this table depend on."""
        return json.dumps([dataclasses.asdict(part) for part in (*self.rows, *self.works)], sort_keys=True)


class PeerError(Exception):
    """A peer that cannot be measured, and why."""


class Peer:
    """A row's process."""

    def __init__(self, row, python, log):
        self._row, self._python, self._log, self._process = row, python, log, None
        self._knows = set()  # works that it has done before

    def start(self):
        if self._row.missing:
            raise PeerError(self._row.missing)
        if not pathlib.Path(self._python).exists():
            raise PeerError(f"not installed: {self._python} (make .venv-reference/.installed)")
        search = [str(REPOSITORY)] if not self._row.reference else []
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, **self._row.environment}
        environment["PYTHONPATH"] = os.pathsep.join([*search, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [self._python, PEERS / self._row.file, json.dumps(self._row.settings)]
        with open(self._log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )

    def ready(self):
        """Waits until the process has loaded what it measures."""
        if missing := self._answer().get("missing"):
            self._process.wait()
            raise PeerError(f"not installed: {missing}")

    def ask(self, work):
        """The answer to a work."""
        task = work.task
        if work.warms and work.name not in self._knows:
            task = {**task, "warm": max(1, task.get("warm", 0))}
            self._knows.add(work.name)
        with contextlib.suppress(BrokenPipeError):  # the log says why
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        found = self._answer()
        time.sleep(QUIET)
        return found

    def _answer(self):
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        said = pathlib.Path(self._log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise PeerError(f"failed: {said[-1][:150] if said else self._process.returncode}")

    def end(self):
        """Tells the process to end, as the end of its input does."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def stop(self):
        """Waits for the end of a process that was told to `end`."""
        if self._process is not None:
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()


class Kept:
    """The rounds measured so far, in a file: {table: {"key", "rounds": [{row: {work: figures}}], "reasons", …}}."""

    def __init__(self, path, fingerprint):
        self._path = pathlib.Path(path)
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            found = {}
        self.is_other = bool(found) and found["fingerprint"] != fingerprint
        self.fingerprint = fingerprint
        self.tables = {} if self.is_other else found.get("tables", {})

    def of(self, table):
        """The table's entry; a new one where its rows or works were others."""
        entry = self.tables.get(table.name)
        if entry is None or entry["key"] != table.key():
            entry = self.tables[table.name] = {"key": table.key(), "rounds": [], "reasons": {}}
        return entry

    def save(self):
        aside = self._path.with_name(f"{self._path.name}.new")
        aside.write_text(json.dumps({"fingerprint": self.fingerprint, "tables": self.tables}), encoding="utf-8")
        os.replace(aside, self._path)


def compare(table, kept, *, rounds, pythons, logs, progress):
    """Measures the rounds of a table that are not kept yet.

    Args:
        pythons: of the project's environment and of PyTorch's.
        progress: called with the row and the work that come next, and with the number of the round.
    """
    entry, rounds = kept.of(table), min(rounds, table.most_rounds or rounds)
    if len(entry["rounds"]) >= rounds:
        return
    peers = {
        row.name: Peer(row, pythons[row.reference], logs / f"{table.name} {_plain(row.name)}.log") for row in table.rows
    }
    reasons = entry["reasons"] = {}
    try:
        for name, peer in peers.items():
            _tried(reasons, name, peer.start)
        for name, peer in peers.items():
            progress(name, "start", len(entry["rounds"]))
            if name not in reasons:
                _tried(reasons, name, peer.ready)
        for number in range(len(entry["rounds"]), rounds):
            measured = {name: {} for name in peers if name not in reasons}
            for work in table.works:
                if work.once and number:
                    continue
                turns = [name for name in measured if name in (work.only or measured)]
                for name in turns[:: -1 if number % 2 else 1]:
                    if name in reasons:
                        continue
                    progress(name, work.name, number)
                    if found := _tried(reasons, name, peers[name].ask, work):
                        measured[name][work.name] = found
                _check_alike(work, measured, reasons)
            entry["rounds"].append({name: works for name, works in measured.items() if name not in reasons})
            entry["measured"] = time.strftime("%Y-%m-%d")
            kept.save()
    finally:
        for peer in peers.values():
            peer.end()
        for peer in peers.values():
            peer.stop()


def _tried(reasons, name, action, *arguments):
    """What the action returns; None where the peer cannot be measured, which its table says."""
    try:
        return action(*arguments)
    except PeerError as error:
        reasons[name] = str(error)
        return None


def _check_alike(work, measured, reasons):
    """Figures of a row whose vector of a text is not the model's say nothing, which its table tells."""
    vectors = {
        name: works[work.name].pop("vector") for name, works in measured.items() if "vector" in works.get(work.name, {})
    }
    wanted = next(iter(vectors.values()), None)
    for name, vector in vectors.items():
        cosine = sum(a * b for a, b in zip(vector, wanted, strict=True)) / math.hypot(*vector) / math.hypot(*wanted)
        if not cosine > ALIKE:
            reasons[name] = f"failed: its vector's cosine with that of {next(iter(vectors))} is {cosine:.3f}"


def _plain(name):
    return "".join(letter if letter.isalnum() else "_" for letter in name)
