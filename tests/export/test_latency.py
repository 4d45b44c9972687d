"""The latency of one file, in a process that has this file alone."""

import numpy as np
import pytest
from models import model_of

from tfbert.export import latency
from tfbert.export.latency import milliseconds  # before the tests' fixture takes its place


@pytest.fixture
def adds_one(tmp_path):
    import onnx
    from onnx import helper

    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.INT32, [None, None]) for name in "xy")
    one = helper.make_tensor("one", onnx.TensorProto.INT32, [], [1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"])], "g", [x], [y], [one])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_file_has_a_process_of_its_own(adds_one, monkeypatch):
    run, asked = latency.subprocess.run, []
    monkeypatch.setattr(
        latency.subprocess, "run", lambda *args, **kwargs: asked.append(args[0]) or run(*args, **kwargs)
    )
    assert 0 < milliseconds("onnx", adds_one, "", {"x": np.array([[1, 2]], np.int32)}) < 1000
    assert [command[1:] for command in asked] == [["-m", "tfbert.export.latency"]]


def test_a_process_that_fails_costs_the_figure_alone(adds_one, caplog):
    adds_one.write_bytes(b"no graph")
    assert milliseconds("onnx", adds_one, "", {"x": np.array([[1]], np.int32)}) is None
    assert "model.onnx: its latency could not be measured: " in caplog.text and "onnxruntime" in caplog.text


def test_bytes_go_through(tmp_path):
    values = [[b"caf\xc3\xa9", b"\xff\x00"], []]
    assert latency._as_bytes(latency._as_text(values)) == values


@pytest.mark.slow
def test_every_format(tiny_checkpoint, tmp_path, monkeypatch):
    from tfbert.export.folder import export

    taken = {}

    def recorded(format, path, *of_file):
        taken[path.name] = milliseconds(format, path, *of_file)
        return taken[path.name]

    monkeypatch.setattr(latency, "milliseconds", recorded)
    export(model_of("token_classification", tiny_checkpoint), tmp_path / "mine")
    assert len(taken) == 6 and all(0 < value < 1000 for value in taken.values()), taken
