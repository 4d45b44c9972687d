"""What `import tfbert` does, and what it leaves for later."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import tfbert
from tfbert import keras_names


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


SAVE = """
import sys, keras, tfbert
model = tfbert.TextClassifier.from_checkpoint(sys.argv[1], labels=["a", "b"])
model.compile(tfbert.AdamW(tfbert.LinearWarmup(1e-3, total_steps=10)))
model.save(sys.argv[2])
text = keras.Input((), dtype="string")
keras.Model(text, tfbert.layers.Tokenize(model.task.tokenizer, max_length=8)(text)).save(sys.argv[3])
"""
LOAD = """
import sys
{imports}
assert not [name for name in sys.modules if name.startswith("tfbert.models.")]
model, ids = (keras.models.load_model(path) for path in sys.argv[1:])
print(type(model).__name__, type(model.optimizer).__name__, model.predict(["a b"], verbose=0)[0]["label"] in "ab")
print(type(ids.layers[-1]).__module__)
"""


def test_a_keras_file_opens_after_the_import_alone(tiny_checkpoint, tmp_path):
    files = [tmp_path / "mine.keras", tmp_path / "words.keras"]
    subprocess.run([sys.executable, "-c", SAVE, tiny_checkpoint, *files], check=True, capture_output=True)
    for imports in ("import tfbert, keras", "import keras, tfbert"):
        program = LOAD.format(imports=imports)
        result = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True)
        assert result.stdout.splitlines() == ["TextClassifier AdamW True", "tfbert.text.layer"], result.stderr[-3000:]


def test_all_classes_of_saved_files_are_named():
    root = pathlib.Path(tfbert.__file__).parent
    registered = re.compile(r'^@keras\.saving\.register_keras_serializable\("tfbert"\)\nclass (\w+)', re.MULTILINE)
    found = {}
    for path in root.rglob("*.py"):
        module = ".".join(["tfbert", *path.relative_to(root).with_suffix("").parts])
        found |= {f"tfbert>{name}": (module, name) for name in registered.findall(path.read_text())}
    assert found == keras_names.NAMES
