"""The arithmetic of a step, against the products of BERT-Base's matrices counted one by one."""

from types import SimpleNamespace

import pytest

from tfbert.encoders.bert.config import BertConfig
from tfbert.training.flops import flops_of_rows, flops_per_token


def test_base():
    length, predictions, hidden, vocabulary = 128, 20, 768, 30_522
    of_token = 12 * (
        4 * 2 * hidden * hidden  # query, key, value and output
        + 2 * 2 * hidden * 3072  # both halves of the feed-forward
        + 2 * 2 * hidden * length  # scores of all keys, and their values
    )
    of_prediction = 2 * hidden * hidden + 2 * hidden * vocabulary
    wanted = 3 * (of_token + of_prediction * predictions / length)
    assert flops_of_rows(BertConfig.of_size("base"), length, predictions) == pytest.approx(wanted)


def test_batches_give_their_mean_length_and_predictions():
    batches = SimpleNamespace(
        tokens_per_step=32 * 100, batch_size=32, max_predictions=20, masking=SimpleNamespace(rate=0.15)
    )
    config = BertConfig.of_size("tiny")
    assert flops_per_token(config, batches) == flops_of_rows(config, 100, 15)
