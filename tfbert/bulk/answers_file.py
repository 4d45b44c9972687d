"""A file of answers that grows table by table and can be resumed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import pathlib
from typing import Any

from absl import logging

from tfbert.data.table import Table
from tfbert.files import disk_errors, open_locked

_PART, _LOG = ".part", ".part.log"


class AnswersFile:
    """JSON lines, collected in PATH.part; PATH.part.log has a line for each table that is done.

    A line of the log has the hash of the table's rows and the file's length after them. It is written when the answers
    are on the disk, so that what an interruption leaves after the last line is cut off. The file is locked while it is
    open: DiskError where another program writes it.

    >>> table = tfbert.data.Table.from_columns({"text": ["where is my parcel"]})
    >>> with AnswersFile("answers.jsonl", {"model": "mine"}) as file:
    ...     if not file.has(table):
    ...         file.append(b'{"label": "order_status"}\\n')
    ...     file.finish()
    """

    def __init__(self, path: str | os.PathLike, stated: dict[str, Any]) -> None:
        """`stated`: what besides a table's rows decides its answers, as JSON values."""
        self._path = pathlib.Path(path).absolute()
        self._part = self._path.with_name(self._path.name + _PART)
        self._log = self._path.with_name(self._path.name + _LOG)
        self._stated = json.dumps(stated, sort_keys=True)
        self._table = 0  # the number of the next

    def __enter__(self) -> AnswersFile:
        with self._disk_errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            refusal = f"another program is writing {self._path}; wait for it, or name another file"
            log = open_locked(self._log, os.O_RDWR | os.O_APPEND | os.O_CREAT, refusal)
            self._log_file = open(log, "a+", encoding="utf-8")  # noqa: SIM115, closed by __exit__
            self._part_file = open(self._part, "ab")  # noqa: SIM115, closed by __exit__
            self._done = self._read_log()
            self._cut(len(self._done))
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._part_file, self._log_file):
            with contextlib.suppress(OSError):  # of what a full disk has not taken, which `append` has reported
                file.close()

    def _read_log(self):
        """(hash, length of the file) of each table that is done; none where the log is of another model."""
        self._log_file.seek(0)
        lines = self._log_file.read().split("\n")[:-1]  # after the last line end is what was cut off
        if lines and lines[0] != self._stated:
            logging.warning("%s: these answers are of another model or other settings; starting again", self._part)
            return []
        done, size = [], self._part.stat().st_size
        for line in lines[1:]:
            digest, end = line.split()
            if int(end) > size:
                break
            done.append((digest, int(end)))
        return done

    def _cut(self, tables):
        """Leaves the answers to the first tables."""
        self._done = self._done[:tables]
        self._part_file.truncate(self._done[-1][1] if self._done else 0)
        log = "".join(f"{line}\n" for line in [self._stated, *(f"{digest} {end}" for digest, end in self._done)])
        self._log_file.seek(0)
        if self._log_file.read() != log:
            self._log_file.truncate(0)
            self._log_file.write(log)
            self._log_file.flush()

    def has(self, table: Table) -> bool:
        """Whether the answers to the next table are there already; if not, `append` them."""
        rows: Any = table.columns
        if table.refused:
            rows = [rows, [(place, str(error)) for place, error in table.refused]]
        self._digest = hashlib.sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()
        if self._table < len(self._done) and self._done[self._table][0] == self._digest:
            self._table += 1
            return True
        if self._table < len(self._done):
            again = len(self._done) - self._table
            logging.warning(
                "%s: rows of %s have changed; %d answered tables begin anew", self._part, table.source, again
            )
            with self._disk_errors():
                self._cut(self._table)
        return False

    def append(self, data: bytes) -> None:
        """Adds the answers to the table that `has` was last asked about, and waits until they are on the disk."""
        if self._path.suffix == ".gz":
            data = gzip.compress(data, mtime=0)  # files of gzip may follow each other in one
        with self._disk_errors():
            self._part_file.write(data)
            _flush(self._part_file)
            self._done.append((self._digest, self._part_file.tell()))
            self._log_file.write("{} {}\n".format(*self._done[-1]))
            _flush(self._log_file)
        self._table += 1

    def finish(self) -> None:
        """Puts the file in its place, without what a former call had done after the last table."""
        with self._disk_errors():
            self._cut(self._table)
            _flush(self._part_file)
            os.replace(self._part, self._path)
            self._log.unlink()

    def _disk_errors(self):
        kept = f"the answers so far are in {self._part}, and the same command resumes with them"
        return disk_errors(self._path, kept)


def _flush(file):
    file.flush()
    os.fsync(file.fileno())
