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


PADDED = ("fill_mask",)  # its outputs, to the batch's row with the most; the other tasks are slow tests


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (row.is_variant or name not in PADDED))
        for name, row in table.TASKS.items()
    ],
    indirect=True,
)
def test_a_large_request_is_cut_and_answered_as_a_whole(case):
    batching = pytest.importorskip("tfbert.serving.models.batching")
    servable = pytest.importorskip("tfbert.serving.models.servable").Servable(case.exported / "1")
    batches = []
    batcher = batching.Batcher(
        servable, batching.BatchingParameters(max_batch_size=2), observe=lambda *facts: batches.append(facts[1])
    )
    for name, signature in case.model.task.signatures.items():
        inputs = {key: np.concatenate([array, array[::-1]]) for key, array in rows_of(case, name, signature).items()}
        rows = len(next(iter(inputs.values())))
        batches.clear()
        found, wanted = batcher.submit(name, inputs).result(60), servable.run(name, inputs)
        assert len(batches) >= -(-rows // 2) and max(batches) < rows, name
        assert found.keys() == wanted.keys()
        for key, array in wanted.items():
            assert (found[key].shape, found[key].dtype) == (array.shape, array.dtype), key
            if array.dtype.kind == "f":
                np.testing.assert_allclose(found[key], array, atol=1e-5, err_msg=key)
            else:
                np.testing.assert_array_equal(found[key], array, err_msg=key)
    batcher.close()


def rows_of(case, name, signature):
    """Rows of different lengths."""
    if set(case.row.questions) == set(signature):
        return models.arrays(case.row.questions, signature)
    return case.model.task.golden_inputs(name)
