"""Markers that a vocabulary gets: `transformers` opens the saved folder with the same ids and vectors."""

import byte_bpe_kinds
import models
import numpy as np
import pytest
import tiny

from tfbert import RelationExtractor, Tokenizer
from tfbert.text import Vocabulary

pytestmark = pytest.mark.reference

TEXTS = [
    "my [E1] parcel [/E1] is [E2] late [/E2] today",
    "a [E1]refund[/E1] of an[E2]order[/E2]",
    "nothing",
    "[e1] [E1",
]


def without_unused(folder):
    return Tokenizer(Vocabulary([token.replace("[unused", "[used") for token in tiny.tokens()]))


def of_bytes(folder):
    byte_bpe_kinds.made("two_separators").save(str(folder / "tokenizer.json"))
    return Tokenizer.from_folder(folder)


@pytest.mark.parametrize(
    ("model_type", "tokenizer_of"),
    [("bert", without_unused), ("roberta", of_bytes), ("electra", without_unused)],
)
def test_the_same_ids_and_vectors(model_type, tokenizer_of, torch_reference, tmp_path):
    tokenizer = tokenizer_of(tmp_path)
    base = models.write_checkpoint(tmp_path / "base", models.network_for(model_type, tokenizer), tokenizer)
    model = RelationExtractor.from_checkpoint(base, labels=["Other", "Cause-Effect(e1,e2)"])
    model.save(tmp_path / "saved")
    arrays = {"texts": TEXTS, "names": model.task.markers}
    arrays = {name: np.array([text.encode() for text in values], object) for name, values in arrays.items()}
    theirs = torch_reference("added", tmp_path / "saved", **arrays, base=str(base))
    ours = model.task.tokenizer(TEXTS)
    np.testing.assert_array_equal(ours["token_ids"], theirs["token_ids"])
    np.testing.assert_array_equal(ours["token_ids"], theirs["added_here"])
    assert (ours["token_ids"].numpy() >= len(tokenizer.vocabulary)).sum() == 8
    vectors = model.encoder({name: ours[name] for name in model.encoder.input_names})["sequence_output"]
    is_token = theirs["padding_mask"].astype(bool)
    np.testing.assert_allclose(np.asarray(vectors)[is_token], theirs["sequence_output"][is_token], atol=1e-5)
