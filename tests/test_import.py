"""What `import tfbert` does, and what it leaves for later."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("first", "value", "wanted"),
    [
        ("", None, "1"),
        ("", "0", "0"),  # the user's own
        ("import tensorflow", None, None),  # too late: it has read the variable
    ],
)
def test_onednn_is_on_unless_somebody_has_decided(first, value, wanted):
    environment = {name: text for name, text in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    if value is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = value
    program = "import os, sys\n" + first + "\nimport tfbert\nprint(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(wanted)


def test_tensorflow_is_not_imported():
    program = "import sys, tfbert; print('tensorflow' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr
