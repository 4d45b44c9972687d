"""Beam's worker processes on this machine: quiet, and gone when the process that launched them is gone.

Beam's own direct runner starts them; this module is the program that it starts (`LocalWorkers.command`). Without it the
runner reports an error only when all workers have ended, waits for ever for a worker that was killed, and its workers
finish their whole share after ^C.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import shlex
import signal
import sys
import threading
import time
import traceback
from typing import Any, Self

from tfbert.temporary import temporary_folder

_FOLDER = "TFBERT_LOCAL_WORKERS"  # the variable that says where a worker reports to
_ERROR = "error"
_LOGGER = logging.getLogger("apache_beam")
# Names of the threads of apache_beam.runners.portability.fn_api_runner.
_WAITS_FOR_WORKER = "run_worker"
_TALK_TO_WORKER = ("beam_control_read", "read_grpc_client_inputs", "forward_grpc_outputs")


class LocalWorkers:
    """The workers of a block. Each has a file in a folder, named by its process id, and reports errors there.

    >>> with LocalWorkers() as workers:  # give Beam `workers.command`, which starts one worker
    ...     print(workers.error())
    None
    """

    def __enter__(self) -> Self:
        self._temporary = temporary_folder()
        self._folder = self._temporary.__enter__()
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        # -P: a module in the working folder with the name of one of ours is not imported
        command = ["env", f"PYTHONPATH={paths}", sys.executable, "-P", "-m", __name__, str(self._folder)]
        self.command = f"exec {shlex.join(command)}"
        self._ended = False
        self._before = threading.excepthook, _LOGGER.level
        threading.excepthook = self._thread_failed
        _LOGGER.setLevel(logging.CRITICAL)  # errors reach us, and are reported once
        return self

    def __exit__(self, error: Any, *_: Any) -> None:
        for path in self._folder.iterdir():
            if path.name.isdigit():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(path.name), signal.SIGKILL)
        for thread in threading.enumerate():
            if thread.name == _WAITS_FOR_WORKER:
                thread.join(5)
        self._temporary.__exit__(None, None, None)
        if error is None:  # else Beam's threads find out later, and would print long tracebacks
            threading.excepthook, level = self._before
            _LOGGER.setLevel(level)

    def error(self) -> str | None:
        """What a worker has reported, or that one was killed; None while all is well."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / _ERROR).read_text(encoding="utf-8")
        return "a worker process was killed, perhaps for want of memory; try fewer --workers" if self._ended else None

    def _thread_failed(self, arguments: threading.ExceptHookArgs) -> None:
        """Takes the place of the traceback of a thread of Beam's that has lost its worker."""
        name = arguments.thread.name if arguments.thread else ""
        self._ended |= name == _WAITS_FOR_WORKER  # the worker ended with an exit code that is not 0
        if name not in (_WAITS_FOR_WORKER, *_TALK_TO_WORKER):
            threading.__excepthook__(arguments)


def report(error_text: str) -> None:
    """Reports an error to the launching process at once; does nothing unless this process is a local worker."""
    if folder := os.environ.get(_FOLDER):
        aside = pathlib.Path(folder, f"{_ERROR}.{os.getpid()}")
        with contextlib.suppress(OSError):  # a full disk: Beam itself reports the error, later
            aside.write_text(error_text, encoding="utf-8")
            aside.rename(aside.with_name(_ERROR))


def _work(folder: str) -> None:
    """What a worker process does."""
    launcher = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C in a terminal is for the launcher, which ends this process
    os.environ[_FOLDER] = folder
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # tokenizing needs no GPU, and each process would take all its memory
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.getLogger().addHandler(logging.NullHandler())  # Beam sends the log to the launcher
    mine = pathlib.Path(folder, str(os.getpid()))
    os.dup2(os.open(f"{mine}.log", os.O_WRONLY | os.O_CREAT), 2)  # TensorFlow prints CPU features at every start
    mine.touch()

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main(sys.argv)
    except Exception:
        report(traceback.format_exc())
        raise
    mine.unlink(missing_ok=True)


if __name__ == "__main__":
    _work(sys.argv[1])
