"""Markers that a vocabulary gets: `transformers` opens the saved folder with the same ids and vectors."""

import models
import numpy as np
import pytest

from tfbert import RelationExtractor

pytestmark = pytest.mark.reference

TEXTS = [
    "my [E1] parcel [/E1] is [E2] late [/E2] today",
    "a [E1]refund[/E1] of an[E2]order[/E2]",
    "nothing",
    "[e1] [E1",
]


@pytest.mark.parametrize("model_type", ["bert", "roberta", "electra"])
def test_the_same_ids_and_vectors(model_type, torch_reference, tmp_path):
    base = models.write_checkpoint(tmp_path / "base", models.network_of(model_type, layers=2))
    words = (base / "vocab.txt").read_text(encoding="utf-8").replace("[unused", "[used")
    (base / "vocab.txt").write_text(words, encoding="utf-8")
    model = RelationExtractor.from_checkpoint(base, labels=["Other", "Cause-Effect(e1,e2)"])
    model.save(tmp_path / "saved")
    arrays = {"texts": TEXTS, "names": model.task.markers}
    arrays = {name: np.array([text.encode() for text in values], object) for name, values in arrays.items()}
    theirs = torch_reference("added", tmp_path / "saved", **arrays, base=str(base))
    ours = model.task.tokenizer(TEXTS)
    np.testing.assert_array_equal(ours["token_ids"], theirs["token_ids"])
    np.testing.assert_array_equal(ours["token_ids"], theirs["added_here"])
    assert (ours["token_ids"].numpy() >= len(words.splitlines())).sum() == 8
    vectors = model.encoder({name: ours[name] for name in model.encoder.input_names})["sequence_output"]
    is_token = theirs["padding_mask"].astype(bool)
    np.testing.assert_allclose(np.asarray(vectors)[is_token], theirs["sequence_output"][is_token], atol=1e-5)
