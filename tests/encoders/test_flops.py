"""The arithmetic of a training step, against the products of BERT-Base's matrices counted one by one."""

import pytest

from tfbert import BertConfig, BertEncoder


def test_base():
    length, predictions, hidden, vocabulary = 128, 20, 768, 30_522
    of_token = 12 * (
        4 * 2 * hidden * hidden  # query, key, value and output
        + 2 * 2 * hidden * 3072  # both halves of the feed-forward
        + 2 * 2 * hidden * length  # scores of all keys, and their values
    )
    of_prediction = 2 * hidden * hidden + 2 * hidden * vocabulary
    wanted = 3 * (of_token + of_prediction * predictions / length)
    encoder = BertEncoder(BertConfig.of_size("base"))
    assert encoder.flops_per_token(length, predictions) == pytest.approx(wanted)
