"""A task and a family of a user's own, exported in a folder, behind the server that the package has."""

import models
import numpy as np
import pytest
import table

import tfbert
from tfbert.export.folder import export


@pytest.fixture
def ask():
    """ask(folder, inputs): what a client is answered by a server of the folder."""
    serving = pytest.importorskip("tfbert.serving")
    pytest.importorskip("grpc")

    def answered(folder, inputs):
        with serving.Server(folder, port=0) as server:
            with serving.Client(server.address, model=folder.name) as client:
                return client.predict_arrays(inputs)

    return answered


def test_a_task_of_ones_own(ask, tiny_checkpoint, tmp_path):
    model, questions = models.model_of("toy", tiny_checkpoint), table.TASKS["toy"].questions
    export(model, tmp_path / "toy", ["saved_model"])
    answer = ask(tmp_path / "toy", models.arrays(questions, model.task.signatures["serving_default"]))
    found, wanted = model.task.readable(answer), model.predict(questions)
    assert [(row["best"], row["kinds"]) for row in found] == [(row["best"], row["kinds"]) for row in wanted]
    for row, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(row["relevance"], other["relevance"], atol=1e-5)


def test_a_family_of_ones_own(ask, tmp_path):
    checkpoint = models.write_checkpoint(tmp_path / "checkpoint", models.network_of("toy"))
    model = tfbert.SentenceEncoder.from_checkpoint(checkpoint)
    export(model, tmp_path / "toy", ["saved_model"])
    answer = ask(tmp_path / "toy", {"text": table.TEXTS})
    np.testing.assert_allclose(answer["embedding"], model.encode(table.TEXTS), atol=1e-5)
