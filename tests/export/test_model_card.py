"""The model card's example: what a server really answers, and no server where there is none to ask."""

import json
import urllib.request

import huggingface_hub
import pytest
from models import model_of

from tfbert import cpu
from tfbert.export import latency
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


def test_it_says_where_and_how_latencies_were_measured(tiny_checkpoint, tmp_path, monkeypatch):
    """Each file by itself; one whose process failed has none."""
    asked = []

    def milliseconds(format, path, signature, inputs):
        asked.append((path.name, signature, {name: values.shape[0] for name, values in inputs.items()}))
        return None if path.name == "model_int8.onnx" else 12.345

    monkeypatch.setattr(latency, "milliseconds", milliseconds)
    monkeypatch.setattr(cpu, "processors", lambda: 3)
    monkeypatch.setattr(cpu, "description", lambda: "Some CPU (avx2, avx512_vnni)")
    export(model_of("regression", tiny_checkpoint), tmp_path / "mine", ["saved_model", "onnx"])
    ids = {"token_ids": 1, "segment_ids": 1, "padding_mask": 1}
    assert asked == [
        ("1", "serving_default", {"text": 1}),
        ("model.onnx", "ids", ids),
        ("model_int8.onnx", "ids", ids),
    ]
    card = (tmp_path / "mine/README.md").read_text()
    assert "each file in a process of its own with 3 threads on Some CPU (avx2, avx512_vnni);" in card
    rows = [[cell.strip() for cell in line.split("|")] for line in card.splitlines() if line.startswith("| `")]
    assert [row[5] for row in rows[:3]] == ["12.35", "12.35", ""]
