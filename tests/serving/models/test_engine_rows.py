"""Rows of several lengths through a network without padding, and tf.Examples as columns."""

import numpy as np
import pytest
from tensorflow.core.example import example_pb2

from tfbert.export.engines.rows import groups, run_unpadded
from tfbert.serving.models.engines.examples import columns_of_examples
from tfbert.serving.protocol.status_codes import StatusError

AXES = {"logits": "W C", "tokens": "W S C", "transitions": "C C"}


class Network:
    """Sums of ids, ids of each token, and what no row decides; keeps the shapes that it was asked for."""

    reads = ("token_ids", "place")

    def __init__(self):
        self.shapes = []

    def __call__(self, features):
        ids, place = features["token_ids"], features["place"]
        self.shapes.append(ids.shape)
        assert ids.flags.c_contiguous and place.shape == ids.shape[:1]
        return {
            "logits": np.stack([ids.sum(1), place], 1).astype("f4"),
            "tokens": ids[..., None].astype("f4"),
            "transitions": np.ones((2, 2), "f4"),
        }


def batch(lengths, width):
    mask = np.arange(width) < np.array(lengths)[:, None]
    ids = np.random.default_rng(0).integers(1, 9, mask.shape) * mask
    return {"token_ids": ids.astype("i4"), "padding_mask": mask.astype("i4"), "place": np.arange(len(mask))}


@pytest.mark.parametrize("lengths", [[5], [3, 30, 4, 29, 30], [1] * 7, list(range(1, 60)), [0, 2]])
def test_outputs_are_in_the_rows_places(lengths):
    features, network = batch(lengths, 60), Network()
    outputs = run_unpadded(network, features, AXES)
    np.testing.assert_array_equal(outputs["logits"][:, 0], features["token_ids"].sum(1))
    np.testing.assert_array_equal(outputs["logits"][:, 1], features["place"])
    np.testing.assert_array_equal(outputs["tokens"][..., 0], features["token_ids"])
    assert outputs["transitions"].shape == (2, 2)
    assert max(width for _, width in network.shapes) == max(*lengths, 1)
    padding = sum(rows * width for rows, width in network.shapes) - sum(max(length, 1) for length in lengths)
    assert padding <= 16 * len(network.shapes)


def test_rows_of_one_length_are_one_call_and_a_hole_in_a_mask_stays():
    assert [rows.tolist() for rows in groups(np.array([4, 4, 4]))] == [[0, 1, 2]]
    features = batch([5], 8)
    features["padding_mask"][0, 1] = 0
    assert run_unpadded(Network(), features, AXES)["logits"][0, 0] == features["token_ids"].sum()


def test_a_call_has_1024_tokens_at_most_or_one_row():
    assert [len(rows) for rows in groups(np.full(9, 300))] == [3, 3, 3]
    assert [len(rows) for rows in groups(np.full(2, 2000))] == [1, 1]
    assert [len(rows) for rows in groups(np.full(300, 8))] == [128, 128, 44]


def example(**features):
    return example_pb2.Example(features={"feature": features}).SerializeToString()


def test_examples_with_other_columns_are_refused():
    text = {"bytes_list": {"value": [b"a"]}}
    found = columns_of_examples(np.array([example(text=text, other=text)] * 2, object), ["text"])
    assert found["text"].tolist() == [b"a", b"a"]
    for wrong, message in (
        ({}, "Feature: text .* required"),
        ({"text": {"int64_list": {"value": [1]}}}, "Expected type: string but got: int64_list"),
        ({"text": {}}, "got: None"),
        ({"text": {"bytes_list": {"value": [b"a", b"b"]}}}, "values is 2; one is expected"),
    ):
        with pytest.raises(StatusError, match=message):
            columns_of_examples(np.array([example(**wrong)], object), ["text"])
