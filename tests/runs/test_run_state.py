"""Checkpoints that are written while training goes on."""

import errno
import os

import keras
import numpy as np
import pytest

from tfbert.errors import DiskError
from tfbert.runs import state as run_state
from tfbert.runs.state import RunState


def state_of(folder, asynchronous):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    return model, RunState(folder, model, every=2, per_round=4, total_steps=8, asynchronous=asynchronous)


def test_what_is_written_is_what_was_saved(tmp_path):
    model, state = state_of(tmp_path, asynchronous=True)
    model.fit(np.ones([8, 2]), np.ones([8, 3]), batch_size=2, epochs=1, verbose=0, callbacks=[state])
    assert state.step == 4
    state.notes["best"] = 1
    state.save()
    wanted = [np.array(value) for value in [*model.variables, *model.optimizer.variables]]
    for variable in model.trainable_variables:  # training goes on at once
        variable.assign(variable + 1)
    for asynchronous in (True, False):  # the files are the same
        state.wait()
        fresh, again = state_of(tmp_path, asynchronous)
        assert again.restore() == 4
        assert again.notes == {"best": 1}
        for variable, value in zip([*fresh.variables, *fresh.optimizer.variables], wanted, strict=True):
            np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_a_full_disk_is_told_at_the_next_look(tmp_path, monkeypatch):
    _, state = state_of(tmp_path, asynchronous=True)
    state.save()
    state.wait()

    def full(prefix):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_state, "write_checksums", full)
    state.step = 2
    state.save()
    with pytest.raises(DiskError, match="could not write a checkpoint to .*No space left"):
        state.save()
    state.wait()  # it has been told


def test_a_checkpoint_is_on_the_disk_before_it_is_named(tmp_path, monkeypatch):
    _, state = state_of(tmp_path, asynchronous=False)
    state.save()
    synced = []

    def fsync(descriptor, fsync=os.fsync):
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def replace(source, target, replace=os.replace):
        if os.path.basename(target) == "checkpoint":
            assert {"ckpt-2.index", "ckpt-2.data-00000-of-00001"} <= set(synced)
            assert any(name.startswith(".ckpt-2.sha256.") for name in synced)
            synced.append("named")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    state.step = 2
    state.save()
    assert "named" in synced


def test_what_a_kill_left_of_a_checkpoint_is_removed(tmp_path):
    _, state = state_of(tmp_path, asynchronous=False)
    for state.step in (2, 4, 6):
        state.save()
    whole = sorted(path.name for path in tmp_path.iterdir())
    assert whole == [
        "checkpoint",
        *(f"ckpt-{n}.{end}" for n in (4, 6) for end in ("data-00000-of-00001", "index", "sha256")),
    ]
    (tmp_path / "ckpt-8_temp").mkdir()
    for name in ("ckpt-8_temp/part-00000-of-00001.index", "ckpt-7.index", "ckpt-7.sha256", "checkpoint.tmp1a2b"):
        (tmp_path / name).touch()
    (tmp_path / "mine.txt").touch()
    assert state_of(tmp_path, asynchronous=False)[1].restore() == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [*whole, "mine.txt"]
