"""The manager of versions by itself: reloads that take effect as a whole or not at all."""

import contextlib
import shutil
import threading
import time

import numpy as np
import pytest
from served import Gate, eventually
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from tfbert.errors import ServingError
from tfbert.export.saved_model.file_names import BATCHING
from tfbert.serving.models.batching_parameters import BatchingParameters
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.models.servable import Servable
from tfbert.serving.models.versions import ModelSettings


@pytest.fixture
def manager():
    manager = ModelManager(BatchingParameters(), poll_seconds=0)
    yield manager
    manager.close()


@pytest.fixture
def gate(monkeypatch):
    """A `Gate` before the loading of folders."""
    gate = Gate()
    monkeypatch.setattr(Servable, "__init__", gate.before(Servable.__init__))
    yield gate
    gate.open()


def ask(manager, name="mine", label=""):
    """(version, factor) of the version that answers."""
    with manager.lease(
        model_pb2.ModelSpec(name=name, version_label=label) if label else model_pb2.ModelSpec(name=name)
    ) as found:
        outputs = found.batcher.submit("serving_default", {"text": np.array([b"a"], object)}).result()
        return found.version, outputs["logits"][0, 0]


def states(manager, name="mine"):
    return {version: ModelVersionStatus.State.Name(state) for version, state, _ in manager.status(name)}


@contextlib.contextmanager
def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    yield
    thread.join(30)
    assert not thread.is_alive()


def test_a_label_moves_when_its_new_version_can_answer(manager, numbered, gate):
    gate.open()
    manager.reload([ModelSettings("mine", numbered, specific=(1,), labels=(("stable", 1),))])
    gate.close()
    gate.reached.clear()
    with in_thread(manager.reload, [ModelSettings("mine", numbered, specific=(2,), labels=(("stable", 2),))]):
        assert gate.reached.wait(30)
        assert ask(manager, label="stable") == (1, 1) and manager.labelled("mine", "stable") == 1
        assert states(manager) == {1: "AVAILABLE", 2: "LOADING"}
        gate.open()
    assert ask(manager, label="stable") == (2, 2)
    assert states(manager) == {1: "END", 2: "AVAILABLE"}


def test_a_failed_reload_leaves_no_trace(manager, numbered, tmp_path):
    shutil.copytree(numbered / "2", tmp_path / "moved/1")
    (tmp_path / "broken/1").mkdir(parents=True)
    manager.reload([ModelSettings("mine", numbered, specific=(1,), labels=(("stable", 1),))])
    threads = threading.active_count()
    moved, other = ModelSettings("mine", tmp_path / "moved"), ModelSettings("other", numbered)
    for wrong, message in (
        (ModelSettings("broken", tmp_path / "broken"), "has no saved_model.pb"),
        (ModelSettings("labelled", numbered, labels=(("stable", 7),)), "not currently available"),
    ):
        with pytest.raises(ServingError, match=message):
            manager.reload([moved, other, wrong])
        assert ask(manager, label="stable") == (1, 1) and states(manager) == {1: "AVAILABLE"}
        assert [each.model for each in manager.available()] == ["mine"]
        assert not any(states(manager, name) for name in ("other", "broken", "labelled"))
        assert threading.active_count() == threads
    manager.reload([moved, other])
    assert ask(manager) == (1, 2) and ask(manager, "other") == (4, 4)


def test_a_label_needs_its_version_in_the_new_folder(manager, numbered, tmp_path):
    manager.reload([ModelSettings("mine", numbered, specific=(1, 2))])
    shutil.copytree(numbered / "2", tmp_path / "moved/2")
    with pytest.raises(ServingError, match="label 'stable' to version 1"):
        manager.reload([ModelSettings("mine", tmp_path / "moved", labels=(("stable", 1),))])
    manager.reload([ModelSettings("mine", tmp_path / "moved", newest=None)])
    assert states(manager) == {1: "END", 2: "AVAILABLE"}


@pytest.mark.parametrize("polled", [False, True])
def test_closing_does_not_wait_for_a_version_that_loads(numbered, gate, tmp_path, polled):
    shutil.copytree(numbered / "1", tmp_path / "mine/1")
    threads = threading.active_count()
    manager = ModelManager(BatchingParameters(), poll_seconds=0.05 if polled else 0)
    gate.open()
    manager.reload([ModelSettings("mine", tmp_path / "mine")])
    gate.close()
    gate.reached.clear()
    shutil.copytree(numbered / "2", tmp_path / "mine/2")
    with contextlib.ExitStack() as stack:
        if not polled:
            both = [ModelSettings("mine", tmp_path / "mine"), ModelSettings("other", numbered)]
            stack.enter_context(in_thread(lambda: pytest.raises(ServingError, manager.reload, both)))
        assert gate.reached.wait(30)
        begun = time.monotonic()
        manager.close(0.2)
        assert time.monotonic() - begun < 2
        gate.open()
    eventually(lambda: threading.active_count() == threads)  # the thread that loaded ends everything
    assert not manager.available() and set(states(manager).values()) == {"END"}


@pytest.fixture
def polling(numbered, tmp_path):
    """A manager that serves version 1 and looks for others below `tmp_path`."""
    shutil.copytree(numbered / "1", tmp_path / "1")
    manager = ModelManager(BatchingParameters(), poll_seconds=0.05)
    manager.reload([ModelSettings("mine", tmp_path)])
    yield manager
    manager.close()


def put(numbered, folder, prepare):
    """Version 2, complete at once and prepared."""
    shutil.copytree(numbered / "2", folder / ".2")
    prepare(folder / ".2")
    (folder / ".2").rename(folder / "2")


def test_batching_parameters_that_cannot_be_read_are_told(polling, numbered, tmp_path):
    put(numbered, tmp_path, lambda folder: (folder / BATCHING).mkdir())
    eventually(lambda: states(polling) == {2: "END", 1: "AVAILABLE"})
    assert f"2/{BATCHING}: cannot be read (Is a directory)" in polling.status("mine", 2)[0][2]
    (tmp_path / "2" / BATCHING).rmdir()
    eventually(lambda: states(polling) == {2: "AVAILABLE", 1: "END"})


def test_a_version_is_tried_again_when_its_modes_change(polling, numbered, tmp_path, monkeypatch):
    load = Servable.__init__

    def load_what_all_may_read(self, folder, threads):
        if not (folder / "saved_model.pb").stat().st_mode & 0o004:  # root may read everything
            raise RuntimeError("not readable")
        load(self, folder, threads)

    monkeypatch.setattr(Servable, "__init__", load_what_all_may_read)
    put(numbered, tmp_path, lambda folder: (folder / "saved_model.pb").chmod(0o600))
    eventually(lambda: states(polling) == {2: "END", 1: "AVAILABLE"})
    assert polling.status("mine", 2)[0][2] == f"{tmp_path / '2'}: cannot be loaded (RuntimeError: not readable)"
    (tmp_path / "2/saved_model.pb").chmod(0o644)
    eventually(lambda: states(polling) == {2: "AVAILABLE", 1: "END"})
