"""An export's LiteRT and ONNX files behind the server, against the SavedModel of the same export."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import grpc
import models
import numpy as np
import pytest
from served import CHANNEL_OPTIONS, CODE, post, refused, request
from tensorflow_serving.apis import classification_pb2, prediction_service_pb2_grpc, regression_pb2

from tfbert import serving
from tfbert.errors import ServingError
from tfbert.export.folder import export
from tfbert.serving.models.engine import EngineChoice
from tfbert.serving.models.engines.exported import Exported

TEXTS = ["where is my order", "", "money back please, the lamp came broken", "ÀÉ 東京 [MASK] 🙂", "late " * 40]
FILES = [("litert", "float32"), ("litert", "int8"), ("onnx", "float32"), ("onnx", "int8")]


@pytest.fixture(scope="module")
def exported(tiny_checkpoint, tmp_path_factory):
    """The export of a classifier in all formats, written once."""
    folder = tmp_path_factory.mktemp("exports") / "mine"
    export(models.model_of("classification", tiny_checkpoint), folder, precisions=["float32", "int8"])
    return folder


@pytest.fixture(scope="module")
def saved_model(exported):
    with serving.Server(exported, port=0, rest_port=0) as server:
        yield server


def copied(folder, to):
    shutil.copytree(folder, to / "mine")
    return to / "mine"


def allowed(folder, precision):
    """{answer: the largest difference} of an export's golden file, where it may be larger than a rounding error."""
    case = json.loads((folder / "golden.json").read_text())["cases"]["serving_default"]
    return {name: max(value, 1e-4) for name, value in case["allowed"][precision].items()}


def near(found, wanted, tolerances):
    for name, tolerance in tolerances.items():
        np.testing.assert_allclose(found[name], wanted[name], atol=tolerance, err_msg=name)


def sent(kind, *texts):
    """A request of tf.Examples."""
    examples = [{"features": {"feature": {"text": {"bytes_list": {"value": [text.encode()]}}}}} for text in texts]
    return kind(
        model_spec={"name": "mine", "signature_name": "classify"}, input={"example_list": {"examples": examples}}
    )


@pytest.mark.parametrize(("engine", "precision"), FILES)
def test_answers_are_those_of_the_saved_model(exported, saved_model, engine, precision):
    tolerances = allowed(exported, precision)
    with (
        serving.Server(exported, port=0, rest_port=0, engine=engine, precision=precision) as server,
        serving.Client(server.address, model="mine") as client,
        serving.Client(saved_model.address, model="mine") as other,
        grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel,
    ):
        found, wanted = client.predict_arrays({"text": TEXTS}), other.predict_arrays({"text": TEXTS})
        assert found.keys() == wanted.keys()
        near(found, wanted, tolerances)
        if precision == "float32":
            assert found["label"].tolist() == wanted["label"].tolist()
        near(
            client.predict_arrays({"text": TEXTS[:1]}), {name: array[:1] for name, array in wanted.items()}, tolerances
        )
        for name, array in client.predict_arrays({"text": []}).items():
            assert (array.shape, array.dtype) == (wanted[name][:0].shape, wanted[name].dtype)

        assert client.metadata() == other.metadata()
        for path in ("/mine/metadata", "/mine:predict"):
            body = json.dumps({"instances": TEXTS}).encode()
            answers = [post(each, path, body) if path.endswith("predict") else None for each in (server, saved_model)]
            if answers[0] is not None:
                (code, ours), (wanted_code, theirs) = answers
                assert (code, wanted_code) == (200, 200)
                for row, row_of_other in zip(ours["predictions"], theirs["predictions"], strict=True):
                    assert row.keys() == row_of_other.keys()
                    near(row, row_of_other, tolerances)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        result = stub.Classify(sent(classification_pb2.ClassificationRequest, *TEXTS)).result
        scores = [[each.score for each in row.classes] for row in result.classifications]
        near({"probabilities": scores}, wanted, {"probabilities": tolerances["probabilities"]})
        code, message = refused(stub.Classify, classification_pb2.ClassificationRequest(
            model_spec={"name": "mine", "signature_name": "classify"}, input={"example_list": {"examples": [{}]}}
        ))  # fmt: skip
        assert code == CODE.INVALID_ARGUMENT and "Feature: text" in message
        assert refused(stub.Regress, sent(regression_pb2.RegressionRequest, "a"))[0] != CODE.OK
        ids = {name: [[2, 3]] for name in ("token_ids", "segment_ids", "padding_mask")}
        code, message = refused(channel, request({name: np.array(value, "i4") for name, value in ids.items()},
                                                 signature="encode_ids"))  # fmt: skip
        assert code == CODE.UNIMPLEMENTED and "--engine=saved_model" in message


@pytest.mark.parametrize("engine", ["litert", "onnx"])
def test_the_program_does_without_tensorflow(exported, engine):
    program = [sys.executable, "-m", "tfbert.launch.main", "serve", f"--model={exported}", "--grpc_port=0"]
    with subprocess.Popen([*program, f"--engine={engine}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        address = re.search(rb"serving mine version 1 on (\S+)", process.stdout.readline())[1].decode()
        with serving.Client(address, model="mine") as client:
            assert sorted(client.predict(["where is it"])[0]) == ["label", "logits", "probabilities"]
        libraries = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        assert "tflite_registrar" in libraries
        assert not re.search("libtensorflow_cc|_pywrap_tensorflow|h5py", libraries)
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    lines = [line for line in log.splitlines() if not line.startswith(b"INFO: ")]  # LiteRT's own
    assert [json.loads(line)["event"] for line in lines] == ["engine_checked", "loaded", "unloaded"]


def test_an_export_without_a_saved_model_is_served_as_version_1(exported, tmp_path):
    folder = copied(exported, tmp_path)
    shutil.rmtree(folder / "1")
    with serving.Server(folder, port=0, engine="litert") as server:
        assert server.served == [("mine", 1)]
    with pytest.raises(ServingError, match="no saved_model.pb"), serving.Server(folder, port=0):
        pass


def test_int8_is_taken_where_it_is_there(exported, tmp_path):
    folder = copied(exported, tmp_path)
    assert Exported(folder / "1", "litert").precision == "int8"
    (folder / "lite/model_int8.tflite").unlink()
    assert Exported(folder / "1", "litert").precision == "float32"


def changed(path, change):
    values = json.loads(path.read_text())
    change(values["cases"]["serving_default"])
    path.write_text(json.dumps(values))


def no_axes(case):
    del case["axes"]


def other_ids(case):
    case["features"]["token_ids"][0][1] += 1


def other_answer(case):
    case["answers"]["label"] = case["answers"]["label"][::-1]


def other_numbers(case):
    case["answers"]["logits"][0][0] += 100


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "golden.json").unlink(), "version 1 of an export|has no golden.json"),
        (lambda folder: (folder / "golden.json").write_text("{}"), "golden.json: cannot be used"),
        (lambda folder: changed(folder / "golden.json", no_axes), "lacks 'axes'"),
        (lambda folder: changed(folder / "golden.json", other_ids), "token_ids are not those of the model"),
        (lambda folder: changed(folder / "golden.json", other_answer), "label of .* is .*the model's is"),
        (lambda folder: changed(folder / "golden.json", other_numbers), "logits differs from the model's"),
        (lambda folder: (folder / "task/task.tflite").unlink(), "has no task/task.tflite"),
        (lambda folder: (folder / "task/task.tflite").write_bytes(b"TFL3"), "cannot be opened"),
        (lambda folder: (folder / "task/signatures.pb").write_bytes(b"\xff"), "signatures.pb: cannot be read"),
        (lambda folder: (folder / "lite/model_int8.tflite").write_bytes(b"none"), "cannot be opened"),
        (lambda folder: shutil.rmtree(folder / "lite"), "export the model with --formats=lite"),
    ],
)
def test_what_differs_from_the_model_is_refused(exported, tmp_path, harm, message):
    folder = copied(exported, tmp_path)
    harm(folder)
    with pytest.raises(ServingError, match=message):
        Exported(folder / "1", "litert")


def test_other_versions_and_other_settings_are_refused(exported, tmp_path):
    folder = copied(exported, tmp_path)
    shutil.copytree(folder / "1", folder / "2")
    with pytest.raises(ServingError, match="serves version 1 of an export"):
        Exported(folder / "2", "litert")
    with pytest.raises(ServingError, match="precision=float16: --engine=onnx has int8, float32"):
        Exported(folder / "1", "onnx", precision="float16")
    with pytest.raises(ServingError, match="has no .*model_float16"):
        Exported(folder / "1", "litert", precision="float16")
    for settings in ({"engine": "torch"}, {"precision": "int8"}):
        with pytest.raises(ServingError, match="saved_model, litert, onnx|--engine names one"):
            serving.Server(folder, port=0, **settings)
    assert EngineChoice("onnx").precision is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "task", ["pairs", "several_labels", "regression", "long_texts", "sentence_embedding", "question_answering"]
)
def test_tasks_of_texts(task, tiny_checkpoint, tmp_path):
    model = models.model_of(task, tiny_checkpoint)
    export(model, tmp_path / "mine", precisions=["float32"])
    asked = {
        name: models.hard_rows(model.task.golden_inputs(name))
        if name == "serving_default"
        else model.task.golden_inputs(name)
        for name in model.task.signatures
    }
    with serving.Server(tmp_path / "mine", port=0) as one, serving.Client(one.address, model="mine") as client:
        wanted = {name: client.predict_arrays(inputs, signature_name=name) for name, inputs in asked.items()}
        described = client.metadata()
    for engine in ("litert", "onnx"):
        with (
            serving.Server(tmp_path / "mine", port=0, engine=engine) as other,
            serving.Client(other.address, model="mine") as client,
        ):
            assert client.metadata() == described
            for signature, inputs in asked.items():
                found = client.predict_arrays(inputs, signature_name=signature)
                assert found.keys() == wanted[signature].keys()
                for name, array in wanted[signature].items():
                    if array.dtype.kind == "f":
                        np.testing.assert_allclose(found[name], array, atol=1e-4, err_msg=name)
                    else:
                        assert found[name].tolist() == array.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["token_classification", "fill_mask"])
def test_other_tasks_are_refused_and_the_card_says_why(task, tiny_checkpoint, tmp_path):
    folder = pathlib.Path(tmp_path / "mine")
    export(models.model_of(task, tiny_checkpoint), folder, ["saved_model", "lite"], precisions=["float32"])
    assert "is not served from the files" in (folder / "README.md").read_text()
    with pytest.raises(ServingError, match="has no task/task.tflite.*--engine=saved_model"):
        Exported(folder / "1", "litert")


def test_onnx_alone_is_exported_where_litert_is_not_installed(tiny_checkpoint, tmp_path, monkeypatch):
    for name in ("tfbert.export.lite", "tfbert.export.task_file"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    model = models.model_of("classification", tiny_checkpoint)
    (variant,) = export(model, tmp_path / "mine", ["onnx"], precisions=["float32"])
    assert "ai_edge_litert" in " ".join(variant.notes)
    with pytest.raises(ServingError, match="has no task/task.tflite"):
        Exported(tmp_path / "mine", "onnx")
