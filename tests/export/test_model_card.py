"""The model card's example: what a server really answers, and no server where there is none to ask."""

import json
import urllib.request

import huggingface_hub
import pytest
from models import model_of

from tfbert.export.folder import export
from tfbert.serving.host.server import Server


def example(folder):
    """The card's heading of the example, the request and the answer."""
    heading, rest = (folder / "README.md").read_text().split("\n\n```json\n")
    return heading.splitlines()[-1], *(json.loads(line) for line in rest.splitlines()[:2])


@pytest.mark.parametrize("task", ["regression", "sentence_embedding", "classification"])
def test_the_answer_is_a_servers(task, tiny_checkpoint, tmp_path):
    export(model_of(task, tiny_checkpoint), tmp_path / "mine", ["saved_model"])
    heading, request, shown = example(tmp_path / "mine")
    assert "REST" in heading
    with Server(tmp_path / "mine", port=0, rest_port=0) as server:
        body = json.dumps(request).encode()
        with urllib.request.urlopen(f"{server.rest_url}/mine:predict", body, timeout=30) as answer:
            answered = json.load(answer)
    if isinstance(shown["outputs"], dict):
        assert shown["outputs"].keys() == answered["outputs"].keys()
        assert shown["outputs"]["label"] == answered["outputs"]["label"]
    else:
        assert pytest.approx(shown["outputs"][0], abs=1e-4) == answered["outputs"][0]


def test_the_hub_reads_its_metadata(tiny_checkpoint, tmp_path):
    model = model_of("token_classification", tiny_checkpoint)
    export(model, tmp_path / "mine", ["onnx"])
    card = huggingface_hub.ModelCard.load(tmp_path / "mine/README.md")
    assert card.data.to_dict() == {"library_name": "tfbert", "pipeline_tag": "token-classification"}
    assert card.text.lstrip().startswith("# mine\n\n`token_classification`, by tfbert: BERT with ")
    labels = ", ".join(f"`{label}`" for label in model.task.labels)
    assert f"\n\nLabels: {labels}.\n\n## Files\n\n| file |" in card.text


def test_without_a_saved_model_no_server_is_asked(tiny_checkpoint, tmp_path):
    export(model_of("regression", tiny_checkpoint), tmp_path / "mine", ["onnx"])
    heading, request, answer = example(tmp_path / "mine")
    assert "REST" not in heading
    assert request.keys() == {"text"} and len(answer) == 1
