"""Export folders: in every format the answers of the model in Python, asked where the package is absent."""

import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import sys

import grpc
import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from models import model_of, sharpened
from serving_stand_in import given, stand_in

import tfbert
from tfbert.encoders import families
from tfbert.encoders.layers.activations import ACTIVATIONS
from tfbert.errors import ConfigError, DiskError, ExportError
from tfbert.export import golden
from tfbert.export.engines.networks import open_networks
from tfbert.export.folder import export
from tfbert.export.onnx import graph as onnx_graph
from tfbert.export.onnx import int8 as onnx_int8
from tfbert.export.onnx.files import open_file, operations_when_loaded
from tfbert.export.saved_model import allowed_ops

ALONE = pathlib.Path(__file__).with_name("golden_alone.py")
ROWS = [("where is my parcel", "a"), ("refund please", "b"), ("the lamp came broken", "c"), ("thank you", "a")] * 3


def classifier(checkpoint):
    keras.utils.set_random_seed(3)
    return sharpened(tfbert.TextClassifier.from_checkpoint(checkpoint, labels=["a", "b", "c"]))


def alone(folder, *arguments):
    """The lines of golden_alone.py, run where the package is not."""
    command = [sys.executable, "-P", ALONE, folder, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.splitlines()


@pytest.fixture(scope="module")
def exported(tiny_checkpoint, tmp_path_factory):
    """A classifier in all formats, measured and moved, and beside it a number's SavedModel."""
    folder = tmp_path_factory.mktemp("exports")
    model = classifier(tiny_checkpoint)
    texts, labels = zip(*ROWS, strict=True)
    table = tfbert.data.Table.from_columns({"text": list(texts), "label": list(labels)}, source="rows")
    export(model, folder / "first", table=table)
    shutil.move(folder / "first", folder / "mine")
    number = model_of("regression", tiny_checkpoint)
    export(number, folder / "number", ["saved_model"])
    return folder / "mine", model, folder / "number", number


def test_layout(exported):
    folder = exported[0]
    assert {path.name for path in folder.iterdir()} == {
        *("1", "lite", "onnx", "task", "README.md", "golden.json"),
        *("vocab.txt", "tokenizer_config.json", "config.json", "labels"),
    }
    assert {path.name for path in (folder / "lite").iterdir()} == {
        *("model.tflite", "model_float16.tflite", "model_int8.tflite"),
    }
    assert {path.name for path in (folder / "onnx").iterdir()} == {"model.onnx", "model_int8.onnx"}
    assert (folder / "labels").read_text() == "a\nb\nc\n"
    assert json.loads((folder / "config.json").read_text())["tfbert"]["task"] == "classification"
    assert tfbert.Tokenizer.from_folder(folder)(["my parcel"])["token_ids"].shape == (1, 4)


def test_a_server_answers_as_the_model(exported, tmp_path):
    folder, model, number_folder, number = exported
    cases = json.loads((folder / "golden.json").read_text())["cases"]
    texts = cases["serving_default"]["inputs"]["text"]
    with stand_in({"mine": folder / "1", "number": number_folder / "1"}, tmp_path) as server:
        answers = server.predict("mine", "serving_default", given(cases["serving_default"]))
        wanted = cases["serving_default"]["answers"]
        assert [label.decode() for label in answers["label"]] == wanted["label"]
        assert len(set(wanted["label"])) > 1
        np.testing.assert_allclose(answers["logits"], wanted["logits"], atol=1e-4)

        features = {name: np.array(values, np.int32) for name, values in cases["serving_default"]["features"].items()}
        vectors = server.predict("mine", "encode_ids", features)
        expected = model.encoder(features)
        for name in ("sequence_output", "pooled_output"):
            np.testing.assert_allclose(vectors[name], expected[name], atol=1e-5)

        rows = [{"text": text} for text in texts]
        for found, probabilities in zip(server.classify("mine", rows), wanted["probabilities"], strict=True):
            assert list(found) == ["a", "b", "c"]
            np.testing.assert_allclose(list(found.values()), probabilities, atol=1e-5)
        with pytest.raises(grpc.RpcError, match="Feature: text .* is required but could not be found"):
            server.classify("mine", [*rows[:1], {"txt": texts[0]}])
        scores = [row["score"] for row in number.predict(texts)]
        np.testing.assert_allclose(server.regress("number", rows), scores, atol=1e-5)


def test_lite_and_onnx_answer_alone(exported):
    folder = exported[0]
    files = {"model.onnx", "model_int8.onnx", "model.tflite", "model_float16.tflite", "model_int8.tflite"}
    assert {line.split()[0] for line in alone(folder)} == files
    assert sorted(alone(folder, "--strings")) == sorted(
        f"{name} serving_default strings" for name in files if name.endswith("tflite")
    )


def test_int8_weights_overflow_on_no_processor(exported):
    """7 bits: without VNNI, two products of 8 bits overflow the 16 that they are added in."""
    tensors = onnx.load(exported[0] / "onnx/model_int8.onnx").graph.initializer
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in tensors]
    weights = [values for values in weights if values.dtype == np.int8 and values.size > 1]
    assert len(weights) > 8 and max(np.abs(values.astype(int)).max() for values in weights) == 64


def test_int8_scales_each_row(tmp_path):
    """One scale for all rows, which ONNX' own dynamic quantization has, rounds the small ones to nothing."""
    rng = np.random.default_rng(0)
    kernels = {name: rng.normal(size=(64, 8)).astype(np.float32) for name in ("query", "key")}
    graph = onnx_graph.GraphWriter()
    x = graph.op("Cast", "x", to=onnx.TensorProto.FLOAT)
    products = [graph.op("MatMul", x, graph.weight(name, kernel)) for name, kernel in kernels.items()]
    graph.op("Concat", *products, name="y", axis=-1)
    proto = graph.model({"x": ["batch", "sequence", 64]}, {"y": ["batch", "sequence", 16]}, {})
    onnx_int8.quantize(proto, tmp_path / "int8.onnx")

    sizes = np.array([1, 0, 10, 100, 100_000])[:, None]
    rows = np.round(rng.normal(size=(2, 5, 64)) * sizes * 10).astype(np.int32)
    wanted = rows @ np.concatenate(list(kernels.values()), -1)
    found = open_file(tmp_path / "int8.onnx")({"x": rows})
    largest = np.abs(wanted).max(-1, keepdims=True)
    assert np.all(np.abs(found - wanted) <= 0.06 * largest)
    assert np.all(found[:, 1] == 0)
    assert [path.name for path in tmp_path.iterdir()] == ["int8.onnx"]


def test_the_card_has_each_precision(exported):
    card = (exported[0] / "README.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in card.splitlines() if "| `" in line]
    files = {row[0].strip("`"): row for row in rows if len(row) > 7}
    assert len(files) == 6 and {row[1] for row in files.values()} == {"float32", "float16", "int8"}
    sizes = {name: float(row[2]) for name, row in files.items()}
    assert sizes["onnx/model_int8.onnx"] < sizes["onnx/model.onnx"]
    for row in files.values():
        assert 0 <= float(row[7]) <= 1  # accuracy
    for signature in ("serving_default", "encode_ids", "classify", "ids"):
        assert f"| `{signature}`" in card
    assert "Labels: `a`, `b`, `c`" in card and "| accuracy |" in card
    request, answer = (json.loads(line) for line in card.split("```json\n")[1].splitlines()[:2])
    assert request["signature_name"] == "serving_default"
    assert exported[1].predict(request["inputs"]["text"])[0]["label"] == answer["outputs"]["label"][0]


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu", "tanh"])
def test_onnx_runtime_fuses_when_it_loads(tiny_config, activation, tmp_path):

    import onnx
    import onnxruntime

    config = dataclasses.replace(tiny_config, hidden_act=activation, num_hidden_layers=2)
    encoder = tfbert.BertEncoder(config)
    encoder.build()
    graph = onnx_graph.GraphWriter()
    encoder.write_onnx(graph)
    ids = {name: ["batch", "sequence"] for name in ("token_ids", "segment_ids", "padding_mask")}
    model = graph.model(ids, {"sequence_output": [*ids["token_ids"], config.hidden_size]}, {})
    onnx.save(model, tmp_path / "model.onnx")
    counts = operations_when_loaded(tmp_path / "model.onnx")
    layers = config.num_hidden_layers
    assert counts["Attention"] == layers
    assert counts["SkipLayerNormalization"] == 2 * layers and counts["LayerNormalization"] == 1
    assert not counts["Softmax"] and not counts["Erf"] and not counts["ReduceMean"]
    if activation == "gelu":
        assert counts["BiasGelu"] == layers
    features = {name: np.array([[2, 5, 9, 3], [2, 7, 3, 0]], np.int32) for name in ids}
    features["segment_ids"] = np.array([[0, 0, 1, 1], [0] * 4], np.int32)
    features["padding_mask"] = np.array([[1] * 4, [1, 1, 1, 0]], np.int32)
    (got,) = onnxruntime.InferenceSession(str(tmp_path / "model.onnx")).run(None, features)
    is_token = features["padding_mask"][..., None]
    np.testing.assert_allclose(got * is_token, encoder(features)["sequence_output"], atol=1e-5)


def test_batching_is_what_servers_accept_and_a_lone_request_waits_for_none(exported):
    """session_bundle_config.proto, which tensorflow-serving-api does not hold."""
    text = (exported[0] / "1/batching_params.pbtxt").read_text()
    values = dict(re.findall(r"^(\w+) \{ value: (\d+) \}$", text, re.M))
    assert values.keys() == {"max_batch_size", "batch_timeout_micros", "max_enqueued_batches"}
    assert values["batch_timeout_micros"] == "0" and len(text.splitlines()) == len(values)


def test_a_wrong_weight_is_refused(tiny_checkpoint, tmp_path, monkeypatch):
    """In the file alone, where the model in Python has the right one."""
    written = onnx_graph.GraphWriter.weight

    def wrong(graph, name, value):
        return written(graph, name, value * 1.01 if name == "classifier.kernel" else value)

    monkeypatch.setattr(onnx_graph.GraphWriter, "weight", wrong)
    message = (
        r"onnx/model.onnx, ids of serving_default: its numbers differ .* float32; nothing was written; `precisions`"
    )
    with pytest.raises(ExportError, match=message):
        export(classifier(tiny_checkpoint), tmp_path / "mine", ["onnx"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "changes",
    [{"model_type": "distilbert"}, *({"hidden_act": name} for name in dict.fromkeys(ACTIVATIONS))],
    ids=lambda changes: next(iter(changes.values())),
)
def test_every_network_in_onnx_and_on_the_list(changes, tiny_config, tmp_path):
    sizes = {**tiny_config.to_dict(), **changes, "num_hidden_layers": 2}
    encoder = families.encoder_of(families.config_from(sizes))
    encoder.build()
    for block in encoder.blocks:  # numbers that are not all near 0, where activations look alike
        block.feed_forward.intermediate.kernel.assign(block.feed_forward.intermediate.kernel * 50)
    ids = {"token_ids": [[2, 7, 9, 3], [2, 5, 3, 0]], "segment_ids": [[0, 0, 1, 1], [0, 0, 0, 0]]}
    ids = {name: np.array(values, np.int32) for name, values in ids.items()}
    ids["padding_mask"] = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], np.int32)
    ids = {name: ids[name] for name in encoder.input_names}
    graph = onnx_graph.GraphWriter()
    pooled = encoder.write_onnx_text_vector(graph, encoder.write_onnx(graph))
    shape = ["batch", tiny_config.hidden_size]
    proto = graph.model({name: ["batch", "sequence"] for name in ids}, {pooled: shape}, {})
    onnx.save(proto, tmp_path / "model.onnx")
    wanted = encoder(ids)["pooled_output"].numpy()
    np.testing.assert_allclose(open_file(tmp_path / "model.onnx")(ids), wanted, atol=1e-5)

    traced = tf.function(lambda ids: encoder(ids, training=False), autograph=False).get_concrete_function(ids)
    allowed_ops.check({operation.type for operation in traced.graph.get_operations()}, "the encoder")


def test_an_embedding_with_a_dense_layer(tiny_checkpoint, tmp_path):
    settings = {"dense_units": 8, "dense_bias": False, "dimensions": 6}
    export(tfbert.SentenceEncoder.from_checkpoint(tiny_checkpoint, **settings), tmp_path / "mine", ["onnx"])


@pytest.mark.slow
def test_a_wrong_tokenizer_is_refused(tiny_checkpoint, tmp_path, monkeypatch):
    from tfbert.export.saved_model import write as saved_model

    def without_the_end(self, example):
        cut = {name: tf.strings.substr(text, 0, 9) for name, text in example.items()}
        features = self._model.task.features(cut)
        return self._model.task.answer(cut, features, self._call(features))

    monkeypatch.setattr(saved_model._Signatures, "_answer", without_the_end)
    with pytest.raises(ExportError, match="1, serving_default: .* nothing was written$"):
        export(classifier(tiny_checkpoint), tmp_path / "mine", ["saved_model"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("task", ["classification", pytest.param("question_answering", marks=pytest.mark.slow)])
def test_xla_buckets_and_bfloat16(tiny_checkpoint, tmp_path, task):
    model = model_of(task, tiny_checkpoint)
    model.save(tmp_path / "model")
    export(
        *(model, tmp_path / "mine", ["saved_model"]),
        **{
            "xla_buckets": True,
            "dtype": "bfloat16",
            "reload": lambda dtype: tfbert.load(tmp_path / "model", dtype=dtype),
        },
    )
    graph = (tmp_path / "mine/1/saved_model.pb").read_bytes()
    assert b"_XlaMustCompile" in graph
    size = (tmp_path / "mine/1/variables/variables.data-00000-of-00001").stat().st_size
    assert size < 0.97 * (tmp_path / "model/model.safetensors").stat().st_size
    checked = json.loads((tmp_path / "mine/golden.json").read_text())["checked"]
    assert [row["precision"] for row in checked] == ["bfloat16"]
    loaded = tf.saved_model.load(str(tmp_path / "mine/1"))
    name = next(iter(model.task.signatures["serving_default"]))
    texts = {column: tf.constant(["my parcel " * n for n in (1, 40, 3)]) for column in model.task.text_inputs}
    answers = loaded.signatures["serving_default"](**texts)
    assert all(len(value) == 3 for value in answers.values()), name


def test_inputs_as_hugging_face_names_them(tiny_checkpoint, exported, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = classifier(tiny_checkpoint)
    export(model, tmp_path / "mine", ["onnx"], onnx_inputs="hugging_face")  # which compares both files with the model
    case = json.loads((tmp_path / "mine/golden.json").read_text())["cases"]["serving_default"]
    for name in ("model.onnx", "model_int8.onnx"):
        path = tmp_path / "mine/onnx" / name
        session = onnxruntime.InferenceSession(str(path))
        inputs = {value.name: value.type for value in session.get_inputs()}
        assert inputs == dict.fromkeys(["input_ids", "token_type_ids", "attention_mask"], "tensor(int64)")
        given = dict(
            zip(inputs, (case["features"][n] for n in ("token_ids", "segment_ids", "padding_mask")), strict=True)
        )
        (logits,) = session.run(["logits"], {key: np.array(values, np.int64) for key, values in given.items()})
        features = {key: np.array(values, np.int32) for key, values in case["features"].items()}
        np.testing.assert_array_equal(open_networks("onnx", path, 1)[0](features)["logits"], logits)
        ours = operations_when_loaded(exported[0] / "onnx" / name)
        assert operations_when_loaded(path) - ours == {"Cast": operations_when_loaded(path)["Cast"] - ours["Cast"]}
    with pytest.raises(ConfigError, match="onnx_inputs 'keras' is not one of tfbert, hugging_face"):
        export(model, tmp_path / "other", ["onnx"], onnx_inputs="keras")


def test_what_stands_there_is_kept(tiny_checkpoint, tmp_path, exported):
    model = exported[1]
    (tmp_path / "versions/1").mkdir(parents=True)
    (tmp_path / "versions/7").mkdir()
    with pytest.raises(DiskError, match=r"holds the versions 7 .* --out=.*versions/8"):
        export(model, tmp_path / "versions", ["onnx"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("x")
    with pytest.raises(DiskError, match="is not replaced"):
        export(model, tmp_path / "mine", ["onnx"])
    with pytest.raises(ConfigError, match="no format 'tflite'"):
        export(model, tmp_path / "other", ["tflite"])
    for wrong, message in (
        (["int4"], "no precision 'int4' of files; float16, float32, int8 are"),
        (["float16"], "onnx has float32, int8, not float16"),
    ):
        with pytest.raises(ConfigError, match=message):
            export(model, tmp_path / "other", ["onnx"], precisions=wrong)
    with pytest.raises(ConfigError, match="precisions are those of lite and onnx, and saved_model has one dtype"):
        export(model, tmp_path / "other", ["saved_model"], precisions=["float32"])
    shutil.copytree(exported[2], tmp_path / "number")
    with pytest.raises(ConfigError, match="name at least one format: saved_model, lite, onnx"):
        export(model, tmp_path / "number", [])
    assert (tmp_path / "number/1/saved_model.pb").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "number", "versions"]


def test_operations_that_servers_lack():
    allowed_ops.check({"MatMul", "FastBertNormalize"}, "served/mine/1")
    with pytest.raises(ExportError, match="served/mine/1: the graph uses EagerPyFunc"):
        allowed_ops.check({"MatMul", "EagerPyFunc"}, "served/mine/1")


def test_a_pretrained_network_has_no_metrics_to_measure(tiny_checkpoint, tmp_path):
    model = tfbert.Pretrainer.from_checkpoint(tiny_checkpoint)
    table = tfbert.data.Table.from_columns({"text": ["a [MASK]"]})
    with pytest.raises(ConfigError, match="measuring each file .* fill_mask has none; it can predict"):
        export(model, tmp_path / "mine", ["onnx"], table=table)


def test_near_ties_are_not_compared(tiny_checkpoint):
    """A label is decided where no change within the tolerance turns it, and only there."""
    model = classifier(tiny_checkpoint)
    cases = golden.record(model, precisions=("float32", "int8"))
    case = cases["serving_default"]
    top, scale = np.sort(case.outputs["logits"], axis=1), case.scale("logits")
    margin = (top[:, -1] - top[:, -2]) / scale
    decided = case.decided["int8"]["label"]
    assert decided[margin > 2.001 * golden.TOLERANCES["int8"]].all()
    assert not decided[margin < 0.5 * golden.TOLERANCES["int8"]].any()
    assert case.decided["float32"]["label"].all()
    answers = dict(case.answers)
    golden.check_answers("file", case, "int8", answers)
    answers["label"] = np.roll(answers["label"], 1)
    with pytest.raises(ExportError, match="file: label of .*'text'"):
        golden.check_answers("file", case, "float32", answers)
    for wrong in (np.nan, 1.0):
        answers = {**case.answers, "logits": case.answers["logits"] + np.float32(wrong * scale)}
        with pytest.raises(ExportError, match="logits differs"):
            golden.check_answers("file", case, "int8", answers)
        with pytest.raises(ExportError, match="numbers differ"):
            golden.check_outputs("file", case, "int8", {"logits": case.outputs["logits"] + np.float32(wrong * scale)})
