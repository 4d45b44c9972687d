"""Tensors that hold several variables, and tensors that are one variable's or another's by the head of the file."""

import numpy as np

from tfbert.encoders.weight_table import (
    TRANSPOSED,
    Row,
    WeightTable,
    expand,
    from_layout,
    stored_shape,
    variable_shape,
)

KERNEL = Row("key/kernel", "qkv.weight", TRANSPOSED, "H H", part=(1, 3))


def test_a_part_of_a_tensor():
    stored = np.arange(24.0).reshape(6, 4)  # [3 x out, in]
    assert variable_shape(stored.shape, KERNEL) == (4, 2)
    assert stored_shape((4, 2), KERNEL, heads=1) == (6, 4)
    np.testing.assert_array_equal(from_layout(stored, KERNEL), stored[2:4].T)
    np.testing.assert_array_equal(from_layout(stored[:, 0], Row("key/bias", "qkv.bias", part=(1, 3))), stored[2:4, 0])
    assert variable_shape((5, 4), KERNEL) is None


def test_a_row_of_later_blocks():
    row = Row("block_{i}/norm/gamma", "layers.{i}.norm", first_block=1)
    assert [each.tensor for each in expand([row], 3)] == ["layers.1.norm", "layers.2.norm"]


def test_the_head_of_a_file_says_whose_a_tensor_is():
    table = WeightTable(
        (Row("words/embeddings", "words"),),
        pooler=(Row("pooler/kernel", "head"), Row("pooler/kernel", "head", of="MaskedLM", is_written=False)),
        heads={
            "predictions": (Row("predictions/kernel", "head", of="MaskedLM"), Row("predictions/kernel", "own")),
            "classifier": (Row("classifier/kernel", "out"),),
            "qa": (Row("qa/kernel", "out", of="QuestionAnswering"), Row("qa/kernel", "qa")),
        },
    )

    def names(rows):
        return {row.variable.split("/")[0]: row.tensor for row in rows}

    usual = {"words": "words", "pooler": "head", "predictions": "own", "classifier": "out", "qa": "qa"}
    for head in ("", "SequenceClassification"):
        assert names(table.read_with(head)) == names(table.with_head(head)) == usual
    written = names(table.with_head("MaskedLM"))
    assert written == {"words": "words", "predictions": "head", "classifier": "out", "qa": "qa"}
    read = [(row.variable, row.tensor) for row in table.read_with("MaskedLM")]
    assert ("pooler/kernel", "head") in read and ("predictions/kernel", "head") in read
    answers = [(row.variable, row.tensor) for row in table.read_with("QuestionAnswering")]
    assert ("qa/kernel", "out") in answers and ("classifier/kernel", "out") not in answers
