"""Files of a run that are damaged: each is refused by its name, or what it says is not believed."""

import json

import pytest

from tfbert.errors import CheckpointError, ConfigError
from tfbert.runs import data_check, folder
from tfbert.runs.checkpoint_files import damage, name_newest, names_in, write_checksums
from tfbert.runs.configs.finetune import FinetuneConfig

CONFIG = FinetuneConfig(epochs=3)
FOUND = {"train": {"source": "train.tsv", "rows": 2, "sha256": "ab"}}


@pytest.mark.parametrize("held", [{"train": []}, {"train": {"sha256": "cd"}}, {**FOUND, "changes": {}}])
def test_what_the_data_were(held, tmp_path):
    (tmp_path / "data.json").write_text(json.dumps(held))
    with pytest.raises(ConfigError, match=r"data\.json is damaged"):
        data_check.check_data(tmp_path, FOUND, allow_changed=True)


@pytest.mark.parametrize(
    "held", [{}, {"epochs": 3, "step": "12", "notes": {}}, {"epochs": 3, "step": 12, "notes": None}]
)
def test_that_it_is_finished(held, tmp_path):
    (tmp_path / "finished.json").write_text(json.dumps(held))
    with pytest.raises(ConfigError, match=r"finished\.json is damaged"):
        folder.finished(tmp_path, CONFIG)
    with pytest.raises(ConfigError, match=r"finished\.json is damaged"):
        folder.last_step(tmp_path)


def test_its_length(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG.to_dict(), "epochs": "2"}))
    with pytest.raises(ConfigError, match=r"epochs was '2', now 3"):
        folder.check_run_folder(tmp_path, CONFIG)


@pytest.mark.parametrize(
    "held", [b"\xab", b'model_checkpoint_path: ""\n', b'model_checkpoint_path: "a"\nall_model_checkpoint_paths: "a"\n']
)
def test_which_checkpoints_there_are(held, tmp_path):
    (tmp_path / "checkpoint").write_bytes(held)
    with pytest.raises(CheckpointError, match=r"checkpoint, which names the checkpoints, is damaged"):
        names_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("ckpt-1." + "a" * 5000, "not whole"),
        ("..", "not whole"),
        ("ckpt-1.folder", "cannot be read"),
        ("ckpt-1.none", "is missing"),
    ],
)
def test_the_checksums_of_a_checkpoint(name, fault, tmp_path):
    (tmp_path / "ckpt-1.index").write_bytes(b"numbers")
    (tmp_path / "ckpt-1.folder").mkdir()
    name_newest(tmp_path, ["ckpt-1"])
    assert names_in(tmp_path) == ["ckpt-1"]
    (tmp_path / "ckpt-1.sha256").write_text(json.dumps({name: "ab"}))
    assert fault in damage(tmp_path / "ckpt-1")
    (tmp_path / "ckpt-1.folder").rmdir()
    write_checksums(tmp_path / "ckpt-1")
    assert damage(tmp_path / "ckpt-1") is None
