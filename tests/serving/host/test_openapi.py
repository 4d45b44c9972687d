"""`/openapi.json` describes what the server answers: requests made from the document get what it says."""

import json
import subprocess
import sys
import urllib.request

import pytest
import schemathesis
import tensorflow as tf
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from tensorflow.core.protobuf import meta_graph_pb2

from tfbert import TextClassifier
from tfbert.serving.host.openapi import Described, document
from tfbert.serving.host.server import Server
from tfbert.serving.protocol.signatures import Signatures

KEY = "a-key-0123456789abcdef"


def fetch(server):
    with urllib.request.urlopen(server.rest_url.removesuffix("/v1/models") + "/openapi.json", timeout=20) as answer:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.load(answer)


@pytest.fixture(scope="module")
def labelled(model_dir):
    with Server(model_dir, port=0, rest_port=0, labels=[("stable", 3)], max_rows=50) as server:
        yield server


def test_the_document_is_valid_and_names_all_paths(labelled):
    found = fetch(labelled)
    schemathesis.openapi.from_dict(found).validate()
    bases = ["/v1/models/mine", "/v1/models/mine/versions/{version}", "/v1/models/mine/labels/{label}"]
    endings = ["", "/metadata", ":predict", ":classify", ":regress"]
    paths = {base + ending for base in bases for ending in endings}
    assert set(found["paths"]) == {"/openapi.json", "/monitoring/prometheus/metrics", *paths}
    posts = {path for path, methods in found["paths"].items() if "post" in methods}
    assert posts == {path for path in paths if path.endswith(("predict", "classify", "regress"))}
    assert "security" not in found and "401" not in found["paths"]["/v1/models/mine:predict"]["post"]["responses"]


@pytest.fixture(scope="module")
def api(labelled):
    return schemathesis.openapi.from_dict(
        fetch(labelled),
        config=schemathesis.Config.from_dict({"base-url": labelled.rest_url.removesuffix("/v1/models")}),
    )


CHECKED = settings(
    max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("place", ["", "/labels/{label}"])
def test_texts_that_fit_the_document_are_answered(api, place):
    operation = api[f"/v1/models/mine{place}:predict"]["POST"]

    @CHECKED
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def ask(case):
        signature = case.body.get("signature_name")
        assume(signature in (None, "", "serving_default") or (signature == "pair" and "instances" in case.body))
        response = case.call()
        assert response.status_code == 200, response.content
        case.validate_response(response)

    ask()


@pytest.mark.parametrize("method", ["predict", "classify", "regress"])
def test_what_does_not_fit_is_refused_with_the_document_s_errors(api, method):
    operation = api[f"/v1/models/mine:{method}"]["POST"]

    @CHECKED
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case):
        response = case.call()
        assert response.status_code == 400, (case.body, response.content)
        case.validate_response(response)

    ask()


def definition(inputs, outputs):
    def infos(given):
        return {
            name: meta_graph_pb2.TensorInfo(
                dtype=tf.as_dtype(dtype).as_datatype_enum, tensor_shape=tf.TensorShape(shape).as_proto()
            )
            for name, (dtype, shape) in given.items()
        }

    return meta_graph_pb2.SignatureDef(inputs=infos(inputs), outputs=infos(outputs))


ROW = {"label": ("string", [None])}
IDS = {name: ("int32", [None, None]) for name in ("token_ids", "segment_ids")}


def described(*versions, **more):
    models = {"shop 1": Described({number: Signatures(each) for number, each in enumerate(versions, 1)}, **more)}
    found = document(models, metrics_path="/metrics", most_rows=8, keys=False)
    schemathesis.openapi.from_dict(found).validate()
    return found


def forms(found, component):
    schema = found["components"]["schemas"][component]
    return [form for each in schema.get("anyOf", [schema]) for form in each.get("anyOf", [each])]


def test_dtypes_and_ranks_are_those_of_the_signatures():
    found = described({"serving_default": definition({"text": ("string", [None])}, ROW), "ids": definition(IDS, ROW)})
    assert "/v1/models/shop%201:predict" in found["paths"]
    assert not any("labels" in path or "classify" in path for path in found["paths"])
    by_rows, by_columns, ids_by_rows, ids_by_columns = sorted(
        forms(found, "Model1PredictRequest"), key=lambda form: (form["title"] == "ids", "inputs" in form["required"])
    )
    assert by_rows["required"] == ["instances"] and by_columns["required"] == ["inputs"]
    assert ids_by_rows["required"] == ["instances", "signature_name"]
    plain, named = by_rows["properties"]["instances"]["anyOf"]
    assert plain["maxItems"] == 8 and plain["items"]["anyOf"][0] == {"type": "string"}
    assert named["items"]["required"] == ["text"] and named["items"]["additionalProperties"] is False
    row = ids_by_rows["properties"]["instances"]["items"]
    number = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
    assert row["properties"] == {name: {"type": "array", "items": number} for name in IDS}
    column = ids_by_columns["properties"]["inputs"]["properties"]["token_ids"]
    assert column == {"type": "array", "minItems": 1, "maxItems": 8, "items": {"type": "array", "items": number}}
    assert forms(found, "Model1PredictResponse") == [
        {"type": "object", "required": ["outputs"], "properties": {"outputs": {"type": "array", "items": {"type": "string"}}}},
        {"type": "object", "required": ["predictions"], "properties": {"predictions": {"type": "array", "items": {"type": "string"}}}},
    ]  # fmt: skip


def test_the_versions_of_a_model_may_differ():
    first = {"serving_default": definition({"text": ("string", [None])}, ROW)}
    second = {"serving_default": definition({"x": ("float32", [None, 3])}, {"y": ("half", [None]), "z_bytes": ("string", [None])})}  # fmt: skip
    found = described(first, second, labels=["stable", "canary"])
    newest = forms(found, "Model1PredictRequest")
    assert newest == forms(described(second), "Model1PredictRequest")
    assert all(form in forms(found, "Model1VersionPredictRequest") for form in newest)
    assert len(forms(found, "Model1VersionPredictRequest")) == 2 * len(newest)
    (row, _) = [form["items"] for form in newest[0]["properties"]["instances"]["anyOf"]]
    assert row["minItems"] == row["maxItems"] == 3 and row["items"]["type"] == "number"
    (answer,) = [form for form in forms(found, "Model1PredictResponse") if "predictions" in form["properties"]]
    values = answer["properties"]["predictions"]["items"]["properties"]
    assert values["y"] == {"type": "number"} and list(values["z_bytes"]["properties"]) == ["b64"]
    (label,) = found["paths"]["/v1/models/shop%201/labels/{label}:predict"]["post"]["parameters"]
    assert label["schema"] == {"enum": ["canary", "stable"]}


def test_tensors_without_rows_take_no_instances():
    total = definition({"text": ("string", [None])}, {"total": ("int64", [])})
    scalar = definition({"x": ("bool", [])}, {"y": ("float32", None)})
    found = described({"serving_default": total, "scalar": scalar})
    assert all("instances" not in form["required"] for form in forms(found, "Model1PredictRequest"))
    (answer, anything) = forms(found, "Model1PredictResponse")
    assert anything["properties"]["outputs"]["type"] == "integer" and "type" not in answer["properties"]["outputs"]


def attack(server, folder, *flags):
    """Runs schemathesis against a server with all checks that can hold, and returns how many requests it sent.

    `unsupported_method` asks for 405, and TF Serving answers 400. `positive_data_acceptance` asks that all that fits
    the document is taken, and a document cannot say which features or ids a model needs.
    """
    program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "--no-color", "run"]
    url = server.rest_url.removesuffix("/v1/models") + "/openapi.json"
    flags = ["--exclude-checks=unsupported_method,positive_data_acceptance", "--continue-on-failure", *flags]
    report = folder / "report.json"
    command = [*program, url, *flags, "--report-json-path", str(report), "--request-timeout=60"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1800)
    assert run.returncode == 0, run.stdout[-10_000:]
    (counted,) = [line for line in run.stdout.splitlines() if " generated, " in line]
    generated, passed = (int("".join(filter(str.isdigit, part))) for part in counted.split(",")[:2])
    assert generated == passed
    return generated


@pytest.mark.slow
def test_schemathesis_finds_nothing(labelled, tmp_path):
    assert attack(labelled, tmp_path, "--max-examples=100", "--seed=1") > 3000
    assert b'code="INTERNAL"' not in labelled.metrics.render()


@pytest.mark.slow
def test_schemathesis_finds_nothing_in_an_exported_model_with_api_keys(tiny_checkpoint, tmp_path):
    TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b", "c"]).export(tmp_path / "tiny/1")
    (tmp_path / "keys").write_text(KEY)
    with Server(tmp_path / "tiny", port=0, rest_port=0, api_key_file=tmp_path / "keys") as server:
        sent = attack(server, tmp_path, "--max-examples=50", "--seed=1", "-H", f"Authorization: Bearer {KEY}")
        assert b'code="INTERNAL"' not in server.metrics.render()
    assert sent > 1000
