"""The same embeddings as sentence-transformers': PyTorch `transformers`, its mean pooling and normalization."""

import numpy as np
import pytest
import scipy.stats

import tfbert
from tfbert import SentenceEncoder

pytestmark = pytest.mark.reference


def encoded(texts):
    return np.array([text.encode() for text in texts], object)


def test_embeddings(minilm, sentences, torch_reference, tmp_path):
    """Of the published folder, and of the one that tfbert saves."""
    model = SentenceEncoder.from_checkpoint(minilm)
    model.save(tmp_path / "saved")
    ours = model.encode(sentences)
    for folder in (minilm, tmp_path / "saved"):
        theirs = torch_reference("embed", folder, texts=encoded(sentences))["embedding"]
        difference = np.abs(ours - theirs).max()
        print(f"largest difference of an embedding: {difference:.2g}")
        assert difference <= 1e-5


def test_spearman_on_stsb(minilm, data_dir, torch_reference):
    """Dev of STS-B, 1,500 pairs, without training."""
    names = ("sentence1", "sentence2", "score")
    table = tfbert.data.read(data_dir("similarity/stsb_multi_mt/stsb-en-dev.csv"), column_names=names)
    model = SentenceEncoder.from_checkpoint(minilm, score_range=(0, 5))
    model.compile()
    ours = model.evaluate(table, return_dict=True)["spearman"]
    texts = [text for name in names[:2] for text in table.column(name)]
    theirs = torch_reference("embed", minilm, texts=encoded(texts))["embedding"]
    cosines = (theirs[: len(table)] * theirs[len(table) :]).sum(1)
    wanted = scipy.stats.spearmanr(np.array(table.column("score"), float), cosines).statistic
    print(f"Spearman {ours:.6f}, by PyTorch {wanted:.6f}")
    assert ours == pytest.approx(wanted, abs=1e-4)
