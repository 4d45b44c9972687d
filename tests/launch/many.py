"""Runs a verb several times in one process, as different users would: VERB, lists of flags as JSON on standard input.

Writes a list of [exit code, what went to standard error]. One process imports TensorFlow once.
"""

import contextlib
import importlib
import io
import json
import sys

from absl import flags
from absl.testing import flagsaver

from tfbert.launch import main

verb = sys.argv[1]
for name in ("absl.app", "tfbert.launch.register_flag", f"tfbert.launch.{verb}"):
    importlib.import_module(name)  # defines its flags, which `flagsaver` would take away again
found = []
for arguments in json.load(sys.stdin):
    error = io.StringIO()
    with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()), flagsaver.flagsaver():
        try:
            main.run(f"tfbert.launch.{verb}", [f"tfbert {verb}", *arguments])
        except SystemExit as end:
            code = end.code
        flags.FLAGS.unparse_flags()
    found.append([code, error.getvalue()])
json.dump(found, sys.stdout)
