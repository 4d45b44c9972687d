"""Commands of `tfbert` in processes forked from one that has imported TensorFlow: each starts at once, and can be killed.

The program reads a line of JSON for each command, {"arguments", "folder", "log"}, writes its process id, and at its end
the code of `subprocess.Popen`. Nothing of TensorFlow has run before the fork but its import.
"""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import traceback

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
IMPORTED = "tensorflow,tensorflow_text,tfbert.models,tfbert.runs.finetune,tfbert.runs.pretrain,tfbert.bulk.predict"
IMPORTED += ",tfbert.export.folder,tfbert.checkpoints.convert"


class ForkedCommands:
    """The process that forks, with its own seed of Python's hashes.

    >>> with ForkedCommands(hash_seed=1) as commands:  # doctest: +SKIP
    ...     command = commands.start(["predict", "--model=mine"], folder="work", log="said.txt")
    ...     command.kill()
    """

    def __init__(self, hash_seed, **environment):
        self._environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
        self._environment |= {"PYTHONHASHSEED": str(hash_seed), "OPENBLAS_NUM_THREADS": "1"}

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment, bufsize=0
        )  # without a buffer, as `select` does not see what is in one
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def start(self, arguments, folder, log):
        """A `Command` that runs in a folder, with a process group of its own."""
        line = json.dumps({"arguments": list(map(str, arguments)), "folder": str(folder), "log": str(log)})
        self._process.stdin.write(f"{line}\n".encode())
        return Command(self._process.stdout, _number_after(b"started", self._process.stdout))


class Command:
    def __init__(self, answers, process):
        self._answers, self.process, self.code = answers, process, None

    def wait(self, seconds=0.0):
        """The exit code, or None after so many seconds without one."""
        if self.code is None and select.select([self._answers], [], [], seconds)[0]:
            self.code = _number_after(b"ended", self._answers)
        return self.code

    def kill(self, *, alone=False):
        """kill -9 of the process, and unless `alone` of all that it has started; returns its exit code."""
        if self.wait() is None:
            (os.kill if alone else os.killpg)(self.process, signal.SIGKILL)
        return self.wait(30)


def _number_after(word, answers):
    found, _, number = answers.readline().partition(b" ")
    assert found == word, found
    return int(number)


def _serve():
    for name in IMPORTED.split(","):
        __import__(name)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _run(**asked)
        os.setpgid(child, child)
        answers.write(f"started {child}\n")
        answers.write(f"ended {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


def _run(arguments, folder, log):
    code = 1
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        from tfbert.launch import main

        sys.argv = ["tfbert", *arguments]
        main.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
