"""Module names of earlier versions: users' configs and programs import them, and saved .keras files hold them."""

import importlib
import re
import sys
import warnings
import zipfile

import keras
import pytest

import tfbert
from tfbert import layers, old_names
from tfbert.launch.config_flag import config_of

OLD_CONFIG = """
from tfbert.training.experiment import finetune_config

def get_config():
    return finetune_config(train="train.tsv", epochs=7)
"""


def test_an_old_name_is_the_new_module():
    for old, new in old_names.MOVED.items():
        sys.modules.pop(old, None)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DeprecationWarning)
            module = importlib.import_module(old)
            assert importlib.import_module(old) is module
        ours = [warning for warning in caught if "is now called" in str(warning.message)]
        assert [str(warning.message) for warning in ours] == [f"{old} is now called {new}"]
        assert ours[0].category is DeprecationWarning
        assert module is importlib.import_module(new)
        assert (module.__name__, module.__spec__.name) == (new, new)


def test_from_a_package_and_with_its_own_name():
    from tfbert.training.optimizer import AdamW as OldAdamW

    from tfbert.export.onnx import files
    from tfbert.serving import onnx
    from tfbert.training.optimizers.adamw import AdamW

    assert onnx is files
    assert OldAdamW is AdamW


def test_a_module_that_never_was():
    for name in ("tfbert.training.optimiser", "tfbert.layers.nothing"):
        with pytest.raises(ModuleNotFoundError, match=re.escape(name)):
            importlib.import_module(name)


def test_the_layers():
    from tfbert.encoders.layers.attention import SelfAttention

    assert layers.SelfAttention is SelfAttention
    assert all(hasattr(layers, name) for name in layers.__all__)


def test_an_old_config(tmp_path):
    (tmp_path / "mine.py").write_text(OLD_CONFIG)
    assert config_of([f"--config={tmp_path}/mine.py"]).epochs == 7


def test_an_old_keras_file(tiny_checkpoint, tmp_path):
    """As an earlier version has saved it."""
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["order_status", "refund"])
    model.compile(tfbert.AdamW(1e-3))
    model.fit(["where is my parcel", "my money back"], ["order_status", "refund"], verbose=0)
    model.save(tmp_path / "new.keras")
    old_of = {new: old for old, new in old_names.MOVED.items()}
    with zipfile.ZipFile(tmp_path / "new.keras") as new, zipfile.ZipFile(tmp_path / "old.keras", "w") as old:
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                text = content.decode()
                content = re.sub(r'(?<="module": ")[\w.]+', lambda match: old_of.get(match[0], match[0]), text)
                assert content.count('"module": "tfbert.training.optimizer"') == 1
            old.writestr(name, content)
    again = keras.models.load_model(tmp_path / "old.keras")
    assert type(again.optimizer) is tfbert.AdamW
    texts = ["where is my parcel", "refund please"]
    assert again.predict(texts, verbose=0) == model.predict(texts, verbose=0)
